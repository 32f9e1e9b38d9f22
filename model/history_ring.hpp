#pragma once

#include "base/clock.hpp"
#include "model/bounded_ring.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::model {

/// The last events of one user, packed: 16 bytes an event beside the bytes of the item's id,
/// which lie in one arena. Events leave at the old end; the arena is moved together when a
/// good part of it is dead, a constant cost per event on average.
class history_ring {
public:
  /// Times are kept from 1970 in 44 bits of milliseconds: up to the year 2527.
  static constexpr std::int64_t millis_max = (std::int64_t{1} << 44) - 1;
  static constexpr std::size_t types_max = 64;     ///< `type` is less than this
  static constexpr std::size_t weights_max = 512;  ///< distinct sequence weights
  static constexpr std::size_t events_max = 50000; ///< so that the arena stays under 16 MiB

  struct entry {
    std::string_view item;
    std::uint8_t type = 0; ///< the profile's number of the event type
    std::optional<float> value;
    timestamp time{};
    float sequence = 0;
    bool traits_known = false;
  };

  /// Adds the newest event, at most `bound` stay. Answers how many values were moved for it.
  /// REQUIRES: item of 1 to 256 bytes; time from 0 to millis_max.
  std::size_t push(const entry& what, std::size_t bound);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }

  /// 0 is the newest; the view ends with the next push. REQUIRES: steps_back < size().
  [[nodiscard]] entry newest(std::size_t steps_back) const noexcept;

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  struct slot {
    std::uint64_t time : 44;
    std::uint64_t length : 9;
    std::uint64_t has_value : 1;
    std::uint64_t traits_known : 1;
    std::uint64_t weight : 9; // index into weights_
    std::uint32_t offset : 24;
    std::uint32_t type : 6;
    float value;
  };

  static_assert(sizeof(slot) == 16);

  void pop();
  [[nodiscard]] std::uint32_t place(std::string_view id, std::size_t& moved);
  [[nodiscard]] std::uint16_t weight_index(float weight);

  bounded_ring<slot> slots_;
  std::vector<char> arena_;    // ids of the events, oldest first
  std::uint32_t dead_ = 0;     // bytes at the arena's start that nothing refers to
  std::uint32_t base_ = 0;     // offset, modulo 2^24, of the arena's first byte
  std::vector<float> weights_; // the distinct sequence weights; usually one
};

} // namespace troupe::model
