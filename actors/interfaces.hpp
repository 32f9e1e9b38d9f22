#pragma once

#include "actors/caf_compat.hpp"
#include "actors/inner_messages.hpp"
#include "actors/metrics_messages.hpp"
#include "actors/model_messages.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/ids.hpp"
#include "base/item.hpp"
#include "base/slate.hpp"
#include "model/query.hpp"
#include "model/sequence_model.hpp"
#include "storage/interfaces.hpp"

#include <caf/actor_clock.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Every message and every typed handle of the node. All messages stay inside the process.
/// Every request ends in exactly one answer: a value, a `failure` (as caf::error of category
/// "troupe", see actors/error_bridge.hpp) or the requester's deadline.
namespace troupe::actors {

/// A request or answer that carries nothing.
struct done {};

// -- pushes to the gateway -----------------------------------------------------------------

/// A connection of the gateway, unique in the process and never reused.
enum class connection_id : std::uint64_t {};

/// A new slate for a connection. At most one is worth keeping: the newest.
struct push_slate {
  connection_id connection{};
  slate_ptr what;
};

/// The session ended this subscription: the user was erased, or the node is going down.
struct push_end {
  connection_id connection{};
  errc why = errc::unavailable;
};

/// Where pushes go: one per gateway thread. Never blocks, keeps at most one slate a connection
/// and surface.
using push_sink_actor = caf::typed_actor<caf::reacts_to<push_slate>, caf::reacts_to<push_end>>;

// -- users ---------------------------------------------------------------------------------

/// What a slate is asked for with. Checked by the session; errors name the field.
struct slate_request {
  std::string surface = "home";
  std::size_t k = 0;  ///< 0: the configured default
  std::string filter; ///< model::filter's language; empty: none
  std::vector<item_id> exclude;
  std::vector<item_id> pin;
  std::optional<double> diversity;
  std::optional<std::size_t> category_cap;
  bool explain = true;
};

/// A user did something. Answered when the event is as durable as the configuration says.
struct ingest {
  event what;
};

struct ingest_ack {
  std::uint64_t seq = 0;
  bool duplicate = false; ///< the id was known: nothing changed, `seq` is the first answer's
};

/// The type of the events that say what a user looked at.
inline constexpr const char* impression_type = "impression";

/// The user looked at these positions (from 0) of a slate: an event of impression_type each.
/// Answered with the last one's number. not_found: the session does not know the slate.
struct record_impression {
  user_id user;
  slate_id slate;
  std::vector<std::uint32_t> positions;
};

struct recommend {
  user_id user;
  slate_request how;
};

/// A slate for somebody without an identity, from what they did in this visit (oldest first).
/// Nothing is kept.
struct recommend_anonymous {
  std::vector<event> history;
  slate_request how;
};

/// Sends slates of this surface to the connection from now on, beginning with the present one
/// (in the answer), until `unsubscribe`. The same connection and surface replaces the request.
struct subscribe {
  user_id user;
  connection_id connection{};
  push_sink_actor sink;
  slate_request how;
  slate_id has{}; ///< the slate the client still shows; the answer has this id if nothing changed
};

struct unsubscribe {
  user_id user;
  connection_id connection{};
  std::string surface; ///< empty: all of this connection
};

struct read_profile {
  user_id user;
};

struct profile_view {
  user_id user;
  std::uint64_t seq = 0;
  std::vector<std::pair<std::string, double>> affinities; ///< strongest first
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  std::vector<stored_event> history; ///< newest first; ids and context left out
  std::size_t seen = 0;
  timestamp first_event{};
  timestamp last_event{};
  std::map<std::string, property_value> properties;
};

/// Events newest first with seq < before (0: from the newest).
struct read_events {
  user_id user;
  std::uint64_t before = 0;
  std::size_t limit = 100;
};

struct event_page {
  std::vector<stored_event> events;
  std::uint64_t next_before = 0; ///< 0: no more
};

struct put_user {
  user_id user;
  std::map<std::string, property_value> properties;
};

/// Removes the user from log, snapshots, the live session and pending pushes; answered when
/// that is done and durable.
struct erase_user {
  user_id user;
};

/// These items changed or went away: sessions whose current slate of a subscribed surface
/// holds one of them push a new one (promise P6).
struct items_changed {
  std::shared_ptr<const std::vector<item_key>> keys; ///< sorted
};

struct read_directory_stats {};

struct directory_stats {
  std::size_t live = 0;
  std::size_t subscribed = 0;
  std::uint64_t activations = 0;
  std::uint64_t passivations = 0;
};

/// Stop taking work, put every session to sleep with its snapshot written, then answer.
struct drain {};

/// One per group of user slots; routes to the live session of a user, waking it.
using user_directory_actor =
    caf::typed_actor<rpc<ingest_ack, ingest>, rpc<ingest_ack, record_impression>,
                     rpc<slate_ptr, recommend>, rpc<slate_ptr, recommend_anonymous>,
                     rpc<slate_ptr, subscribe>, rpc<done, unsubscribe>,
                     rpc<profile_view, read_profile>, rpc<event_page, read_events>,
                     rpc<done, put_user>, rpc<done, erase_user>, caf::reacts_to<items_changed>,
                     rpc<directory_stats, read_directory_stats>, rpc<done, drain>>;

inline constexpr std::uint32_t user_slots = 1024;

/// The user's slot among the `user_slots` of the cluster; stable everywhere.
[[nodiscard]] inline std::uint32_t slot_of(const user_id& user) noexcept {
  return shard_of(item_key{stable_hash(user.value)}, user_slots);
}

// -- items ---------------------------------------------------------------------------------

struct upsert_items {
  std::vector<item> items; ///< checked by the sender (check_item)
};

struct items_ack {
  std::size_t written = 0;
};

/// Changes some fields of one item: those that are set.
struct patch_item {
  item_id id;
  std::optional<std::string> title;
  std::optional<std::vector<std::string>> categories;
  std::optional<std::vector<std::string>> tags;
  std::map<std::string, std::optional<property_value>> properties; ///< nullopt removes
  std::optional<bool> hidden;
  std::optional<std::vector<float>> vector; ///< empty: it has none any more
};

struct read_item {
  item_id id;
};

struct remove_item {
  item_id id;
};

struct read_items {
  item_id after;
  std::size_t limit = 100;
  std::string search; ///< words that title, categories or tags must contain; empty: all
};

struct item_page {
  std::vector<item_ptr> items;
  item_id next_after; ///< empty: no more
};

struct read_similar {
  item_id id;
  std::size_t k = 20;
  std::string filter;
};

struct read_popular {
  std::size_t half_life = 2; ///< index into signals.popularity_half_lives_hours
  std::size_t k = 20;
  std::string filter;
};

struct scored_items {
  std::vector<slate_item> items; ///< best first
  bool partial = false;
};

struct catalog_stats {
  std::vector<model::slice_stats> shards;
};

struct read_catalog_stats {};

/// Takes item writes to the store, then to the shards, then tells the directories; answers
/// what concerns all shards. Owns nothing.
using item_catalog_actor =
    caf::typed_actor<rpc<items_ack, upsert_items>, rpc<item_ptr, patch_item>,
                     rpc<item_ptr, read_item>, rpc<done, remove_item>, rpc<item_page, read_items>,
                     rpc<scored_items, read_similar>, rpc<scored_items, read_popular>,
                     rpc<catalog_stats, read_catalog_stats>>;

// -- item shards ---------------------------------------------------------------------------

/// What sessions ask of a shard. The answer has one receiver, who may move from it.
struct score_request {
  model::score_query query;
  /// By CAF's clock. A shard that comes to it later answers timeout instead of scoring: nobody
  /// would have the answer in time, and the next one in the mailbox still can.
  caf::actor_clock::time_point due = caf::actor_clock::time_point::max();
};

struct scored_candidates {
  model::candidate_list list;
};

struct read_traits {
  std::vector<item_key> keys;
  std::uint64_t model_version = 0; ///< vectors are wanted too, of this version; 0: none
};

struct traits_list {
  std::vector<model::item_traits> traits;  ///< in the order of the keys
  std::vector<std::vector<float>> vectors; ///< likewise, if wanted; empty ones: not there
};

/// Committed events in order of arrival, from the event log's writer.
struct learn {
  std::shared_ptr<const std::vector<model::observation>> what;
};

struct shard_upsert {
  std::vector<item_ptr> items;
};

struct shard_remove {
  item_key key{};
};

struct shard_find {
  item_key key{};
};

struct shard_similar {
  item_key of{};
  item_ptr record;
  std::size_t limit = 20;
  std::shared_ptr<const model::filter> only;
};

struct shard_popular {
  std::size_t half_life = 2;
  std::size_t limit = 20;
  std::shared_ptr<const model::filter> only;
};

struct read_slice_stats {};

/// Makes the items' vectors of this model ready beside those that serve; answered when queries
/// of its version can be answered. The one before the last goes. Errors: unavailable when another
/// model was adopted meanwhile.
struct adopt_model {
  model::sequence_model_ptr what;
};

using item_shard_actor =
    caf::typed_actor<rpc<scored_candidates, score_request>, rpc<traits_list, read_traits>,
                     caf::reacts_to<learn>, rpc<done, shard_upsert>, rpc<done, shard_remove>,
                     rpc<item_ptr, shard_find>, rpc<scored_candidates, shard_similar>,
                     rpc<scored_candidates, shard_popular>,
                     rpc<model::slice_stats, read_slice_stats>, rpc<done, adopt_model>,
                     rpc<checkpoint_bytes, make_checkpoint>>;

// -- encoder -------------------------------------------------------------------------------

/// Moves a user's state forward by these events. The state may be moved from.
struct encode {
  model::sequence_model_ptr by;
  model::sequence_state state;
  std::vector<model::sequence_event> events; ///< oldest first
};

struct encoded {
  model::sequence_state state;
};

/// One per worker; takes all that waits as one batch.
using encoder_actor = caf::typed_actor<rpc<encoded, encode>>;

// -- store ---------------------------------------------------------------------------------

/// One event to the log, with what it teaches (sent on to the shards and to the blend learner once
/// it is committed). Answered when committed; all that wait share one fsync.
struct append_event {
  stored_event what;                           ///< arrival is given by the log
  std::shared_ptr<model::observation> teaches; ///< null: nothing
  std::optional<model::blend_lesson> judged;   ///< none: it says nothing about the blend
};

struct appended {
  std::uint64_t arrival = 0;
};

struct save_profile {
  storage::profile_record what;
};

struct save_user {
  storage::user_record what;
};

/// Writes items; one without `created` keeps what the store has, or becomes new now.
struct write_items {
  std::vector<item> items; ///< checked by the sender
  timestamp now{};
};

struct written_items {
  std::vector<item_ptr> items; ///< as they were written
};

/// Reads, changes and writes one item in one step: the writer is alone, so patches of one item
/// never overtake each other. Answered with the item as written. Errors: not_found,
/// invalid_argument (the result would break a limit).
struct write_patch {
  patch_item what;
  timestamp now{};
};

struct erase_item {
  item_id id;
};

struct erase_stored_user {
  user_id user;
};

/// From now on tell the shards what each commit teaches, if `after` is the log's last arrival:
/// who replays the log's tail asks this when it has caught up.
struct begin_teaching {
  std::uint64_t after = 0;
};

struct teaching_begun {
  bool begun = false;
  std::uint64_t last_arrival = 0; ///< not begun: read on up to here, then ask again
};

/// The writer's own: commit what has gathered. Lands behind everything that already waits.
struct flush_batch {};

/// The one writer of the node's store; detached, all durable writes of records go through it.
/// After a failed append of a user it refuses that user's later ones until the failed number
/// comes again, so that the log never gets a hole.
using event_log_writer_actor =
    caf::typed_actor<rpc<appended, append_event>, rpc<done, save_profile>, rpc<done, save_user>,
                     rpc<written_items, write_items>, rpc<item_ptr, write_patch>,
                     rpc<done, erase_item>, rpc<done, erase_stored_user>,
                     rpc<teaching_begun, begin_teaching>, rpc<done, drain>>;

/// Everything a session needs to wake.
struct load_user {
  user_id user;
  std::uint32_t fold_version = 0; ///< snapshots of another version are not used
};

struct loaded_user {
  std::optional<storage::profile_record> snapshot;
  std::vector<stored_event> tail; ///< events after the snapshot, oldest first, the first part
  bool more = false;              ///< the tail goes on: read_tail
  bool registered = false;        ///< there is a user record, maybe without properties
  std::map<std::string, property_value> properties;
};

struct read_tail {
  user_id user;
  std::uint64_t after = 0;
  std::size_t limit = 1000;
};

struct event_tail {
  std::vector<stored_event> events;
};

/// Reads of the store, detached, a few of them.
using store_reader_actor =
    caf::typed_actor<rpc<loaded_user, load_user>, rpc<event_tail, read_tail>,
                     rpc<event_page, read_events>, rpc<item_page, read_items>>;

// -- trainer -------------------------------------------------------------------------------

/// Forgets a user's events, so that no later round of training learns from them.
struct forget_user {
  user_id user;
};

/// Learns from the event log and publishes what is better than what is active.
using trainer_actor = caf::typed_actor<rpc<done, forget_user>>;

// -- user session --------------------------------------------------------------------------

/// Write checkpoints now, if anything was learnt since the last ones.
struct write_checkpoints {};

/// Has the shards' state written to the store from time to time; detached, beside the writer, so
/// that a large checkpoint delays no event.
using checkpoint_keeper_actor = caf::typed_actor<rpc<done, write_checkpoints>>;

/// The only owner of one user's profile. The directory activates it on the user's first
/// message; it takes what the directory takes, for its own user.
using user_session_actor =
    caf::typed_actor<rpc<ingest_ack, ingest>, rpc<ingest_ack, record_impression>,
                     rpc<slate_ptr, recommend>, rpc<slate_ptr, recommend_anonymous>,
                     rpc<slate_ptr, subscribe>, rpc<done, unsubscribe>,
                     rpc<profile_view, read_profile>, rpc<done, put_user>, rpc<done, erase_user>,
                     caf::reacts_to<items_changed>, caf::reacts_to<passivate>>;

// -- the node ------------------------------------------------------------------------------

/// What the gateway is given: the doors of the node.
struct node_handles {
  std::vector<user_directory_actor> directories; ///< one per group of user slots
  item_catalog_actor catalog;
  model_registry_actor models;
  metrics_reader_actor metrics_reader;

  /// The directory of this user. REQUIRES: !directories.empty().
  [[nodiscard]] const user_directory_actor& directory_of(const user_id& user) const {
    return directories[slot_of(user) % directories.size()];
  }
};

} // namespace troupe::actors

#include "actors/error_bridge.hpp"  // needs them: failure <-> caf::error
#include "actors/message_types.hpp" // how CAF knows the messages above
