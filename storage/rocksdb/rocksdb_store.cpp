#include "storage/rocksdb/rocksdb_store.hpp"

#include "base/log.hpp"
#include "storage/rocksdb/engine.hpp"
#include "storage/rocksdb/stores.hpp"

#include <rocksdb/db.h>

#include <utility>

namespace troupe::storage {

namespace {

class rocksdb_store final : public store {
public:
  rocksdb_store(std::unique_ptr<engine> on, std::unique_ptr<rocksdb_event_log> events,
                std::unique_ptr<rocksdb_item_store> items)
      : engine_(std::move(on)), events_(std::move(events)), items_(std::move(items)),
        profiles_(*engine_), models_(*engine_) {}

  event_log& events() noexcept override { return *events_; }

  profile_store& profiles() noexcept override { return profiles_; }

  item_store& items() noexcept override { return *items_; }

  model_store& models() noexcept override { return models_; }

  [[nodiscard]] store_layout layout() const noexcept override { return engine_->layout(); }

  result<void> sync() override { return engine_->sync(); }

  [[nodiscard]] std::vector<store_statistic> statistics() const override {
    return engine_->statistics();
  }

private:
  std::unique_ptr<engine> engine_; // outlives the stores
  std::unique_ptr<rocksdb_event_log> events_;
  std::unique_ptr<rocksdb_item_store> items_;
  rocksdb_profile_store profiles_;
  rocksdb_model_store models_;
};

} // namespace

result<std::unique_ptr<store>> open_rocksdb(const rocksdb_options& options) {
  auto on = engine::open(options);
  if (!on)
    return on.error();
  auto events = rocksdb_event_log::open(**on);
  if (!events)
    return events.error();
  auto items = rocksdb_item_store::open(**on);
  if (!items)
    return items.error();
  return std::unique_ptr<store>{
      std::make_unique<rocksdb_store>(std::move(*on), std::move(*events), std::move(*items))};
}

} // namespace troupe::storage
