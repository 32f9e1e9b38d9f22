#pragma once

#include "base/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Everything an operator can set, with its default. One table (config/table.cpp) gives each
/// field its name, its sentence, its bounds; parsing, `troupe config`, troupe.toml and
/// docs/operations.md all come from it. A component takes its own section, never the whole.
namespace troupe::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct node_settings {
  std::string name = "node-1";
  std::size_t actor_threads = 0; ///< CAF workers; 0: the cores io_threads leave
  std::size_t io_threads = 0;    ///< gateway threads; 0: 1 up to 4 cores, else cores / 4
  seconds shutdown_timeout{10};  ///< drain, flush, then exit anyway
};

struct log_settings {
  std::string level = "info";  ///< debug, info, warn, error
  std::string format = "text"; ///< text, json
};

struct storage_settings {
  std::string directory = "data";
  std::string durability = "durable";    ///< durable, fast
  milliseconds fast_sync_interval{1000}; ///< with fast: what a power loss takes at most
  std::uint32_t shards = 2;              ///< item shards; fixed when the store is created
  std::size_t block_cache_bytes = std::size_t{64} << 20;
  std::size_t write_buffer_bytes = std::size_t{32} << 20;
  std::size_t append_batch_max = 512;    ///< events in one group commit
  std::size_t writes_pending_max = 4096; ///< of the node: waiting for the log, or to be learnt
  std::size_t reader_threads = 2;
  seconds checkpoint_interval{60}; ///< of the shards' signals
};

struct users_settings {
  std::size_t history_max = 200;        ///< events in a profile's ring
  std::size_t seen_max = 20000;         ///< items remembered as seen, newest stay
  std::size_t recent_events_max = 1000; ///< event ids remembered for deduplication
  std::size_t affinities_max = 32;      ///< labels per profile, strongest stay
  double affinity_half_life_days = 30;
  std::size_t sessions_max = 200000; ///< live sessions; beyond it the longest idle one sleeps
  seconds idle_timeout{300};         ///< then a session without connections sleeps
  seconds sweep_interval{5};
  std::size_t snapshot_events = 200;   ///< profile snapshot after so many events
  std::size_t writes_pending_max = 64; ///< unacknowledged events of one user
  std::size_t waiting_max = 1000;      ///< messages held while a session wakes or sleeps
  std::size_t subscribers_max = 16;    ///< connections of one user
  std::size_t surfaces_max = 8;        ///< surfaces with a slate, per user
};

/// What an event of a type (with a value in a range) means. The first match counts.
struct event_rule {
  std::string match;   ///< "click", or with a bound on the value: "rating>=4", "rating<2.5"
  double affinity = 1; ///< weight in the profile's affinities, negative for dislike
  double sequence = 1; ///< weight in co-occurrence and popularity; 0: leaves no trace there
  bool history = true; ///< enters the history ring
  bool seen = true;    ///< marks the item as seen
};

struct signals_settings {
  std::vector<event_rule> events{
      {"rating>=3.5", 1, 1, true, true},  {"rating<2.5", -1, 1, true, true},
      {"rating", 0.2, 1, true, true},     {"like", 1, 1, true, true},
      {"purchase", 2, 1, true, true},     {"click", 0.5, 1, true, true},
      {"view", 0.3, 1, true, true},       {"dislike", -1, 0, false, true},
      {"dismiss", -0.5, 0, false, true},  {"skip", -0.2, 0, false, false},
      {"impression", 0, 0, false, false},
  };
  double other_event_affinity = 0.5; ///< of a type no rule names; sequence 1, history, seen

  std::size_t window = 50;          ///< co-occurrence: events back that count as near
  std::string direction = "both";   ///< both, forward
  std::size_t query_items = 12;     ///< last items of the history that ask
  double query_decay = 0.75;        ///< per step back
  std::size_t neighbours_max = 512; ///< per item and shard; weakest leave
  /// Ageing of co-occurrence counts, in events of an item; at least a quarter of all it had. 0:
  /// none.
  double neighbour_half_life_events = 20;
  /// Items that an item stood near last, kept to place it while no model has learnt it. 0: none.
  std::size_t new_item_companions = 24;
  std::vector<double> popularity_half_lives_hours{1, 24, 168};
  double novelty_half_life_days = 14;
  std::size_t content_terms_max = 64; ///< terms per item
  std::size_t candidates_max = 200;   ///< a shard returns at most so many
  /// Items without a record whose counts a shard keeps; further ones are not learnt.
  std::size_t unknown_items_max = 1000000;
};

struct blend_settings {
  double co_occurrence = 1.0;
  double popularity = 0.1;
  double content = 0.03;
  double novelty = 0.01;
  double sequence = 1.0;             ///< times what the model says its encoder counts
  double diversity = 0.0;            ///< MMR: 0 relevance only, 1 diversity only
  std::string seen = "exclude";      ///< exclude, demote, allow
  double seen_demotion = 0.5;        ///< factor on the score with seen = "demote"
  std::string own_items = "exclude"; ///< exclude, allow: items whose owner_id is the user
  std::size_t category_cap = 0;      ///< items of one main category in a slate; 0: no cap
  bool learn = true;                 ///< weights move with what users do with items they are shown
  double factor_max = 4;             ///< a weight is learnt to be so many times more or less
  seconds outcome_window{600};       ///< after an impression in which acting on the item counts
  double position_bias = 0.5;        ///< looked at by the power -position_bias of the position
};

struct models_settings {
  std::string directory; ///< of snapshots; empty: the store's with ".models" behind it
  std::size_t keep = 5;  ///< newest versions that stay when one is published
};

struct trainer_settings {
  seconds interval{0};             ///< between rounds of training on new events; 0: none
  double cpu_share = 0.1;          ///< of one processor, at most, while a round runs
  std::size_t events_max = 500000; ///< of the log's end, learnt from
  std::size_t users_max = 100000;  ///< whose events are kept for it
  std::size_t first_events = 5000; ///< in the log before a first model is trained
};

struct slates_settings {
  std::size_t k_default = 20;
  std::size_t k_max = 200;
  milliseconds deadline{50};          ///< for the shards; then the slate is partial
  milliseconds request_timeout{2000}; ///< of the gateway for any answer
  std::size_t filter_bytes_max = 2048;
  std::size_t exclude_max = 1000;
};

struct gateway_settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080; ///< 0: any free one, printed and logged
  std::size_t connections_max = 20000;
  std::size_t connections_per_address_max = 20000;
  std::size_t header_bytes_max = 16384;
  std::size_t body_bytes_max = std::size_t{8} << 20;
  std::size_t message_bytes_max = 65536; ///< one WebSocket message
  std::size_t bulk_max = 10000;          ///< events or items in one request
  std::size_t json_depth_max = 32;
  seconds header_timeout{10};
  seconds body_timeout{30};
  seconds keep_alive_timeout{60};
  seconds idle_timeout{120};          ///< WebSocket; pings are sent at half of it
  seconds write_timeout{15};          ///< a stalled reader is closed
  std::size_t in_flight_max = 1024;   ///< requests waiting for actors, per gateway thread
  double events_per_second_max = 200; ///< per connection; 0: no limit
  double events_burst = 400;
  std::string api_key;              ///< empty: no check; else Authorization: Bearer ...
  std::string allowed_origins = ""; ///< comma-separated, "*" for all; empty: same origin
  std::string console_directory;    ///< empty: beside the binary or the source tree
};

struct settings {
  node_settings node;
  log_settings log;
  storage_settings storage;
  users_settings users;
  signals_settings signals;
  blend_settings blend;
  models_settings models;
  trainer_settings trainer;
  slates_settings slates;
  gateway_settings gateway;
};

} // namespace troupe::config
