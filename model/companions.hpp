#pragma once

#include "base/ids.hpp"
#include "config/settings.hpp"
#include "model/byte_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe::model {

/// An item that another one stood near in somebody's sequence. 12 bytes, for there are many.
class companion {
public:
  companion() = default;

  companion(item_key key, float weight) noexcept
      : low_(static_cast<std::uint32_t>(static_cast<std::uint64_t>(key))),
        high_(static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) >> 32U)), weight_(weight) {
  }

  [[nodiscard]] item_key key() const noexcept {
    return item_key{std::uint64_t{high_} << 32U | low_};
  }

  /// The event's sequence weight over the distance in events, from 1. Positive and finite.
  [[nodiscard]] float weight() const noexcept { return weight_; }

private:
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0;
  float weight_ = 0;
};

/// What a slice's items stood near of late, the latest `signals.new_item_companions` of each: all
/// that is needed to guess where an item that no model has learnt belongs among those that one has
/// (item_vectors::add_estimate). A function of the observations in their order alone, not of a
/// version of the model, so what is made of it is the same after a restart, after a rollback and
/// for every version held.
///
/// Memory: 16 bytes an item, and 12 for each of its companions. Thread safety: none.
class companion_lists {
public:
  static constexpr std::size_t most_max = 256;

  /// Previous items that an event adds. Those further back say less of the item.
  static constexpr std::size_t per_event = 3;

  explicit companion_lists(const config::signals_settings& signals);

  /// Adds an item without companions: the next local.
  void add_item() { lists_.emplace_back(); }

  [[nodiscard]] std::size_t items() const noexcept { return lists_.size(); }

  /// An event of an item, `near` the user's previous items, nearest first: the first `per_event`
  /// of them come in, the item itself left out, and the oldest go. False: nothing changed.
  /// REQUIRES: local < items(); weight > 0 and finite.
  bool learn(std::uint32_t local, item_key own, float weight, std::span<const item_key> near);

  /// In the order in which they are kept, not of their age. Ends with the next call that is not
  /// const. REQUIRES: local < items().
  [[nodiscard]] std::span<const companion> of(std::uint32_t local) const noexcept {
    return {lists_[local].kept.get(), lists_[local].size};
  }

  [[nodiscard]] std::size_t heap_bytes() const noexcept {
    return lists_.capacity() * sizeof(list) + kept_ * sizeof(companion);
  }

  void encode(byte_writer& to) const;
  /// Fills fresh lists of so many items. False: the bytes contradict themselves.
  [[nodiscard]] bool decode(byte_reader& from, std::size_t count);

private:
  /// A ring once it is full.
  struct list {
    std::unique_ptr<companion[]> kept; ///< `size` of them
    std::uint16_t size = 0;
    std::uint16_t oldest = 0; ///< place of the one to go next; 0 while there is room
  };

  void resize(list& what, std::size_t size);

  std::size_t most_;
  std::vector<list> lists_; ///< by local
  std::size_t kept_ = 0;    ///< companions of all lists
};

} // namespace troupe::model
