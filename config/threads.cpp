#include "config/threads.hpp"

#include <algorithm>
#include <thread>

namespace troupe::config {

thread_counts threads_of(const node_settings& settings, std::size_t cores) {
  cores = std::max<std::size_t>(1, cores);
  thread_counts out;
  out.io = settings.io_threads != 0 ? settings.io_threads : std::max<std::size_t>(1, cores / 4);
  out.actors =
      settings.actor_threads != 0 ? settings.actor_threads : std::max(cores, out.io + 1) - out.io;
  return out;
}

thread_counts threads_of(const node_settings& settings) {
  return threads_of(settings, std::thread::hardware_concurrency());
}

} // namespace troupe::config
