#pragma once

#include "base/metrics.hpp"
#include "config/settings.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::gateway {

/// Messages of a live connection without an answer, or whose answer is not written yet; then it
/// is read no further.
inline constexpr std::size_t unanswered_max = 256;

/// How a request ended, as a label.
enum class outcome : std::uint8_t { ok, refused, timeout, failed };
inline constexpr std::size_t outcome_count = 4;

[[nodiscard]] outcome outcome_of(unsigned status) noexcept;

/// What an HTTP connection was waiting for when its time was over, as a label.
enum class http_wait : std::uint8_t { idle, head, body, write };
inline constexpr std::size_t http_wait_count = 4;

/// Every series of the gateway: names, help and labels in one place. Each bound has its limit,
/// its level and its refusals.
/// Thread safety: any thread.
class gateway_probe {
public:
  gateway_probe(metrics& registry, const config::settings& settings,
                const std::vector<std::string_view>& routes);

  void request(std::size_t route, unsigned status, double seconds) noexcept;

  /// Counts an HTTP connection that was ended because its client was too slow.
  void timed_out(http_wait what) noexcept { timeouts[static_cast<std::size_t>(what)].add(); }

  /// Counts the end of a WebSocket connection by its close code.
  void closed(unsigned code) noexcept;

  gauge connections_http;
  gauge connections_live;
  counter connections_refused;
  counter connections_refused_address;
  gauge in_flight;
  counter in_flight_refused;
  counter in_flight_expired;
  counter events_rate_refused;
  counter body_refused;
  counter bulk_refused;
  counter message_refused;
  gauge unanswered;
  counter reads_paused;
  counter surfaces_refused;
  gauge slates_waiting;
  counter messages_received;
  counter messages_sent;
  counter events;
  counter errors_sent;
  counter slates_pushed;
  counter slates_conflated;
  counter slow_readers;
  counter malformed_requests;
  std::array<counter, http_wait_count> timeouts; ///< by http_wait
  histogram event_to_push;
  histogram event_to_ack;

private:
  std::vector<std::array<histogram, outcome_count>> requests_;
  metrics& registry_;
  std::mutex closes_mutex_; ///< guards closes_; taken once per closed connection
  std::unordered_map<unsigned, counter> closes_;
};

} // namespace troupe::gateway
