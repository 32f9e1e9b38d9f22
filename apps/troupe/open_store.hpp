#pragma once

#include "base/error.hpp"
#include "config/settings.hpp"
#include "storage/interfaces.hpp"

#include <memory>

namespace troupe::apps {

/// What a command wants of the store.
enum class store_use : unsigned char {
  create,   ///< made where there is none
  existing, ///< not_found where there is none
  read      ///< the same, and nothing is written
};

/// Opens the store that the settings name.
/// Errors: those of `storage::open_rocksdb`, each a line that says what to do.
[[nodiscard]] result<std::unique_ptr<storage::store>>
open_store(const config::storage_settings& settings, store_use use);

} // namespace troupe::apps
