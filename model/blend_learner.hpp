#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/slate.hpp"
#include "config/settings.hpp"
#include "model/profile.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

/// The blend's weights, learnt online from what users do with the items they are shown.
namespace troupe::model {

/// The configured weight of each signal; the encoder's is what the snapshot's is multiplied by.
[[nodiscard]] signal_values weights_of(const config::blend_settings& blend) noexcept;

/// How an item stood in a slate that was made with these weights: what an impression of it
/// teaches. A signal without a weight is unknown, and is left at 0.
[[nodiscard]] shown_item make_shown(const slate_item& what, std::size_t position,
                                    const signal_values& weights) noexcept;

/// The blend as it was learnt up to an arrival: what slates are made with.
struct learnt_blend {
  config::blend_settings weights;
  std::uint64_t arrival = 0; ///< of the last event it was learnt from
};

/// What one event of the log says about the blend.
struct blend_lesson {
  std::uint64_t arrival = 0; ///< lessons are learnt in this order, each once
  std::uint64_t user = 0;    ///< stable_hash of the id
  item_key item{};
  timestamp received{};
  std::optional<shown_item> shown; ///< an impression: how the item stood in the slate
  int outcome = 0;                 ///< 1: wanted it; -1: did not; 0: says neither
};

/// Nothing if the event says nothing about the blend. What an event says of the item is what the
/// rules let it count: its affinity's sign, or else that it has a weight in sequences.
[[nodiscard]] std::optional<blend_lesson> make_blend_lesson(const stored_event& what,
                                                            const fold_rules& rules);

/// Logistic regression on impressions and what followed, online: the probability that a user
/// wants an item they were shown, from the signals that put it there. The state is a Gaussian over
/// the coefficients that takes one Newton step per impression (Spiegelhalter and Lauritzen,
/// "Sequential updating of conditional probabilities on directed graphical structures", 1990;
/// Chapelle and Li, "An empirical evaluation of Thompson sampling", 2011). Its prior says that the
/// configured weights are right up to one common scale, so without evidence they stay; what is
/// older than some hundred thousand impressions fades back to it. The position has a fixed effect,
/// `blend.position_bias`: what stands high is looked at more often (Joachims, Swaminathan and
/// Schnabel, "Unbiased learning-to-rank with biased feedback", 2017).
///
/// A shown item is wanted if the user acts on it within `blend.outcome_window`; else it was not. It
/// is learnt when that time is over, whatever happened, and not before: what is wanted would
/// otherwise be heard of earlier than what is not (Chapelle, "Modeling delayed feedback in display
/// advertising", 2014), and weights would move with the traffic.
/// A pure fold of the log: the same lessons give the same weights, so any past slate can be
/// explained again. Not thread-safe. Memory: at most `open_max` impressions wait for their outcome.
class blend_learner {
public:
  static constexpr std::size_t open_max = 50'000;

  explicit blend_learner(const config::blend_settings& blend);

  /// Takes one event; one with arrival <= learned_arrival() (and not 0) is ignored. Impressions
  /// whose window is over by its time are learnt first, and so is the oldest beyond `open_max`. Of
  /// what the user says of an item the last counts.
  void learn(const blend_lesson& what);

  /// Learns one impression whose outcome is known.
  void observe(const shown_item& what, bool is_wanted);

  /// There is nothing to learn in the log up to here.
  void pass(std::uint64_t arrival) noexcept;

  [[nodiscard]] std::uint64_t learned_arrival() const noexcept { return learned_; }

  /// The arrival of the event that moved the weights last; 0: they are as configured.
  [[nodiscard]] std::uint64_t changed_arrival() const noexcept { return changed_; }

  /// What each configured weight is to be multiplied by: from 1 / `blend.factor_max` to that.
  [[nodiscard]] signal_values factors() const noexcept;

  /// The configured blend with the weights as learnt.
  [[nodiscard]] config::blend_settings blend() const;

  [[nodiscard]] std::uint64_t wanted() const noexcept { return wanted_; } ///< impressions

  [[nodiscard]] std::uint64_t unwanted() const noexcept { return unwanted_; } ///< impressions

  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

  /// The learnt state as bytes, with version and checksum.
  [[nodiscard]] std::string checkpoint() const;

  /// Errors, after which nothing has changed: corrupt_data, unsupported_format, invalid_argument
  /// (made with other weights or settings of the blend).
  [[nodiscard]] result<void> restore(std::string_view bytes);

private:
  /// Of the user's wanting anything, of the blend's score, and of each signal beyond it.
  static constexpr std::size_t size = 2 + signal_count;
  using column = std::array<double, size>;
  using square = std::array<column, size>; ///< symmetric

  /// An impression whose window is not over.
  struct open_impression {
    std::uint64_t place = 0; ///< of its user and item
    std::int64_t until = 0;  ///< milliseconds of the server's clock
    std::int32_t outcome = 0;
    shown_item shown;
  };

  [[nodiscard]] column features(const shown_item& what) const noexcept;
  void settle_oldest(std::uint64_t arrival);
  void fade();
  [[nodiscard]] std::uint64_t fingerprint() const noexcept;

  config::blend_settings configured_;
  signal_values weights_;
  square precision_{};
  column mean_{};
  std::uint64_t learned_ = 0;
  std::uint64_t changed_ = 0;
  std::uint64_t wanted_ = 0;
  std::uint64_t unwanted_ = 0;
  std::int64_t now_ = 0;             ///< newest time of a lesson, in milliseconds
  std::deque<open_impression> open_; ///< oldest first
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> places_; ///< place -> number in open_
  std::uint64_t first_ = 0;                                        ///< number of open_.front()
};

} // namespace troupe::model
