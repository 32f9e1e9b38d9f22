#pragma once

#include "base/metrics.hpp"
#include "storage/interfaces.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace troupe::apps {

/// Copies what the store's engine counts into the registry, once at the start and then every
/// five seconds, on a thread of its own: an engine may take locks for its figures, and nobody
/// who serves requests should wait for them. Ends with the object.
class store_sampler {
public:
  /// `of` and `to` outlive it.
  store_sampler(const storage::store& of, metrics& to);

private:
  void sample();
  void run(const std::stop_token& stop);

  const storage::store& of_;
  metrics& to_;
  std::map<std::string, gauge> levels_;
  std::map<std::string, std::pair<counter, double>> totals_; ///< with the last value
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_; ///< last: it uses the rest
};

} // namespace troupe::apps
