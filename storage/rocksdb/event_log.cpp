#include "base/log.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "storage/rocksdb/stores.hpp"

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace troupe::storage {

namespace {

constexpr std::string_view last_arrival_key = "last_arrival"; // in `meta`, on disk since version 1

/// Events that leave in one batch when a user is erased.
constexpr std::size_t erase_batch_max = 10000;

/// Keys looked up in one call.
constexpr std::size_t multi_get_max = 256;

/// The first key after all events of the user.
std::string end_of(const user_id& user) {
  return user_prefix(user) + std::string(9, '\xff');
}

std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

/// Reads an event from its key and value; says which one if it cannot.
result<stored_event> read_event(std::string_view key, std::string_view value) {
  auto place = read_event_key(key);
  if (!place)
    return failure{errc::corrupt_data,
                   fmt::format("a key of {} bytes in `events` is no key of an event", key.size())};
  auto out = decode_event(value);
  if (!out)
    return failure{out.error().code, fmt::format("event {} of user {}: {}", place->seq,
                                                 log_hash(place->user.value), out.error().context)};
  out->what.user = std::move(place->user);
  out->seq = place->seq;
  return out;
}

failure wrong_id() {
  return {errc::invalid_argument,
          fmt::format("user_id must have 1 to {} bytes", std::size_t{id_bytes_max})};
}

bool is_id(const user_id& user) {
  return !user.empty() && user.value.size() <= id_bytes_max;
}

} // namespace

rocksdb_event_log::rocksdb_event_log(engine& on, std::uint64_t last_arrival)
    : engine_(on), last_arrival_(last_arrival) {}

result<std::unique_ptr<rocksdb_event_log>> rocksdb_event_log::open(engine& on) {
  auto bytes = on.get(family::meta, last_arrival_key);
  if (!bytes)
    return bytes.error();
  if (*bytes && (*bytes)->size() != 8)
    return failure{errc::corrupt_data, "`last_arrival` in `meta` is not a number of 8 bytes"};
  const auto last = *bytes ? read_big_endian(**bytes) : 0;
  return std::unique_ptr<rocksdb_event_log>{new rocksdb_event_log{on, last}};
}

result<void> rocksdb_event_log::append(std::span<stored_event> batch, durability how) {
  if (batch.empty())
    return {};
  auto arrival = last_arrival_.load(std::memory_order_relaxed);
  rocksdb::WriteBatch writes{batch.size() * 256};
  for (auto& event : batch) {
    if (!is_id(event.what.user))
      return wrong_id();
    event.arrival = ++arrival;
    const auto key = event_key_bytes(event.what.user, event.seq);
    auto status = writes.Put(engine_.at(family::events), key, encode_event(event));
    if (status.ok())
      status = writes.Put(engine_.at(family::arrivals), big_endian_key(arrival), key);
    if (!status.ok())
      return engine_.explain(status, "cannot batch an event");
  }
  if (const auto status = writes.Put(engine_.at(family::meta), std::string{last_arrival_key},
                                     big_endian_key(arrival));
      !status.ok())
    return engine_.explain(status, "cannot batch an event");
  if (auto written = engine_.write(writes, how); !written)
    return written;
  last_arrival_.store(arrival, std::memory_order_release);
  return {};
}

result<std::vector<stored_event>>
rocksdb_event_log::read_user(const user_id& user, std::uint64_t after, std::size_t limit) const {
  std::vector<stored_event> out;
  if (!is_id(user))
    return wrong_id();
  if (after == std::numeric_limits<std::uint64_t>::max() || limit == 0)
    return out;
  const auto end = end_of(user);
  const rocksdb::Slice upper{end};
  rocksdb::ReadOptions options;
  options.auto_prefix_mode = true; // begin and end share the prefix: filters apply
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at{
      engine_.database().NewIterator(options, engine_.at(family::events))};
  for (at->Seek(event_key_bytes(user, after + 1)); at->Valid() && out.size() < limit; at->Next()) {
    auto event = read_event(view(at->key()), view(at->value()));
    if (!event)
      return event.error();
    out.push_back(std::move(*event));
  }
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot read a user's events");
  return out;
}

result<std::vector<stored_event>> rocksdb_event_log::read_user_newest(const user_id& user,
                                                                      std::uint64_t before,
                                                                      std::size_t limit) const {
  std::vector<stored_event> out;
  if (!is_id(user))
    return wrong_id();
  if (before == 0 || limit == 0)
    return out;
  const auto begin = user_prefix(user);
  const rocksdb::Slice lower{begin};
  rocksdb::ReadOptions options;
  options.total_order_seek = true; // prefix filters are of no use backwards
  options.iterate_lower_bound = &lower;
  const std::unique_ptr<rocksdb::Iterator> at{
      engine_.database().NewIterator(options, engine_.at(family::events))};
  for (at->SeekForPrev(event_key_bytes(user, before - 1)); at->Valid() && out.size() < limit;
       at->Prev()) {
    auto event = read_event(view(at->key()), view(at->value()));
    if (!event)
      return event.error();
    out.push_back(std::move(*event));
  }
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot read a user's events");
  return out;
}

result<std::uint64_t> rocksdb_event_log::last_seq(const user_id& user) const {
  auto newest = read_user_newest(user, std::numeric_limits<std::uint64_t>::max(), 1);
  if (!newest)
    return newest.error();
  return newest->empty() ? 0 : newest->front().seq;
}

result<std::vector<stored_event>> rocksdb_event_log::read_arrivals(std::uint64_t after,
                                                                   std::size_t limit) const {
  std::vector<stored_event> out;
  if (after == std::numeric_limits<std::uint64_t>::max() || limit == 0)
    return out;
  auto& database = engine_.database();
  rocksdb::ManagedSnapshot snapshot{&database}; // index and events of one moment
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  options.fill_cache = false; // a scan must not drive live users' blocks out
  const std::unique_ptr<rocksdb::Iterator> at{
      database.NewIterator(options, engine_.at(family::arrivals))};
  at->Seek(big_endian_key(after + 1));
  while (at->Valid() && out.size() < limit) {
    std::vector<std::string> names;
    for (; at->Valid() && names.size() < std::min(multi_get_max, limit - out.size()); at->Next())
      names.push_back(at->value().ToString());
    const std::vector<rocksdb::Slice> keys{names.begin(), names.end()};
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    database.MultiGet(options, engine_.at(family::events), keys.size(), keys.data(), values.data(),
                      statuses.data());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!statuses[i].ok())
        return engine_.explain(statuses[i], "cannot read an event that `arrivals` names");
      auto event = read_event(names[i], view(values[i]));
      if (!event)
        return event.error();
      out.push_back(std::move(*event));
    }
  }
  if (!at->status().ok())
    return engine_.explain(at->status(), "cannot read arrivals");
  return out;
}

result<std::uint64_t> rocksdb_event_log::last_arrival() const {
  return last_arrival_.load(std::memory_order_acquire);
}

result<void> rocksdb_event_log::erase_user(const user_id& user) {
  if (!is_id(user))
    return wrong_id();
  // Newest first: should the machine fail half-way, what is left is still numbered from 1
  // without holes, and erasing again ends it.
  for (;;) {
    auto erased = erase_newest(user, erase_batch_max);
    if (!erased)
      return erased.error();
    if (*erased < erase_batch_max)
      return {};
  }
}

/// Erases at most `limit` events durably, newest first, and says how many.
result<std::size_t> rocksdb_event_log::erase_newest(const user_id& user, std::size_t limit) {
  auto events = read_user_newest(user, std::numeric_limits<std::uint64_t>::max(), limit);
  if (!events)
    return events.error();
  if (events->empty())
    return std::size_t{0};
  rocksdb::WriteBatch writes;
  for (const auto& event : *events) {
    auto status = writes.Delete(engine_.at(family::events), event_key_bytes(user, event.seq));
    if (status.ok())
      status = writes.Delete(engine_.at(family::arrivals), big_endian_key(event.arrival));
    if (!status.ok())
      return engine_.explain(status, "cannot batch an erasure");
  }
  if (auto written = engine_.write(writes, durability::durable); !written)
    return written.error();
  return events->size();
}

} // namespace troupe::storage
