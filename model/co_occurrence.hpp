#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "config/settings.hpp"
#include "model/byte_stream.hpp"
#include "model/neighbour_list.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::model {

/// Counts of what stands near what in users' sequences, weight 1/distance within a window
/// (after the sequential rules of Ludewig and Jannach, UMUAI 2018, and VMIS-kNN, Kersbergen
/// et al., SIGMOD 2022). Rows are items of the whole catalogue, targets are the slice's own.
/// Each row also has the weight of all its pairs, whoever owns the target: every slice knows
/// it, so counts normalised by it compare across slices.
///
/// With a half-life, counts are kept ahead of time (forward decay) relative to the row's
/// period of `period_half_lives`; a row that is met in a later period is brought up then, so
/// ageing never walks over all rows.
class co_occurrence {
public:
  explicit co_occurrence(const config::signals_settings& signals);

  static constexpr double period_half_lives = 32;

  void add_row() { rows_.emplace_back(); }

  [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }

  /// Moves the clock on and answers what a weight of 1 at `when` counts in this period.
  [[nodiscard]] float begin(timestamp when) noexcept;

  /// Counts `weight`, as scaled by `begin`, for target of row.
  void count(std::uint32_t row, std::uint32_t target, float weight);

  /// Counts `weight` as scaled by `begin` in the row's total.
  void count_total(std::uint32_t row, float weight);

  /// Asks the memory for a row, some time before it is counted in; any number is fine.
  void prefetch(std::uint32_t row) const noexcept { __builtin_prefetch(rows_.data() + row); }

  /// And for where a target is looked up in it. The row should be near by then.
  void prefetch_target(std::uint32_t row, std::uint32_t target) const noexcept {
    if (row < rows_.size())
      rows_[row].list.prefetch(target);
  }

  [[nodiscard]] const neighbour_list& list(std::uint32_t row) const noexcept {
    return rows_[row].list;
  }

  /// What a row's counts are to be multiplied by, a power of the row's damped total: what is
  /// near everything says little.
  [[nodiscard]] float scale_of(std::uint32_t row) const noexcept;

  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  void encode(byte_writer& to) const;
  /// False: the bytes contradict themselves. Rows and targets must be less than the bounds.
  [[nodiscard]] bool decode(byte_reader& from, std::size_t row_count, std::size_t target_count);

private:
  struct row_state {
    neighbour_list list;
    float total = 0;
    std::uint32_t period = 0;
  };

  void bring_up(row_state& row) noexcept;

  std::vector<row_state> rows_;
  std::uint32_t bound_;
  double half_life_ms_; // 0: no ageing
  std::uint32_t period_ = 0;
  std::size_t entries_ = 0;
  std::size_t list_bytes_ = 0;
};

} // namespace troupe::model
