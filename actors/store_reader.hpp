#pragma once

#include "actors/interfaces.hpp"

namespace troupe::actors {

/// Reads of the store, one at a time; detached, since a read may wait for a disk.
///
/// Bounds: each session has at most one read on its way, so the mailbox holds at most the
/// sessions that wake; a page has at most `page_max` records and looks at `scan_max` at most.
class store_reader_state {
public:
  using handle = store_reader_actor;
  static constexpr const char* name = "store-reader";

  static constexpr std::size_t tail_max = 1000; ///< events in a loaded_user
  static constexpr std::size_t page_max = 1000;
  static constexpr std::size_t scan_max = 20'000; ///< items one search looks at

  /// `from` outlives the actor.
  store_reader_state(handle::pointer self, storage::store& from);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  caf::result<loaded_user> load(const load_user& what) const;
  caf::result<event_tail> tail(const read_tail& what) const;
  caf::result<event_page> events(const read_events& what) const;
  caf::result<item_page> items(const read_items& what) const;

  storage::store& from_;
};

} // namespace troupe::actors
