#include "actors/store_reader.hpp"

#include "actors/item_patch.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

store_reader_state::store_reader_state(handle::pointer, storage::store& from) : from_(from) {}

store_reader_actor::behavior_type store_reader_state::make_behavior() {
  return {
      [this](const load_user& what) { return load(what); },
      [this](const read_tail& what) { return tail(what); },
      [this](const read_events& what) { return events(what); },
      [this](const read_items& what) { return items(what); },
  };
}

caf::result<loaded_user> store_reader_state::load(const load_user& what) const {
  auto snapshot = from_.profiles().load(what.user);
  // A snapshot that does not decode is only a lost shortcut: the log has everything.
  if (!snapshot && snapshot.error().code != errc::corrupt_data)
    return to_error(snapshot.error());
  loaded_user out;
  if (snapshot && *snapshot && (*snapshot)->fold_version == what.fold_version)
    out.snapshot = std::move(**snapshot);
  const auto after = out.snapshot ? out.snapshot->seq : 0;
  auto events = from_.events().read_user(what.user, after, tail_max);
  if (!events)
    return to_error(events.error());
  out.tail = std::move(*events);
  out.more = out.tail.size() == tail_max;
  auto user = from_.profiles().load_user(what.user);
  if (!user)
    return to_error(user.error());
  if (*user) {
    out.registered = true;
    out.properties = std::move((*user)->properties);
  }
  return out;
}

caf::result<event_tail> store_reader_state::tail(const read_tail& what) const {
  auto events = from_.events().read_user(what.user, what.after, std::min(what.limit, tail_max));
  if (!events)
    return to_error(events.error());
  return event_tail{std::move(*events)};
}

caf::result<event_page> store_reader_state::events(const read_events& what) const {
  const auto limit = std::clamp<std::size_t>(what.limit, 1, page_max);
  const auto before = what.before == 0 ? ~std::uint64_t{0} : what.before;
  auto events = from_.events().read_user_newest(what.user, before, limit);
  if (!events)
    return to_error(events.error());
  event_page out;
  out.events = std::move(*events);
  if (out.events.size() == limit && out.events.back().seq > 1)
    out.next_before = out.events.back().seq;
  return out;
}

caf::result<item_page> store_reader_state::items(const read_items& what) const {
  const auto limit = std::clamp<std::size_t>(what.limit, 1, page_max);
  const auto words = search_words(what.search);
  item_page out;
  item_id after = what.after;
  std::size_t looked_at = 0;
  while (true) {
    // Without words every record is a hit; with words a page of records is read per round.
    const auto wanted = words.empty() ? limit - out.items.size() : page_max;
    auto records = from_.items().scan(after, wanted);
    if (!records)
      return to_error(records.error());
    for (auto& record : *records) {
      after = record.id;
      ++looked_at;
      if (matches_words(record, words))
        out.items.push_back(std::make_shared<const item>(std::move(record)));
      if (out.items.size() == limit)
        break;
    }
    const bool full = out.items.size() == limit || looked_at >= scan_max;
    if (!full && records->size() < wanted)
      return out;
    if (full) {
      out.next_after = after;
      return out;
    }
  }
}

} // namespace troupe::actors
