#pragma once

#include <string>

/// What clients of the live protocol say where a test cares only that they say something.
namespace troupe::test {

/// The first message of the user u1, for the default surface.
inline const std::string hello = R"({"hello":{"user_id":"u1"}})";

/// A click, whose event_id is "e" and the number.
[[nodiscard]] inline std::string event_text(int number) {
  return R"({"event":{"event_id":"e)" + std::to_string(number)
         + R"(","item_id":"318","type":"click"}})";
}

} // namespace troupe::test
