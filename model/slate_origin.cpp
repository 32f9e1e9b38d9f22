#include "model/slate_origin.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace troupe::model {

namespace {

constexpr int base = 36;
constexpr std::string_view version = "s1";
constexpr std::size_t shards_max = 1024;

void append_number(std::string& text, std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  text.append(digits.data(), end);
}

failure wrong() {
  return {errc::invalid_argument, "slate_id: not one that this server made"};
}

/// Takes the text up to the next `separator` off `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number, base);
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end)
    return std::nullopt;
  return number;
}

} // namespace

slate_id to_slate_id(const slate_origin& origin) {
  std::uint64_t newest = 0;
  for (const auto& arrival : origin.learned)
    newest = std::max(newest, arrival.value_or(0));
  std::string text{version};
  for (const auto number : {origin.user_hash, origin.profile_seq, origin.model_version,
                            static_cast<std::uint64_t>(origin.created_ms), origin.number, newest}) {
    text.push_back('.');
    append_number(text, number);
  }
  char separator = '.';
  for (const auto& arrival : origin.learned) {
    text.push_back(separator);
    if (arrival)
      append_number(text, newest - *arrival);
    else
      text.push_back('x');
    separator = '-';
  }
  if (origin.blend_arrival != 0) {
    text.push_back('.');
    append_number(text, origin.blend_arrival);
  }
  return slate_id{std::move(text)};
}

result<slate_origin> parse_slate_id(std::string_view text) {
  auto rest = text;
  if (take(rest, '.') != version)
    return wrong();
  std::array<std::uint64_t, 6> numbers{};
  for (auto& number : numbers) {
    const auto parsed = number_of(take(rest, '.'));
    if (!parsed)
      return wrong();
    number = *parsed;
  }
  slate_origin origin;
  origin.user_hash = numbers[0];
  origin.profile_seq = numbers[1];
  origin.model_version = numbers[2];
  origin.created_ms = static_cast<std::int64_t>(numbers[3]);
  origin.number = numbers[4];
  const auto newest = numbers[5];
  auto lags = take(rest, '.');
  while (!lags.empty()) {
    const auto part = take(lags, '-');
    if (origin.learned.size() == shards_max)
      return wrong();
    if (part == "x") {
      origin.learned.emplace_back(std::nullopt);
      continue;
    }
    const auto lag = number_of(part);
    if (!lag || *lag > newest)
      return wrong();
    origin.learned.emplace_back(newest - *lag);
  }
  if (!rest.empty()) {
    const auto blend = number_of(rest);
    if (!blend)
      return wrong();
    origin.blend_arrival = *blend;
  }
  // Only the normal form: what parses must print the same again.
  if (to_slate_id(origin).value != text)
    return wrong();
  return origin;
}

} // namespace troupe::model
