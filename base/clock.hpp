#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// Wall-clock time, milliseconds since the Unix epoch: what events carry and stores keep.
using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// Milliseconds since the Unix epoch.
[[nodiscard]] constexpr std::int64_t to_millis(timestamp t) noexcept {
  return t.time_since_epoch().count();
}

[[nodiscard]] constexpr timestamp from_millis(std::int64_t millis) noexcept {
  return timestamp{std::chrono::milliseconds{millis}};
}

/// Where time comes from. Components take a `const clock&` so that tests can drive it; the
/// object outlives them.
/// Thread safety: all members may be called from any thread.
class clock {
public:
  virtual ~clock() = default;

  /// The time of day; may jump when the operator sets it.
  [[nodiscard]] virtual timestamp now() const noexcept = 0;

  /// Never goes backwards; for durations and deadlines only.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const noexcept = 0;
};

/// The machine's clocks.
[[nodiscard]] const clock& system_clock() noexcept;

} // namespace troupe
