#include "gateway/json_number.hpp"

#include <simdjson.h>

namespace troupe::gateway::json {

namespace {

constexpr std::string_view digits = "0123456789";

/// Takes the digits off the front; whether there was one.
bool take_digits(std::string_view& text) {
  const auto end = std::min(text.find_first_not_of(digits), text.size());
  text.remove_prefix(end);
  return end > 0;
}

/// Whether `text` is a number by the grammar of RFC 8259, however large.
bool is_number(std::string_view text) {
  if (text.starts_with('-'))
    text.remove_prefix(1);
  if (text.starts_with('0'))
    text.remove_prefix(1);
  else if (!take_digits(text))
    return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits(text))
      return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-'))
      text.remove_prefix(1);
    if (!take_digits(text))
      return false;
  }
  return text.empty();
}

/// Where the string that begins at `at` ends: behind its closing quote.
std::size_t behind_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\')
      ++at;
  return at + 1;
}

} // namespace

std::optional<refused_number> find_refused_number(std::string_view text) {
  // Any 18 digits fit, so that most numbers need not be tried.
  constexpr std::size_t digits_always_fit = 18;
  simdjson::dom::parser alone;
  refused_number out;
  std::size_t line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = behind_string(text, at);
      continue;
    }
    if (c != '-' && digits.find(c) == std::string_view::npos) {
      ++at;
      if (c == '\n') {
        ++out.line;
        line_begin = at;
      }
      continue;
    }
    out.text = text.substr(at, text.find_first_of(" \t\r\n,:[]{}\"", at) - at);
    const bool number = is_number(out.text);
    const bool tried = out.text.size() > digits_always_fit
                       || out.text.find_first_of("eE") != std::string_view::npos;
    if (!number
        || (tried
            && alone.parse(out.text.data(), out.text.size(), true).error() != simdjson::SUCCESS)) {
      out.column = at - line_begin + 1;
      out.out_of_range = number;
      return out;
    }
    at += out.text.size();
  }
  return std::nullopt;
}

} // namespace troupe::gateway::json
