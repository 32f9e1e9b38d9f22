#include "model/seen_set.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t blocks_of_a_bound = 8;
constexpr std::size_t level_factor = 8;

std::size_t tail_max(std::size_t bound) noexcept {
  return std::clamp<std::size_t>(bound / blocks_of_a_bound, 1, seen_set::tail_keys_max);
}

/// Keys of a block: tails doubled as long as it stays within an eighth of the bound.
std::size_t block_size(std::size_t bound) noexcept {
  auto block = tail_max(bound);
  while (2 * block <= bound / blocks_of_a_bound)
    block *= 2;
  return block;
}

/// Tables of one level merge; a level holds eight times as much as the one below.
unsigned level_of(std::size_t keys, std::size_t smallest) noexcept {
  unsigned level = 0;
  for (auto room = smallest * level_factor; keys > room; room *= level_factor)
    ++level;
  return level;
}

} // namespace

bool seen_set::insert(item_key key, std::size_t bound) {
  if (contains(key))
    return false;
  if (bound == 0)
    return true;
  append(key);
  settle(bound);
  return true;
}

void seen_set::append(item_key key) {
  if (tail_.size() == tail_.capacity())
    tail_.reserve(tail_.size() + std::max<std::size_t>(4, tail_.size() / 8));
  tail_.push_back(key);
  ++work_;
}

void seen_set::bring_in(item_key key) {
  --outside_;
  append(key);
}

bool seen_set::wants_all(std::size_t bound) const noexcept {
  return tail_.size() + outside_ >= tail_max(bound);
}

void seen_set::settle(std::size_t bound) {
  if (wants_all(bound))
    flush_tail(bound);
  while (size() > bound && in_tables_ > 0)
    drop_oldest(bound);
}

void seen_set::put_outside(std::span<const item_key> held) {
  std::erase_if(tail_, [held](item_key key) {
    return std::find(held.begin(), held.end(), key) != held.end();
  });
  tail_.shrink_to_fit();
  outside_ = static_cast<std::uint16_t>(outside_ + held.size());
}

bool seen_set::contains(item_key key) const noexcept {
  return is_in_tables(key) || std::find(tail_.begin(), tail_.end(), key) != tail_.end();
}

std::vector<item_key> seen_set::keys() const {
  std::vector<key_table::entry> old;
  old.reserve(in_tables_);
  for (const auto& table : tables_)
    table->for_each([&](const key_table::entry& one) {
      if (is_live(one.block))
        old.push_back(one);
    });
  const auto age = [this](const key_table::entry& one) {
    return static_cast<std::uint8_t>(one.block - oldest_block_);
  };
  std::sort(old.begin(), old.end(), [&](const auto& a, const auto& b) {
    return age(a) != age(b) ? age(a) < age(b) : a.key < b.key;
  });
  std::vector<item_key> made;
  made.reserve(size());
  for (const auto& one : old)
    made.push_back(one.key);
  made.insert(made.end(), tail_.begin(), tail_.end());
  std::sort(made.end() - static_cast<std::ptrdiff_t>(tail_.size()), made.end());
  return made;
}

std::size_t seen_set::heap_bytes() const noexcept {
  // A table shared with a query in flight is counted here all the same: it is ours.
  constexpr std::size_t table_overhead = sizeof(key_table) + 2 * sizeof(void*);
  auto bytes = tables_.capacity() * sizeof(tables_[0]) + tail_.capacity() * sizeof(item_key);
  for (const auto& one : tables_)
    bytes += table_overhead + one->heap_bytes();
  return bytes;
}

seen_set seen_set::from_keys(std::span<const item_key> keys, std::size_t bound) {
  const auto block = block_size(bound);
  while (keys.size() > bound)
    keys = keys.subspan(std::min(block, keys.size()));
  seen_set made;
  const auto in_tail = keys.size() % tail_max(bound);
  const auto old = keys.first(keys.size() - in_tail);
  if (!old.empty()) {
    std::vector<key_table::entry> entries;
    entries.reserve(old.size());
    for (std::size_t i = 0; i < old.size(); ++i)
      entries.push_back({old[i], static_cast<std::uint8_t>(i / block)});
    made.tables_.push_back(std::make_shared<key_table>(entries));
    made.in_tables_ = static_cast<std::uint32_t>(old.size());
  }
  made.tail_.assign(keys.end() - static_cast<std::ptrdiff_t>(in_tail), keys.end());
  return made;
}

void seen_set::flush_tail(std::size_t bound) {
  // Blocks are made of whole tails, so a tail never lies in two.
  const auto block = static_cast<std::uint8_t>(oldest_block_ + in_tables_ / block_size(bound));
  std::vector<key_table::entry> merged;
  for (const auto key : tail_)
    merged.push_back({key, block});
  in_tables_ += static_cast<std::uint32_t>(tail_.size());
  tail_ = {};
  const auto smallest = tail_max(bound);
  while (!tables_.empty()
         && level_of(tables_.back()->size(), smallest) <= level_of(merged.size(), smallest)) {
    merged.reserve(merged.size() + tables_.back()->size());
    tables_.back()->for_each([&](const key_table::entry& one) {
      if (is_live(one.block))
        merged.push_back(one);
    });
    tables_.pop_back();
  }
  work_ += merged.size();
  tables_.reserve(tables_.size() + 1);
  tables_.push_back(std::make_shared<key_table>(merged));
}

/// What is in the tables is whole blocks but for the newest.
void seen_set::drop_oldest(std::size_t bound) noexcept {
  in_tables_ -= static_cast<std::uint32_t>(std::min<std::size_t>(block_size(bound), in_tables_));
  ++oldest_block_;
  some_left_ = true;
}

} // namespace troupe::model
