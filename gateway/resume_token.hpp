#pragma once

#include "base/ids.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::gateway {

/// What a client that comes back has seen last. The token grants nothing: it only saves a slate
/// that the client has already, so it is not signed.
struct resume_point {
  user_id user;
  std::string surface;
  slate_id slate; ///< empty: none seen yet
};

/// Opaque text, at most 2,048 bytes.
[[nodiscard]] std::string make_resume_token(const user_id& user, std::string_view surface,
                                            const slate_id& slate);

/// Nothing if `token` is not one of ours.
[[nodiscard]] std::optional<resume_point> read_resume_token(std::string_view token);

} // namespace troupe::gateway
