#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "config/settings.hpp"
#include "model/quality.hpp"
#include "model/rank_encoder.hpp"
#include "model/ranker.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// How good the recommendations are on recorded events: those of the very code that serves
/// (profile fold, slices, compose), and yardsticks beside it. Full catalogue, never sampled;
/// deterministic.
namespace troupe::model {

enum class evaluation_protocol : std::uint8_t {
  /// Test, then learn (Vinagre, Jorge and Gama, 2014): every event of a user with a history is
  /// first a target, then learnt. The catalogue is the items met so far.
  prequential,
  /// Everything but each user's last event is learnt; that one is the target, against the
  /// whole catalogue.
  leave_one_out,
  /// Learnt up to a moment and frozen there; later events of users known by then are targets.
  /// Profiles go on with each event; the catalogue is the items met before the cut.
  time_split,
  /// Items drawn by a hash of their ids are withheld: what is trained knows neither their events
  /// nor
  /// their records. Then they enter with their records alone, and each user's last event on one of
  /// them is a target, ranked among them only; the history is the user's events on other items
  /// before it.
  cold_start,
};

/// When the slate is made that a target is looked for in.
enum class query_time : std::uint8_t {
  known, ///< at the target's moment, as for who comes back and asks
  zero,  ///< right after the user's last event before it, as a slate is pushed
};

struct evaluation_options {
  evaluation_protocol protocol = evaluation_protocol::prequential;
  double warmup = 0.3;      ///< prequential: share of the events learnt before the first target
  double cut = 0.8;         ///< time_split: share of the events before the cut
  double withheld = 0.1;    ///< cold_start: share of the items
  std::uint32_t shards = 1; ///< slices of the catalogue
  std::vector<std::string> models; ///< of ranker_names(); empty: all that the protocol can judge
  query_time when = query_time::known;
  bool pushed_slate = false; ///< prequential: judge the slate made after the user's previous event,
                             ///< as a connection got it, with what others had taught until then
  bool new_items = false;    ///< prequential: only events of items that came in after the warm-up
                             ///< are targets, their first events left out
  encoder_ranker_options encoder; ///< how the sequence encoder is trained, where it takes part
};

struct evaluation {
  static constexpr std::size_t curve_points = 100;

  std::size_t events = 0;
  std::size_t users = 0;
  std::size_t items = 0; ///< in the catalogue at the end
  std::size_t cold = 0;  ///< of these, withheld from training
  std::size_t targets = 0;
  std::vector<model_quality> models; ///< the blend first
  std::vector<std::string> notes;    ///< which models were left out and why

  /// But for leave_one_out and cold_start, whose targets have no order: the numbers of targets at
  /// which the curves have their points, each the average over the `curve_window` targets before.
  std::vector<std::size_t> curve_at;
  std::size_t curve_window = 0;
};

/// Judges on `events`, taken in the order of their time, ties in the order given. Items
/// without a record get one with no more than their id. `more` rankers are judged beside those
/// of options.models.
/// Errors: invalid_argument (options out of range, rules that do not compile, no targets, no
/// model that can take part).
[[nodiscard]] result<evaluation>
evaluate(std::span<const stored_event> events, std::span<const item> items,
         const config::users_settings& users, const config::signals_settings& signals,
         const config::blend_settings& blend, const evaluation_options& options,
         std::vector<std::unique_ptr<ranker>> more = {});

} // namespace troupe::model
