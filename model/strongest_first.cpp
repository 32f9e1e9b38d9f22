#include "model/strongest_first.hpp"

#include <algorithm>
#include <bit>

namespace troupe::model {

void strongest_first::start(std::size_t most) {
  bins_.assign(bin_count, 0);
  bin_ = bin_count;
  size_ = 0;
  if (all_.size() < most) {
    all_.resize(most + most / 8);
    stretch_.resize(all_.size());
  }
}

void strongest_first::add(std::uint32_t local, float sum, bool wanted) noexcept {
  const auto taken = wanted && sum > 0 ? 1U : 0U;
  const auto bits = std::bit_cast<std::uint32_t>(sum);
  all_[size_] = std::uint64_t{bits} << 32U | ~local;
  size_ += taken;
  bins_[(bits >> bin_shift) % bin_count] += taken;
}

std::span<strongest_first::entry> strongest_first::next(std::size_t most) {
  const auto before = bin_;
  std::size_t inside = 0;
  while (bin_ > 0 && inside < most)
    inside += bins_[--bin_];
  if (inside == 0)
    return {};
  std::size_t count = 0;
  // One past the last entry is written when the last one does not belong: hence never here.
  for (std::size_t i = 0; count < inside; ++i) {
    const auto bin = static_cast<std::size_t>(all_[i] >> (32 + bin_shift));
    stretch_[count] = all_[i];
    count += bin - bin_ < before - bin_ ? 1 : 0;
  }
  return {stretch_.data(), count};
}

} // namespace troupe::model
