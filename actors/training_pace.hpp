#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace troupe::actors {

/// The calling thread, and those it makes, run when nothing else wants to from now on.
void run_when_idle();

/// What one thread uses of a processor, against its share.
/// Thread safety: all calls from that thread.
class processor_share {
public:
  /// `share`: from more than 0 to 1.
  explicit processor_share(double share) : share_(share) {}

  /// What the thread does counts from now on.
  void restart();

  /// How long it is to rest so that it has had no more than its share since the last restart.
  [[nodiscard]] std::chrono::duration<double> due() const;

  /// Whether it has worked long enough for a rest to be worth its while. It may be asked often.
  [[nodiscard]] bool is_due() const;

private:
  double share_;
  std::chrono::nanoseconds used_{0}; ///< processor time of the thread at the restart
  std::chrono::steady_clock::time_point last_;
};

/// Holds a thread that trains to a share of one processor, in short stretches: what serves beside
/// it is slowed down by the other's use of caches and memory, and by a stretch that is longer than
/// an event takes it is slowed down all the way. Lets it be stopped at once.
/// Thread safety: `stop` from any thread; the others from the thread that trains.
class training_pace {
public:
  /// `share`: from more than 0 to 1.
  explicit training_pace(double share) : share_(share) {}

  /// The calling thread is the one that trains; what it does counts from now on.
  void begin();

  /// Waits, if the thread worked a while, until it has had no more than its share since the last
  /// rest. To be called at least every millisecond of work, as far as may be; a call without a rest
  /// costs nothing to speak of. True: it is to stop.
  [[nodiscard]] bool hold();

  void stop();

private:
  processor_share share_;
  std::mutex guard_;
  std::condition_variable stopping_;
  std::atomic<bool> is_stopped_{false};
};

} // namespace troupe::actors
