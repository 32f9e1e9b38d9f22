#include "actors/training_pace.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

namespace troupe::actors {

namespace {

std::chrono::nanoseconds thread_time() noexcept {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

/// Of work between two rests. At the same share, p99 of what serves beside it was 2 times as long
/// with stretches of 10 ms, and 1.2 times with these (docs/performance.md).
constexpr std::chrono::microseconds stretch{300};

} // namespace

void run_when_idle() {
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0)
    TROUPE_LOG(warn, "trainer.priority", "error=\"sched_setscheduler: errno {}\"", errno);
}

void processor_share::restart() {
  used_ = thread_time();
  last_ = system_clock().steady();
}

std::chrono::duration<double> processor_share::due() const {
  using seconds = std::chrono::duration<double>;
  const seconds worked = thread_time() - used_;
  const seconds passed = system_clock().steady() - last_;
  return std::max(worked / share_ - passed, seconds::zero());
}

bool processor_share::is_due() const {
  return system_clock().steady() - last_ >= stretch;
}

void training_pace::begin() {
  share_.restart();
}

bool training_pace::hold() {
  if (!share_.is_due())
    return is_stopped_;
  const auto rest = share_.due();
  std::unique_lock lock{guard_};
  stopping_.wait_for(lock, rest, [this] { return is_stopped_.load(); });
  share_.restart();
  return is_stopped_;
}

void training_pace::stop() {
  const std::lock_guard lock{guard_};
  is_stopped_ = true;
  stopping_.notify_all();
}

} // namespace troupe::actors
