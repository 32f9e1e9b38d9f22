#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace troupe::actors {

/// The calling thread, and those it makes, run when nothing else wants to from now on.
void run_when_idle();

/// Holds a thread that trains to a share of one processor, and lets it be stopped at once.
/// Thread safety: `stop` from any thread; the others from the thread that trains.
class training_pace {
public:
  /// `share`: from more than 0 to 1.
  explicit training_pace(double share) : share_(share) {}

  /// The calling thread is the one that trains from now on; it runs when nothing else wants to.
  void take_thread();

  /// Waits until the thread has had no more than its share since the last call.
  /// True: it is to stop.
  [[nodiscard]] bool hold();

  void stop();

private:
  double share_;
  std::mutex guard_;
  std::condition_variable stopping_;
  bool is_stopped_ = false;
  std::chrono::nanoseconds used_{0}; ///< processor time of the thread at the last call
  std::chrono::steady_clock::time_point last_;
};

} // namespace troupe::actors
