#include "apps/troupe/open_store.hpp"

#include "storage/rocksdb/rocksdb_store.hpp"

namespace troupe::apps {

result<std::unique_ptr<storage::store>> open_store(const config::storage_settings& settings,
                                                   store_use use) {
  return storage::open_rocksdb({.directory = settings.directory,
                                .shards = settings.shards,
                                .create_if_missing = use == store_use::create,
                                .read_only = use == store_use::read,
                                .block_cache_bytes = settings.block_cache_bytes,
                                .write_buffer_bytes = settings.write_buffer_bytes});
}

} // namespace troupe::apps
