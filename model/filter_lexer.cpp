#include "model/filter_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

namespace troupe::model::filter_tree {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_lower(char c) noexcept {
  return (c >= 'a' && c <= 'z') || c == '_';
}

bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12));
    put(0x80U | ((code >> 6) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18));
    put(0x80U | ((code >> 12) & 0x3FU));
    put(0x80U | ((code >> 6) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

bool is_high_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

} // namespace

failure error_at(std::string_view source, std::size_t offset, std::string_view why) {
  const auto before = source.substr(0, std::min(offset, source.size()));
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  return {errc::invalid_argument, fmt::format("filter, column {}: {}", characters + 1, why)};
}

std::string shown(std::string_view written) {
  constexpr std::size_t shown_max = 32;
  if (written.size() <= shown_max)
    return fmt::format("'{}'", written);
  auto length = shown_max;
  while (length > 0 && (static_cast<unsigned char>(written[length]) & 0xC0U) == 0x80U)
    --length;
  return fmt::format("'{}...'", written.substr(0, length));
}

result<token> lexer::next() {
  while (at_ < source_.size() && std::string_view{" \t\r\n"}.find(source_[at_]) != source_.npos)
    ++at_;
  if (at_ == source_.size())
    return token{.kind = token_kind::end, .at = at_, .written = {}, .text = {}};
  const char c = source_[at_];
  if (is_lower(c) || is_upper(c))
    return read_name();
  if (is_digit(c) || c == '-')
    return read_number();
  if (c == '"' || c == '\'')
    return read_text();
  return read_symbol();
}

result<token> lexer::read_name() {
  const auto start = at_;
  bool lower = true;
  while (at_ < source_.size()
         && (is_lower(source_[at_]) || is_upper(source_[at_]) || is_digit(source_[at_]))) {
    lower = lower && !is_upper(source_[at_]);
    ++at_;
  }
  const auto written = source_.substr(start, at_ - start);
  if (!lower)
    return error_at(source_, start,
                    fmt::format("{} is neither a field nor a word of the language: both are "
                                "written in small letters",
                                shown(written)));
  return token{.kind = token_kind::name, .at = start, .written = written, .text = {}};
}

/// Numbers are JSON's: -12, 3.5, 1e-3.
result<token> lexer::read_number() {
  const auto start = at_;
  const auto digits = [this] {
    const auto first = at_;
    while (at_ < source_.size() && is_digit(source_[at_]))
      ++at_;
    return at_ > first;
  };
  const auto is_at = [this](char c) { return at_ < source_.size() && source_[at_] == c; };
  if (is_at('-'))
    ++at_;
  bool good = digits();
  if (good && is_at('.')) {
    ++at_;
    good = digits();
  }
  if (good && (is_at('e') || is_at('E'))) {
    ++at_;
    if (is_at('+') || is_at('-'))
      ++at_;
    good = digits();
  }
  if (!good)
    return error_at(source_, at_, "expected a digit of a number");
  if (at_ < source_.size() && (is_lower(source_[at_]) || is_upper(source_[at_])))
    return error_at(source_, at_, "a number ends before a letter");
  const auto written = source_.substr(start, at_ - start);
  double value = 0;
  const auto [end, code] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (code != std::errc{} || end != written.data() + written.size() || !std::isfinite(value))
    return error_at(source_, start, "the number is out of range");
  // One zero, so that the normal form has one way to write it.
  if (value == 0)
    value = 0;
  return token{
      .kind = token_kind::number, .at = start, .written = written, .text = {}, .number = value};
}

result<token> lexer::read_text() {
  const auto start = at_;
  const char quote = source_[at_++];
  std::string text;
  while (true) {
    if (at_ == source_.size())
      return error_at(source_, start, "the text that begins here has no closing quote");
    const char c = source_[at_];
    if (is_control(c))
      return error_at(source_, at_, "a control character in a text is written \\u00XX");
    ++at_;
    if (c == quote)
      break;
    if (c != '\\') {
      text.push_back(c);
      continue;
    }
    if (const auto done = read_escape(text); !done)
      return done.error();
  }
  return token{.kind = token_kind::text,
               .at = start,
               .written = source_.substr(start, at_ - start),
               .text = std::move(text)};
}

/// JSON's escapes, and \' for the other quote. `at_` stands behind the backslash.
result<void> lexer::read_escape(std::string& out) {
  const auto escape_at = at_ - 1;
  if (at_ == source_.size())
    return error_at(source_, escape_at, "the text ends within an escape");
  const char c = source_[at_++];
  static constexpr std::string_view names = "\"'\\/bfnrt";
  static constexpr std::string_view meant = "\"'\\/\b\f\n\r\t";
  if (const auto known = names.find(c); known != names.npos) {
    out.push_back(meant[known]);
    return {};
  }
  if (c != 'u')
    return error_at(source_, escape_at,
                    "unknown escape; known are \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
  const auto first = read_hex4(escape_at);
  if (!first)
    return first.error();
  std::uint32_t code = *first;
  if (is_high_surrogate(code)) {
    if (source_.substr(at_, 2) != "\\u")
      return error_at(source_, escape_at, "half a surrogate pair is no character");
    at_ += 2;
    const auto second = read_hex4(escape_at);
    if (!second)
      return second.error();
    if (!is_low_surrogate(*second))
      return error_at(source_, escape_at, "half a surrogate pair is no character");
    code = 0x10000U + ((code - 0xD800U) << 10) + (*second - 0xDC00U);
  } else if (is_low_surrogate(code)) {
    return error_at(source_, escape_at, "half a surrogate pair is no character");
  }
  append_utf8(out, code);
  return {};
}

result<std::uint32_t> lexer::read_hex4(std::size_t escape_at) {
  const auto digits = source_.substr(at_, 4);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  if (error != std::errc{} || digits.size() != 4 || end != digits.data() + 4)
    return error_at(source_, escape_at, "\\u wants four hexadecimal digits");
  at_ += 4;
  return code;
}

result<token> lexer::read_symbol() {
  static constexpr std::array<std::string_view, 11> known{"==", "!=", "<=", ">=", "<", ">",
                                                          "(",  ")",  "[",  "]",  ","};
  const auto rest = source_.substr(at_);
  for (const auto symbol : known) {
    if (!rest.starts_with(symbol))
      continue;
    const auto start = at_;
    at_ += symbol.size();
    return token{.kind = token_kind::symbol,
                 .at = start,
                 .written = source_.substr(start, symbol.size()),
                 .text = {}};
  }

  struct habit {
    std::string_view written;
    std::string_view meant;
  };

  static constexpr std::array<habit, 6> habits{
      {{"=", "=="}, {"&&", "and"}, {"&", "and"}, {"||", "or"}, {"|", "or"}, {"!", "not"}}};
  for (const auto& [written, meant] : habits)
    if (rest.starts_with(written))
      return error_at(source_, at_, fmt::format("unknown '{}'; write '{}'", written, meant));
  if (is_control(rest.front()))
    return error_at(source_, at_, "a control character");
  // The whole character, for it may be more than one byte.
  std::size_t length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0U) == 0x80U)
    ++length;
  return error_at(source_, at_,
                  fmt::format("unknown '{}'; text stands in quotes", rest.substr(0, length)));
}

} // namespace troupe::model::filter_tree
