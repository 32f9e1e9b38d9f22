#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "config/settings.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// How good the recommendations are on recorded events, by the very code that serves: profile
/// fold, slices, compose. Full catalogue, never sampled; deterministic.
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
};

struct evaluation_options {
  evaluation_protocol protocol = evaluation_protocol::prequential;
  double warmup = 0.3;       ///< prequential: share of the events learnt before the first target
  double cut = 0.8;          ///< time_split: share of the events before the cut
  std::uint32_t shards = 1;  ///< slices of the catalogue
  bool blend_only = false;   ///< leaves out the signals alone: six times as fast
  bool pushed_slate = false; ///< prequential: judge the slate made after the user's previous event,
                             ///< as a connection got it, not one made at the target's moment
};

/// Averages over all targets. A target is one item, so recall is the hit rate.
struct model_quality {
  static constexpr std::array<std::size_t, 3> cutoffs{5, 10, 20};

  std::string name; ///< "blend", a signal's name, or a yardstick: "popularity_all_time" ...
  std::array<double, cutoffs.size()> recall{};
  std::array<double, cutoffs.size()> ndcg{};
  double mrr = 0;             ///< within the first 20
  double coverage = 0;        ///< share of the catalogue that stood in a top 10
  double mean_popularity = 0; ///< events so far of the items in the top 10s, on average
};

struct evaluation {
  std::size_t events = 0;
  std::size_t users = 0;
  std::size_t items = 0; ///< in the catalogue at the end
  std::size_t targets = 0;
  std::vector<model_quality> models; ///< the blend first
};

/// Judges on `events`, taken in the order of their time, ties in the order given. Items
/// without a record get one with no more than their id.
/// Errors: invalid_argument (options out of range, rules that do not compile, no targets).
[[nodiscard]] result<evaluation>
evaluate(std::span<const stored_event> events, std::span<const item> items,
         const config::users_settings& users, const config::signals_settings& signals,
         const config::blend_settings& blend, const evaluation_options& options);

} // namespace troupe::model
