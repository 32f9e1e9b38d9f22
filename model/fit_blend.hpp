#pragma once

#include "base/event.hpp"
#include "base/item.hpp"
#include "config/settings.hpp"
#include "model/profile.hpp"
#include "model/trained_encoder.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace troupe::model {

/// What a fit tried and chose.
struct blend_fit {
  struct trial {
    double weight = 0;
    double ndcg = 0; ///< NDCG@10 of the held-out events
  };

  double weight = 0; ///< of the encoder's score in the blend
  std::vector<trial> trials;
  std::size_t users = 0; ///< whose last event was asked for; ahead: events asked for
};

/// Chooses how much the encoder's score counts beside the other signals: everything but each
/// user's last event is learnt, and the weight with the best NDCG@10 of those last events, smoothed
/// over its neighbours, is taken. At most `users_max` users are asked, spread evenly. The
/// encoder is asked with its `unaware` weights, if it has such: one that was trained on the last
/// events would be trusted too much.
/// `stop` is asked before each event, and may wait in there; once it said so it goes on to.
/// Deterministic. Errors: as sequence_model::make; invalid_argument if no user has two events;
/// unavailable (stopped).
[[nodiscard]] result<blend_fit>
fit_sequence_weight(std::span<const stored_event> events, std::span<const item> items,
                    const fold_rules& rules, const config::blend_settings& blend,
                    const trained_encoder& encoder, const std::function<bool()>& stop = {},
                    std::size_t users_max = 10'000);

/// The same on a stream, event by event in the order of their arrival: what the encoder was trained
/// on is only learnt; what came in since is first asked for, so that the weight is what would have
/// served that best.
/// Memory: the items' learnt state and a profile for each user. Thread safety: none.
class weight_fit {
public:
  /// `ahead` events are going to be asked for; at most `targets_max` of them are, spread evenly.
  /// `rules` outlive it. Errors: as sequence_model::make.
  [[nodiscard]] static result<weight_fit> make(std::span<const item> items, const fold_rules& rules,
                                               const config::blend_settings& blend,
                                               const trained_encoder& encoder, std::size_t ahead,
                                               std::size_t targets_max = 2000);

  weight_fit(weight_fit&&) noexcept;
  weight_fit& operator=(weight_fit&&) noexcept;
  ~weight_fit();

  void learn(const event& what);

  /// And learns it.
  void ask(const event& what);

  /// Errors: invalid_argument if nothing was asked for.
  [[nodiscard]] result<blend_fit> best() const;

  class parts; ///< what fit_sequence_weight works with, too

private:
  explicit weight_fit(std::unique_ptr<parts> from);

  std::unique_ptr<parts> parts_;
};

} // namespace troupe::model
