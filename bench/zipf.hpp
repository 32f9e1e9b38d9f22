#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

namespace troupe::bench {

/// Numbers 0 to count - 1, the n-th drawn in proportion to 1 / (n + 1).
class zipf {
public:
  explicit zipf(std::size_t count) : sums_(count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      sums_[i] = sum += 1.0 / static_cast<double>(i + 1);
  }

  std::size_t operator()(std::mt19937_64& random) const {
    const double at = std::uniform_real_distribution<double>{0, sums_.back()}(random);
    return static_cast<std::size_t>(std::lower_bound(sums_.begin(), sums_.end(), at)
                                    - sums_.begin());
  }

private:
  std::vector<double> sums_;
};

} // namespace troupe::bench
