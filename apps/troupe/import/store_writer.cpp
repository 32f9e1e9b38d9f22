#include "apps/troupe/import/store_writer.hpp"

#include "base/stable_hash.hpp"

#include <utility>

namespace troupe::apps {
namespace {

constexpr std::size_t items_in_batch = 1000;
constexpr std::size_t events_in_batch = 8192;
constexpr std::size_t page = 10'000;

} // namespace

store_writer::store_writer(storage::store& to, const clock& time) : to_(to), time_(time) {}

std::uint64_t store_writer::key_of(const user_id& user, const event_id& id) {
  // At 25 million events two pairs share a key with probability 2e-5.
  return mix_bits(stable_hash(user.value) + 0x9e3779b97f4a7c15ULL * stable_hash(id.value));
}

result<void> store_writer::add(item&& what) {
  what.updated = time_.now();
  if (auto checked = check_item(what); !checked)
    return checked;
  items_.push_back(std::move(what));
  return items_.size() < items_in_batch ? result<void>{} : flush_items();
}

result<void> store_writer::flush_items() {
  if (items_.empty())
    return {};
  if (auto written = to_.items().put(items_, storage::durability::fast); !written)
    return written;
  counts_.items += items_.size();
  items_.clear();
  return {};
}

result<void> store_writer::learn_ids(const user_id& user) {
  for (std::uint64_t after = 0;;) {
    const auto known = to_.events().read_user(user, after, page);
    if (!known)
      return known.error();
    for (const auto& each : *known)
      ids_.insert(key_of(user, each.what.id));
    if (known->size() < page)
      return {};
    after = known->back().seq;
  }
}

result<std::uint64_t*> store_writer::last_seq_of(const user_id& user) {
  if (const auto found = last_seq_.find(user.value); found != last_seq_.end())
    return &found->second;
  const auto last = to_.events().last_seq(user);
  if (!last)
    return last.error();
  if (*last > 0)
    if (auto learnt = learn_ids(user); !learnt)
      return learnt.error();
  return &last_seq_.emplace(user.value, *last).first->second;
}

result<void> store_writer::add(event&& what) {
  const auto now = time_.now();
  if (auto checked = check_event(what, now); !checked)
    return checked;
  const auto last = last_seq_of(what.user);
  if (!last)
    return last.error();
  if (!ids_.insert(key_of(what.user, what.id)).second) {
    ++counts_.duplicates;
    return {};
  }
  events_.push_back({.what = std::move(what), .seq = ++**last, .arrival = 0, .received = now});
  return events_.size() < events_in_batch ? result<void>{} : flush_events();
}

result<void> store_writer::flush_events() {
  if (events_.empty())
    return {};
  if (auto written = to_.events().append(events_, storage::durability::fast); !written)
    return written;
  counts_.events += events_.size();
  events_.clear();
  return {};
}

result<void> store_writer::finish() {
  if (auto flushed = flush_items(); !flushed)
    return flushed;
  if (auto flushed = flush_events(); !flushed)
    return flushed;
  return to_.sync();
}

} // namespace troupe::apps
