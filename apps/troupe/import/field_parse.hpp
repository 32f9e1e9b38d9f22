#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::apps {

/// A finite number that is the whole text.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// A whole number that is the whole text.
[[nodiscard]] std::optional<std::int64_t> parse_whole(std::string_view text);

/// How a file counts time.
enum class time_unit : unsigned char { seconds, milliseconds };

/// A count since 1970 in this unit, from 1970 to 9999.
[[nodiscard]] std::optional<timestamp> parse_time(std::string_view text, time_unit unit);

/// "01-Jan-1995", midnight UTC. Nothing when it is no such date.
[[nodiscard]] std::optional<timestamp> parse_short_date(std::string_view text);

/// Midnight UTC of January the 1st.
[[nodiscard]] timestamp start_of_year(int year);

/// 1995 of "Toy Story (1995)"; years from 1800 to 2200.
[[nodiscard]] std::optional<int> year_in_title(std::string_view title);

/// The parts between delimiters; empty ones are left out.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char delimiter);

/// ASCII letters made small, spaces around taken off.
[[nodiscard]] std::string tidy_label(std::string_view text);

/// ISO 8859-1 as UTF-8.
[[nodiscard]] std::string utf8_of_latin1(std::string_view text);

} // namespace troupe::apps
