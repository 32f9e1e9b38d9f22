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

} // namespace

void run_when_idle() {
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0)
    TROUPE_LOG(warn, "trainer.priority", "error=\"sched_setscheduler: errno {}\"", errno);
}

void training_pace::take_thread() {
  run_when_idle();
  used_ = thread_time();
  last_ = system_clock().steady();
}

bool training_pace::hold() {
  const auto now = system_clock().steady();
  const auto used = thread_time();
  const auto worked = std::chrono::duration<double>(used - used_);
  const auto passed = std::chrono::duration<double>(now - last_);
  const auto due = std::clamp(worked.count() / share_ - passed.count(), 0.0, 10.0);
  std::unique_lock lock{guard_};
  stopping_.wait_for(lock, std::chrono::duration<double>(due), [this] { return is_stopped_; });
  used_ = thread_time();
  last_ = system_clock().steady();
  return is_stopped_;
}

void training_pace::stop() {
  const std::lock_guard lock{guard_};
  is_stopped_ = true;
  stopping_.notify_all();
}

} // namespace troupe::actors
