#pragma once

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
/// A row ages with the events of its item, not with the clock: what stood near an item of late
/// says more, and an item that rests loses nothing. New counts are raised instead of old ones
/// lowered (forward decay: Cormode et al., ICDE 2009); a list is brought down when its unit has
/// grown far, so ageing never walks over all rows.
///
/// A pair counts for less the more events its target had by then: what is near everything says
/// little.
class co_occurrence {
public:
  explicit co_occurrence(const config::signals_settings& signals);

  void add_row();

  [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }

  /// An event of the row's item: what the row has counted so far ages. To be called before the
  /// event's pairs are counted. REQUIRES: row < rows().
  void happened(std::uint32_t row);

  /// Counts a pair for a target of this slice, whose own row is `target_row`.
  /// REQUIRES: both rows < rows(); weight > 0.
  void count(std::uint32_t row, std::uint32_t target, std::uint32_t target_row, float weight);

  /// Counts a pair in the row's total, whoever owns the target. REQUIRES: as for count.
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
    float unit = 1;           ///< what a weight of 1 counts now
    float share = 0;          ///< of a pair's weight that counts where this is the target
    std::uint32_t events = 0; ///< of the row's item
  };

  std::vector<row_state> rows_;
  std::uint32_t bound_;
  double half_life_; ///< in events of an item; 0: no ageing
  std::size_t entries_ = 0;
  std::size_t list_bytes_ = 0;
};

} // namespace troupe::model
