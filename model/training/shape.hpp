#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::model::training {

/// A size as LibTorch counts it.
inline std::int64_t size_of(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

} // namespace troupe::model::training
