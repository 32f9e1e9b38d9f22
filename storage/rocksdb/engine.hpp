#pragma once

#include "storage/interfaces.hpp"
#include "storage/rocksdb/directory.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Iterator;
class Statistics;
class Status;
class WriteBatch;
} // namespace rocksdb

namespace troupe::storage {

/// The column families; their names on disk are in engine_open.cpp.
enum class family : std::uint8_t { meta, events, arrivals, items, profiles, users, models };

inline constexpr std::size_t family_count = 7;

/// One open RocksDB with its column families: what the four stores write to and read from. Turns
/// statuses into failures and gets the database going again after a full disk.
/// Thread safety: all members may be called from any thread.
class engine {
public:
  /// Errors as `open_rocksdb`.
  [[nodiscard]] static result<std::unique_ptr<engine>> open(const rocksdb_options& options);

  /// Flushes everything, so that the next start has nothing to replay.
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  [[nodiscard]] rocksdb::DB& database() const noexcept { return *database_; }

  [[nodiscard]] rocksdb::ColumnFamilyHandle* at(family which) const noexcept {
    return families_[static_cast<std::size_t>(which)];
  }

  [[nodiscard]] store_layout layout() const noexcept { return layout_; }

  /// Writes the batch whole or not at all. After a write that failed for want of space, tries to
  /// get the database going first.
  [[nodiscard]] result<void> write(rocksdb::WriteBatch& batch, durability how);

  [[nodiscard]] result<std::optional<std::string>> get(family from, std::string_view key) const;

  /// Adds a table with `keys` and what `value_of` gives for each one's index, beside the
  /// write-ahead log and the memtables. All of it is there and synced afterwards, or nothing.
  /// REQUIRES: keys ascend, and one call at a time.
  [[nodiscard]] result<void>
  add_table(family to, std::span<const std::string> keys,
            const std::function<std::string_view(std::size_t)>& value_of);

  /// Removes the tables that hold nothing but keys from `begin` to before `end`. Such keys may
  /// stand elsewhere, too. Snapshots do not keep them.
  [[nodiscard]] result<void> drop_tables(family from, std::string_view begin, std::string_view end);

  /// fsyncs the write-ahead log, if anything was written fast since the last time.
  [[nodiscard]] result<void> sync();

  /// What a status means to the caller; `doing` says what was tried. REQUIRES: !status.ok().
  [[nodiscard]] failure explain(const rocksdb::Status& status, std::string_view doing) const;

  [[nodiscard]] std::vector<store_statistic> statistics() const;

private:
  engine(const rocksdb_options& options, store_directory directory);
  [[nodiscard]] result<void> check_families() const;
  [[nodiscard]] result<void> open_database();
  [[nodiscard]] result<void> check_layout();
  [[nodiscard]] result<void> ready_to_write();
  [[nodiscard]] result<void> resume();
  [[nodiscard]] failure failed_write(const rocksdb::Status& status, std::string_view doing);
  [[nodiscard]] result<void> sync_log();

  rocksdb_options options_;
  store_directory directory_; // holds the lock: outlives the database
  std::shared_ptr<rocksdb::Statistics> statistics_;
  std::unique_ptr<rocksdb::DB> database_;
  std::array<rocksdb::ColumnFamilyHandle*, family_count> families_{};
  store_layout layout_;

  std::mutex resume_mutex_; // one attempt at a time
  std::atomic<bool> out_of_space_ = false;
  std::mutex sync_mutex_;             // who finds nothing to sync must know that it is done
  std::atomic<bool> unsynced_ = true; // what the last process left may be, too
  std::atomic<std::uint64_t> refused_for_space_ = 0;
};

} // namespace troupe::storage
