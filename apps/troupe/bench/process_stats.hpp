#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace troupe::apps {

/// What Linux says of a process.
struct process_stats {
  double cpu_seconds = 0; ///< user and system, all threads
  std::uint64_t resident_bytes = 0;
};

/// Reads /proc/PID. Errors: not_found when there is no such process.
[[nodiscard]] result<process_stats> read_process(int pid);

/// CPU seconds of a line of /proc/PID/stat, whose second field, the name, may hold anything.
[[nodiscard]] result<double> cpu_seconds_of_stat(std::string_view line, double ticks_per_second);

/// How long this disk takes to make 4 KiB durable.
struct sync_times {
  double p50_ms = 0;
  double p99_ms = 0;
};

/// Appends 4 KiB and calls fdatasync, `times` times, in a file of its own in `directory`, and
/// removes it. Errors: invalid_argument when it cannot be written.
[[nodiscard]] result<sync_times> probe_sync(const std::filesystem::path& directory, int times);

} // namespace troupe::apps
