#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/ids.hpp"
#include "base/item.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What a store must do. Each interface has one implementation per engine, and all pass
/// tests/support/storage_conformance.hpp. Every call may block on a disk or a network: only
/// detached actors and commands call them.
/// Thread safety: all members of one object may be called from any thread, except that writes
/// of the event log come from one thread at a time.
namespace troupe::storage {

/// Whether a write returns before or after it is safe against power loss.
enum class durability : std::uint8_t {
  durable, ///< fsynced before the call returns
  fast,    ///< in the operating system's hands: survives kill -9, not power loss
};

/// What happened, in order. Keyed by (user, seq) and by arrival.
class event_log {
public:
  virtual ~event_log() = default;

  /// Appends `batch` atomically: all or nothing. `seq` is the caller's and must be the
  /// user's last seq + 1, +2 ... in batch order (checked by the conformance suite, not per
  /// call); `arrival` is given here and written back into the batch.
  /// Errors: out_of_space (nothing written), unavailable, internal.
  [[nodiscard]] virtual result<void> append(std::span<stored_event> batch, durability how) = 0;

  /// Events of one user with seq > `after`, oldest first, at most `limit`.
  [[nodiscard]] virtual result<std::vector<stored_event>>
  read_user(const user_id& user, std::uint64_t after, std::size_t limit) const = 0;

  /// The user's newest events, newest first, with seq < `before`, at most `limit`.
  [[nodiscard]] virtual result<std::vector<stored_event>>
  read_user_newest(const user_id& user, std::uint64_t before, std::size_t limit) const = 0;

  /// The user's highest seq; 0 if there is none.
  [[nodiscard]] virtual result<std::uint64_t> last_seq(const user_id& user) const = 0;

  /// All events with arrival > `after` in order of arrival, at most `limit`. Holes are
  /// allowed (erased users).
  [[nodiscard]] virtual result<std::vector<stored_event>>
  read_arrivals(std::uint64_t after, std::size_t limit) const = 0;

  /// The highest arrival given; 0 if there is none.
  [[nodiscard]] virtual result<std::uint64_t> last_arrival() const = 0;

  /// Removes all events of the user, durably. A user without events is fine.
  [[nodiscard]] virtual result<void> erase_user(const user_id& user) = 0;
};

/// One event of a profile's history ring.
struct history_record {
  item_id item;
  std::string type;
  float value = 0;
  bool has_value = false;
  timestamp time{};
  bool traits_known = false; ///< the item's categories were folded into the affinities
};

/// A user's folded profile as it is kept between activations. The model's profile and this
/// record are mapped onto each other in actors/profile_record.cpp.
struct profile_record {
  user_id user;
  std::uint64_t seq = 0;                ///< the last event folded in
  std::uint32_t fold_version = 0;       ///< of the fold's rules; another one means: replay the log
  std::vector<history_record> history;  ///< oldest first
  std::vector<event_key> recent_events; ///< ids of the last events, oldest first
  std::vector<item_key> seen;           ///< items the user has seen
  std::map<std::string, double> affinities; ///< label -> weight as of `affinity_time`
  timestamp affinity_time{};
  std::map<std::string, std::uint64_t> counts; ///< events per type
  timestamp first_event{};
  timestamp last_event{};
};

/// A user's own properties, set by PUT /v1/users/{id}. Not derived from events.
struct user_record {
  user_id user;
  std::map<std::string, property_value> properties;
  timestamp updated{};

  friend bool operator==(const user_record&, const user_record&) = default;
};

/// Snapshots of profiles and users' properties. Losing every profile snapshot loses nothing:
/// the log has it all.
class profile_store {
public:
  virtual ~profile_store() = default;

  [[nodiscard]] virtual result<std::optional<profile_record>> load(const user_id& user) const = 0;

  /// Saves all or none; never fsyncs (snapshots can be rebuilt).
  [[nodiscard]] virtual result<void> save(std::span<const profile_record> batch) = 0;

  [[nodiscard]] virtual result<std::optional<user_record>> load_user(const user_id& user) const = 0;
  [[nodiscard]] virtual result<void> save_user(const user_record& who, durability how) = 0;

  /// Removes the profile snapshot and the properties, durably.
  [[nodiscard]] virtual result<void> erase(const user_id& user) = 0;

  /// Removes every profile snapshot (not the properties): they are rebuilt from the log.
  [[nodiscard]] virtual result<void> drop_profiles() = 0;
};

/// The catalogue.
class item_store {
public:
  virtual ~item_store() = default;

  /// Writes all or none.
  [[nodiscard]] virtual result<void> put(std::span<const item> batch, durability how) = 0;
  [[nodiscard]] virtual result<std::optional<item>> get(const item_id& id) const = 0;
  /// Removes durably; false if there was none.
  [[nodiscard]] virtual result<bool> erase(const item_id& id, durability how) = 0;
  /// Items with id > `after` in byte order, at most `limit`.
  [[nodiscard]] virtual result<std::vector<item>> scan(const item_id& after,
                                                       std::size_t limit) const = 0;
  /// The number of items, exact.
  [[nodiscard]] virtual result<std::uint64_t> count() const = 0;
};

/// Named blobs: checkpoints of shards and, later, manifests of snapshots. Values up to 1 GiB.
class model_store {
public:
  virtual ~model_store() = default;

  /// Replaces the blob atomically and durably.
  [[nodiscard]] virtual result<void> save(std::string_view name, std::string_view bytes) = 0;
  [[nodiscard]] virtual result<std::optional<std::string>> load(std::string_view name) const = 0;
  [[nodiscard]] virtual result<std::vector<std::string>> list(std::string_view prefix) const = 0;
  [[nodiscard]] virtual result<void> erase(std::string_view name) = 0;
};

/// Facts fixed when a store is made.
struct store_layout {
  std::uint32_t format_version = 0; ///< of keys and records
  std::uint32_t shards = 0;         ///< item shards; fixed at creation
};

/// A figure of the engine for the metrics page, with its series name and sentence.
struct store_statistic {
  std::string name; ///< `troupe_storage_...`
  std::string help;
  double value = 0;
  bool monotonic = false; ///< a counter, not a gauge
};

/// One open store. Closing it (the destructor) flushes everything.
class store {
public:
  virtual ~store() = default;

  [[nodiscard]] virtual event_log& events() noexcept = 0;
  [[nodiscard]] virtual profile_store& profiles() noexcept = 0;
  [[nodiscard]] virtual item_store& items() noexcept = 0;
  [[nodiscard]] virtual model_store& models() noexcept = 0;
  [[nodiscard]] virtual store_layout layout() const noexcept = 0;

  /// Makes everything written so far durable.
  [[nodiscard]] virtual result<void> sync() = 0;

  /// What the engine counts, read when metrics are scraped; the set is fixed per engine.
  [[nodiscard]] virtual std::vector<store_statistic> statistics() const { return {}; }
};

} // namespace troupe::storage
