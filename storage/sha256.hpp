#pragma once

#include <string>
#include <string_view>

namespace troupe::storage {

/// The SHA-256 of `bytes` (FIPS 180-4) as 64 lowercase hexadecimal digits, as sha256sum prints it.
/// Pure; any thread.
[[nodiscard]] std::string sha256_of(std::string_view bytes);

} // namespace troupe::storage
