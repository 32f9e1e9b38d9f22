#pragma once

#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace troupe::apps {

/// For Option::transform: takes the name of one of an enumeration's values and nothing else; the
/// error lists the names.
template <class Value>
[[nodiscard]] CLI::Validator one_of(const std::map<std::string, Value>& values) {
  const auto take = [values](std::string& input) {
    if (const auto found = values.find(input); found != values.end()) {
      input = std::to_string(static_cast<std::underlying_type_t<Value>>(found->second));
      return std::string{};
    }
    std::vector<std::string> names;
    names.reserve(values.size());
    for (const auto& [name, value] : values)
      names.push_back(name);
    return fmt::format("'{}' is none of {}", input, fmt::join(names, ", "));
  };
  return CLI::Validator{take, ""};
}

} // namespace troupe::apps
