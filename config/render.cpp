#include "config/render.hpp"

#include "config/table.hpp"

#include <fmt/format.h>

#include <cctype>
#include <string_view>

namespace troupe::config {
namespace {

constexpr std::size_t line_max = 98;

/// `text` in lines of at most `line_max`, each starting with "# ".
std::string comment(std::string_view text) {
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    if (line.size() + 1 + word.size() > line_max) {
      out += line + "\n";
      line = "#";
    }
    line += " ";
    line += word;
  }
  return out + line + "\n";
}

std::string_view effect_text(takes_effect when) {
  return when == takes_effect::at_start ? "at start" : "when the store is made";
}

std::string in_cell(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '|' ? std::string{"\\|"} : std::string{c};
  return out;
}

std::string default_cell(const field& of) {
  // The rules are too long for a cell; the commented file shows them.
  if (std::holds_alternative<std::vector<event_rule>*>(of.where))
    return "see config/troupe.toml";
  return "`" + in_cell(value_text(of)) + "`";
}

} // namespace

std::string commented_toml(const settings& what) {
  settings copy = what;
  std::string out =
      comment("Settings of troupe, each with its default. A field that is left out keeps it. "
              "Sizes are written \"64MiB\", durations \"5s\" or \"200ms\". "
              "A variable of the environment, TROUPE_GATEWAY_PORT=8080, wins over the file, "
              "and --set gateway.port=8080 over both.");
  for (const auto& part : table_of(copy)) {
    out += fmt::format("\n{}[{}]\n", comment(part.sentence), part.name);
    for (const auto& each : part.fields) {
      auto text = fmt::format("{} Allowed: {}.", each.sentence, allowed_text(each));
      if (each.when == takes_effect::at_creation)
        text += " Fixed when the store is made.";
      const auto key = std::string_view{each.path}.substr(part.name.size() + 1);
      out += fmt::format("\n{}{} = {}\n", comment(text), key, value_text(each));
    }
  }
  return out;
}

std::string markdown_tables() {
  settings defaults;
  std::string out;
  for (const auto& part : table_of(defaults)) {
    out += fmt::format("### `[{}]`\n\n{}\n\n", part.name, part.sentence);
    out += "| setting | default | allowed | what it does | changes |\n|---|---|---|---|---|\n";
    for (const auto& each : part.fields)
      out += fmt::format("| `{}` | {} | {} | {} | {} |\n", each.path, default_cell(each),
                         in_cell(allowed_text(each)), in_cell(std::string{each.sentence}),
                         effect_text(each.when));
    out += "\n";
  }
  return out;
}

} // namespace troupe::config
