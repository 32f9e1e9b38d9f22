#pragma once

#include "base/event.hpp"
#include "base/ids.hpp"
#include "base/slate.hpp"
#include "model/filter.hpp"
#include "model/profile.hpp"
#include "model/seen_set.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What travels between a user's session and the shards: what the user likes (taste), what
/// just happened (observation), what a shard found (candidate).
namespace troupe::model {

/// What the shards need to know of a user to score items for them. Made once per slate.
struct taste {
  struct recent_item {
    item_key key{};
    float weight = 0; ///< decay^steps_back * the event's sequence weight
  };

  std::uint64_t profile_seq = 0;
  std::vector<recent_item> recent; ///< newest first, at most signals.query_items
  std::vector<std::pair<std::uint64_t, float>> labels; ///< stable_hash(label), weight; unit norm
  seen_set seen;
  /// sequence_model::query of the version that the score_query names; empty: the encoder has no
  /// say in the slate.
  std::vector<float> sequence;
};

[[nodiscard]] taste make_taste(const profile& who, const fold_rules& rules, timestamp now);

/// What one event teaches the shards: the item, and what stood near it in the user's
/// sequence. Every shard gets it and takes the pairs whose target item it owns, so that a
/// query needs no second hop.
struct observation {
  item_id item;
  float weight = 1; ///< the event's sequence weight
  timestamp time{};
  std::uint64_t arrival = 0;  ///< position in the log; shards learn in this order, each once
  std::vector<item_key> near; ///< the user's previous items, nearest first, at most window
};

/// What `what` teaches, given the profile before it was applied; nothing if its weight is 0.
[[nodiscard]] std::optional<observation> observe(const profile& before, const event& what,
                                                 const fold_rules& rules);

/// One request to every shard.
struct score_query {
  std::shared_ptr<const taste> who;
  user_id user;                                         ///< for the own-item rule
  std::shared_ptr<const filter> only;                   ///< null: no filter
  std::shared_ptr<const std::vector<item_key>> exclude; ///< sorted; null: none
  std::shared_ptr<const std::vector<item_key>> pin;     ///< returned in any case, if visible
  std::size_t limit = 100;                              ///< candidates wanted from each shard
  std::uint64_t model_version = 0;                      ///< 0: the signals without an encoder
  timestamp now{};
  bool with_reasons = false;
  std::shared_ptr<const config::blend_settings> blend; ///< null: the slice's own
};

/// One item a shard proposes, with everything the blend needs.
struct candidate {
  item_ptr what;
  item_key key{};
  float score = 0;                         ///< blended, before diversity
  std::array<float, signal_count> parts{}; ///< weighted contributions; their sum is the score
  item_key because{};                      ///< past item that contributed most; 0: none
};

/// A shard's answer to a score_query.
struct candidate_list {
  std::vector<candidate> found;      ///< best first
  std::vector<item_ptr> past;        ///< records of the taste's recent items that this shard owns,
                                     ///< if reasons were wanted
  std::uint64_t learned_arrival = 0; ///< how far in the log this shard had learnt
  /// The encoder's score that the sequence parts are relative to: of the shard's best item; minus
  /// infinity without one. See align_sequence_parts.
  float sequence_top = -std::numeric_limits<float>::infinity();
};

/// What a slice holds, for metrics.
struct slice_stats {
  std::size_t items = 0;      ///< with a record
  std::size_t unknown = 0;    ///< seen in events, no record yet
  std::size_t neighbours = 0; ///< co-occurrence entries
  std::size_t heap_bytes = 0; ///< estimate
  std::uint64_t learned_arrival = 0;
};

} // namespace troupe::model
