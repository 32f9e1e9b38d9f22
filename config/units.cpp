#include "config/units.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace troupe::config {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::array<unit, 5> durations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<unit, 4> sizes{
    {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};
constexpr std::uint64_t duration_max = 10'000ULL * 86'400'000;
constexpr std::uint64_t bytes_max = 1ULL << 50;

template <std::size_t Count>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<unit, Count>& units,
                                   std::string_view bare_unit, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, bad] = std::from_chars(text.data(), end, number);
  if (bad != std::errc{})
    return std::nullopt;
  std::string_view name{rest, static_cast<std::size_t>(end - rest)};
  if (name.empty())
    name = bare_unit;
  for (const auto& each : units)
    if (name == each.name && number <= most / each.size)
      return number * each.size;
  return std::nullopt;
}

template <std::size_t Count>
std::string print(std::uint64_t value, const std::array<unit, Count>& units) {
  for (const auto& each : units)
    if (value % each.size == 0 && (value != 0 || each.size == units.back().size))
      return std::to_string(value / each.size) + std::string{each.name};
  return std::to_string(value) + std::string{units.back().name};
}

} // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto millis = parse(text, durations, "", duration_max);
  if (!millis)
    return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*millis)};
}

std::string duration_text(std::chrono::milliseconds value) {
  if (value.count() == 0)
    return "0s";
  return print(static_cast<std::uint64_t>(value.count()), durations);
}

std::optional<std::size_t> parse_bytes(std::string_view text) {
  return parse(text, sizes, "B", bytes_max);
}

std::string bytes_text(std::size_t value) {
  return print(value, sizes);
}

} // namespace troupe::config
