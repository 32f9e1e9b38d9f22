#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "storage/rocksdb/stores.hpp"

#include <rocksdb/db.h>

#include <string_view>
#include <unordered_set>
#include <utility>

namespace troupe::storage {

namespace {

constexpr std::string_view item_count_key = "item_count"; // in `meta`, on disk since version 1

} // namespace

rocksdb_item_store::rocksdb_item_store(engine& on, std::uint64_t count)
    : engine_(on), count_(count) {}

result<std::unique_ptr<rocksdb_item_store>> rocksdb_item_store::open(engine& on) {
  auto bytes = on.get(family::meta, item_count_key);
  if (!bytes)
    return bytes.error();
  if (*bytes && (*bytes)->size() != 8)
    return failure{errc::corrupt_data, "`item_count` in `meta` is not a number of 8 bytes"};
  const auto count = *bytes ? read_big_endian(**bytes) : 0;
  return std::unique_ptr<rocksdb_item_store>{new rocksdb_item_store{on, count}};
}

result<void> rocksdb_item_store::put(std::span<const item> batch, durability how) {
  if (batch.empty())
    return {};
  const std::lock_guard lock{writing_};
  auto count = count_.load(std::memory_order_relaxed);
  std::unordered_set<std::string_view> met;
  rocksdb::WriteBatch writes;
  for (const auto& what : batch) {
    if (what.id.empty() || what.id.value.size() > id_bytes_max)
      return failure{errc::invalid_argument, "item_id must have 1 to 256 bytes"};
    if (met.insert(what.id.value).second) {
      auto known = engine_.get(family::items, what.id.value);
      if (!known)
        return known.error();
      count += *known ? 0U : 1U;
    }
    if (const auto status = writes.Put(engine_.at(family::items), what.id.value, encode_item(what));
        !status.ok())
      return engine_.explain(status, "cannot batch an item");
  }
  if (const auto status =
          writes.Put(engine_.at(family::meta), std::string{item_count_key}, big_endian_key(count));
      !status.ok())
    return engine_.explain(status, "cannot batch an item");
  if (auto written = engine_.write(writes, how); !written)
    return written;
  count_.store(count, std::memory_order_release);
  return {};
}

result<std::optional<item>> rocksdb_item_store::get(const item_id& id) const {
  auto bytes = engine_.get(family::items, id.value);
  if (!bytes)
    return bytes.error();
  if (!*bytes)
    return std::optional<item>{};
  auto record = decode_item(**bytes);
  if (!record)
    return record.error();
  return std::optional{std::move(*record)};
}

result<bool> rocksdb_item_store::erase(const item_id& id, durability how) {
  const std::lock_guard lock{writing_};
  auto known = engine_.get(family::items, id.value);
  if (!known)
    return known.error();
  if (!*known)
    return false;
  const auto count = count_.load(std::memory_order_relaxed) - 1;
  rocksdb::WriteBatch writes;
  auto status = writes.Delete(engine_.at(family::items), id.value);
  if (status.ok())
    status =
        writes.Put(engine_.at(family::meta), std::string{item_count_key}, big_endian_key(count));
  if (!status.ok())
    return engine_.explain(status, "cannot batch an erasure");
  if (auto written = engine_.write(writes, how); !written)
    return written.error();
  count_.store(count, std::memory_order_release);
  return true;
}

result<std::vector<item>> rocksdb_item_store::scan(const item_id& after, std::size_t limit) const {
  std::vector<item> out;
  const std::unique_ptr<rocksdb::Iterator> at{
      engine_.database().NewIterator(rocksdb::ReadOptions{}, engine_.at(family::items))};
  // The smallest key after an id is the id with a zero byte, which no id contains.
  for (at->Seek(after.value + '\0'); at->Valid() && out.size() < limit; at->Next()) {
    auto record = decode_item({at->value().data(), at->value().size()});
    if (!record)
      return record.error();
    out.push_back(std::move(*record));
  }
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot scan the items");
  return out;
}

result<std::uint64_t> rocksdb_item_store::count() const {
  return count_.load(std::memory_order_acquire);
}

} // namespace troupe::storage
