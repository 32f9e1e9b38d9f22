#pragma once

#include "base/clock.hpp"
#include "model/bounded_ring.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::model {

/// The last events of one user, packed into one run of bytes: 3 to 15 bytes an event beside its
/// item's id; 6 for a click within two hours of the first one, 10 for a rating years later. Times
/// are kept as the distance to the first event's, values that need no more as half a float, and
/// only every eighth event has its place noted. Events leave at the old end; the bytes are
/// moved together when a good part of them is dead, a constant cost per event on average.
class history_ring {
public:
  /// Times are kept from 1970 in 44 bits of milliseconds: up to the year 2527.
  static constexpr std::int64_t millis_max = (std::int64_t{1} << 44) - 1;
  static constexpr std::size_t types_max = 64;     ///< `type` is less than this
  static constexpr std::size_t weights_max = 512;  ///< distinct sequence weights
  static constexpr std::size_t events_max = 50000; ///< so that the bytes stay under 16 MiB

  struct entry {
    std::string_view item;
    std::uint8_t type = 0; ///< the profile's number of the event type
    std::optional<float> value;
    timestamp time{};
    float sequence = 0;
    bool traits_known = false;
    /// The profile keeps its item among the newest seen ones by this mark alone.
    bool holds_seen = false;
  };

  /// Adds the newest event, at most `bound` stay. Answers how many values were moved for it.
  /// REQUIRES: item of 1 to 256 bytes; time from 0 to millis_max.
  std::size_t push(const entry& what, std::size_t bound);

  /// Drops the oldest event. REQUIRES: size() > 0.
  void pop() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// 0 is the newest; the view ends with the next push. REQUIRES: steps_back < size().
  [[nodiscard]] entry newest(std::size_t steps_back) const noexcept;

  /// Whether it has the mark. REQUIRES: steps_back < size().
  [[nodiscard]] bool is_held(std::size_t steps_back) const noexcept;

  /// Takes the mark away. REQUIRES: steps_back < size().
  void release_seen(std::size_t steps_back) noexcept;

  /// Whether one of the newest `within` events has this item and the mark.
  [[nodiscard]] bool holds_seen(std::string_view item, std::size_t within) const noexcept;

  /// The items of those of the newest `within` events that have the mark, oldest first.
  [[nodiscard]] std::vector<std::string_view> held_seen(std::size_t within) const;

  /// Gives back what lies unused.
  void shrink_to_fit();

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  static constexpr std::size_t stride = 8; // of the events whose places are noted

  /// Where the parts of one event lie in bytes_.
  struct record {
    std::size_t at = 0;
    std::size_t length = 0; // of the item's id, which comes last
    std::size_t time_bytes = 0;
    std::size_t value_bytes = 0;
    std::size_t weight_bytes = 0; // 0: the index stands in the header

    [[nodiscard]] std::size_t id() const noexcept;

    [[nodiscard]] std::size_t end() const noexcept { return id() + length; }
  };

  [[nodiscard]] std::uint8_t byte(std::size_t at) const noexcept {
    return static_cast<std::uint8_t>(bytes_[at]);
  }

  [[nodiscard]] record read(std::size_t at) const noexcept;
  [[nodiscard]] record find(std::size_t steps_back) const noexcept;
  template <class Visit>
  void visit_newest(std::size_t count, Visit visit) const;
  [[nodiscard]] bool is_held(const record& one) const noexcept;
  [[nodiscard]] std::string_view item_of(const record& one) const noexcept;
  [[nodiscard]] std::uint64_t number_at(std::size_t at, std::size_t bytes) const noexcept;
  [[nodiscard]] std::size_t dead() const noexcept;
  [[nodiscard]] std::size_t make_room(std::size_t bytes);
  [[nodiscard]] std::size_t weight_index(float weight);
  [[nodiscard]] float weight_of(std::size_t index) const noexcept;

  /// The sequence weights that have a place in the header; most users have no others.
  static constexpr std::size_t near_weights_max = 3;

  std::vector<char> bytes_;             // the events, oldest first
  bounded_ring<std::uint32_t> anchors_; // place, plus base_, of every stride-th event
  std::vector<float> far_weights_;
  std::array<float, near_weights_max> near_weights_{};
  std::uint32_t base_ = 0;  // bytes dropped so far, modulo 2^32
  std::int64_t origin_ = 0; // milliseconds that times are kept relative to
  std::uint32_t size_ = 0;
  std::uint8_t first_ = 0; // of the oldest event's stride, that have left
  std::uint8_t near_weights_used_ = 0;
};

} // namespace troupe::model
