#pragma once

#include "config/settings.hpp"

#include <cstddef>

namespace troupe::config {

/// How many threads of each kind a node runs.
struct thread_counts {
  std::size_t io = 1;     ///< serve connections and run the actors these wake
  std::size_t actors = 1; ///< run the others
};

/// What the settings ask for, of a machine with so many cores; 0 in the settings stands for: one
/// gateway thread up to four cores, else a quarter of them, and a worker for every other core.
[[nodiscard]] thread_counts threads_of(const node_settings& settings, std::size_t cores);

/// The same, of this machine.
[[nodiscard]] thread_counts threads_of(const node_settings& settings);

} // namespace troupe::config
