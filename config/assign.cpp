#include "config/assign.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

namespace troupe::config {
namespace {

/// A value as the operator wrote it, short enough for one line.
std::string shown(const toml::node& value, bool secret) {
  if (secret)
    return "***";
  if (value.is_table())
    return "a table";
  if (value.is_array())
    return "a list";
  std::ostringstream out;
  value.visit([&out](const auto& node) { out << node; });
  auto text = out.str();
  if (value.is_string())
    text = "\"" + value.value_or(std::string{}) + "\"";
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (text.size() > 80)
    text = text.substr(0, 77) + "...";
  return text;
}

std::string place(const toml::node& value, std::string_view source) {
  // What comes from a command line or a variable was parsed alone: its line says nothing.
  if (source == "--set" || source.starts_with("TROUPE_"))
    return fmt::format("{}: ", source);
  return fmt::format("{}:{}: ", source, value.source().begin.line);
}

std::optional<double> number_of(const toml::node& value) {
  std::optional<double> out;
  if (const auto* real = value.as_floating_point())
    out = real->get();
  else if (const auto* whole = value.as_integer())
    out = static_cast<double>(whole->get());
  if (out && !std::isfinite(*out))
    return std::nullopt;
  return out;
}

bool within(const field_limits& limits, double value) {
  return value >= limits.least && value <= limits.most;
}

/// Writes the value into the slot and says whether it was allowed.
struct slot_writer {
  const field& to;
  const toml::node& value;

  bool operator()(std::string* slot) const {
    const auto* text = value.as_string();
    if (text == nullptr)
      return false;
    const auto& got = text->get();
    const auto& choices = to.limits.choices;
    const bool plain = std::none_of(got.begin(), got.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    const bool fits = choices.empty()
                          ? plain && within(to.limits, static_cast<double>(got.size()))
                          : std::find(choices.begin(), choices.end(), got) != choices.end();
    if (fits)
      *slot = got;
    return fits;
  }

  bool operator()(bool* slot) const {
    const auto* flag = value.as_boolean();
    if (flag != nullptr)
      *slot = flag->get();
    return flag != nullptr;
  }

  bool operator()(double* slot) const {
    const auto number = number_of(value);
    if (!number || !within(to.limits, *number))
      return false;
    *slot = *number;
    return true;
  }

  template <class Whole>
  bool write_whole(Whole* slot) const {
    std::optional<std::int64_t> number;
    if (const auto* whole = value.as_integer())
      number = whole->get();
    else if (const auto* text = value.as_string(); text != nullptr && to.limits.bytes)
      if (const auto bytes = parse_bytes(text->get()))
        number = static_cast<std::int64_t>(*bytes);
    if (!number || !within(to.limits, static_cast<double>(*number)))
      return false;
    *slot = static_cast<Whole>(*number);
    return true;
  }

  bool operator()(std::uint16_t* slot) const { return write_whole(slot); }

  bool operator()(std::uint32_t* slot) const { return write_whole(slot); }

  bool operator()(std::size_t* slot) const { return write_whole(slot); }

  template <class Duration>
  bool write_duration(Duration* slot) const {
    const auto* text = value.as_string();
    const auto parsed = text != nullptr ? parse_duration(text->get()) : std::nullopt;
    if (!parsed || !within(to.limits, static_cast<double>(parsed->count())))
      return false;
    const auto rounded = std::chrono::duration_cast<Duration>(*parsed);
    if (rounded != *parsed)
      return false; // 1500ms where seconds are kept
    *slot = rounded;
    return true;
  }

  bool operator()(std::chrono::seconds* slot) const { return write_duration(slot); }

  bool operator()(std::chrono::milliseconds* slot) const { return write_duration(slot); }

  bool operator()(std::vector<double>* slot) const {
    const auto* list = value.as_array();
    if (list == nullptr || list->empty() || list->size() > 8)
      return false;
    std::vector<double> out;
    for (const auto& each : *list) {
      const auto number = number_of(each);
      if (!number || !within(to.limits, *number))
        return false;
      out.push_back(*number);
    }
    *slot = std::move(out);
    return true;
  }

  bool operator()(std::vector<event_rule>*) const { return false; } // read_rules does these
};

result<event_rule> read_rule(const toml::table& from, std::string_view source) {
  event_rule rule;
  bool named = false;
  for (const auto& [key, value] : from) {
    const auto name = key.str();
    const auto number = number_of(value);
    const auto fail = [&, &node = value](std::string_view allowed) {
      return failure{errc::invalid_argument,
                     fmt::format("{}signals.events: {} = {} is not allowed: give {}",
                                 place(node, source), name, shown(node, false), allowed)};
    };
    if (name == "match") {
      rule.match = value.value_or(std::string{});
      named = true;
      if (!is_event_match(rule.match))
        return fail("an event type, or one with a bound on its value: \"rating>=4\"");
    } else if (name == "affinity") {
      if (!number || std::abs(*number) > 100)
        return fail("-100 to 100");
      rule.affinity = *number;
    } else if (name == "sequence") {
      if (!number || *number < 0 || *number > 100)
        return fail("0 to 100");
      rule.sequence = *number;
    } else if (name == "history" || name == "seen") {
      if (!value.is_boolean())
        return fail("true or false");
      (name == "seen" ? rule.seen : rule.history) = value.value_or(true);
    } else {
      return fail("match, affinity, sequence, history and seen only");
    }
  }
  if (!named)
    return failure{errc::invalid_argument,
                   fmt::format("{}signals.events: a rule has no match", place(from, source))};
  return rule;
}

/// Nothing where the value is no list of tables, or too long a one.
std::optional<result<std::vector<event_rule>>> read_rules(const field& to, const toml::node& value,
                                                          std::string_view source) {
  const auto* list = value.as_array();
  if (list == nullptr || !within(to.limits, static_cast<double>(list->size())))
    return std::nullopt;
  std::vector<event_rule> out;
  for (const auto& each : *list) {
    if (!each.is_table())
      return std::nullopt;
    auto rule = read_rule(*each.as_table(), source);
    if (!rule)
      return rule.error();
    out.push_back(std::move(*rule));
  }
  return result<std::vector<event_rule>>{std::move(out)};
}

} // namespace

result<void> assign(const field& to, const toml::node& value, std::string_view source) {
  if (auto* const* slot = std::get_if<std::vector<event_rule>*>(&to.where)) {
    if (auto rules = read_rules(to, value, source)) {
      if (!*rules)
        return rules->error();
      **slot = std::move(**rules);
      return {};
    }
  } else if (std::visit(slot_writer{to, value}, to.where)) {
    return {};
  }
  return failure{errc::invalid_argument,
                 fmt::format("{}{} = {} is not allowed: give {}", place(value, source), to.path,
                             shown(value, to.secret), allowed_text(to))};
}

} // namespace troupe::config
