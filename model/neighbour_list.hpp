#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace troupe::model {

/// One item's neighbours with their counts. They stand one after the other, so that a query
/// walks over them without a branch; a list of more than eight has an open-addressed table of
/// their places beside it, so that counting costs the same in a long list as in a short one.
/// When the bound is reached the weaker quarter leaves at once: a constant cost per count on
/// average, instead of a search for the weakest at each. Ties leave by target, the higher one
/// first, so what stays does not depend on how the table is laid out.
class neighbour_list {
public:
  struct entry {
    std::uint32_t target = 0;
    float count = 0;
  };

  static constexpr std::uint32_t bound_max = 65'535; ///< places are numbers of two bytes

  /// Adds to the count of `target`; at most `bound` targets stay. REQUIRES: bound <= bound_max.
  void add(std::uint32_t target, float weight, std::uint32_t bound);

  /// 0: not a neighbour.
  [[nodiscard]] float count_of(std::uint32_t target) const noexcept;

  /// Asks the memory for where `add` will look first.
  void prefetch(std::uint32_t target) const noexcept;

  void scale(float factor) noexcept;

  /// Makes room for so many targets at once. REQUIRES: targets <= bound_max.
  void reserve(std::uint32_t targets);

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  /// Each neighbour once, in no particular order. Ends with the next call that is not const.
  [[nodiscard]] std::span<const entry> entries() const noexcept { return {entries_.get(), size_}; }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  using place = std::uint16_t;

  [[nodiscard]] entry* find(std::uint32_t target) const noexcept;
  [[nodiscard]] std::uint32_t places() const noexcept;
  void grow(std::uint32_t room);
  void index(std::uint32_t at) noexcept;
  void index_all() noexcept;
  void keep_strongest(std::uint32_t keep);

  std::unique_ptr<entry[]> entries_;
  std::unique_ptr<place[]> places_; // of `places()` entries, by target; none in a short list
  std::uint32_t size_ = 0;
  std::uint32_t room_ = 0; // entries there is memory for
};

} // namespace troupe::model
