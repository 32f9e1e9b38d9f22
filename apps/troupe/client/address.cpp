#include "apps/troupe/client/address.hpp"

#include <boost/url/parse.hpp>
#include <fmt/format.h>

namespace troupe::apps {

result<address> parse_address(std::string_view url) {
  const auto wrong = [url](std::string_view why) {
    return failure{errc::invalid_argument, fmt::format("{}: {}", url, why)};
  };
  const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
  if (!parsed)
    return wrong("is no URL; give ws://host:port");
  if (parsed->scheme() != "ws" && parsed->scheme() != "http")
    return wrong("only ws:// and http:// are spoken");
  address out;
  out.host = parsed->host_address();
  out.port = parsed->has_port() ? std::string{parsed->port()} : "80";
  out.path = parsed->encoded_path();
  if (out.host.empty())
    return wrong("names no host");
  return out;
}

} // namespace troupe::apps
