#include "apps/troupe/stored_records.hpp"

#include "apps/troupe/open_store.hpp"
#include "storage/interfaces.hpp"

#include <utility>

namespace troupe::apps {
namespace {

constexpr std::size_t page = 10'000;

result<std::vector<stored_event>> read_events(const storage::event_log& from) {
  std::vector<stored_event> all;
  std::uint64_t after = 0;
  for (;;) {
    auto some = from.read_arrivals(after, page);
    if (!some)
      return some.error();
    if (some->empty())
      return all;
    after = some->back().arrival;
    for (auto& one : *some)
      all.push_back(std::move(one));
  }
}

result<std::vector<item>> read_items(const storage::item_store& from) {
  std::vector<item> all;
  item_id after;
  for (;;) {
    auto some = from.scan(after, page);
    if (!some)
      return some.error();
    if (some->empty())
      return all;
    after = some->back().id;
    for (auto& one : *some)
      all.push_back(std::move(one));
  }
}

} // namespace

result<stored_records> read_records(const config::storage_settings& from) {
  const auto store = open_store(from, store_use::read);
  if (!store)
    return store.error();
  auto events = read_events((*store)->events());
  if (!events)
    return events.error();
  auto items = read_items((*store)->items());
  if (!items)
    return items.error();
  return stored_records{std::move(*events), std::move(*items), (*store)->layout().shards};
}

} // namespace troupe::apps
