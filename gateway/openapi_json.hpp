#pragma once

#include <string_view>

namespace troupe::gateway {

/// gateway/openapi.yaml as JSON, made at build time by tools/openapi_json.py.
[[nodiscard]] std::string_view openapi_json() noexcept;

} // namespace troupe::gateway
