#include "apps/troupe/stored_records.hpp"

#include <utility>

namespace troupe::apps {
namespace {

constexpr std::size_t page = 10'000;

} // namespace

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

} // namespace troupe::apps
