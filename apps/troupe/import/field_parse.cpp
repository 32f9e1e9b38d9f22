#include "apps/troupe/import/field_parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace troupe::apps {
namespace {

constexpr std::int64_t millis_max = 253'402'300'799'999; // the end of 9999

template <class Number>
std::optional<Number> parse_all(std::string_view text) {
  Number out{};
  const auto* end = text.data() + text.size();
  const auto [rest, bad] = std::from_chars(text.data(), end, out);
  if (bad != std::errc{} || rest != end)
    return std::nullopt;
  return out;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

} // namespace

std::optional<double> parse_number(std::string_view text) {
  const auto out = parse_all<double>(text);
  return out && std::isfinite(*out) ? out : std::nullopt;
}

std::optional<std::int64_t> parse_whole(std::string_view text) {
  return parse_all<std::int64_t>(text);
}

std::optional<timestamp> parse_time(std::string_view text, time_unit unit) {
  const auto count = parse_whole(text);
  const std::int64_t scale = unit == time_unit::seconds ? 1000 : 1;
  if (!count || *count < 0 || *count > millis_max / scale)
    return std::nullopt;
  return from_millis(*count * scale);
}

std::optional<timestamp> parse_short_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 11 || text[2] != '-' || text[6] != '-')
    return std::nullopt;
  const auto day = parse_all<unsigned>(text.substr(0, 2));
  const auto year = parse_all<int>(text.substr(7));
  const auto* month = std::find(months.begin(), months.end(), text.substr(3, 3));
  if (!day || !year || month == months.end())
    return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{*year},
      std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
      std::chrono::day{*day}};
  if (!date.ok())
    return std::nullopt;
  return timestamp{std::chrono::sys_days{date}};
}

timestamp start_of_year(int year) {
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{1},
                                         std::chrono::day{1}};
  return timestamp{std::chrono::sys_days{date}};
}

std::optional<int> year_in_title(std::string_view title) {
  // The last four digits in brackets: "2001: A Space Odyssey (1968)".
  const auto open = title.rfind('(');
  if (open == std::string_view::npos || title.size() < open + 6 || title[open + 5] != ')')
    return std::nullopt;
  const auto digits = title.substr(open + 1, 4);
  if (!std::all_of(digits.begin(), digits.end(), is_digit))
    return std::nullopt;
  const auto year = parse_all<int>(digits);
  return year && *year >= 1800 && *year <= 2200 ? year : std::nullopt;
}

std::vector<std::string> split_list(std::string_view text, char delimiter) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find(delimiter);
    if (const auto part = text.substr(0, end); !part.empty())
      out.emplace_back(part);
    if (end == std::string_view::npos)
      break;
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string tidy_label(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return out;
}

} // namespace troupe::apps
