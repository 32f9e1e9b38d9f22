#pragma once

#include "base/error.hpp"
#include "config/settings.hpp"
#include "model/rank_encoder.hpp"
#include "model/ranker.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// What rankers are made of.
struct ranker_settings {
  std::shared_ptr<const fold_rules> rules;
  config::blend_settings blend;
  std::uint32_t shards = 1; ///< slices of the catalogue, for those that have slices
  encoder_ranker_options encoder;
};

/// Every name that can be asked for, in the order of the table: the blend, the signals alone,
/// the yardsticks.
[[nodiscard]] std::vector<std::string> ranker_names();

/// Rankers, and why others are not among them.
struct ranker_roster {
  std::vector<std::unique_ptr<ranker>> rankers;
  std::vector<std::string> notes;
};

/// Makes the rankers for `wanted` names, all but the sequence encoder, which trains for minutes, if
/// it is empty. `streams`: they have to
/// go on learning after `prepare`; those that cannot are left out with a note.
/// Errors: invalid_argument, a name that nobody has, or one given twice.
[[nodiscard]] result<ranker_roster> make_rankers(std::span<const std::string> wanted,
                                                 const ranker_settings& settings, bool streams);

} // namespace troupe::model
