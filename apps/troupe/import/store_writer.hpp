#pragma once

#include "apps/troupe/import/data_set.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "storage/interfaces.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::apps {

/// Puts checked records into a store: numbers the events of each user, leaves out those the
/// store has already, writes in batches.
///
/// An event is there already if the user has one with its event_id. The ids a user has in the
/// store are read once, before that user's first event; so importing a file again adds nothing.
/// Costs 8 bytes an event and its place in a hash table while it runs.
/// Durability: nothing is promised before `finish` has returned.
class store_writer {
public:
  struct tally {
    std::uint64_t items = 0;
    std::uint64_t events = 0;
    std::uint64_t duplicates = 0;
  };

  /// `to` and `time` outlive the writer.
  store_writer(storage::store& to, const clock& time);

  /// Errors: invalid_argument for a record over a limit (nothing is written, going on is fine);
  /// those of the store.
  [[nodiscard]] result<void> add(item&& what);
  [[nodiscard]] result<void> add(event&& what);

  /// Writes what waits and makes all of it durable.
  [[nodiscard]] result<void> finish();

  [[nodiscard]] const tally& counts() const noexcept { return counts_; }

private:
  [[nodiscard]] result<void> flush_items();
  [[nodiscard]] result<void> flush_events();
  [[nodiscard]] result<std::uint64_t*> last_seq_of(const user_id& user);
  [[nodiscard]] result<void> learn_ids(const user_id& user);
  [[nodiscard]] static std::uint64_t key_of(const user_id& user, const event_id& id);

  storage::store& to_;
  const clock& time_;
  std::vector<item> items_;
  std::vector<stored_event> events_;
  std::unordered_map<std::string, std::uint64_t> last_seq_;
  std::unordered_set<std::uint64_t> ids_; // of (user, event_id)
  tally counts_;
};

} // namespace troupe::apps
