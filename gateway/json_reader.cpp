#include "gateway/json_reader.hpp"

#include "gateway/json_number.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace troupe::gateway::json {

namespace {

using simdjson::dom::element_type;

constexpr std::size_t bulk_capacity = std::size_t{1} << 20;

simdjson::dom::parser& thread_parser() {
  thread_local simdjson::dom::parser parser;
  return parser;
}

/// Whether the parser stopped at a number. Newer versions of simdjson tell large ones apart.
template <class Code>
bool is_about_a_number(Code error) {
  if constexpr (requires { Code::BIGINT_ERROR; })
    if (error == Code::BIGINT_ERROR)
      return true;
  return error == Code::NUMBER_ERROR;
}

failure describe(const refused_number& what) {
  constexpr std::size_t quoted_max = 40;
  const auto where = fmt::format("at line {}, column {}: {}", what.line, what.column,
                                 beginning_of(what.text, quoted_max));
  if (!what.out_of_range)
    return {errc::invalid_argument, fmt::format("not JSON: malformed number {}", where)};
  return {errc::invalid_argument,
          fmt::format("number out of range {}; whole numbers go from {} to {}, others to {:.2g}",
                      where, std::numeric_limits<std::int64_t>::min(),
                      std::numeric_limits<std::uint64_t>::max(),
                      std::numeric_limits<double>::max())};
}

} // namespace

std::string_view kind_of(element value) noexcept {
  switch (value.type()) {
  case element_type::ARRAY:
    return "an array";
  case element_type::OBJECT:
    return "an object";
  case element_type::INT64:
  case element_type::UINT64:
  case element_type::DOUBLE:
    return "a number";
  case element_type::STRING:
    return "a string";
  case element_type::BOOL:
    return "a boolean";
  case element_type::NULL_VALUE:
    return "null";
  }
  return "something else";
}

std::string_view beginning_of(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max)
    return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0U) == 0x80U)
    --bytes_max;
  return text.substr(0, bytes_max);
}

result<element> parse_document(std::string_view text, std::size_t depth_max) {
  auto& parser = thread_parser();
  // A parser holds about 14 bytes per byte of capacity: give back what a bulk body needed.
  if (parser.capacity() > bulk_capacity && text.size() < bulk_capacity / 4)
    parser = simdjson::dom::parser{};
  if (parser.max_depth() != depth_max || parser.capacity() < text.size()) {
    // simdjson grows by itself, but only here can the depth be set. It counts one level more.
    const auto capacity = std::max<std::size_t>(text.size(), 4096);
    if (parser.allocate(capacity, depth_max) != simdjson::SUCCESS)
      return failure{errc::overloaded, "no memory to read this JSON"};
  }
  element root;
  const auto error = parser.parse(text.data(), text.size(), true).get(root);
  if (error == simdjson::SUCCESS)
    return root;
  if (error == simdjson::DEPTH_ERROR)
    return failure{errc::invalid_argument,
                   fmt::format("JSON nested deeper than {} levels", depth_max)};
  if (error == simdjson::EMPTY)
    return failure{errc::invalid_argument, "expected JSON, found nothing"};
  if (is_about_a_number(error))
    if (const auto found = find_refused_number(text))
      return describe(*found);
  return failure{errc::invalid_argument,
                 fmt::format("not JSON: {}", simdjson::error_message(error))};
}

bool object_reader::fail(errc code, std::string_view key, std::string_view why) {
  if (error_.context.empty())
    error_ = {code, key.empty() ? fmt::format("{}: {}", where_, why)
                                : fmt::format("{}.{}: {}", where_, key, why)};
  return false;
}

bool object_reader::fail(std::string_view key, std::string_view why) {
  return fail(errc::invalid_argument, key, why);
}

bool object_reader::wrong_type(element value, std::string_view key, std::string_view expected) {
  return fail(key, fmt::format("expected {}, found {}", expected, kind_of(value)));
}

bool object_reader::first_time(unsigned bit, std::string_view key) {
  if (has(bit))
    return fail(key, "given twice");
  seen_ |= 1U << bit;
  return true;
}

bool object_reader::text(element value, std::string_view key, std::string& out) {
  std::string_view read;
  if (value.get_string().get(read) != simdjson::SUCCESS)
    return wrong_type(value, key, "a string");
  out.assign(read);
  return true;
}

bool object_reader::number(element value, std::string_view key, double& out) {
  if (value.get_double().get(out) != simdjson::SUCCESS)
    return wrong_type(value, key, "a number");
  return std::isfinite(out) || fail(key, "is not a finite number");
}

bool object_reader::boolean(element value, std::string_view key, bool& out) {
  return value.get_bool().get(out) == simdjson::SUCCESS || wrong_type(value, key, "true or false");
}

bool object_reader::integer(element value, std::string_view key, std::uint64_t max,
                            std::uint64_t& out) {
  if (value.get_uint64().get(out) == simdjson::SUCCESS && out <= max)
    return true;
  if (!value.is_number())
    return wrong_type(value, key, "a whole number");
  return fail(key, fmt::format("expected a whole number from 0 to {}", max));
}

bool object_reader::time(element value, std::string_view key, timestamp& out) {
  // Far beyond any date, and small enough that arithmetic on it cannot overflow.
  constexpr std::int64_t millis_max = std::int64_t{1} << 53;
  std::int64_t millis = 0;
  if (value.get_int64().get(millis) == simdjson::SUCCESS) {
    if (millis < -millis_max || millis > millis_max)
      return fail(key, "lies beyond every calendar");
    out = from_millis(millis);
    return true;
  }
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS)
    return wrong_type(value, key, "an ISO 8601 string or whole milliseconds since 1970");
  const auto parsed = parse_time(text);
  if (!parsed)
    return fail(key, "is not an ISO 8601 time with a zone, such as 2026-01-31T12:00:00Z");
  out = *parsed;
  return true;
}

bool object_reader::texts(element value, std::string_view key, std::size_t max,
                          std::vector<std::string>& out) {
  simdjson::dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS)
    return wrong_type(value, key, "an array of strings");
  out.clear();
  for (const auto entry : list) {
    if (out.size() == max)
      return fail(key, fmt::format("at most {} entries are allowed", max));
    std::string_view read;
    if (entry.get_string().get(read) != simdjson::SUCCESS)
      return wrong_type(entry, fmt::format("{}[{}]", key, out.size()), "a string");
    out.emplace_back(read);
  }
  return true;
}

bool object_reader::floats(element value, std::string_view key, std::size_t max,
                           std::vector<float>& out) {
  simdjson::dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS)
    return wrong_type(value, key, "an array of numbers");
  if (list.size() > max)
    return fail(key, fmt::format("has {} values; at most {} are allowed", list.size(), max));
  out.clear();
  out.reserve(list.size());
  for (const auto entry : list) {
    double read = 0;
    if (entry.get_double().get(read) != simdjson::SUCCESS)
      return wrong_type(entry, fmt::format("{}[{}]", key, out.size()), "a number");
    constexpr double most = std::numeric_limits<float>::max();
    if (!(std::abs(read) <= most))
      return fail(fmt::format("{}[{}]", key, out.size()),
                  fmt::format("is beyond a 32-bit float's range, {:.3g} to {:.3g}", -most, most));
    out.push_back(static_cast<float>(read));
  }
  return true;
}

bool object_reader::property(element value, std::string_view key, property_value& out) {
  switch (value.type()) {
  case element_type::BOOL:
    return boolean(value, key, out.emplace<bool>());
  case element_type::STRING:
    return text(value, key, out.emplace<std::string>());
  case element_type::INT64:
  case element_type::UINT64:
  case element_type::DOUBLE:
    return number(value, key, out.emplace<double>());
  case element_type::ARRAY:
    return texts(value, key, item_limits::labels_max, out.emplace<std::vector<std::string>>());
  case element_type::OBJECT:
  case element_type::NULL_VALUE:
    break;
  }
  return wrong_type(value, key, "a boolean, a number, a string or an array of strings");
}

bool object_reader::properties(element value, std::string_view key,
                               std::map<std::string, property_value>& out) {
  simdjson::dom::object fields;
  if (value.get_object().get(fields) != simdjson::SUCCESS)
    return wrong_type(value, key, "an object");
  for (const auto field : fields) {
    const auto path = fmt::format("{}.{}", key, beginning_of(field.key, 80));
    if (out.size() == item_limits::properties_max)
      return fail(key, fmt::format("at most {} properties are allowed", out.size()));
    const auto [at, added] = out.try_emplace(std::string{field.key});
    if (!added)
      return fail(path, "given twice");
    if (!property(field.value, path, at->second))
      return false;
  }
  return true;
}

} // namespace troupe::gateway::json
