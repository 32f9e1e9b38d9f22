#include "config/load.hpp"

#include "config/assign.hpp"
#include "config/table.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <optional>

namespace troupe::config {
namespace {

failure refuse(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

/// Levenshtein's distance, for names of a few dozen characters.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j)
    row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row.back();
}

/// "; did you mean gateway.port?", or nothing where no name is near.
std::string hint(std::string_view unknown, const std::vector<std::string>& names) {
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(2, unknown.size() / 3) + 1;
  for (const auto& name : names)
    if (const auto d = distance(unknown, name); d < least) {
      least = d;
      best = &name;
    }
  return best != nullptr ? fmt::format("; did you mean {}?", *best) : std::string{};
}

std::vector<std::string> field_names(const std::vector<section>& table) {
  std::vector<std::string> out;
  for (const auto& part : table)
    for (const auto& each : part.fields)
      out.push_back(each.path);
  return out;
}

const field* find_field(const std::vector<section>& table, std::string_view path) {
  for (const auto& part : table)
    for (const auto& each : part.fields)
      if (each.path == path)
        return &each;
  return nullptr;
}

std::string variable_of(std::string_view path) {
  std::string out = "TROUPE_";
  for (const char c : path)
    out += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

result<void> apply_section(const std::vector<section>& table, std::string_view name,
                           const toml::table& content, std::string_view source) {
  for (const auto& [key, value] : content) {
    const auto path = fmt::format("{}.{}", name, key.str());
    const auto where = fmt::format("{}:{}: ", source, key.source().begin.line);
    const auto* to = find_field(table, path);
    if (to == nullptr)
      return refuse(fmt::format("{}unknown key {}{}", where, path, hint(path, field_names(table))));
    if (const auto set = assign(*to, value, source); !set)
      return set.error();
  }
  return {};
}

/// A value on a command line or in a variable: TOML where it is TOML, else a text.
result<void> apply_text(const field& to, std::string_view text, const std::string& source) {
  if (!std::holds_alternative<std::string*>(to.where)) {
    try {
      const auto parsed = toml::parse(fmt::format("value = {}", text));
      const auto* value = parsed.get("value");
      if (value != nullptr && parsed.size() == 1)
        return assign(to, *value, source);
    } catch (const toml::parse_error&) {
      return assign(to, toml::value<std::string>{std::string{text}}, source); // 5s, 64MiB
    }
  }
  return assign(to, toml::value<std::string>{std::string{text}}, source);
}

result<std::string> read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in)
    return failure{errc::not_found, fmt::format("{}: cannot be read", path)};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (in.bad())
    return failure{errc::not_found, fmt::format("{}: cannot be read", path)};
  return text;
}

} // namespace

result<void> apply_toml(settings& to, std::string_view toml, std::string_view name) {
  const auto table = table_of(to);
  std::vector<std::string> sections;
  sections.reserve(table.size());
  for (const auto& part : table)
    sections.emplace_back(part.name);
  try {
    const auto parsed = toml::parse(toml);
    for (const auto& [key, value] : parsed) {
      const auto where = fmt::format("{}:{}: ", name, key.source().begin.line);
      if (std::find(sections.begin(), sections.end(), key.str()) == sections.end())
        return refuse(
            fmt::format("{}unknown section [{}]{}", where, key.str(), hint(key.str(), sections)));
      if (!value.is_table())
        return refuse(
            fmt::format("{}{} is not a section: write [{}]", where, key.str(), key.str()));
      if (const auto set = apply_section(table, key.str(), *value.as_table(), name); !set)
        return set.error();
    }
  } catch (const toml::parse_error& why) {
    return refuse(
        fmt::format("{}:{}: {}", name, why.source().begin.line, std::string{why.description()}));
  }
  return {};
}

result<void> apply_override(settings& to, std::string_view assignment) {
  const auto table = table_of(to);
  const auto equals = assignment.find('=');
  const auto path = assignment.substr(0, equals);
  if (equals == std::string_view::npos)
    return refuse(fmt::format("--set {}: write it as section.field=value", assignment));
  const auto* target = find_field(table, path);
  if (target == nullptr)
    return refuse(fmt::format("--set: unknown key {}{}", path, hint(path, field_names(table))));
  return apply_text(*target, assignment.substr(equals + 1), "--set");
}

result<void> apply_environment(settings& to, const std::map<std::string, std::string>& variables) {
  const auto table = table_of(to);
  std::map<std::string, const field*> known;
  std::vector<std::string> names;
  for (const auto& part : table)
    for (const auto& each : part.fields) {
      known.emplace(variable_of(each.path), &each);
      names.push_back(variable_of(each.path));
    }
  for (const auto& [name, value] : variables) {
    if (const auto found = known.find(name); found != known.end()) {
      if (const auto set = apply_text(*found->second, value, name); !set)
        return set.error();
      continue;
    }
    for (const auto& part : table)
      if (name.starts_with(variable_of(part.name) + "_"))
        return refuse(fmt::format("environment: unknown variable {}{}", name, hint(name, names)));
  }
  return {};
}

result<void> check_settings(const settings& what) {
  if (what.slates.k_default > what.slates.k_max)
    return refuse(fmt::format("slates.k_default = {} is not allowed: give at most slates.k_max, {}",
                              what.slates.k_default, what.slates.k_max));
  if (what.slates.deadline >= what.slates.request_timeout)
    return refuse(fmt::format(
        "slates.deadline = {} ms is not allowed: give less than slates.request_timeout, {} ms",
        what.slates.deadline.count(), what.slates.request_timeout.count()));
  const auto& half_lives = what.signals.popularity_half_lives_hours;
  if (!std::is_sorted(half_lives.begin(), half_lives.end()))
    return refuse("signals.popularity_half_lives_hours is not allowed: give the shortest first");
  return {};
}

result<settings> load(const sources& from) {
  settings out;
  if (!from.file.empty()) {
    const auto text = read_file(from.file);
    if (!text)
      return text.error();
    if (const auto set = apply_toml(out, *text, from.file); !set)
      return set.error();
  }
  if (const auto set = apply_environment(out, from.environment); !set)
    return set.error();
  for (const auto& each : from.overrides)
    if (const auto set = apply_override(out, each); !set)
      return set.error();
  if (const auto checked = check_settings(out); !checked)
    return checked.error();
  return out;
}

} // namespace troupe::config
