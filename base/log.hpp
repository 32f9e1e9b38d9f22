#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace troupe {

enum class log_level : unsigned char { debug, info, warn, error };

/// How the process logs: to standard error, one line a record, `time level event key=value`
/// or one JSON object a line.
struct log_options {
  log_level level = log_level::info;
  bool json = false;
};

/// Sets the process's logger up; called once by `main` before threads start.
void start_log(const log_options& options);

/// Whether a record of this level would be written.
[[nodiscard]] bool log_enabled(log_level level) noexcept;

/// Writes one record. `name` is a stable dotted event name; `fields` is "key=value key=value".
/// Thread safety: any thread.
void write_log(log_level level, std::string_view name, std::string_view fields);

/// A user id as logs show it: a short stable hash, never the id itself.
[[nodiscard]] std::string log_hash(std::string_view id);

} // namespace troupe

/// TROUPE_LOG(info, "session.passivated", "user={} idle_s={}", log_hash(user.value), idle)
#define TROUPE_LOG(level, name, ...)                                                               \
  do {                                                                                             \
    if (::troupe::log_enabled(::troupe::log_level::level))                                         \
      ::troupe::write_log(::troupe::log_level::level, name, ::fmt::format(__VA_ARGS__));           \
  } while (false)
