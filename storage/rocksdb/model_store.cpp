#include "base/stable_hash.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "storage/rocksdb/stores.hpp"

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <utility>

namespace troupe::storage {

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
constexpr std::size_t blob_bytes_max = std::size_t{1} << 30;
constexpr std::size_t name_bytes_max = 256;

result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max)
    return failure{
        errc::invalid_argument,
        fmt::format("a blob's name must have 1 to {} bytes, not {}", name_bytes_max, name.size())};
  return {};
}

/// The header of a blob, if there is one.
result<std::optional<checkpoint_header>> read_header(engine& on, std::string_view name) {
  auto bytes = on.get(family::models, blob_header_key(name));
  if (!bytes)
    return bytes.error();
  if (!*bytes)
    return std::optional<checkpoint_header>{};
  auto header = decode_checkpoint_header(**bytes);
  if (!header)
    return header.error();
  return std::optional{*header};
}

} // namespace

rocksdb_model_store::rocksdb_model_store(engine& on) : engine_(on) {}

result<void> rocksdb_model_store::save(std::string_view name, std::string_view bytes) {
  if (auto fine = check_name(name); !fine)
    return fine;
  if (bytes.size() > blob_bytes_max)
    return failure{errc::too_large, fmt::format("blob \"{}\" has {} bytes, the limit is {}", name,
                                                bytes.size(), blob_bytes_max)};
  const std::lock_guard lock{using_};
  auto old = read_header(engine_, name);
  if (!old)
    return old.error();
  const auto before = *old ? (*old)->generation : 0;
  if (tidy_.erase(std::string{name}) == 0) // again when this one is through
    if (auto removed = remove_chunks_but(name, before); !removed)
      return removed; // what an interrupted save left behind
  const checkpoint_header header{
      .generation = before + 1,
      .bytes = bytes.size(),
      .chunks = static_cast<std::uint32_t>((bytes.size() + chunk_bytes - 1) / chunk_bytes),
      .hash = stable_hash(bytes)};
  if (auto written = write_chunks(name, header.generation, bytes); !written)
    return written;
  rocksdb::WriteBatch writes;
  if (const auto status = writes.Put(engine_.at(family::models), blob_header_key(name),
                                     encode_checkpoint_header(header));
      !status.ok())
    return engine_.explain(status, "cannot batch a header");
  // A write that syncs makes those of events wait for the disk; a sync beside them does not. What
  // was saved before is removed when the new header is durable, not earlier.
  if (auto written = engine_.write(writes, durability::fast); !written)
    return written;
  if (auto synced = engine_.sync(); !synced)
    return synced;
  // A scan reads from the chunks of other blobs, too: not for the few bytes of a choice.
  if (*old)
    if (auto removed = (*old)->chunks == 1 ? remove_only_chunk(name, before)
                                           : remove_chunks_but(name, header.generation);
        !removed)
      return removed;
  tidy_.emplace(name);
  return {};
}

result<void> rocksdb_model_store::remove_only_chunk(std::string_view name,
                                                    std::uint64_t generation) {
  rocksdb::WriteBatch writes;
  if (const auto status =
          writes.Delete(engine_.at(family::models), blob_chunk_key(name, generation, 0));
      !status.ok())
    return engine_.explain(status, "cannot batch an erasure");
  return engine_.write(writes, durability::fast);
}

result<void> rocksdb_model_store::write_chunks(std::string_view name, std::uint64_t generation,
                                               std::string_view bytes) {
  std::vector<std::string> keys;
  for (std::size_t at = 0; at < bytes.size(); at += chunk_bytes)
    keys.push_back(blob_chunk_key(name, generation, keys.size()));
  if (keys.size() > 1)
    return engine_.add_table(family::models, keys, [bytes](std::size_t i) {
      return bytes.substr(i * chunk_bytes, chunk_bytes);
    });
  rocksdb::WriteBatch writes;
  for (const auto& key : keys)
    if (const auto status =
            writes.Put(engine_.at(family::models), key, rocksdb::Slice{bytes.data(), bytes.size()});
        !status.ok())
      return engine_.explain(status, "cannot batch a chunk");
  return engine_.write(writes, durability::fast); // made durable with the header
}

/// Removes the chunks of all generations but `keep`, 0 for none: whole tables at once, what
/// stands elsewhere key by key.
result<void> rocksdb_model_store::remove_chunks_but(std::string_view name, std::uint64_t keep) {
  const auto prefix = blob_chunk_prefix(name);
  const auto kept = prefix + big_endian_key(keep);
  const auto after = prefix + big_endian_key(keep + 1);
  const auto end = prefix + std::string(17, '\xff');
  if (auto dropped = engine_.drop_tables(family::models, prefix, kept); !dropped)
    return dropped;
  if (auto dropped = engine_.drop_tables(family::models, after, end); !dropped)
    return dropped;
  const rocksdb::Slice upper{end};
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at{
      engine_.database().NewIterator(options, engine_.at(family::models))};
  rocksdb::WriteBatch writes;
  for (at->Seek(prefix); at->Valid();) {
    if (at->key().starts_with(kept)) {
      at->Seek(after);
      continue;
    }
    if (const auto status = writes.Delete(engine_.at(family::models), at->key()); !status.ok())
      return engine_.explain(status, "cannot batch an erasure");
    at->Next();
  }
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot scan the blobs");
  if (writes.Count() == 0)
    return {};
  return engine_.write(writes, durability::fast);
}

result<std::optional<std::string>> rocksdb_model_store::load(std::string_view name) const {
  if (auto fine = check_name(name); !fine)
    return fine.error();
  const std::lock_guard lock{using_}; // tables are dropped under a snapshot, too
  const auto found = read_header(engine_, name);
  if (!found)
    return found.error();
  if (!*found)
    return std::optional<std::string>{};
  const auto& header = **found;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::string out;
  out.reserve(std::min<std::uint64_t>(header.bytes, blob_bytes_max));
  rocksdb::PinnableSlice chunk;
  for (std::uint64_t i = 0; i < header.chunks; ++i) {
    const auto status = engine_.database().Get(options, engine_.at(family::models),
                                               blob_chunk_key(name, header.generation, i), &chunk);
    if (!status.ok())
      return engine_.explain(status, fmt::format("cannot read chunk {} of blob \"{}\"", i, name));
    out.append(chunk.data(), chunk.size());
    chunk.Reset();
  }
  if (out.size() != header.bytes || stable_hash(out) != header.hash)
    return failure{errc::corrupt_data, fmt::format("blob \"{}\": its {} bytes are not the {} that "
                                                   "were saved; remove it and let it be made anew",
                                                   name, out.size(), header.bytes)};
  return std::optional{std::move(out)};
}

result<std::vector<std::string>> rocksdb_model_store::list(std::string_view prefix) const {
  std::vector<std::string> out;
  const auto begin = blob_header_key(prefix);
  const std::unique_ptr<rocksdb::Iterator> at{
      engine_.database().NewIterator(rocksdb::ReadOptions{}, engine_.at(family::models))};
  for (at->Seek(begin); at->Valid() && at->key().starts_with(begin); at->Next())
    out.emplace_back(at->key().data() + 1, at->key().size() - 1);
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot list the blobs");
  return out;
}

result<void> rocksdb_model_store::erase(std::string_view name) {
  if (auto fine = check_name(name); !fine)
    return fine;
  const std::lock_guard lock{using_};
  rocksdb::WriteBatch writes;
  if (const auto status = writes.Delete(engine_.at(family::models), blob_header_key(name));
      !status.ok())
    return engine_.explain(status, "cannot batch an erasure");
  if (auto written = engine_.write(writes, durability::durable); !written)
    return written;
  tidy_.erase(std::string{name});
  return remove_chunks_but(name, 0);
}

} // namespace troupe::storage
