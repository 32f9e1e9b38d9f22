#include "base/ids.hpp"
#include "model/filter_expression.hpp"
#include "model/filter_lexer.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

namespace troupe::model::filter_tree {

namespace {

struct comparison_name {
  std::string_view written;
  operation what;
};

constexpr std::array<comparison_name, 6> comparisons{{
    {"==", operation::equal},
    {"!=", operation::not_equal},
    {"<", operation::less},
    {"<=", operation::less_equal},
    {">", operation::greater},
    {">=", operation::greater_equal},
}};

bool is_word(const token& what, std::string_view word) noexcept {
  return what.kind == token_kind::name && what.written == word;
}

bool is_symbol(const token& what, std::string_view symbol) noexcept {
  return what.kind == token_kind::symbol && what.written == symbol;
}

bool is_reserved(std::string_view name) noexcept {
  return name == "and" || name == "or" || name == "not" || name == "in" || name == "true"
         || name == "false";
}

field_kind kind_of(std::string_view name) noexcept {
  struct known_field {
    std::string_view name;
    field_kind kind;
  };

  static constexpr std::array<known_field, 7> known{{
      {"id", field_kind::id},
      {"title", field_kind::title},
      {"category", field_kind::category},
      {"categories", field_kind::categories},
      {"tags", field_kind::tags},
      {"hidden", field_kind::hidden},
      {"created_at", field_kind::created_at},
  }};
  for (const auto& each : known)
    if (each.name == name)
      return each.kind;
  return field_kind::property;
}

/// Reads the parts of an ISO 8601 date one after the other.
class date_reader {
public:
  explicit date_reader(std::string_view text) : rest_(text) {}

  /// Exactly `digits` digits, or nothing.
  std::optional<int> number(std::size_t digits) {
    int value = 0;
    const auto part = rest_.substr(0, digits);
    const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.size() != digits || code != std::errc{} || end != part.data() + digits || value < 0)
      return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

  bool skip(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == any_of.npos)
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// ".25" and the like; 0 where there is none.
  std::optional<double> fraction() {
    if (!rest_.starts_with('.'))
      return 0.0;
    std::size_t length = 1;
    while (length < rest_.size() && rest_[length] >= '0' && rest_[length] <= '9')
      ++length;
    double value = 0;
    const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + length, value);
    if (length < 2 || code != std::errc{} || end != rest_.data() + length)
      return std::nullopt;
    rest_.remove_prefix(length);
    return value;
  }

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  [[nodiscard]] char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }

private:
  std::string_view rest_;
};

/// Seconds since 1970 of 2024-05-01, 2024-05-01T12:30, 2024-05-01T12:30:00.5Z or with +02:00
/// in the place of Z; without either it is UTC.
std::optional<double> seconds_of_date(std::string_view text) {
  date_reader in{text};
  const auto year = in.number(4);
  if (!year || !in.skip("-"))
    return std::nullopt;
  const auto month = in.number(2);
  if (!month || !in.skip("-"))
    return std::nullopt;
  const auto day = in.number(2);
  if (!day)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok())
    return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  auto seconds = static_cast<double>(days) * 86400.0;
  if (in.at_end())
    return seconds;
  if (!in.skip("Tt "))
    return std::nullopt;
  const auto hour = in.number(2);
  if (!hour || *hour > 23 || !in.skip(":"))
    return std::nullopt;
  const auto minute = in.number(2);
  if (!minute || *minute > 59)
    return std::nullopt;
  seconds += *hour * 3600.0 + *minute * 60.0;
  if (in.skip(":")) {
    const auto second = in.number(2);
    if (!second || *second > 60)
      return std::nullopt;
    const auto fraction = in.fraction();
    if (!fraction)
      return std::nullopt;
    seconds += *second + *fraction;
  }
  if (in.skip("Zz") || in.at_end())
    return in.at_end() ? std::optional{seconds} : std::nullopt;
  const double sign = in.peek() == '-' ? 1 : -1;
  if (!in.skip("+-"))
    return std::nullopt;
  const auto zone_hour = in.number(2);
  if (!zone_hour || *zone_hour > 23 || !in.skip(":"))
    return std::nullopt;
  const auto zone_minute = in.number(2);
  if (!zone_minute || *zone_minute > 59 || !in.at_end())
    return std::nullopt;
  return seconds + sign * (*zone_hour * 3600.0 + *zone_minute * 60.0);
}

/// Recursive descent with one token of look-ahead; one function per rule of filter.hpp.
class parser {
public:
  explicit parser(std::string_view source) : source_(source), lexer_(source) {}

  result<expression> parse_all() {
    if (const auto done = advance(); !done)
      return done.error();
    auto root = parse_joined(operation::any);
    if (!root)
      return root;
    if (ahead_.kind != token_kind::end)
      return expected("'and', 'or' or the end");
    return root;
  }

private:
  result<void> advance() {
    auto following = lexer_.next();
    if (!following)
      return following.error();
    ahead_ = std::move(*following);
    return {};
  }

  [[nodiscard]] failure expected(std::string_view what) const {
    const auto found = ahead_.kind == token_kind::end
                           ? std::string{"but the filter ends here"}
                           : fmt::format("found {}", shown(ahead_.written));
    return error_at(source_, ahead_.at, fmt::format("expected {}, {}", what, found));
  }

  /// "expected a value after '=='"
  [[nodiscard]] failure expected_after(std::string_view what, std::string_view after) const {
    return error_at(source_, ahead_.at, fmt::format("expected {} after '{}'", what, after));
  }

  result<void> count_node() {
    if (++nodes_ > nodes_max)
      return error_at(
          source_, ahead_.at,
          fmt::format("more than {} operators, comparisons and listed values", nodes_max));
    return {};
  }

  result<void> enter() {
    if (++depth_ > nesting_max)
      return error_at(
          source_, ahead_.at,
          fmt::format("parentheses and 'not' are nested more than {} deep", nesting_max));
    return {};
  }

  /// expression and term: operands joined by one word, flattened.
  result<expression> parse_joined(operation joint) {
    const bool is_any = joint == operation::any;
    const auto operand = [this, is_any] {
      return is_any ? parse_joined(operation::all) : parse_factor();
    };
    const std::string_view word = is_any ? "or" : "and";
    auto first = operand();
    if (!first || !is_word(ahead_, word))
      return first;
    expression joined;
    joined.what = joint;
    if (const auto counted = count_node(); !counted)
      return counted.error();
    take_in(joined, std::move(*first));
    while (is_word(ahead_, word)) {
      if (const auto done = advance(); !done)
        return done.error();
      auto another = operand();
      if (!another)
        return another;
      take_in(joined, std::move(*another));
    }
    return joined;
  }

  static void take_in(expression& joined, expression&& operand) {
    if (operand.what != joined.what) {
      joined.children.push_back(std::move(operand));
      return;
    }
    joined.children.insert(joined.children.end(), std::make_move_iterator(operand.children.begin()),
                           std::make_move_iterator(operand.children.end()));
  }

  result<expression> parse_factor() {
    if (is_word(ahead_, "not"))
      return parse_negation();
    if (is_symbol(ahead_, "("))
      return parse_parentheses();
    return parse_comparison();
  }

  result<expression> parse_negation() {
    if (const auto entered = enter(); !entered)
      return entered.error();
    if (const auto counted = count_node(); !counted)
      return counted.error();
    if (const auto done = advance(); !done)
      return done.error();
    auto operand = parse_factor();
    if (!operand)
      return operand;
    --depth_;
    if (operand->what == operation::negate) {
      auto inner = std::move(operand->children.front());
      return inner;
    }
    expression negated;
    negated.what = operation::negate;
    negated.children.push_back(std::move(*operand));
    return negated;
  }

  result<expression> parse_parentheses() {
    const auto opened_at = ahead_.at;
    if (const auto entered = enter(); !entered)
      return entered.error();
    if (const auto done = advance(); !done)
      return done.error();
    auto inner = parse_joined(operation::any);
    if (!inner)
      return inner;
    if (ahead_.kind == token_kind::end)
      return error_at(source_, opened_at, "the parenthesis that opens here is not closed");
    if (!is_symbol(ahead_, ")"))
      return expected("'and', 'or' or ')'");
    if (const auto done = advance(); !done)
      return done.error();
    --depth_;
    return inner;
  }

  [[nodiscard]] bool at_value() const noexcept {
    return ahead_.kind == token_kind::text || ahead_.kind == token_kind::number
           || is_word(ahead_, "true") || is_word(ahead_, "false");
  }

  [[nodiscard]] bool at_field() const noexcept {
    return ahead_.kind == token_kind::name && !is_reserved(ahead_.written);
  }

  result<expression> parse_comparison() {
    if (const auto counted = count_node(); !counted)
      return counted.error();
    if (at_value())
      return parse_contains();
    if (!at_field())
      return expected("a field, a value, 'not' or '('");
    expression found;
    found.subject = {kind_of(ahead_.written), std::string{ahead_.written}};
    if (const auto done = advance(); !done)
      return done.error();
    if (is_word(ahead_, "in"))
      return parse_one_of(std::move(found));
    if (at_value() || at_field())
      return expected(
          fmt::format("a comparison, 'in', 'and' or 'or' after {}", shown(found.subject.name)));
    for (const auto& [written, what] : comparisons) {
      if (!is_symbol(ahead_, written))
        continue;
      found.what = what;
      if (const auto done = advance(); !done)
        return done.error();
      if (const auto read = read_value(found, written); !read)
        return read.error();
      return found;
    }
    return found;
  }

  result<expression> parse_contains() {
    expression found;
    found.what = operation::contains;
    if (const auto read = read_value(found, ""); !read)
      return read.error();
    if (!is_word(ahead_, "in"))
      return error_at(source_, ahead_.at, "expected 'in' and a field after a value");
    if (const auto done = advance(); !done)
      return done.error();
    if (!at_field())
      return expected_after("a field", "in");
    found.subject = {kind_of(ahead_.written), std::string{ahead_.written}};
    if (const auto done = advance(); !done)
      return done.error();
    return found;
  }

  result<expression> parse_one_of(expression found) {
    found.what = operation::one_of;
    if (const auto done = advance(); !done)
      return done.error();
    if (!is_symbol(ahead_, "["))
      return expected_after("'['", "in");
    std::string_view after = "[";
    do {
      if (const auto done = advance(); !done)
        return done.error();
      if (const auto counted = count_node(); !counted)
        return counted.error();
      if (const auto read = read_value(found, after); !read)
        return read.error();
      after = ",";
    } while (is_symbol(ahead_, ","));
    if (!is_symbol(ahead_, "]"))
      return expected("',' or ']'");
    if (const auto done = advance(); !done)
      return done.error();
    return found;
  }

  /// Adds the literal ahead to `to.values`; dates for created_at become seconds.
  result<void> read_value(expression& to, std::string_view after) {
    if (!at_value())
      return expected_after("a value", after);
    if (ahead_.kind == token_kind::number) {
      to.values.emplace_back(ahead_.number);
    } else if (ahead_.kind == token_kind::name) {
      to.values.emplace_back(ahead_.written == "true");
    } else if (to.subject.kind == field_kind::created_at) {
      const auto seconds = seconds_of_date(ahead_.text);
      if (!seconds)
        return error_at(source_, ahead_.at,
                        "created_at wants seconds since 1970 or a date like \"2024-05-01\" or "
                        "\"2024-05-01T12:30:00Z\"");
      to.values.emplace_back(*seconds);
    } else {
      to.values.emplace_back(std::move(ahead_.text));
    }
    return advance();
  }

  std::string_view source_;
  lexer lexer_;
  token ahead_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

/// The offset of the first byte that begins no well-formed character; size() if all do.
std::size_t first_ill_formed(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 1;
    while (at + length < text.size()
           && (static_cast<unsigned char>(text[at + length]) & 0xC0U) == 0x80U)
      ++length;
    if (!is_utf8(text.substr(at, length)))
      return at;
    at += length;
  }
  return at;
}

} // namespace

result<expression> parse(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return failure{errc::invalid_argument,
                   fmt::format("filter: {} bytes, at most {} are allowed", text.size(), bytes_max)};
  if (const auto wrong = first_ill_formed(text); wrong != text.size())
    return error_at(text, wrong, "not valid UTF-8");
  return parser{text}.parse_all();
}

} // namespace troupe::model::filter_tree
