#pragma once

#include "apps/troupe/client/live_connection.hpp"
#include "base/event.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::apps {

/// One user on a connection of their own: sends events, keeps the newest slate.
/// Single-threaded, like the connection.
class live_user {
public:
  /// Connects; the first slate, of `k` items, follows.
  live_user(boost::asio::io_context& io, const address& to, user_id who, std::size_t k);
  ~live_user();
  live_user(const live_user&) = delete;
  live_user& operator=(const live_user&) = delete;

  /// Sends an event; `acked_seq` grows when it is taken.
  void send(const event& what);

  /// Asks for the present slate; it comes even if it has not changed.
  void ask();

  /// Events sent and not answered.
  [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_; }

  /// The number of the last event that was acknowledged.
  [[nodiscard]] std::uint64_t acked_seq() const noexcept { return acked_seq_; }

  /// The newest slate: the last event it reflects, and its items, best first. `slates` counts
  /// those that came.
  [[nodiscard]] std::uint64_t slate_seq() const noexcept { return slate_seq_; }

  [[nodiscard]] const std::vector<std::string>& slate() const noexcept { return slate_; }

  [[nodiscard]] std::uint64_t slates() const noexcept { return slates_; }

  /// Why the user can go on no more: the connection ended, or the server refused something;
  /// empty: they can.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

private:
  void read(std::string_view message);
  [[nodiscard]] std::string greeting(std::string_view kind) const;

  user_id who_;
  std::size_t k_;
  std::shared_ptr<live_connection> connection_;
  std::size_t unanswered_ = 0;
  std::uint64_t acked_seq_ = 0;
  std::uint64_t slate_seq_ = 0;
  std::uint64_t slates_ = 0;
  std::vector<std::string> slate_;
  std::string trouble_;
};

} // namespace troupe::apps
