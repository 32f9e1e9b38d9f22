#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <vector>

namespace troupe::apps {

/// What a store holds, in memory at once.
struct stored_records {
  std::vector<stored_event> events; ///< in the order of their arrival
  std::vector<item> items;          ///< by id
  std::uint32_t shards = 0;         ///< of the store's layout
};

/// Opens the store for reading and reads all of it. Errors: as open_store.
[[nodiscard]] result<stored_records> read_records(const config::storage_settings& from);

} // namespace troupe::apps
