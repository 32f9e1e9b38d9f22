#include "base/slate.hpp"

namespace troupe {

std::string_view to_string(signal which) noexcept {
  switch (which) {
  case signal::co_occurrence:
    return "co_occurrence";
  case signal::popularity:
    return "popularity";
  case signal::content:
    return "content";
  case signal::novelty:
    return "novelty";
  case signal::sequence:
    return "sequence";
  }
  return "unknown";
}

} // namespace troupe
