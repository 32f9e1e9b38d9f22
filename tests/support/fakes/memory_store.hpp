#pragma once

#include "storage/interfaces.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace troupe::test {

/// A whole store in memory, for tests of what stands on it. Passes the storage conformance
/// suite; can be told to refuse appends.
/// Thread safety: all members from any thread.
class memory_store final : public storage::store {
public:
  explicit memory_store(std::uint32_t shards = 2) : shards_(shards) {}

  /// The next `count` appends fail with this and write nothing.
  void refuse_appends(std::size_t count, failure why) {
    const std::lock_guard lock{mutex_};
    refusals_ = count;
    why_ = std::move(why);
  }

  /// The next `count` syncs fail with this.
  void refuse_syncs(std::size_t count, failure why) {
    const std::lock_guard lock{mutex_};
    sync_refusals_ = count;
    sync_why_ = std::move(why);
  }

  /// Reads of users and their events fail until told otherwise.
  void refuse_reads(bool refuse) {
    const std::lock_guard lock{mutex_};
    refuse_reads_ = refuse;
  }

  [[nodiscard]] std::size_t appends() const {
    const std::lock_guard lock{mutex_};
    return appends_;
  }

  /// Syncs that did not fail.
  [[nodiscard]] std::size_t syncs() const {
    const std::lock_guard lock{mutex_};
    return syncs_;
  }

  [[nodiscard]] std::size_t snapshots() const {
    const std::lock_guard lock{mutex_};
    return profiles_.size();
  }

  [[nodiscard]] storage::event_log& events() noexcept override { return events_part_; }

  [[nodiscard]] storage::profile_store& profiles() noexcept override { return profiles_part_; }

  [[nodiscard]] storage::item_store& items() noexcept override { return items_part_; }

  [[nodiscard]] storage::model_store& models() noexcept override { return models_part_; }

  [[nodiscard]] storage::store_layout layout() const noexcept override { return {1, shards_}; }

  [[nodiscard]] result<void> sync() override {
    const std::lock_guard lock{mutex_};
    if (sync_refusals_ > 0) {
      --sync_refusals_;
      return sync_why_;
    }
    ++syncs_;
    return {};
  }

private:
  struct event_part final : storage::event_log {
    explicit event_part(memory_store& whole) : in(whole) {}

    result<void> append(std::span<stored_event> batch, storage::durability) override {
      const std::lock_guard lock{in.mutex_};
      if (in.refusals_ > 0) {
        --in.refusals_;
        return in.why_;
      }
      ++in.appends_;
      for (auto& one : batch) {
        one.arrival = ++in.last_arrival_;
        in.by_user_[one.what.user].emplace(one.seq, one);
        in.by_arrival_.emplace(one.arrival, one);
      }
      return {};
    }

    result<std::vector<stored_event>> read_user(const user_id& user, std::uint64_t after,
                                                std::size_t limit) const override {
      const std::lock_guard lock{in.mutex_};
      if (in.refuse_reads_)
        return failure{errc::unavailable, "reads are refused"};
      std::vector<stored_event> out;
      if (const auto found = in.by_user_.find(user); found != in.by_user_.end())
        for (auto one = found->second.upper_bound(after);
             one != found->second.end() && out.size() < limit; ++one)
          out.push_back(one->second);
      return out;
    }

    result<std::vector<stored_event>> read_user_newest(const user_id& user, std::uint64_t before,
                                                       std::size_t limit) const override {
      const std::lock_guard lock{in.mutex_};
      std::vector<stored_event> out;
      const auto found = in.by_user_.find(user);
      if (found == in.by_user_.end())
        return out;
      for (auto one = found->second.lower_bound(before);
           one != found->second.begin() && out.size() < limit;)
        out.push_back((--one)->second);
      return out;
    }

    result<std::uint64_t> last_seq(const user_id& user) const override {
      const std::lock_guard lock{in.mutex_};
      const auto found = in.by_user_.find(user);
      return found == in.by_user_.end() || found->second.empty() ? 0
                                                                 : found->second.rbegin()->first;
    }

    result<std::vector<stored_event>> read_arrivals(std::uint64_t after,
                                                    std::size_t limit) const override {
      const std::lock_guard lock{in.mutex_};
      std::vector<stored_event> out;
      for (auto one = in.by_arrival_.upper_bound(after);
           one != in.by_arrival_.end() && out.size() < limit; ++one)
        out.push_back(one->second);
      return out;
    }

    result<std::uint64_t> last_arrival() const override {
      const std::lock_guard lock{in.mutex_};
      return in.last_arrival_;
    }

    result<void> erase_user(const user_id& user) override {
      const std::lock_guard lock{in.mutex_};
      for (const auto& [seq, one] : in.by_user_[user])
        in.by_arrival_.erase(one.arrival);
      in.by_user_.erase(user);
      return {};
    }

    memory_store& in;
  };

  struct profile_part final : storage::profile_store {
    explicit profile_part(memory_store& whole) : in(whole) {}

    result<std::optional<storage::profile_record>> load(const user_id& user) const override {
      const std::lock_guard lock{in.mutex_};
      if (in.refuse_reads_)
        return failure{errc::unavailable, "reads are refused"};
      const auto found = in.profiles_.find(user);
      return found == in.profiles_.end() ? std::optional<storage::profile_record>{}
                                         : std::optional{found->second};
    }

    result<void> save(std::span<const storage::profile_record> batch) override {
      const std::lock_guard lock{in.mutex_};
      for (const auto& one : batch)
        in.profiles_.insert_or_assign(one.user, one);
      return {};
    }

    result<std::optional<storage::user_record>> load_user(const user_id& user) const override {
      const std::lock_guard lock{in.mutex_};
      const auto found = in.users_.find(user);
      return found == in.users_.end() ? std::optional<storage::user_record>{}
                                      : std::optional{found->second};
    }

    result<void> save_user(const storage::user_record& who, storage::durability) override {
      const std::lock_guard lock{in.mutex_};
      in.users_.insert_or_assign(who.user, who);
      return {};
    }

    result<void> erase(const user_id& user) override {
      const std::lock_guard lock{in.mutex_};
      in.profiles_.erase(user);
      in.users_.erase(user);
      return {};
    }

    result<void> drop_profiles() override {
      const std::lock_guard lock{in.mutex_};
      in.profiles_.clear();
      return {};
    }

    memory_store& in;
  };

  struct item_part final : storage::item_store {
    explicit item_part(memory_store& whole) : in(whole) {}

    result<void> put(std::span<const item> batch, storage::durability) override {
      const std::lock_guard lock{in.mutex_};
      for (const auto& one : batch)
        in.items_.insert_or_assign(one.id, one);
      return {};
    }

    result<std::optional<item>> get(const item_id& id) const override {
      const std::lock_guard lock{in.mutex_};
      const auto found = in.items_.find(id);
      return found == in.items_.end() ? std::optional<item>{} : std::optional{found->second};
    }

    result<bool> erase(const item_id& id, storage::durability) override {
      const std::lock_guard lock{in.mutex_};
      return in.items_.erase(id) > 0;
    }

    result<std::vector<item>> scan(const item_id& after, std::size_t limit) const override {
      const std::lock_guard lock{in.mutex_};
      std::vector<item> out;
      for (auto one = in.items_.upper_bound(after); one != in.items_.end() && out.size() < limit;
           ++one)
        out.push_back(one->second);
      return out;
    }

    result<std::uint64_t> count() const override {
      const std::lock_guard lock{in.mutex_};
      return in.items_.size();
    }

    memory_store& in;
  };

  struct model_part final : storage::model_store {
    explicit model_part(memory_store& whole) : in(whole) {}

    result<void> save(std::string_view name, std::string_view bytes) override {
      const std::lock_guard lock{in.mutex_};
      in.blobs_.insert_or_assign(std::string{name}, std::string{bytes});
      return {};
    }

    result<std::optional<std::string>> load(std::string_view name) const override {
      const std::lock_guard lock{in.mutex_};
      const auto found = in.blobs_.find(name);
      return found == in.blobs_.end() ? std::optional<std::string>{} : std::optional{found->second};
    }

    result<std::vector<std::string>> list(std::string_view prefix) const override {
      const std::lock_guard lock{in.mutex_};
      std::vector<std::string> out;
      for (const auto& [name, bytes] : in.blobs_)
        if (name.starts_with(prefix))
          out.push_back(name);
      return out;
    }

    result<void> erase(std::string_view name) override {
      const std::lock_guard lock{in.mutex_};
      if (const auto found = in.blobs_.find(name); found != in.blobs_.end())
        in.blobs_.erase(found);
      return {};
    }

    memory_store& in;
  };

  std::uint32_t shards_;
  mutable std::mutex mutex_;
  std::map<user_id, std::map<std::uint64_t, stored_event>> by_user_;
  std::map<std::uint64_t, stored_event> by_arrival_;
  std::map<user_id, storage::profile_record> profiles_;
  std::map<user_id, storage::user_record> users_;
  std::map<item_id, item> items_;
  std::map<std::string, std::string, std::less<>> blobs_;
  std::uint64_t last_arrival_ = 0;
  std::size_t appends_ = 0;
  std::size_t refusals_ = 0;
  std::size_t sync_refusals_ = 0;
  std::size_t syncs_ = 0;
  failure sync_why_;
  failure why_;
  bool refuse_reads_ = false;
  event_part events_part_{*this};
  profile_part profiles_part_{*this};
  item_part items_part_{*this};
  model_part models_part_{*this};
};

} // namespace troupe::test
