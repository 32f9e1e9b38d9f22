#include "model/catalogue_slice.hpp"

#include "model/slice_state.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <variant>

namespace troupe::model {

namespace {

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> given{0};
  return ++given;
}

} // namespace

const std::string* owner_of(const item& record) {
  const auto owner = record.properties.find("owner_id");
  return owner == record.properties.end() ? nullptr : std::get_if<std::string>(&owner->second);
}

catalogue_slice::state::state(std::uint32_t index_of_slice, std::uint32_t shard_count,
                              const config::signals_settings& signal_settings,
                              const config::blend_settings& blend_settings)
    : index(index_of_slice), shards(shard_count), number(next_number()), signals(signal_settings),
      blend(blend_settings), pairs(signal_settings), companions(signal_settings),
      popular(signal_settings), content(signal_settings.content_terms_max) {}

void catalogue_slice::state::scratch::start(std::size_t items) {
  for (const auto local : touched())
    sums_[local] = 0;
  count_ = 0;
  if (sums_.size() < items)
    sums_.resize(items + items / 8);
}

void catalogue_slice::state::scratch::add(std::span<const neighbour_list::entry> neighbours,
                                          float weight) {
  if (touched_.size() < count_ + neighbours.size())
    touched_.resize(2 * (count_ + neighbours.size()));
  // Every local is written and only a new one is kept: a branch would be guessed wrong.
  auto count = count_;
  for (const auto& [target, times] : neighbours) {
    auto& sum = sums_[target];
    touched_[count] = target;
    count += sum == 0 ? 1 : 0;
    sum += weight * times;
  }
  count_ = count;
}

std::uint32_t catalogue_slice::state::intern(item_key key, bool has_record) {
  if (const auto found = rows.find(key); found != rows.end())
    return found->second;
  const bool own = owns(key);
  // Foreign rows are held to the same share of the whole: the owners bound theirs likewise.
  const auto unknown = own ? locals.size() - known : rows.size() - locals.size();
  const auto most = signals.unknown_items_max;
  const auto bound = own ? most : (most + known) * std::size_t{shards};
  if (!has_record && unknown >= bound)
    return foreign;
  const auto row = static_cast<std::uint32_t>(local_of_row.size());
  rows.emplace(key, row);
  pairs.add_row();
  local_of_row.push_back(own ? static_cast<std::uint32_t>(locals.size()) : foreign);
  if (own) {
    locals.push_back({key, nullptr, row});
    keys.push_back(key);
    popular_most.push_back(unknown_popularity);
    standing.push_back(0);
    created.push_back(0);
    popular.add_item();
    content.add_item();
    companions.add_item();
    for (auto& one : vectors)
      if (one.rows().rows() + 1 == locals.size())
        one.append(key, nullptr, {});
  }
  return row;
}

std::uint32_t catalogue_slice::state::known_local(item_key key) const {
  const auto found = rows.find(key);
  if (found == rows.end())
    return foreign;
  const auto local = local_of_row[found->second];
  return local != foreign && locals[local].record ? local : foreign;
}

void catalogue_slice::state::add_record(item_ptr what) {
  const auto local = local_of_row[intern(key_of(what->id), true)];
  auto& record = locals[local].record;
  content.set(local, *what);
  if (!record) {
    ++known;
    if (newest.size() < newest_max) {
      newest.push_back(local);
    } else {
      newest[newest_at] = local;
      newest_at = (newest_at + 1) % newest_max;
    }
  }
  for (auto& one : vectors)
    one.replace(local, locals[local].key, what.get(), companions.of(local));
  standing[local] = static_cast<std::uint8_t>((what->hidden ? 0 : standing_visible)
                                              | (owner_of(*what) ? standing_owned : 0));
  created[local] = to_millis(what->created);
  record = std::move(what);
}

catalogue_slice::catalogue_slice(std::uint32_t index, std::uint32_t shards,
                                 const config::signals_settings& signals,
                                 const config::blend_settings& blend)
    : state_(std::make_unique<state>(index, shards, signals, blend)) {}

catalogue_slice::~catalogue_slice() = default;
catalogue_slice::catalogue_slice(catalogue_slice&&) noexcept = default;
catalogue_slice& catalogue_slice::operator=(catalogue_slice&&) noexcept = default;

bool catalogue_slice::owns(item_key key) const noexcept {
  return state_->owns(key);
}

void catalogue_slice::upsert(item_ptr what) {
  state_->add_record(std::move(what));
}

bool catalogue_slice::remove(item_key key) {
  auto& my = *state_;
  const auto local = my.known_local(key);
  if (local == state::foreign)
    return false;
  my.content.clear(local);
  my.locals[local].record = nullptr;
  my.standing[local] = 0;
  --my.known;
  return true;
}

item_ptr catalogue_slice::find(item_key key) const {
  const auto local = state_->known_local(key);
  return local == state::foreign ? nullptr : state_->locals[local].record;
}

item_traits catalogue_slice::traits(item_key key) const {
  const auto record = find(key);
  if (!record)
    return {};
  return {true, labels_of(*record, state_->signals.content_terms_max)};
}

void catalogue_slice::learn(const observation& what) {
  auto& my = *state_;
  if (what.arrival != 0) {
    if (what.arrival <= my.learned)
      return;
    my.learned = what.arrival;
  }
  if (!(what.weight > 0))
    return;
  my.stream_millis = std::max(my.stream_millis, to_millis(what.time));
  my.popular.learn_total(what.weight, what.time);
  const auto row = my.intern(key_of(what.item), false);
  if (row == state::foreign) {
    if (my.owns(key_of(what.item)))
      ++my.refused;
    return;
  }
  const auto local = my.local_of_row[row];
  if (local != state::foreign) {
    my.popular.learn(local, what.weight, what.time);
    my.popular_most[local] = state::unknown_popularity;
    my.learn_companions(local, what);
  }

  my.pairs.happened(row);
  const bool both = my.signals.direction != "forward";
  constexpr std::size_t ahead = 4;
  const auto near_end = std::min(what.near.size(), my.signals.window);
  auto& rows = my.near_rows;
  rows.clear();
  for (std::size_t i = 0; i < near_end; ++i)
    rows.push_back(my.intern(what.near[i], false));
  for (std::size_t i = 0; i < near_end; ++i) {
    // Rows lie anywhere; the memory is asked for them, and then for their lists, in advance.
    if (i + 2 * ahead < near_end)
      my.pairs.prefetch(rows[i + 2 * ahead]);
    if (local != state::foreign && i + ahead < near_end)
      my.pairs.prefetch_target(rows[i + ahead], local);
    const auto past = rows[i];
    if (past == row || past == state::foreign)
      continue;
    const auto weight = what.weight / static_cast<float>(i + 1);
    my.pairs.count_total(past, weight);
    if (local != state::foreign)
      my.pairs.count(past, local, row, weight);
    if (!both)
      continue;
    my.pairs.count_total(row, weight);
    if (const auto past_local = my.local_of_row[past]; past_local != state::foreign)
      my.pairs.count(row, past_local, past, weight);
  }
}

std::uint64_t catalogue_slice::learned_arrival() const noexcept {
  return state_->learned;
}

std::size_t catalogue_slice::unknown_items() const noexcept {
  return state_->locals.size() - state_->known;
}

std::uint64_t catalogue_slice::refused_items() const noexcept {
  return state_->refused;
}

slice_stats catalogue_slice::stats() const {
  constexpr std::size_t map_entry = 20; // key, value and the map's own bytes at its usual load
  const auto& my = *state_;
  std::size_t of_vectors = 0;
  for (const auto& one : my.vectors)
    of_vectors += one.rows().heap_bytes();
  slice_stats made;
  made.items = my.known;
  made.unknown = unknown_items();
  made.neighbours = my.pairs.entries();
  made.learned_arrival = my.learned;
  made.heap_bytes =
      sizeof(state) + of_vectors + my.pairs.heap_bytes() + my.popular.heap_bytes()
      + my.content.heap_bytes() + my.companions.heap_bytes() + my.rows.size() * map_entry
      + my.local_of_row.capacity() * sizeof(std::uint32_t)
      + my.locals.capacity() * (sizeof(state::local_item) + sizeof(item_key)) + my.sums.heap_bytes()
      + my.popular_most.capacity() * sizeof(float) + my.created.capacity() * sizeof(std::int64_t)
      + my.marks.capacity() * sizeof(std::uint32_t);
  return made;
}

} // namespace troupe::model
