#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe::model {

/// Hands out locals in falling order of their sums, a stretch at a time, without ordering them
/// all: sums are put into bins by their leading bits (floats above zero are in order by their
/// bits), and a stretch is what lies in the next few bins. Both passes have no branches that
/// depend on the sums. A stretch's own order is open; ties stand in for each other by local.
class strongest_first {
public:
  /// A sum and its local in one number; the larger one goes first.
  using entry = std::uint64_t;

  [[nodiscard]] static std::uint32_t local_of(entry one) noexcept {
    return ~static_cast<std::uint32_t>(one);
  }

  /// Forgets all, and makes room for so many calls of `add`.
  void start(std::size_t most);

  /// Takes part if `wanted` and if the sum is above zero.
  void add(std::uint32_t local, float sum, bool wanted) noexcept;

  /// The next stretch, of at least `most` entries unless there are fewer; empty: that was all.
  /// Ends with the next call.
  [[nodiscard]] std::span<entry> next(std::size_t most);

private:
  static constexpr unsigned bin_shift = 20; // of a float's bits: three of its mantissa stay
  static constexpr std::size_t bin_count = std::size_t{1} << (31 - bin_shift);

  std::vector<entry> all_;
  std::vector<entry> stretch_;
  std::vector<std::uint32_t> bins_; // how many entries lie in each
  std::size_t size_ = 0;
  std::size_t bin_ = 0; // the ones from here on were handed out
};

} // namespace troupe::model
