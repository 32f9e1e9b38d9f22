#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace troupe::apps {

/// Where a server is.
struct address {
  std::string host;
  std::string port;
  std::string path; ///< of the URL, may be empty

  /// As the Host field has it.
  [[nodiscard]] std::string authority() const { return host + ":" + port; }
};

/// Reads ws://host:port/path or http://host:port; the port may be left out (80).
/// Errors: invalid_argument, for TLS (put a proxy before the server) too.
[[nodiscard]] result<address> parse_address(std::string_view url);

} // namespace troupe::apps
