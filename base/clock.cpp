#include "base/clock.hpp"

namespace troupe {

namespace {

class machine_clock final : public clock {
public:
  timestamp now() const noexcept override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }

  std::chrono::steady_clock::time_point steady() const noexcept override {
    return std::chrono::steady_clock::now();
  }
};

} // namespace

const clock& system_clock() noexcept {
  static const machine_clock instance;
  return instance;
}

} // namespace troupe
