#include "model/filter.hpp"

#include "model/filter_expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace troupe::model {

namespace {

using filter_tree::expression;
using filter_tree::field_kind;
using filter_tree::literal;
using filter_tree::operation;

/// What an item has in a field, without copying it; monostate where it lacks it.
using field_value =
    std::variant<std::monostate, bool, double, std::string_view, const std::vector<std::string>*>;

field_value text_or_nothing(const std::string& text) noexcept {
  if (text.empty())
    return std::monostate{};
  return std::string_view{text};
}

field_value list_or_nothing(const std::vector<std::string>& list) noexcept {
  if (list.empty())
    return std::monostate{};
  return &list;
}

field_value property_of(const item& what, const std::string& name) noexcept {
  const auto found = what.properties.find(name);
  if (found == what.properties.end())
    return std::monostate{};
  // get_if rather than visit: nothing here may throw.
  if (const auto* flag = std::get_if<bool>(&found->second))
    return *flag;
  if (const auto* number = std::get_if<double>(&found->second))
    return *number;
  if (const auto* text = std::get_if<std::string>(&found->second))
    return std::string_view{*text};
  if (const auto* list = std::get_if<std::vector<std::string>>(&found->second))
    return list;
  return std::monostate{};
}

field_value value_of(const item& what, const filter_tree::field& which) noexcept {
  switch (which.kind) {
  case field_kind::id:
    return text_or_nothing(what.id.value);
  case field_kind::title:
    return text_or_nothing(what.title);
  case field_kind::category:
    return what.categories.empty() ? field_value{} : text_or_nothing(what.categories.front());
  case field_kind::categories:
    return list_or_nothing(what.categories);
  case field_kind::tags:
    return list_or_nothing(what.tags);
  case field_kind::hidden:
    return what.hidden;
  case field_kind::created_at:
    return static_cast<double>(to_millis(what.created)) / 1000.0;
  case field_kind::property:
    return property_of(what, which.name);
  }
  return std::monostate{};
}

template <class Value>
bool ordered_as(const Value& left, operation how, const Value& right) noexcept {
  switch (how) {
  case operation::equal:
    return left == right;
  case operation::not_equal:
    return left != right;
  case operation::less:
    return left < right;
  case operation::less_equal:
    return left <= right;
  case operation::greater:
    return left > right;
  case operation::greater_equal:
    return left >= right;
  case operation::all:
  case operation::any:
  case operation::negate:
  case operation::present:
  case operation::contains:
  case operation::one_of:
    break;
  }
  return false;
}

/// False for different types, and for an order of truth values.
bool compares(const field_value& left, operation how, const literal& right) noexcept {
  if (const auto* number = std::get_if<double>(&left)) {
    const auto* other = std::get_if<double>(&right);
    return other != nullptr && ordered_as(*number, how, *other);
  }
  if (const auto* text = std::get_if<std::string_view>(&left)) {
    const auto* other = std::get_if<std::string>(&right);
    return other != nullptr && ordered_as(*text, how, std::string_view{*other});
  }
  if (const auto* flag = std::get_if<bool>(&left)) {
    const auto* other = std::get_if<bool>(&right);
    return other != nullptr && (how == operation::equal || how == operation::not_equal)
           && ordered_as(*flag, how, *other);
  }
  return false;
}

bool holds_text(const field_value& list, const literal& wanted) noexcept {
  const auto* labels = std::get_if<const std::vector<std::string>*>(&list);
  const auto* text = std::get_if<std::string>(&wanted);
  return labels != nullptr && text != nullptr
         && std::find((*labels)->begin(), (*labels)->end(), *text) != (*labels)->end();
}

bool is_there(const field_value& value) noexcept {
  if (const auto* flag = std::get_if<bool>(&value))
    return *flag;
  return !std::holds_alternative<std::monostate>(value);
}

/// Recursion is bounded by filter_tree::nesting_max.
bool holds(const expression& what, const item& on) noexcept {
  const auto holds_here = [&on](const expression& child) noexcept { return holds(child, on); };
  switch (what.what) {
  case operation::all:
    return std::all_of(what.children.begin(), what.children.end(), holds_here);
  case operation::any:
    return std::any_of(what.children.begin(), what.children.end(), holds_here);
  case operation::negate:
    return !holds(what.children.front(), on);
  case operation::present:
    return is_there(value_of(on, what.subject));
  case operation::contains:
    return holds_text(value_of(on, what.subject), what.values.front());
  case operation::one_of: {
    const auto value = value_of(on, what.subject);
    return std::any_of(what.values.begin(), what.values.end(), [&value](const literal& each) {
      return compares(value, operation::equal, each);
    });
  }
  case operation::equal:
  case operation::not_equal:
  case operation::less:
  case operation::less_equal:
  case operation::greater:
  case operation::greater_equal:
    return compares(value_of(on, what.subject), what.what, what.values.front());
  }
  return false;
}

// -- normal form -------------------------------------------------------------------------

void print_text(std::string& out, const std::string& text) {
  out.push_back('"');
  for (const char c : text) {
    static constexpr std::string_view escaped = "\"\\\b\f\n\r\t";
    static constexpr std::string_view names = "\"\\bfnrt";
    if (const auto known = escaped.find(c); known != escaped.npos) {
      out.push_back('\\');
      out.push_back(names[known]);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void print_literal(std::string& out, const literal& value) {
  if (const auto* flag = std::get_if<bool>(&value))
    out += *flag ? "true" : "false";
  else if (const auto* number = std::get_if<double>(&value))
    fmt::format_to(std::back_inserter(out), "{}", *number); // the shortest that reads back
  else
    print_text(out, std::get<std::string>(value));
}

std::string_view symbol_of(operation what) noexcept {
  switch (what) {
  case operation::all:
    return " and ";
  case operation::any:
    return " or ";
  case operation::negate:
    return "not ";
  case operation::equal:
    return " == ";
  case operation::not_equal:
    return " != ";
  case operation::less:
    return " < ";
  case operation::less_equal:
    return " <= ";
  case operation::greater:
    return " > ";
  case operation::greater_equal:
    return " >= ";
  case operation::contains:
  case operation::one_of:
    return " in ";
  case operation::present:
    break;
  }
  return "";
}

/// How tightly an operation binds: a child that binds less than its parent gets parentheses.
int binding_of(operation what) noexcept {
  switch (what) {
  case operation::any:
    return 0;
  case operation::all:
    return 1;
  case operation::negate:
  case operation::present:
  case operation::contains:
  case operation::one_of:
  case operation::equal:
  case operation::not_equal:
  case operation::less:
  case operation::less_equal:
  case operation::greater:
  case operation::greater_equal:
    break;
  }
  return 2;
}

void print(std::string& out, const expression& what);

void print_child(std::string& out, const expression& child, operation parent) {
  const bool wrapped = binding_of(child.what) < binding_of(parent);
  if (wrapped)
    out.push_back('(');
  print(out, child);
  if (wrapped)
    out.push_back(')');
}

void print_comparison(std::string& out, const expression& what) {
  if (what.what == operation::contains) {
    print_literal(out, what.values.front());
    out += symbol_of(what.what);
    out += what.subject.name;
    return;
  }
  out += what.subject.name;
  out += symbol_of(what.what);
  if (what.what == operation::one_of)
    out.push_back('[');
  for (std::size_t i = 0; i < what.values.size(); ++i) {
    if (i > 0)
      out += ", ";
    print_literal(out, what.values[i]);
  }
  if (what.what == operation::one_of)
    out.push_back(']');
}

void print(std::string& out, const expression& what) {
  if (what.children.empty()) {
    print_comparison(out, what);
    return;
  }
  if (what.what == operation::negate)
    out += symbol_of(what.what);
  for (std::size_t i = 0; i < what.children.size(); ++i) {
    if (i > 0)
      out += symbol_of(what.what);
    print_child(out, what.children[i], what.what);
  }
}

} // namespace

struct filter::node {
  expression root;
};

filter::filter(std::unique_ptr<const node> root) : root_(std::move(root)) {}

filter::~filter() = default;

result<std::shared_ptr<const filter>> filter::parse(std::string_view text, std::size_t bytes_max) {
  auto parsed = filter_tree::parse(text, bytes_max);
  if (!parsed)
    return parsed.error();
  auto root = std::make_unique<const node>(node{std::move(*parsed)});
  return std::shared_ptr<const filter>{new filter(std::move(root))};
}

bool filter::matches(const item& what) const noexcept {
  return holds(root_->root, what);
}

std::string filter::to_string() const {
  std::string out;
  print(out, root_->root);
  return out;
}

} // namespace troupe::model
