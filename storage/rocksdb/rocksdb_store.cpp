#include "storage/rocksdb/rocksdb_store.hpp"
