#include "base/log.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "storage/rocksdb/engine.hpp"
#include "storage/rocksdb/wal_check.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

namespace troupe::storage {

namespace {

/// By value of `family`. On disk since storage version 1: append only.
constexpr std::array<std::string_view, family_count> family_names{
    "default", "events", "arrivals", "items", "profiles", "users", "models"};

constexpr std::string_view layout_key = "layout";

/// Logs what goes wrong in the background, and keeps RocksDB from resuming by itself after a
/// full disk: its poll takes seconds, `engine::write` notices freed space with the next write.
class background_listener final : public rocksdb::EventListener {
public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    TROUPE_LOG(error, "storage.background_error", "reason={} status=\"{}\"",
               static_cast<int>(reason), status->ToString());
  }

  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*status*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

/// RocksDB's diary goes to the process's log instead of a file of its own: Debian's build
/// aborts the process when it cannot write that file, which is on the disk that is full.
class process_logger final : public rocksdb::Logger {
public:
  process_logger() : rocksdb::Logger{rocksdb::InfoLogLevel::WARN_LEVEL} {}

  void LogHeader(const char* /*format*/, va_list /*args*/) override {}

  [[gnu::format(printf, 2, 0)]] void Logv(const char* format, va_list args) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, args);
  }

  [[gnu::format(printf, 3, 0)]] void Logv(rocksdb::InfoLogLevel level, const char* format,
                                          va_list args) override {
    if (level < GetInfoLogLevel())
      return;
    std::array<char, 1024> text{};
    std::vsnprintf(text.data(), text.size(), format, args); // cuts what is longer
    // RocksDB 7.8 keeps none for tables it took over, as those of checkpoints, and says so at
    // each start; their blocks have checksums like all others.
    if (std::string_view{text.data()}.find("opened without unique ID") != std::string_view::npos)
      return;
    TROUPE_LOG(warn, "storage.rocksdb", "text=\"{}\"", text.data());
  }
};

rocksdb::DBOptions database_options(const rocksdb_options& options, bool create,
                                    const std::shared_ptr<rocksdb::Statistics>& statistics) {
  rocksdb::DBOptions out;
  out.create_if_missing = create;
  out.create_missing_column_families = create;
  out.statistics = statistics;
  out.listeners.push_back(std::make_shared<background_listener>());

  // A torn tail was never acknowledged and is cut off. Damage before the tail would be cut off
  // with everything after it: wal_check.cpp refuses such a log before the database sees it.
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  out.track_and_verify_wals_in_manifest = true; // a log that went missing is noticed
  out.paranoid_checks = true;

  // What the log holds is replayed at the next start after a crash: this bounds the time.
  out.max_total_wal_size = std::max<std::uint64_t>(2 * options.write_buffer_bytes, 1U << 20);
  out.db_write_buffer_size = 2 * options.write_buffer_bytes;
  out.wal_bytes_per_sync = 512U << 10; // spreads the write-back of unsynced writes
  out.bytes_per_sync = 1U << 20;
  out.max_background_jobs = 2;
  out.max_subcompactions = 1;
  out.max_open_files = 1000;
  out.max_file_opening_threads = 2;
  out.skip_stats_update_on_db_open = true;
  out.max_bgerror_resume_count = 0;

  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  out.info_log = std::make_shared<process_logger>();
  return out;
}

rocksdb::ColumnFamilyOptions family_options(family which, const rocksdb_options& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8U << 10;
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Indexes and filters count against the cache, so the cache's size is the bound; they stay in
  // it before data does.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;

  rocksdb::ColumnFamilyOptions out;
  out.compression = rocksdb::kLZ4Compression;
  out.write_buffer_size = options.write_buffer_bytes / 4;
  out.level_compaction_dynamic_level_bytes = true;
  // What was erased leaves the disk within this time even where nothing else is written.
  out.periodic_compaction_seconds = std::uint64_t{7} * 24 * 3600;
  switch (which) {
  case family::events:
    // Waking a user without events must not read a table: filters on the hash of the user.
    out.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(event_prefix_bytes));
    out.memtable_prefix_bloom_size_ratio = 0.05;
    out.write_buffer_size = options.write_buffer_bytes;
    out.max_write_buffer_number = 3;
    break;
  case family::arrivals:
    table.filter_policy.reset();
    break; // only scanned
  case family::models:
    out.compression = rocksdb::kNoCompression;
    break;
  case family::meta:
  case family::items:
  case family::profiles:
  case family::users:
    break;
  }
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

/// RocksDB cuts a cache into 64 parts if one does not say otherwise, and never keeps a block that
/// is larger than its part. The filter of a table with a million events takes 2 MB: of a cache of
/// 64 MB it would be read from the file for each question. A part is at least so large here, and
/// the few threads that read do not get into each other's way.
constexpr std::size_t cache_part_bytes_min = std::size_t{16} << 20;
constexpr int cache_part_bits_max = 6;

int cache_part_bits(std::size_t cache_bytes) noexcept {
  int bits = 0;
  while (bits < cache_part_bits_max && cache_bytes >> (bits + 1) >= cache_part_bytes_min)
    ++bits;
  return bits;
}

/// A random id from the operating system: 32 hexadecimal digits.
std::string draw_store_id() {
  auto id = rocksdb::Env::Default()->GenerateUniqueId();
  std::erase_if(id, [](char c) { return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')); });
  return id;
}

} // namespace

engine::engine(const rocksdb_options& options, store_directory directory)
    : options_(options), directory_(std::move(directory)),
      statistics_(rocksdb::CreateDBStatistics()) {
  statistics_->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
}

result<std::unique_ptr<engine>> engine::open(const rocksdb_options& options) {
  if (options.shards == 0 || options.write_buffer_bytes < (64U << 10))
    return failure{errc::invalid_argument,
                   "a store needs at least 1 shard and a write buffer of 64 KiB"};
  auto directory = store_directory::claim(
      {options.directory, options.create_if_missing, options.read_only, draw_store_id()});
  if (!directory)
    return directory.error();
  if (auto checked = check_logs(options.directory); !checked)
    return checked.error();
  std::unique_ptr<engine> out{new engine{options, std::move(*directory)}};
  if (auto checked = out->check_families(); !checked)
    return checked.error();
  if (auto opened = out->open_database(); !opened)
    return opened.error();
  if (auto checked = out->check_layout(); !checked)
    return checked.error();
  return out;
}

/// A family this program does not know was made by a newer one.
result<void> engine::check_families() const {
  if (directory_.fresh())
    return {};
  std::vector<std::string> names;
  const auto status =
      rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions{}, directory_.path().string(), &names);
  if (!status.ok())
    return explain(status, "cannot read the list of column families");
  for (const auto& name : names)
    if (std::find(family_names.begin(), family_names.end(), name) == family_names.end())
      return failure{errc::unsupported_format,
                     fmt::format("the store in {} has a column family \"{}\" this program does not "
                                 "know; start the newer version that wrote it",
                                 directory_.path().string(), name)};
  return {};
}

result<void> engine::open_database() {
  const auto cache =
      rocksdb::NewLRUCache(options_.block_cache_bytes, cache_part_bits(options_.block_cache_bytes));
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < family_count; ++i)
    families.emplace_back(std::string{family_names[i]},
                          family_options(static_cast<family>(i), options_, cache));
  const auto options =
      database_options(options_, options_.create_if_missing && !options_.read_only, statistics_);
  const auto path = directory_.path().string();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* database = nullptr;
  const auto status =
      options_.read_only
          ? rocksdb::DB::OpenForReadOnly(options, path, families, &handles, &database)
          : rocksdb::DB::Open(options, path, families, &handles, &database);
  if (!status.ok())
    return explain(status, "cannot open");
  database_.reset(database);
  std::copy(handles.begin(), handles.end(), families_.begin());
  return {};
}

result<void> engine::check_layout() {
  auto bytes = get(family::meta, layout_key);
  if (!bytes)
    return bytes.error();
  const auto path = directory_.path().string();
  if (!*bytes) {
    // Only a store whose creation was interrupted has none, and nothing else yet.
    const std::unique_ptr<rocksdb::Iterator> anything{
        database_->NewIterator(rocksdb::ReadOptions{}, at(family::meta))};
    anything->SeekToFirst();
    if (anything->Valid() || options_.read_only)
      return failure{errc::corrupt_data, fmt::format("the store in {} has lost its layout record; "
                                                     "restore it from a backup",
                                                     path)};
    layout_ = {store_format_version, options_.shards};
    rocksdb::WriteBatch batch;
    if (const auto status = batch.Put(
            at(family::meta), std::string{layout_key},
            encode_layout({layout_, directory_.store_id(), troupe::system_clock().now()}));
        !status.ok())
      return explain(status, "cannot write the layout");
    return write(batch, durability::durable);
  }
  auto layout = decode_layout(**bytes);
  if (!layout)
    return failure{layout.error().code,
                   fmt::format("the layout of the store in {}: {}", path, layout.error().context)};
  if (layout->layout.format_version > store_format_version)
    return failure{errc::unsupported_format,
                   fmt::format("the store in {} has format {}, this program reads up to {}; start "
                               "the newer version that wrote it",
                               path, layout->layout.format_version, store_format_version)};
  if (layout->store_id != directory_.store_id())
    return failure{errc::corrupt_data,
                   fmt::format("the files in {} are of two stores (marker {}, database {}); "
                               "restore the whole directory from one backup",
                               path, directory_.store_id(), layout->store_id)};
  layout_ = layout->layout;
  return {};
}

} // namespace troupe::storage
