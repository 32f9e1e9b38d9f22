#include "apps/troupe/import/stored_data_set.hpp"

#include <cstddef>
#include <utility>

namespace troupe::apps {
namespace {

constexpr std::size_t page = 10'000;
constexpr std::string_view store_name = "store";

class stored final : public data_set {
public:
  explicit stored(storage::store& from) : from_(from) {}

  result<void> read_items(const item_consumer& to) override {
    item_id after;
    for (std::uint64_t number = 1;;) {
      auto items = from_.items().scan(after, page);
      if (!items)
        return items.error();
      if (items->empty())
        return {};
      after = items->back().id;
      for (auto& each : *items)
        if (auto taken = to(std::move(each), {store_name, number++}); !taken)
          return taken;
    }
  }

  result<void> read_events(const event_consumer& to) override {
    for (std::uint64_t after = 0;;) {
      auto events = from_.events().read_arrivals(after, page);
      if (!events)
        return events.error();
      if (events->empty())
        return {};
      after = events->back().arrival;
      for (auto& each : *events)
        if (auto taken = to(std::move(each.what), {store_name, each.arrival}); !taken)
          return taken;
    }
  }

private:
  storage::store& from_;
};

} // namespace

std::unique_ptr<data_set> stored_data_set(storage::store& from) {
  return std::make_unique<stored>(from);
}

} // namespace troupe::apps
