#include "apps/troupe/settings_options.hpp"

#include "config/load.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <map>
#include <string_view>

namespace troupe::apps {
namespace {

std::map<std::string, std::string> troupe_variables() {
  std::map<std::string, std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view line = *each;
    if (const auto equals = line.find('=');
        line.starts_with("TROUPE_") && equals != std::string_view::npos)
      out.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

} // namespace

void add_settings_options(CLI::App& command, settings_options& to) {
  command.add_option("--config", to.file, "settings as TOML; see troupe config")
      ->envname("TROUPE_CONFIG")
      ->type_name("FILE");
  command.add_option("--set", to.overrides, "change one setting: --set gateway.port=0")
      ->type_name("KEY=VALUE")
      ->take_all();
  command.add_option("--data-dir,--data", to.data, "short for --set storage.directory=DIR")
      ->type_name("DIR");
}

result<config::settings> load_settings(const settings_options& from) {
  config::sources where{
      .file = from.file, .environment = troupe_variables(), .overrides = from.overrides};
  if (!from.data.empty())
    where.overrides.push_back("storage.directory=" + from.data);
  return config::load(where);
}

} // namespace troupe::apps
