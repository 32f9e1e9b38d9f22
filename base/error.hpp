#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace troupe {

/// Stable, wire-visible codes: append only, never renumber. A new value needs a different
/// reaction of the caller, not a different text.
enum class errc : std::uint8_t {
  none = 0,
  invalid_argument, ///< what was sent is wrong; sending it again will not help
  not_found,
  overloaded, ///< a bound was reached; try again after `retry_after`
  timeout,
  unavailable,  ///< shutting down, or a part is missing; try again
  corrupt_data, ///< bytes on disk or wire do not decode
  internal,
  too_large,          ///< over a size limit
  already_exists,     ///< another process or object holds the place
  unsupported_format, ///< written by a newer version
  out_of_space,       ///< the disk is full; nothing was written
};

/// The stable snake_case name of a code, as in problem details and metrics labels.
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// Why something failed: the code decides the reaction, the context is for people and says
/// what was wrong, where, and what would be right.
struct [[nodiscard]] failure {
  errc code = errc::internal;
  std::string context;
};

/// "code: context"; result<T> and test reports print failures with it.
template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out,
                                             const failure& what) {
  return out << to_string(what.code) << ": " << what.context;
}

template <class T>
using result = boost::system::result<T, failure>;

/// Called by `result<T>::value()` on a failure nobody looked at: a bug, so it throws
/// `std::logic_error`.
[[noreturn]] void throw_exception_from_error(const failure& what,
                                             const boost::source_location& loc);

} // namespace troupe
