#include "storage/rocksdb/rocksdb_store.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

namespace troupe::test {

/// The embedded engine in a directory of its own, with small buffers so that files are written.
class engine_under_test {
public:
  engine_under_test() { reopen(); }

  storage::store& store() { return *store_; }

  void reopen() {
    store_.reset();
    storage::rocksdb_options options;
    options.directory = directory_.path() / "store";
    options.write_buffer_bytes = std::size_t{1} << 20;
    options.block_cache_bytes = std::size_t{1} << 20;
    auto opened = storage::open_rocksdb(options);
    REQUIRE_MESSAGE(opened, (opened ? std::string{} : opened.error().context));
    store_ = std::move(*opened);
  }

private:
  temp_dir directory_;
  std::unique_ptr<storage::store> store_;
};

} // namespace troupe::test

#include "tests/support/storage_conformance.hpp"
