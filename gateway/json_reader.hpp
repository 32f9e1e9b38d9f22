#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/item.hpp"
#include "gateway/json_codec.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Inside of the JSON readers: included by gateway/json_*.cpp only.
namespace troupe::gateway::json {

using element = simdjson::dom::element;

/// What a value is, for messages: "a string", "null" ...
[[nodiscard]] std::string_view kind_of(element value) noexcept;

/// The beginning of `text`, at most `bytes_max` bytes of it, not cut inside a character: what
/// errors quote of valid UTF-8 stays valid.
[[nodiscard]] std::string_view beginning_of(std::string_view text, std::size_t bytes_max) noexcept;

/// Parses a whole document with this thread's parser; the element lives until the next call
/// on this thread. Errors: invalid_argument with where it went wrong.
[[nodiscard]] result<element> parse_document(std::string_view text, std::size_t depth_max);

/// Takes the fields of one object apart. Every reader returns false once something was wrong,
/// and `error()` then says what and where: the first error stays.
class object_reader {
public:
  /// `where` names the object in messages ("event", "events[3]") and outlives the reader.
  explicit object_reader(std::string_view where) noexcept : where_(where) {}

  bool text(element value, std::string_view key, std::string& out);
  bool number(element value, std::string_view key, double& out);
  bool boolean(element value, std::string_view key, bool& out);
  bool integer(element value, std::string_view key, std::uint64_t max, std::uint64_t& out);
  bool time(element value, std::string_view key, timestamp& out);
  bool texts(element value, std::string_view key, std::size_t max, std::vector<std::string>& out);
  /// 32-bit floats; an empty array gives none.
  bool floats(element value, std::string_view key, std::size_t max, std::vector<float>& out);
  bool property(element value, std::string_view key, property_value& out);
  bool properties(element value, std::string_view key, std::map<std::string, property_value>& out);

  /// Marks field number `bit` as seen. False: it was there before.
  bool first_time(unsigned bit, std::string_view key);

  [[nodiscard]] bool has(unsigned bit) const noexcept { return (seen_ >> bit & 1U) != 0; }

  /// Fails with "where.key: why".
  bool fail(std::string_view key, std::string_view why);
  bool fail(errc code, std::string_view key, std::string_view why);

  /// "expected X, found Y".
  bool wrong_type(element value, std::string_view key, std::string_view expected);

  [[nodiscard]] const failure& error() const noexcept { return error_; }

private:
  std::string_view where_;
  std::uint32_t seen_ = 0;
  failure error_;
};

/// Reads an event from its object; `where` as in object_reader. `id` gets the event_id as far
/// as it could be read.
[[nodiscard]] result<event> read_event(element value, std::string_view where,
                                       const event_defaults& defaults, std::string* id = nullptr);

/// Reads the fields of a slate request that REST bodies and live messages share; other keys are
/// ignored. False: the value was wrong, see the reader's error.
bool read_slate_field(object_reader& in, std::string_view key, element value,
                      const json_limits& limits, slate_options& out);

/// Bits of first_time() that read_slate_field uses.
inline constexpr unsigned slate_bits_begin = 16;
inline constexpr unsigned surface_bit = slate_bits_begin;

/// Calls `read(line, index)` for every non-empty line.
template <class Read>
result<void> each_line(std::string_view body, std::size_t bulk_max, std::string_view what,
                       Read&& read) {
  std::size_t index = 0;
  while (!body.empty()) {
    const auto end = body.find('\n');
    auto line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos)
      continue;
    if (index == bulk_max)
      return failure{errc::too_large,
                     fmt::format("{}: at most {} are taken in one request", what, bulk_max)};
    read(line, index);
    ++index;
  }
  return {};
}

} // namespace troupe::gateway::json
