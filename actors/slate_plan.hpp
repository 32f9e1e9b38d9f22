#pragma once

#include "actors/interfaces.hpp"
#include "config/settings.hpp"
#include "model/blend_learner.hpp"
#include "model/compose.hpp"
#include "model/filter.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

/// A slate_request, checked and compiled once: what to ask of the shards and what to hold the
/// slate to. Immutable.
struct slate_plan {
  std::string surface;
  std::shared_ptr<const model::filter> only;            ///< null: none
  std::shared_ptr<const std::vector<item_key>> exclude; ///< sorted; null: none
  std::shared_ptr<const std::vector<item_key>> pin;     ///< null: none
  model::compose_rules rules;
  std::size_t limit = 0; ///< candidates wanted from each shard
};

/// Longest name of a surface.
inline constexpr std::size_t surface_bytes_max = 64;

/// Errors: invalid_argument naming the field and its bound.
[[nodiscard]] result<slate_plan> make_plan(const slate_request& how,
                                           const config::slates_settings& slates,
                                           const config::blend_settings& blend,
                                           const config::signals_settings& signals);

/// The query for one slate. `who` is shared by all shards. `blend` may be null: as configured.
[[nodiscard]] model::score_query make_query(const slate_plan& plan, const user_id& user,
                                            std::shared_ptr<const model::taste> who,
                                            std::uint64_t model_version,
                                            const std::shared_ptr<const model::learnt_blend>& blend,
                                            timestamp now);

} // namespace troupe::actors
