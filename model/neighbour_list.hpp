#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::model {

/// One item's neighbours with their counts: a plain array up to eight of them, above it an
/// open-addressed table, so that counting costs the same in a long list as in a short one.
/// When the bound is reached the weaker quarter leaves at once: a constant cost per count on
/// average, instead of a search for the weakest at each. Ties leave by target, the higher one
/// first, so what stays does not depend on how the table is laid out.
class neighbour_list {
public:
  struct entry {
    std::uint32_t target = vacant;
    float count = 0;
  };

  static constexpr std::uint32_t vacant = 0xffffffffU; ///< no target

  /// Adds to the count of `target`; at most `bound` targets stay. REQUIRES: target != vacant.
  void add(std::uint32_t target, float weight, std::uint32_t bound);

  /// 0: not a neighbour.
  [[nodiscard]] float count_of(std::uint32_t target) const noexcept;

  void scale(float factor) noexcept;

  /// Makes room for so many targets at once.
  void reserve(std::uint32_t targets);

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

  /// Calls `visit(target, count)` for each, in no particular order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t i = 0; i < capacity_; ++i)
      if (slots_[i].target != vacant)
        visit(slots_[i].target, slots_[i].count);
  }

private:
  [[nodiscard]] entry* find(std::uint32_t target) const noexcept;
  void rebuild(std::uint32_t capacity);
  void insert(const entry& what) noexcept;
  void keep_strongest(std::uint32_t keep);

  std::unique_ptr<entry[]> slots_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0; // 0, 2, 4, 8: array; from 16 on a table of a power of two
};

} // namespace troupe::model
