#include "base/error.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::none:
    return "none";
  case errc::invalid_argument:
    return "invalid_argument";
  case errc::not_found:
    return "not_found";
  case errc::overloaded:
    return "overloaded";
  case errc::timeout:
    return "timeout";
  case errc::unavailable:
    return "unavailable";
  case errc::corrupt_data:
    return "corrupt_data";
  case errc::internal:
    return "internal";
  case errc::too_large:
    return "too_large";
  case errc::already_exists:
    return "already_exists";
  case errc::unsupported_format:
    return "unsupported_format";
  case errc::out_of_space:
    return "out_of_space";
  }
  return "unknown";
}

void throw_exception_from_error(const failure& what, const boost::source_location& loc) {
  throw std::logic_error(fmt::format("unchecked failure at {}:{}: {}: {}", loc.file_name(),
                                     loc.line(), to_string(what.code), what.context));
}

} // namespace troupe
