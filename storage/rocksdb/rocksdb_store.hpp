#pragma once

#include "storage/interfaces.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace troupe::storage {

struct rocksdb_options {
  std::filesystem::path directory;
  std::uint32_t shards = 2;      ///< used when the store is created; else what it has stands
  bool create_if_missing = true; ///< false: a missing store is `not_found`
  bool read_only = false;
  std::size_t block_cache_bytes = std::size_t{64} << 20;
  std::size_t write_buffer_bytes = std::size_t{32} << 20;
};

/// Opens or creates the embedded store in `directory`.
/// Errors, each saying what to do: already_exists (another process has it open),
/// unsupported_format (written by a newer version), corrupt_data, out_of_space,
/// invalid_argument (not writable, not a directory, not a store), not_found.
[[nodiscard]] result<std::unique_ptr<store>> open_rocksdb(const rocksdb_options& options);

} // namespace troupe::storage
