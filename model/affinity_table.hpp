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
/// weakest. Packed: 8 bytes a label beside its text, of which "category:" and "tag:" take one.
class affinity_table {
public:
  static constexpr std::size_t label_bytes_max = 255; ///< longer labels are ignored
  static constexpr std::size_t labels_max = 60000;    ///< so that the text stays under 16 MiB

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

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  struct row {
    std::uint32_t offset : 24; // of the label in text_
    std::uint32_t length : 8;
    float weight; // as of reference_
  };

  [[nodiscard]] std::string_view packed(const row& of) const noexcept;
  [[nodiscard]] std::size_t find(std::string_view packed_label) const noexcept;
  [[nodiscard]] std::size_t weakest() const noexcept;
  void rebase(timestamp to, double half_life_ms);
  void append(std::string_view packed_label, float weight);
  void remove(std::size_t index);

  std::vector<row> rows_;
  std::vector<char> text_; // the packed labels, without gaps
  timestamp reference_{};
};

} // namespace troupe::model
