#pragma once

#include "base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::model {

/// Labels with weights that fade by half in every half-life. Weights are kept as they would
/// be at one reference time (forward decay: Cormode, Shkapenyuk, Srivastava and Xu, ICDE
/// 2009), so an event touches only its own labels and events may come out of order: an old
/// one adds what is left of it. When the bound is reached a new label takes the place of the
/// weakest. Packed into one run of bytes: 5 a label beside its text, of which "category:" and
/// "tag:" take one.
class affinity_table {
public:
  static constexpr std::size_t label_bytes_max = 255; ///< longer labels are ignored
  static constexpr std::size_t labels_max = 60000;    ///< so that the bytes stay under 16 MiB

  /// Adds `amount` as of `when` to the label. Answers how many labels were looked at.
  std::size_t add(std::string_view label, double amount, timestamp when, double half_life_ms,
                  std::size_t bound);

  /// Weights as of `now` (never as of a time before the reference), strongest by absolute
  /// value first, ties by label.
  [[nodiscard]] std::vector<std::pair<std::string, double>> at(timestamp now,
                                                               double half_life_ms) const;

  /// The weights as kept, by label; with `reference()` this is the whole state.
  [[nodiscard]] std::vector<std::pair<std::string, double>> parts() const;

  [[nodiscard]] timestamp reference() const noexcept { return reference_; }

  /// Takes what `parts` and `reference` gave.
  void assign(const std::vector<std::pair<std::string, double>>& parts, timestamp reference);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  /// One label: a byte for its length, its weight as of reference_, its text.
  struct row {
    std::size_t at = 0; // in bytes_
    float weight = 0;
    std::string_view label; // packed
  };

  /// REQUIRES: at < bytes_.size(), the beginning of a row.
  [[nodiscard]] row read(std::size_t at) const noexcept;
  [[nodiscard]] static std::size_t end_of(const row& one) noexcept;
  [[nodiscard]] std::size_t find(std::string_view packed_label) const noexcept;
  [[nodiscard]] row weakest() const noexcept;
  void set_weight(const row& of, float weight) noexcept;
  void rebase(timestamp to, double half_life_ms);
  void append(std::string_view packed_label, float weight);
  void remove(const row& gone);

  std::vector<char> bytes_; // the rows, without gaps
  timestamp reference_{};
  std::uint32_t size_ = 0;
};

} // namespace troupe::model
