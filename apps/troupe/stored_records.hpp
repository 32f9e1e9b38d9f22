#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "storage/interfaces.hpp"

#include <vector>

namespace troupe::apps {

/// All events of a store, in the order of their arrival; in memory at once.
[[nodiscard]] result<std::vector<stored_event>> read_events(const storage::event_log& from);

/// All items of a store, by id.
[[nodiscard]] result<std::vector<item>> read_items(const storage::item_store& from);

} // namespace troupe::apps
