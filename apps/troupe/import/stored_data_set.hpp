#pragma once

#include "apps/troupe/import/data_set.hpp"
#include "storage/interfaces.hpp"

namespace troupe::apps {

/// What a store holds, as a data set: items in the order of their ids, events in the order of
/// their arrival. `from` outlives it.
[[nodiscard]] std::unique_ptr<data_set> stored_data_set(storage::store& from);

} // namespace troupe::apps
