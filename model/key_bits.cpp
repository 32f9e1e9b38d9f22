#include "model/key_bits.hpp"

#include <memory>

namespace troupe::model {

key_bits_list::~key_bits_list() {
  auto* at = first_.load(std::memory_order_acquire);
  while (at != nullptr) {
    const std::unique_ptr<key_bits> gone{at};
    at = gone->next;
  }
}

key_bits& key_bits_list::of(std::uint64_t reader) {
  auto* const first = first_.load(std::memory_order_acquire);
  for (auto* at = first; at != nullptr; at = at->next)
    if (at->reader == reader)
      return *at;
  auto made = std::make_unique<key_bits>(reader);
  made->next = first;
  while (!first_.compare_exchange_weak(made->next, made.get(), std::memory_order_acq_rel))
    ;
  bytes_.fetch_add(sizeof(key_bits), std::memory_order_relaxed);
  return *made.release();
}

void key_bits_list::put(key_bits& bits, const std::vector<std::uint32_t>& numbers,
                        std::uint32_t covered) {
  const auto before = bits.words.size();
  bits.words.resize(covered / 64 + 1, 0);
  for (const auto number : numbers)
    bits.words[number / 64] |= std::uint64_t{1} << (number % 64);
  bits.covered = covered;
  bytes_.fetch_add((bits.words.size() - before) * sizeof(std::uint64_t), std::memory_order_relaxed);
}

} // namespace troupe::model
