#include "storage/rocksdb/engine.hpp"

#include "base/log.hpp"

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/statistics.h>

#include <filesystem>
#include <system_error>

namespace troupe::storage {

namespace {

/// What must be free before writing is tried again, beside what waits in memory.
constexpr std::uint64_t free_bytes_min = 1U << 20;

/// A table under way. One that a crash left behind is overwritten by the next.
constexpr std::string_view incoming_table = "incoming.sst";

bool says(const rocksdb::Status& status, std::string_view text) {
  const auto* const state = status.getState();
  return state != nullptr && std::string_view{state}.find(text) != std::string_view::npos;
}

/// RocksDB has a code for ENOSPC only; a quota and a limit on the size of files are the same to
/// the operator.
bool is_out_of_space(const rocksdb::Status& status) {
  return status.IsNoSpace()
         || (status.IsIOError()
             && (says(status, "Disk quota exceeded") || says(status, "File too large")));
}

} // namespace

engine::~engine() {
  if (database_ == nullptr)
    return;
  if (!options_.read_only) {
    const std::vector<rocksdb::ColumnFamilyHandle*> all{families_.begin(), families_.end()};
    if (const auto status = database_->Flush(rocksdb::FlushOptions{}, all); !status.ok())
      TROUPE_LOG(warn, "storage.flush_failed", "status=\"{}\"", status.ToString());
  }
  for (auto* handle : families_)
    database_->DestroyColumnFamilyHandle(handle);
  if (const auto status = database_->Close(); !status.ok())
    TROUPE_LOG(warn, "storage.close_failed", "status=\"{}\"", status.ToString());
}

failure engine::explain(const rocksdb::Status& status, std::string_view doing) const {
  const auto path = directory_.path().string();
  if (is_out_of_space(status))
    return {errc::out_of_space,
            fmt::format("{} in {}: no space left on the disk, nothing was written ({}); free some "
                        "space, writing goes on by itself",
                        doing, path, status.ToString())};
  if (says(status, "newer version of RocksDB") || status.IsNotSupported())
    return {errc::unsupported_format,
            fmt::format("{} in {}: {}; start the newer version that wrote the store", doing, path,
                        status.ToString())};
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound()
      || says(status, "No such file"))
    return {
        errc::corrupt_data,
        fmt::format("{} in {}: {}; nothing was changed. Keep a copy of the directory, check the "
                    "disk, and restore the store from a backup",
                    doing, path, status.ToString())};
  if (status.IsBusy() || status.IsTryAgain() || status.IsShutdownInProgress() || status.IsTimedOut()
      || status.IsIncomplete() || status.IsAborted())
    return {errc::unavailable, fmt::format("{} in {}: {}", doing, path, status.ToString())};
  if (says(status, "While lock file"))
    return {errc::already_exists,
            fmt::format("{} in {}: another process has the database open ({})", doing, path,
                        status.ToString())};
  if (says(status, "Permission denied") || says(status, "Read-only file system"))
    return {errc::invalid_argument,
            fmt::format("{} in {}: {}; give the directory to the user this runs as", doing, path,
                        status.ToString())};
  return {errc::internal, fmt::format("{} in {}: {}", doing, path, status.ToString())};
}

result<void> engine::ready_to_write() {
  if (options_.read_only)
    return failure{errc::invalid_argument, "the store was opened for reading only"};
  if (out_of_space_.load(std::memory_order_relaxed)) {
    if (auto going = resume(); !going) {
      ++refused_for_space_;
      return going.error();
    }
  }
  return {};
}

failure engine::failed_write(const rocksdb::Status& status, std::string_view doing) {
  if (is_out_of_space(status)) {
    ++refused_for_space_;
    out_of_space_.store(true, std::memory_order_relaxed);
  }
  return explain(status, doing);
}

result<void> engine::write(rocksdb::WriteBatch& batch, durability how) {
  if (auto ready = ready_to_write(); !ready)
    return ready;
  rocksdb::WriteOptions options;
  options.sync = how == durability::durable;
  if (const auto status = database_->Write(options, &batch); !status.ok())
    return failed_write(status, "cannot write");
  // Only now: a sync that begins before need not hold this write, and must not clear its mark.
  if (how == durability::fast)
    unsynced_.store(true, std::memory_order_release);
  return {};
}

result<void> engine::add_table(family to, std::span<const std::string> keys,
                               const std::function<std::string_view(std::size_t)>& value_of) {
  if (auto ready = ready_to_write(); !ready)
    return ready;
  const auto file = (directory_.path() / incoming_table).string();
  const auto fill = [&] {
    rocksdb::SstFileWriter table{rocksdb::EnvOptions{database_->GetDBOptions()},
                                 database_->GetOptions(at(to)), at(to)};
    auto status = table.Open(file);
    for (std::size_t i = 0; status.ok() && i < keys.size(); ++i) {
      const auto value = value_of(i);
      status = table.Put(keys[i], rocksdb::Slice{value.data(), value.size()});
    }
    return status.ok() ? table.Finish() : status; // synced
  };
  auto status = fill();
  if (status.ok()) {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.snapshot_consistency = false; // would take a sequence number that no log holds
    options.write_global_seqno = false;
    status = database_->IngestExternalFile(at(to), {file}, options);
  }
  if (status.ok())
    return {};
  std::error_code gone_already;
  std::filesystem::remove(file, gone_already);
  return failed_write(status, "cannot write a table");
}

result<void> engine::drop_tables(family from, std::string_view begin, std::string_view end) {
  if (auto ready = ready_to_write(); !ready)
    return ready;
  const rocksdb::Slice first{begin.data(), begin.size()};
  const rocksdb::Slice last{end.data(), end.size()};
  const auto status = rocksdb::DeleteFilesInRange(database_.get(), at(from), &first, &last, false);
  if (!status.ok())
    return failed_write(status, "cannot remove a table");
  return {};
}

result<void> engine::resume() {
  const std::lock_guard lock{resume_mutex_};
  if (!out_of_space_.load(std::memory_order_relaxed))
    return {}; // another thread was faster
  // Resuming flushes what is in memory: without room for it, trying would only fill the disk.
  std::uint64_t in_memory = 0;
  database_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &in_memory);
  std::error_code error;
  const auto space = std::filesystem::space(directory_.path(), error);
  if (!error && space.available < in_memory + free_bytes_min)
    return failure{errc::out_of_space,
                   fmt::format("{} has {} bytes free, {} are needed; free some space, writing goes "
                               "on by itself",
                               directory_.path().string(), space.available,
                               in_memory + free_bytes_min)};
  if (const auto status = database_->Resume(); !status.ok())
    return explain(status, "cannot write again");
  out_of_space_.store(false, std::memory_order_relaxed);
  TROUPE_LOG(info, "storage.resumed", "free_bytes={}", error ? 0 : space.available);
  return {};
}

result<std::optional<std::string>> engine::get(family from, std::string_view key) const {
  std::string value;
  const auto status = database_->Get(rocksdb::ReadOptions{}, at(from),
                                     rocksdb::Slice{key.data(), key.size()}, &value);
  if (status.IsNotFound())
    return std::optional<std::string>{};
  if (!status.ok())
    return explain(status, "cannot read");
  return std::optional{std::move(value)};
}

result<void> engine::sync() {
  if (options_.read_only)
    return {};
  const std::lock_guard lock{sync_mutex_};
  if (!unsynced_.exchange(false, std::memory_order_acq_rel))
    return {};
  auto synced = sync_log();
  if (!synced)
    unsynced_.store(true, std::memory_order_release);
  return synced;
}

result<void> engine::sync_log() {
  // After a failed write RocksDB's log must not be used before it was resumed.
  if (out_of_space_.load(std::memory_order_relaxed))
    if (auto going = resume(); !going)
      return going;
  if (const auto status = database_->FlushWAL(true); !status.ok())
    return explain(status, "cannot sync");
  return {};
}

std::vector<store_statistic> engine::statistics() const {
  const auto property = [this](const std::string& name) {
    std::uint64_t value = 0;
    database_->GetAggregatedIntProperty(name, &value);
    return static_cast<double>(value);
  };
  const auto ticker = [this](rocksdb::Tickers which) {
    return static_cast<double>(statistics_->getTickerCount(which));
  };
  using properties = rocksdb::DB::Properties;
  std::uint64_t cache_used = 0;
  database_->GetIntProperty(at(family::events), properties::kBlockCacheUsage, &cache_used);
  return {
      {"troupe_storage_memtable_bytes", "Written data that waits in memory for its table file.",
       property(properties::kCurSizeAllMemTables), false},
      {"troupe_storage_block_cache_bytes", "Blocks, indexes and filters in the block cache.",
       static_cast<double>(cache_used), false},
      {"troupe_storage_block_cache_limit_bytes", "Size of the block cache.",
       static_cast<double>(options_.block_cache_bytes), false},
      {"troupe_storage_table_files_bytes", "Size of the live table files.",
       property(properties::kLiveSstFilesSize), false},
      {"troupe_storage_compaction_pending_bytes", "Bytes compaction is behind by, an estimate.",
       property(properties::kEstimatePendingCompactionBytes), false},
      {"troupe_storage_background_errors", "Errors of flushes and compactions since the start.",
       property(properties::kBackgroundErrors), false},
      {"troupe_storage_out_of_space", "1 while writes are refused because the disk is full.",
       out_of_space_.load() ? 1.0 : 0.0, false},
      {"troupe_storage_out_of_space_refused_total", "Writes refused because the disk is full.",
       static_cast<double>(refused_for_space_.load()), true},
      {"troupe_storage_block_cache_hits_total", "Block reads the cache answered.",
       ticker(rocksdb::BLOCK_CACHE_HIT), true},
      {"troupe_storage_block_cache_misses_total", "Block reads that went to a file.",
       ticker(rocksdb::BLOCK_CACHE_MISS), true},
      {"troupe_storage_log_syncs_total", "fsyncs of the write-ahead log.",
       ticker(rocksdb::WAL_FILE_SYNCED), true},
      {"troupe_storage_log_written_bytes_total", "Bytes written to the write-ahead log.",
       ticker(rocksdb::WAL_FILE_BYTES), true},
      {"troupe_storage_write_stalls_seconds_total", "Time writes were held back by compaction.",
       ticker(rocksdb::STALL_MICROS) / 1e6, true},
  };
}

} // namespace troupe::storage
