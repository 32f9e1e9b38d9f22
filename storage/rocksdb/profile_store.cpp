#include "storage/codec.hpp"
#include "storage/rocksdb/stores.hpp"

#include <rocksdb/db.h>

namespace troupe::storage {

rocksdb_profile_store::rocksdb_profile_store(engine& on) : engine_(on) {}

result<std::optional<profile_record>> rocksdb_profile_store::load(const user_id& user) const {
  auto bytes = engine_.get(family::profiles, user.value);
  if (!bytes)
    return bytes.error();
  if (!*bytes)
    return std::optional<profile_record>{};
  auto record = decode_profile(**bytes);
  if (!record)
    return record.error();
  return std::optional{std::move(*record)};
}

result<void> rocksdb_profile_store::save(std::span<const profile_record> batch) {
  if (batch.empty())
    return {};
  rocksdb::WriteBatch writes;
  for (const auto& record : batch) {
    const auto status =
        writes.Put(engine_.at(family::profiles), record.user.value, encode_profile(record));
    if (!status.ok())
      return engine_.explain(status, "cannot batch a profile");
  }
  return engine_.write(writes, durability::fast);
}

result<std::optional<user_record>> rocksdb_profile_store::load_user(const user_id& user) const {
  auto bytes = engine_.get(family::users, user.value);
  if (!bytes)
    return bytes.error();
  if (!*bytes)
    return std::optional<user_record>{};
  auto record = decode_user(**bytes);
  if (!record)
    return record.error();
  return std::optional{std::move(*record)};
}

result<void> rocksdb_profile_store::save_user(const user_record& who, durability how) {
  rocksdb::WriteBatch writes;
  if (const auto status = writes.Put(engine_.at(family::users), who.user.value, encode_user(who));
      !status.ok())
    return engine_.explain(status, "cannot batch a user");
  return engine_.write(writes, how);
}

result<void> rocksdb_profile_store::erase(const user_id& user) {
  rocksdb::WriteBatch writes;
  auto status = writes.Delete(engine_.at(family::profiles), user.value);
  if (status.ok())
    status = writes.Delete(engine_.at(family::users), user.value);
  if (!status.ok())
    return engine_.explain(status, "cannot batch an erasure");
  return engine_.write(writes, durability::durable);
}

result<void> rocksdb_profile_store::drop_profiles() {
  rocksdb::WriteBatch writes;
  // Ids are UTF-8, which has no byte 0xff: this is after all of them.
  if (const auto status = writes.DeleteRange(engine_.at(family::profiles), "", "\xff");
      !status.ok())
    return engine_.explain(status, "cannot batch an erasure");
  if (auto written = engine_.write(writes, durability::durable); !written)
    return written;
  // A range deletion costs every later read something until it is compacted away.
  const auto status = engine_.database().CompactRange(
      rocksdb::CompactRangeOptions{}, engine_.at(family::profiles), nullptr, nullptr);
  if (!status.ok())
    return engine_.explain(status, "cannot compact the profiles");
  return {};
}

} // namespace troupe::storage
