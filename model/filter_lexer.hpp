#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Cuts the text of a filter into tokens. Used by the parser alone.
namespace troupe::model::filter_tree {

enum class token_kind : std::uint8_t {
  end,
  name,   ///< a field, or one of the words and, or, not, in, true, false
  text,   ///< a quoted string, decoded in `text`
  number, ///< decoded in `number`
  symbol, ///< == != < <= > >= ( ) [ ] ,
};

struct token {
  token_kind kind = token_kind::end;
  std::size_t at = 0;       ///< byte offset of its first byte
  std::string_view written; ///< as it stands in the filter
  std::string text;
  double number = 0;
};

/// "filter, column 12: `why`"; columns count characters from 1.
[[nodiscard]] failure error_at(std::string_view source, std::size_t offset, std::string_view why);

/// What was written, in quotes, cut to a length that fits into an error, never within a
/// character.
[[nodiscard]] std::string shown(std::string_view written);

/// Reads one token after the other. The source outlives it and is valid UTF-8.
class lexer {
public:
  explicit lexer(std::string_view source) : source_(source) {}

  /// Errors: invalid_argument with the column of what is no token.
  [[nodiscard]] result<token> next();

private:
  [[nodiscard]] result<token> read_name();
  [[nodiscard]] result<token> read_number();
  [[nodiscard]] result<token> read_text();
  [[nodiscard]] result<void> read_escape(std::string& out);
  [[nodiscard]] result<std::uint32_t> read_hex4(std::size_t escape_at);
  [[nodiscard]] result<token> read_symbol();

  std::string_view source_;
  std::size_t at_ = 0;
};

} // namespace troupe::model::filter_tree
