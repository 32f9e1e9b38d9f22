#include "model/seen_set.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t tail_keys_max = 64;
constexpr std::size_t blocks_of_a_bound = 8;

std::size_t tail_max(std::size_t bound) noexcept {
  return std::clamp<std::size_t>(bound / blocks_of_a_bound, 1, tail_keys_max);
}

/// The largest run: tails doubled as long as it stays within an eighth of the bound.
std::size_t block_max(std::size_t bound) noexcept {
  auto block = tail_max(bound);
  while (2 * block <= bound / blocks_of_a_bound)
    block *= 2;
  return block;
}

/// Whether a sorted run holds a key. Keys are hashes, so a key of 2^64 stands near that share of
/// the run, give or take the square root of its size: a few neighbours are looked at in place
/// of a dozen far jumps. Keys chosen to stand elsewhere cost a binary search.
bool holds(std::span<const item_key> run, item_key key) noexcept {
  constexpr std::size_t steps_max = 64;
  if (run.empty())
    return false;
  __extension__ using wide = unsigned __int128;
  auto at = static_cast<std::size_t>((wide{static_cast<std::uint64_t>(key)} * run.size()) >> 64);
  std::size_t steps = 0;
  if (run[at] < key) {
    while (at < run.size() && run[at] < key && steps < steps_max) {
      ++at;
      ++steps;
    }
  } else {
    while (at > 0 && key < run[at] && steps < steps_max) {
      --at;
      ++steps;
    }
  }
  if (steps == steps_max)
    return std::binary_search(run.begin(), run.end(), key);
  return at < run.size() && run[at] == key;
}

} // namespace

bool seen_set::insert(item_key key, std::size_t bound) {
  if (contains(key))
    return false;
  if (bound == 0)
    return true;
  if (tail_.size() == tail_.capacity())
    tail_.reserve(tail_.size() + std::max<std::size_t>(4, tail_.size() / 8));
  tail_.push_back(key);
  ++work_;
  if (tail_.size() >= tail_max(bound))
    flush_tail(block_max(bound));
  while (size() > bound && !runs_.empty())
    runs_.erase(runs_.begin());
  return true;
}

bool seen_set::contains(item_key key) const noexcept {
  // The oldest run is the largest: what is there at all is most often there.
  return std::any_of(runs_.begin(), runs_.end(),
                     [key](const auto& one) { return holds(*one, key); })
         || std::find(tail_.begin(), tail_.end(), key) != tail_.end();
}

std::size_t seen_set::size() const noexcept {
  auto count = tail_.size();
  for (const auto& one : runs_)
    count += one->size();
  return count;
}

std::vector<item_key> seen_set::keys() const {
  std::vector<item_key> made;
  made.reserve(size());
  for (const auto& one : runs_)
    made.insert(made.end(), one->begin(), one->end());
  made.insert(made.end(), tail_.begin(), tail_.end());
  return made;
}

std::size_t seen_set::heap_bytes() const noexcept {
  // A run shared with a query in flight is counted here all the same: it is ours.
  constexpr std::size_t run_overhead = sizeof(run) + 2 * sizeof(void*);
  auto bytes = runs_.capacity() * sizeof(runs_[0]) + tail_.capacity() * sizeof(item_key);
  for (const auto& one : runs_)
    bytes += run_overhead + one->capacity() * sizeof(item_key);
  return bytes;
}

seen_set seen_set::from_keys(std::span<const item_key> keys, std::size_t bound) {
  seen_set made;
  const auto block = block_max(bound);
  const auto smallest = tail_max(bound);
  const auto take_run = [&](std::size_t size) {
    auto one =
        std::make_shared<run>(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(size));
    std::sort(one->begin(), one->end());
    made.runs_.push_back(std::move(one));
    keys = keys.subspan(size);
  };
  for (auto size = block; size >= smallest; size /= 2)
    while (keys.size() >= size)
      take_run(size);
  made.tail_.assign(keys.begin(), keys.end());
  return made;
}

void seen_set::flush_tail(std::size_t block) {
  auto merged = std::make_shared<run>(std::move(tail_));
  merged->shrink_to_fit();
  std::sort(merged->begin(), merged->end());
  tail_ = {};
  // Like carries of a binary counter: equal neighbours become one, up to a block.
  while (!runs_.empty() && runs_.back()->size() == merged->size() && 2 * merged->size() <= block) {
    auto both = std::make_shared<run>(runs_.back()->size() + merged->size());
    std::merge(runs_.back()->begin(), runs_.back()->end(), merged->begin(), merged->end(),
               both->begin());
    work_ += both->size();
    runs_.pop_back();
    merged = std::move(both);
  }
  runs_.push_back(std::move(merged));
}

} // namespace troupe::model
