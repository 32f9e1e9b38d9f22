#include "gateway/query_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace troupe::gateway {

namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

query_reader::query_reader(std::string_view query) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (field.empty())
      continue;
    // Not field.find: GCC 12 at -O2 takes the size for -1 there and warns of an over-read.
    const auto equals =
        static_cast<std::size_t>(std::find(field.begin(), field.end(), '=') - field.begin());
    fields_.emplace_back(percent_decode(field.substr(0, equals), true).value_or(""),
                         field.substr(std::min(equals + 1, field.size())));
  }
}

void query_reader::fail(std::string_view name, std::string_view why) {
  if (!error_)
    error_ = failure{errc::invalid_argument, fmt::format("{}: {}", name, why)};
}

bool query_reader::has(std::string_view name) const noexcept {
  for (const auto& field : fields_)
    if (field.first == name)
      return true;
  return false;
}

std::string query_reader::text(std::string_view name) {
  std::string out;
  bool seen = false;
  for (const auto& [key, raw] : fields_) {
    if (key != name)
      continue;
    if (seen)
      fail(name, "given twice");
    seen = true;
    auto decoded = percent_decode(raw, true);
    if (!decoded)
      fail(name, "is not valid percent-encoding");
    out = std::move(decoded).value_or("");
    if (!is_utf8(out))
      fail(name, "is not valid UTF-8");
  }
  return out;
}

std::optional<double> query_reader::number(std::string_view name) {
  if (!has(name))
    return std::nullopt;
  const auto given = text(name);
  double out = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), out);
  if (error != std::errc{} || end != given.data() + given.size() || !std::isfinite(out))
    fail(name, "expected a number");
  return out;
}

std::size_t query_reader::whole(std::string_view name, std::size_t preset, std::size_t min,
                                std::size_t max) {
  if (!has(name))
    return preset;
  const auto given = text(name);
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), out);
  if (error != std::errc{} || end != given.data() + given.size() || out < min || out > max)
    fail(name, fmt::format("expected a whole number from {} to {}", min, max));
  return out;
}

bool query_reader::flag(std::string_view name, bool preset) {
  if (!has(name))
    return preset;
  const auto given = text(name);
  if (given != "true" && given != "false")
    fail(name, "expected true or false");
  return given == "true";
}

std::vector<item_id> query_reader::ids(std::string_view name, std::size_t max) {
  std::vector<item_id> out;
  for (const auto& [key, raw] : fields_) {
    if (key != name)
      continue;
    auto rest = raw;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(','), rest.size());
      auto id = percent_decode(rest.substr(0, end), true).value_or("");
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (auto ok = check_id(id, name); !ok)
        fail(name, ok.error().context);
      if (out.size() == max) {
        fail(name, fmt::format("at most {} ids are taken", max));
        return out;
      }
      out.emplace_back(std::move(id));
    }
  }
  return out;
}

} // namespace troupe::gateway
