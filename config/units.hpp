#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::config {

/// "200ms", "5s", "10m", "2h", "1d": digits and one unit. Nothing when it is none, or longer
/// than 10,000 days.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest text that `parse_duration` reads back: 90 s is "90s", 120 s is "2m".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds value);

/// "512", "512B", "16KiB", "64MiB", "1GiB": bytes. Nothing when it is none, or over 2^50.
[[nodiscard]] std::optional<std::size_t> parse_bytes(std::string_view text);

/// The shortest text that `parse_bytes` reads back: 65536 is "64KiB".
[[nodiscard]] std::string bytes_text(std::size_t value);

} // namespace troupe::config
