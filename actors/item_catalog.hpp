#pragma once

#include "actors/interfaces.hpp"
#include "base/metrics.hpp"
#include "config/settings.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace troupe::actors {

struct item_catalog_probe {
  counter written;
  counter removed;
  counter refused;
  gauge writes_pending;

  [[nodiscard]] static item_catalog_probe make(metrics& where);
};

/// Takes item writes to the store, then to the shards, then tells the directories (promise P6:
/// whoever asks after the answer sees the change); answers what concerns all shards. Owns
/// nothing but what is on its way.
///
/// Bounds: `writes_pending_max` item writes at a time; changes are told at most once per
/// `tell_interval`. Deadlines: `shard_deadline` for answers put together from all shards; what is
/// late is left out and said. Blocking: none.
class item_catalog_state {
public:
  using handle = item_catalog_actor::extend<caf::reacts_to<tell_changes>>;
  static constexpr const char* name = "item-catalog";

  struct options {
    config::slates_settings slates;
    std::size_t half_lives = 3; ///< of popularity
    std::size_t writes_pending_max = 1000;
    std::size_t chunk_items = 500; ///< a bulk write goes to the writer in such parts
    std::chrono::milliseconds tell_interval{20};
  };

  /// `directories` are told of changes; `scans` reads pages of items.
  item_catalog_state(handle::pointer self, const clock& time, std::vector<item_shard_actor> shards,
                     std::vector<user_directory_actor> directories, event_log_writer_actor log,
                     store_reader_actor scans, item_catalog_probe probe, options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  struct bulk_write;
  struct shard_gather;

  caf::result<items_ack> upsert(upsert_items& what);
  void write_next(const std::shared_ptr<bulk_write>& bulk);
  void spread(const std::shared_ptr<bulk_write>& bulk, const written_items& written);
  caf::result<item_ptr> patch(patch_item& what);
  caf::result<item_ptr> find(const read_item& what);
  caf::result<done> remove(const remove_item& what);
  caf::result<scored_items> similar(const read_similar& what);
  caf::result<scored_items> popular(const read_popular& what);
  caf::result<catalog_stats> stats();
  template <class Message>
  void ask_all(const std::shared_ptr<shard_gather>& gather, const Message& message);
  void settle(const std::shared_ptr<shard_gather>& gather);
  [[nodiscard]] result<std::size_t> check_k(std::size_t k) const;
  [[nodiscard]] bool take_place();
  void leave_place();
  void changed(item_key key);
  void tell();
  [[nodiscard]] const item_shard_actor& shard_for(item_key key) const;

  handle::pointer self_;
  const clock& time_;
  std::vector<item_shard_actor> shards_;
  std::vector<user_directory_actor> directories_;
  event_log_writer_actor log_;
  store_reader_actor scans_;
  item_catalog_probe probe_;
  options options_;
  std::vector<item_key> changed_;
  std::size_t writes_pending_ = 0;
};

} // namespace troupe::actors
