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

result<void> delete_chunks(engine& on, rocksdb::WriteBatch& writes, std::string_view name,
                           const checkpoint_header& header) {
  for (std::uint64_t i = 0; i < header.chunks; ++i)
    if (const auto status =
            writes.Delete(on.at(family::models), blob_chunk_key(name, header.generation, i));
        !status.ok())
      return on.explain(status, "cannot batch an erasure");
  return {};
}

} // namespace

rocksdb_model_store::rocksdb_model_store(engine& on) : engine_(on) {}

result<void> rocksdb_model_store::save(std::string_view name, std::string_view bytes) {
  if (auto fine = check_name(name); !fine)
    return fine;
  if (bytes.size() > blob_bytes_max)
    return failure{errc::too_large, fmt::format("blob \"{}\" has {} bytes, the limit is {}", name,
                                                bytes.size(), blob_bytes_max)};
  const std::lock_guard lock{writing_};
  auto old = read_header(engine_, name);
  if (!old)
    return old.error();
  checkpoint_header header;
  header.generation = *old ? (*old)->generation + 1 : 1;
  header.bytes = bytes.size();
  header.hash = stable_hash(bytes);
  if (auto removed = remove_leftovers(name, *old ? (*old)->generation : 0); !removed)
    return removed;
  for (auto rest = bytes; !rest.empty(); rest.remove_prefix(std::min(chunk_bytes, rest.size()))) {
    const auto chunk = rest.substr(0, chunk_bytes);
    rocksdb::WriteBatch writes;
    if (const auto status = writes.Put(engine_.at(family::models),
                                       blob_chunk_key(name, header.generation, header.chunks),
                                       rocksdb::Slice{chunk.data(), chunk.size()});
        !status.ok())
      return engine_.explain(status, "cannot batch a chunk");
    if (auto written = engine_.write(writes, durability::fast); !written)
      return written;
    ++header.chunks;
  }
  rocksdb::WriteBatch writes;
  if (const auto status = writes.Put(engine_.at(family::models), blob_header_key(name),
                                     encode_checkpoint_header(header));
      !status.ok())
    return engine_.explain(status, "cannot batch a header");
  if (*old)
    if (auto deleted = delete_chunks(engine_, writes, name, **old); !deleted)
      return deleted;
  // The log is synced up to here, and with it the chunks before.
  return engine_.write(writes, durability::durable);
}

/// Removes chunks that an interrupted save left behind: all but generation `keep`.
result<void> rocksdb_model_store::remove_leftovers(std::string_view name, std::uint64_t keep) {
  const auto prefix = blob_chunk_prefix(name);
  const auto kept = prefix + big_endian_key(keep);
  const auto end = prefix + std::string(17, '\xff');
  const rocksdb::Slice upper{end};
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at{
      engine_.database().NewIterator(options, engine_.at(family::models))};
  rocksdb::WriteBatch writes;
  for (at->Seek(prefix); at->Valid(); at->Next())
    if (!at->key().starts_with(kept))
      if (const auto status = writes.Delete(engine_.at(family::models), at->key()); !status.ok())
        return engine_.explain(status, "cannot batch an erasure");
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot scan the blobs");
  if (writes.Count() == 0)
    return {};
  return engine_.write(writes, durability::fast);
}

result<std::optional<std::string>> rocksdb_model_store::load(std::string_view name) const {
  if (auto fine = check_name(name); !fine)
    return fine.error();
  auto& database = engine_.database();
  rocksdb::ManagedSnapshot snapshot{&database}; // header and chunks of one moment
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  options.fill_cache = false;
  std::string head;
  const auto found =
      database.Get(options, engine_.at(family::models), blob_header_key(name), &head);
  if (found.IsNotFound())
    return std::optional<std::string>{};
  if (!found.ok())
    return engine_.explain(found, "cannot read a blob's header");
  auto header = decode_checkpoint_header(head);
  if (!header)
    return header.error();
  std::string out;
  out.reserve(std::min<std::uint64_t>(header->bytes, blob_bytes_max));
  rocksdb::PinnableSlice chunk;
  for (std::uint64_t i = 0; i < header->chunks; ++i) {
    const auto status = database.Get(options, engine_.at(family::models),
                                     blob_chunk_key(name, header->generation, i), &chunk);
    if (!status.ok())
      return engine_.explain(status, fmt::format("cannot read chunk {} of blob \"{}\"", i, name));
    out.append(chunk.data(), chunk.size());
    chunk.Reset();
  }
  if (out.size() != header->bytes || stable_hash(out) != header->hash)
    return failure{errc::corrupt_data, fmt::format("blob \"{}\": its {} bytes are not the {} that "
                                                   "were saved; remove it and let it be made anew",
                                                   name, out.size(), header->bytes)};
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
  const std::lock_guard lock{writing_};
  auto header = read_header(engine_, name);
  // A header that does not decode is removed too: erasing is how one gets rid of it.
  if (!header && header.error().code != errc::corrupt_data)
    return header.error();
  if (header && !*header)
    return {};
  rocksdb::WriteBatch writes;
  if (const auto status = writes.Delete(engine_.at(family::models), blob_header_key(name));
      !status.ok())
    return engine_.explain(status, "cannot batch an erasure");
  if (header)
    if (auto deleted = delete_chunks(engine_, writes, name, **header); !deleted)
      return deleted;
  return engine_.write(writes, durability::durable);
}

} // namespace troupe::storage
