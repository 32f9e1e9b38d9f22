#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "model/byte_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::model {

/// Decayed counts of events per item, for several half-lives. A count is kept as the binary
/// logarithm of its mass at the epoch of time, where an event of weight w at t weighs
/// w * 2^(t / half-life): one number that never underflows, takes events in any order and
/// orders items at every moment alike. What is read is an item's share of the mass of all
/// events; every slice learns every event, so the shares of different slices compare.
///
/// The highest items of each half-life are kept in a heap of bounded size, exactly: a count
/// never shrinks against the others', so an item outside can only enter by its own event.
class popularity {
public:
  static constexpr std::size_t half_lives_max = 8;
  static constexpr std::size_t top_max = 1024;     ///< items kept at the top of each half-life
  static constexpr std::size_t short_top_max = 64; ///< and at the very top, for every query

  explicit popularity(const config::signals_settings& signals);

  [[nodiscard]] std::size_t half_lives() const noexcept { return half_lives_ms_.size(); }

  void add_item();

  /// Counts an event in the total of all items.
  void learn_total(float weight, timestamp when);
  /// Counts it for one of the slice's own.
  void learn(std::uint32_t local, float weight, timestamp when);

  /// Share of all decayed events, 0 to 1.
  [[nodiscard]] double share(std::uint32_t local, std::size_t half_life) const noexcept;

  /// The signal: shares on a logarithmic scale, averaged over the half-lives; 0 to about 1.
  [[nodiscard]] float signal(std::uint32_t local) const noexcept;

  /// What no item's signal exceeds, but for rounding.
  [[nodiscard]] float signal_max() const noexcept;

  /// Events of the item, undecayed.
  [[nodiscard]] std::uint32_t events(std::uint32_t local) const noexcept { return events_[local]; }

  /// The highest items of one half-life, in no particular order.
  [[nodiscard]] const std::vector<std::uint32_t>& top(std::size_t half_life) const noexcept {
    return heaps_[half_life].items;
  }

  /// The first `short_top_max` of them.
  [[nodiscard]] const std::vector<std::uint32_t>& short_top(std::size_t half_life) const noexcept {
    return heaps_[half_lives() + half_life].items;
  }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  void encode(byte_writer& to) const;
  /// False: the bytes contradict themselves.
  [[nodiscard]] bool decode(byte_reader& from, std::size_t items);

private:
  struct heap {
    std::size_t half_life = 0;
    std::size_t most = 0;
    std::vector<std::uint32_t> items;    // min-heap by mass
    std::vector<std::uint32_t> position; // of each local, `outside` if not in it
  };

  [[nodiscard]] double& mass(std::uint32_t local, std::size_t half_life) noexcept;
  [[nodiscard]] double mass(std::uint32_t local, std::size_t half_life) const noexcept;
  [[nodiscard]] bool lighter(std::size_t half_life, std::uint32_t a,
                             std::uint32_t b) const noexcept;
  [[nodiscard]] float signal_of(const double* masses) const noexcept;
  void offer(heap& to, std::uint32_t local);
  void sift_down(heap& in, std::size_t at);
  void sift_up(heap& in, std::size_t at);

  std::vector<double> half_lives_ms_;
  std::vector<double> totals_;  // one per half-life
  std::vector<double> highest_; // the largest mass of each half-life; masses never shrink
  std::vector<double> masses_;  // half_lives() per local
  std::vector<std::uint32_t> events_;
  std::vector<heap> heaps_; // of each half-life the long one, then of each the short one
};

} // namespace troupe::model
