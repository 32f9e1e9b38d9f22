#pragma once

#include "base/error.hpp"
#include "config/settings.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Settings from a file, the environment and the command line. Every error is
/// `invalid_argument` with one line that names the place, the key, the value and what is
/// allowed: "troupe.toml:7: gateway.port = 70000 is not allowed: give 0 to 65535".
namespace troupe::config {

/// Where settings come from; what stands later wins.
struct sources {
  std::string file;                               ///< path of a TOML file; empty: none
  std::map<std::string, std::string> environment; ///< TROUPE_GATEWAY_PORT=8080; others ignored
  std::vector<std::string> overrides;             ///< "gateway.port=8080"
};

/// The defaults, changed by the sources, checked. A file that cannot be read is `not_found`.
/// May block on the file.
[[nodiscard]] result<settings> load(const sources& from);

/// Changes what `toml` names; `name` stands for it in errors. An unknown key is an error.
[[nodiscard]] result<void> apply_toml(settings& to, std::string_view toml, std::string_view name);

/// Changes one field: "gateway.port=8080". Texts need no quotes.
[[nodiscard]] result<void> apply_override(settings& to, std::string_view assignment);

/// What variables of the environment say. A variable is TROUPE_, section, _, field, in capitals;
/// one that names a section but no field of it is an error.
[[nodiscard]] result<void> apply_environment(settings& to,
                                             const std::map<std::string, std::string>& variables);

/// What no field can know alone: a default slate within the largest, for one.
[[nodiscard]] result<void> check_settings(const settings& what);

} // namespace troupe::config
