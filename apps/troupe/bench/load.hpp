#pragma once

#include "apps/troupe/bench/latency_histogram.hpp"
#include "apps/troupe/client/address.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// The load generator: what is sent is decided by a schedule, not by the answers (open loop),
/// and every latency counts from when the message should have been sent, so that a server that
/// stalls is charged for all that it delayed.
namespace troupe::apps {

enum class load_mode : unsigned char {
  live, ///< events over WebSockets, pushed slates back
  rest, ///< events by POST, recommendations by GET
  echo  ///< the same messages to a server that sends them back
};

/// What the load looks like.
struct load_plan {
  load_mode mode = load_mode::live;
  address server;
  std::size_t connections = 1000; ///< one user each
  std::size_t k = 20;             ///< of the slates
  bool full = false;              ///< slates with reasons and items' fields, else ids and scores
  double user_skew = 0.6;         ///< exponents of Zipf's law; 0: all alike
  double item_skew = 1.0;
  double reads = 0.5;   ///< rest: share of requests that ask for recommendations
  bool poisson = false; ///< exponential gaps between messages, else even ones
  std::uint64_t seed = 1;
  std::string run;                  ///< names users and events, so that no two runs share any
  std::vector<std::string> items;   ///< ids, in the order of their rank
  std::size_t unanswered_max = 200; ///< of a connection; beyond it messages are withheld
};

/// What came of the messages that were due in one stretch of time. Each counts once in
/// answered, refused, failed, withheld or lost.
struct load_phase {
  std::uint64_t due = 0;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;  ///< overloaded, rate_limited, unavailable: the server said no
  std::uint64_t failed = 0;   ///< any other error
  std::uint64_t withheld = 0; ///< the connection had unanswered_max on their way
  std::uint64_t lost = 0;     ///< no answer by the end of the drain
  std::uint64_t unpushed = 0; ///< answered, but no slate within a second: it had not changed
  latency_histogram answer;   ///< intended time to ack, echo or 200
  latency_histogram slate;    ///< intended time to the first slate that reflects the event
};

/// What must never happen, counted over all phases.
struct sequence_faults {
  std::uint64_t ack_disorder = 0;    ///< an ack whose seq is not above the one before
  std::uint64_t slate_backwards = 0; ///< a slate whose profile_seq is below the one before
  std::uint64_t stale_slate = 0;     ///< a slate asked for after an ack that does not reflect it
  std::uint64_t unknown_answer = 0;  ///< an answer to what was not asked, or a second one
  std::uint64_t duplicate = 0;       ///< a new event was called a duplicate
  std::uint64_t closed = 0;          ///< connections the server ended

  [[nodiscard]] std::uint64_t sum() const noexcept {
    return ack_disorder + slate_backwards + stale_slate + unknown_answer + duplicate + closed;
  }
};

/// The connections of a load, one per user. Single-threaded.
class load_lines {
public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~load_lines() = default;

  /// Opens every connection and waits until each is greeted. Errors: unavailable, timeout.
  [[nodiscard]] virtual result<void> connect() = 0;

  /// Sends one message on a connection; `intended` is when it should have gone out.
  virtual void fire(std::size_t line, time_point intended, std::shared_ptr<load_phase> phase) = 0;

  /// Messages on their way.
  [[nodiscard]] virtual std::size_t unanswered() const noexcept = 0;

  /// Counts what is still on its way as lost, and events without a slate as unpushed.
  virtual void settle() = 0;

  /// Lets whatever waits on the network happen, until `until` or the next thing has happened.
  virtual void step(time_point until) = 0;

  [[nodiscard]] virtual const sequence_faults& faults() const noexcept = 0;
};

/// `plan` and `time` outlive the lines.
[[nodiscard]] std::unique_ptr<load_lines> make_live_lines(const load_plan& plan, const clock& time);
[[nodiscard]] std::unique_ptr<load_lines> make_rest_lines(const load_plan& plan, const clock& time);

} // namespace troupe::apps
