#pragma once

#include "storage/interfaces.hpp"
#include "storage/rocksdb/engine.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

/// The four stores of the embedded engine. Each refers to the engine, which outlives it.
namespace troupe::storage {

/// Families `events` (user, seq) and `arrivals` (arrival -> key in `events`); the highest arrival
/// given stands in `meta` and is written with every batch, so it outlives erased users.
class rocksdb_event_log final : public event_log {
public:
  [[nodiscard]] static result<std::unique_ptr<rocksdb_event_log>> open(engine& on);

  [[nodiscard]] result<void> append(std::span<stored_event> batch, durability how) override;
  [[nodiscard]] result<std::vector<stored_event>>
  read_user(const user_id& user, std::uint64_t after, std::size_t limit) const override;
  [[nodiscard]] result<std::vector<stored_event>>
  read_user_newest(const user_id& user, std::uint64_t before, std::size_t limit) const override;
  [[nodiscard]] result<std::uint64_t> last_seq(const user_id& user) const override;
  [[nodiscard]] result<std::vector<stored_event>> read_arrivals(std::uint64_t after,
                                                                std::size_t limit) const override;
  [[nodiscard]] result<std::uint64_t> last_arrival() const override;
  [[nodiscard]] result<void> erase_user(const user_id& user) override;

private:
  rocksdb_event_log(engine& on, std::uint64_t last_arrival);
  [[nodiscard]] result<std::size_t> erase_newest(const user_id& user, std::size_t limit);

  engine& engine_;
  std::atomic<std::uint64_t> last_arrival_;
};

/// Families `profiles` and `users`, both by user id.
class rocksdb_profile_store final : public profile_store {
public:
  explicit rocksdb_profile_store(engine& on);

  [[nodiscard]] result<std::optional<profile_record>> load(const user_id& user) const override;
  [[nodiscard]] result<void> save(std::span<const profile_record> batch) override;
  [[nodiscard]] result<std::optional<user_record>> load_user(const user_id& user) const override;
  [[nodiscard]] result<void> save_user(const user_record& who, durability how) override;
  [[nodiscard]] result<void> erase(const user_id& user) override;
  [[nodiscard]] result<void> drop_profiles() override;

private:
  engine& engine_;
};

/// Family `items`, by item id; their number stands in `meta` and is written with every change.
class rocksdb_item_store final : public item_store {
public:
  [[nodiscard]] static result<std::unique_ptr<rocksdb_item_store>> open(engine& on);

  [[nodiscard]] result<void> put(std::span<const item> batch, durability how) override;
  [[nodiscard]] result<std::optional<item>> get(const item_id& id) const override;
  [[nodiscard]] result<bool> erase(const item_id& id, durability how) override;
  [[nodiscard]] result<std::vector<item>> scan(const item_id& after,
                                               std::size_t limit) const override;
  [[nodiscard]] result<std::uint64_t> count() const override;

private:
  rocksdb_item_store(engine& on, std::uint64_t count);

  engine& engine_;
  std::mutex writing_; // counting reads before it writes
  std::atomic<std::uint64_t> count_;
};

/// Family `models`: blobs cut into chunks of 1 MiB. A save writes the chunks of a new generation,
/// then the header that names it, then removes the old ones. The chunks of a large blob go into a
/// table of their own: events neither share a log with it nor wait until a memtable is flushed.
class rocksdb_model_store final : public model_store {
public:
  explicit rocksdb_model_store(engine& on);

  [[nodiscard]] result<void> save(std::string_view name, std::string_view bytes) override;
  [[nodiscard]] result<std::optional<std::string>> load(std::string_view name) const override;
  [[nodiscard]] result<std::vector<std::string>> list(std::string_view prefix) const override;
  [[nodiscard]] result<void> erase(std::string_view name) override;

private:
  [[nodiscard]] result<void> write_chunks(std::string_view name, std::uint64_t generation,
                                          std::string_view bytes);
  [[nodiscard]] result<void> remove_chunks_but(std::string_view name, std::uint64_t keep);
  [[nodiscard]] result<void> remove_only_chunk(std::string_view name, std::uint64_t generation);

  engine& engine_;
  mutable std::mutex using_;   // a generation is one save's alone, and stays while it is loaded
  std::set<std::string> tidy_; // blobs without chunks of broken off saves
};

} // namespace troupe::storage
