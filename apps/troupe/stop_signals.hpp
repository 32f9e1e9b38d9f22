#pragma once

#include <chrono>
#include <string_view>
#include <thread>

namespace troupe::apps {

/// Turns SIGTERM, SIGINT and SIGHUP into an ordinary return, and bounds what follows. Made by
/// the main thread before any other thread starts, for threads inherit which signals wait.
class stop_signals {
public:
  stop_signals();
  ~stop_signals();
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;

  /// Blocks until one of them comes; its name.
  [[nodiscard]] std::string_view wait();

  /// Whether one of them has come, without waiting for it; once it has, that stays so.
  [[nodiscard]] bool came();

  /// From now on the process ends at once, with `code`, when another signal comes or `limit`
  /// has passed, unless this object is gone by then.
  void force_after(std::chrono::seconds limit, int code);

private:
  bool came_ = false;
  std::thread watch_;
};

} // namespace troupe::apps
