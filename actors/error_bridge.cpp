#include "actors/interfaces.hpp"

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

namespace troupe::actors {

caf::error to_error(const failure& why) {
  return caf::make_error(why.code, why.context);
}

failure to_failure(const caf::error& why) {
  if (why.category() == caf::detail::error_factory<errc>::category) {
    const auto& context = why.context();
    std::string text;
    if (context.match_elements<std::string>())
      text = context.get_as<std::string>(0);
    return {static_cast<errc>(why.code()), std::move(text)};
  }
  if (why == caf::sec::request_timeout)
    return {errc::timeout, "no answer within the deadline"};
  if (why == caf::sec::request_receiver_down
      || why.category() == caf::make_error(caf::exit_reason::kill).category())
    return {errc::unavailable, "the part that would answer is going down, try again"};
  return {errc::internal, "actor error " + caf::to_string(why)};
}

} // namespace troupe::actors
