#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace troupe::model {

/// A queue of plain values that grows in small steps, for tables that exist once per live
/// user: at most an eighth, or four values, lies unused. Copies are as large as their content.
template <class T>
class bounded_ring {
  static_assert(std::is_trivially_copyable_v<T>);

public:
  bounded_ring() = default;
  ~bounded_ring() = default;
  bounded_ring(bounded_ring&&) noexcept = default;
  bounded_ring& operator=(bounded_ring&&) noexcept = default;

  bounded_ring(const bounded_ring& other) { relocate(other, other.size_); }

  bounded_ring& operator=(const bounded_ring& other) {
    if (this != &other)
      relocate(other, other.size_);
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] std::size_t heap_bytes() const noexcept { return capacity_ * sizeof(T); }

  /// 0 is the oldest. REQUIRES: index < size().
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept {
    const auto at = head_ + index;
    return slots_[at < capacity_ ? at : at - capacity_];
  }

  /// The n-th newest. REQUIRES: steps_back < size().
  [[nodiscard]] const T& newest(std::size_t steps_back) const noexcept {
    return (*this)[size_ - 1 - steps_back];
  }

  /// Values moved to make room, 0 in most calls; on average a constant per push.
  std::size_t push(const T& value) {
    const std::size_t moved = size_ == capacity_ ? size_ : 0;
    if (size_ == capacity_)
      relocate(*this, capacity_ + std::max<std::size_t>(4, capacity_ / 8));
    const auto at = head_ + size_;
    slots_[at < capacity_ ? at : at - capacity_] = value;
    ++size_;
    return moved;
  }

  /// Makes room for so many values in all, and not for more.
  void reserve(std::size_t count) {
    if (count > capacity_)
      relocate(*this, count);
  }

  /// Gives back what lies unused.
  void shrink_to_fit() {
    if (size_ < capacity_)
      relocate(*this, size_);
  }

  /// REQUIRES: size() > 0.
  void pop() noexcept {
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    --size_;
  }

private:
  void relocate(const bounded_ring& from, std::size_t capacity) {
    auto slots = capacity > 0 ? std::make_unique<T[]>(capacity) : nullptr;
    const auto count = from.size_;
    for (std::size_t i = 0; i < count; ++i)
      slots[i] = from[i];
    slots_ = std::move(slots);
    capacity_ = static_cast<std::uint32_t>(capacity);
    head_ = 0;
    size_ = count;
  }

  std::unique_ptr<T[]> slots_;
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
};

} // namespace troupe::model
