#pragma once

#include "actors/interfaces.hpp"
#include "actors/model_slot.hpp"
#include "actors/write_credit.hpp"
#include "base/metrics.hpp"
#include "config/settings.hpp"
#include "model/profile.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace troupe::actors {

/// What all sessions of the node show together.
struct session_probe {
  counter events;              ///< taken in, duplicates not counted
  counter duplicates;          ///< answered with the first answer
  counter refused_user;        ///< writes_pending_max of one user
  counter refused_node;        ///< storage.writes_pending_max
  counter refused_waiting;     ///< waiting_max while waking
  counter refused_subscribers; ///< subscribers_max
  counter refused_surfaces;    ///< surfaces_max
  gauge waiting;               ///< messages held for users that wake
  counter traits_late;         ///< folded without knowing the item: its shard was late
  counter encoder_late;        ///< slates made without the encoder: its answer was late
  counter rebuilds;            ///< encoder states made anew from a history
  counter slates;              ///< computed
  counter slates_partial;      ///< a shard missed the deadline
  counter slates_missed;       ///< no shard in time: the one before stays, a request fails
  counter slates_unchanged;    ///< not pushed: the same items in the same order
  counter pushes;              ///< slates sent to connections
  counter recoveries;          ///< profiles reloaded after a failed append
  histogram slate_seconds;     ///< from the query to the composed slate
  histogram wake_seconds;      ///< from the first message to awake

  [[nodiscard]] static session_probe make(metrics& where);
};

/// What every session of a node needs and none owns: settings, rules, the doors of the parts it
/// asks. Immutable after the node has started; one object for all sessions.
struct session_context {
  config::users_settings users;
  config::slates_settings slates;
  config::signals_settings signals;
  config::blend_settings blend;
  std::shared_ptr<const model::fold_rules> rules;
  const clock* time = nullptr; ///< wall clock; deadlines are by CAF's own clock
  std::vector<item_shard_actor> shards;
  std::vector<encoder_actor> encoders;
  std::shared_ptr<const model_slot> models; ///< null: no encoder ever
  event_log_writer_actor log;
  trainer_actor trainer; ///< none: nobody learns on the stream
  std::vector<store_reader_actor> readers;
  std::shared_ptr<write_credit> credit;
  mutable session_probe probe; ///< series of the registry: counting changes nothing here

  /// How long an event waits for its item's traits before it is folded without them: a part of
  /// the slate's own deadline, which starts after it.
  [[nodiscard]] std::chrono::nanoseconds traits_deadline() const noexcept {
    return std::chrono::nanoseconds{slates.deadline} / 5;
  }

  [[nodiscard]] const item_shard_actor& shard_of_item(item_key key) const noexcept {
    return shards[shard_of(key, static_cast<std::uint32_t>(shards.size()))];
  }

  /// What slates are to be made with now.
  [[nodiscard]] serving_model serving() const { return models ? models->load() : serving_model{}; }

  /// REQUIRES: !encoders.empty(), as when there is a model.
  [[nodiscard]] const encoder_actor& encoder_of(const user_id& user) const noexcept {
    return encoders[slot_of(user) % encoders.size()];
  }

  [[nodiscard]] const store_reader_actor& reader_of(const user_id& user) const noexcept {
    return readers[slot_of(user) % readers.size()];
  }
};

} // namespace troupe::actors
