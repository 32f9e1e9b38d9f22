#include "apps/troupe/config_command.hpp"

#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/settings_options.hpp"
#include "config/load.hpp"
#include "config/render.hpp"

#include <fmt/format.h>

#include <memory>

namespace troupe::apps {
namespace {

int print_settings(const settings_options& options) {
  const auto settings = load_settings(options);
  if (!settings)
    return report(settings.error(), exit_usage);
  fmt::print("{}", config::commented_toml(*settings));
  return exit_ok;
}

int check_file(const std::string& path) {
  // The file alone: what the environment says is not its business.
  const auto settings = config::load({.file = path, .environment = {}, .overrides = {}});
  if (!settings)
    return report(settings.error(), exit_usage);
  fmt::print("{}: fine\n", path);
  return exit_ok;
}

} // namespace

void add_config_command(CLI::App& app) {
  auto* command = app.add_subcommand("config", "print or check settings");
  const auto options = std::make_shared<settings_options>();
  add_settings_options(*command, *options);
  command->require_subcommand(0, 1);

  auto* check = command->add_subcommand("check", "say whether a file of settings is fine");
  const auto path = std::make_shared<std::string>();
  check->add_option("file", *path, "settings as TOML")->required()->type_name("FILE");
  check->callback([path] { finish(check_file(*path)); });

  auto* docs = command->add_subcommand("docs", "print the settings as Markdown tables");
  docs->callback([] { fmt::print("{}", config::markdown_tables()); });

  command->callback([command, options] {
    if (command->get_subcommands().empty())
      finish(print_settings(*options));
  });
}

} // namespace troupe::apps
