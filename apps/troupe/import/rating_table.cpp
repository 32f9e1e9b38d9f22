#include "apps/troupe/import/rating_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::apps {

std::uint32_t rating_table::intern(std::string_view text) {
  if (const auto found = known_.find(text); found != known_.end())
    return found->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  const auto added = known_.emplace(std::string{text}, number).first;
  texts_.push_back(&added->first);
  return number;
}

void rating_table::add(const row& what) {
  rows_.push_back({intern(what.user), intern(what.item), intern(what.type),
                   what.id.empty() ? 0U : intern(what.id), what.value, what.line,
                   to_millis(what.time)});
}

void rating_table::sort() {
  std::stable_sort(rows_.begin(), rows_.end(),
                   [](const packed& a, const packed& b) { return a.millis < b.millis; });
}

result<void> rating_table::read(std::string_view file, const event_consumer& to) const {
  for (const auto& each : rows_) {
    event out;
    out.user = user_id{*texts_[each.user]};
    out.item = item_id{*texts_[each.item]};
    out.type = *texts_[each.type];
    if (each.id != 0) {
      out.id = event_id{*texts_[each.id]};
    } else {
      // Item ids may be as long as event ids; a long one gives way to its hash.
      const auto& item = out.item.value;
      out.id = event_id{item.size() < 150 ? fmt::format("{}:{}:{}", out.type, item, each.millis)
                                          : fmt::format("{}:{:016x}:{}", out.type,
                                                        stable_hash(item), each.millis)};
    }
    if (!std::isnan(each.value))
      out.value = each.value;
    out.time = from_millis(each.millis);
    if (auto taken = to(std::move(out), {file, each.line}); !taken)
      return taken;
  }
  return {};
}

std::unordered_map<std::string, timestamp> rating_table::first_times() const {
  std::unordered_map<std::string, timestamp> out;
  for (const auto& each : rows_) {
    const auto time = from_millis(each.millis);
    const auto [at, added] = out.emplace(*texts_[each.item], time);
    if (!added)
      at->second = std::min(at->second, time);
  }
  return out;
}

} // namespace troupe::apps
