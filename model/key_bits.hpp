#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::model {

/// What one reader has made of a key_table: a bit for each number it gives to keys.
struct key_bits {
  explicit key_bits(std::uint64_t of) : reader(of) {}

  [[nodiscard]] bool has(std::uint32_t number) const noexcept {
    return (words[number / 64] >> (number % 64) & 1U) != 0;
  }

  std::uint64_t reader;
  std::uint32_t asked = 0;   ///< questions that were answered by hashing
  std::uint32_t covered = 0; ///< numbers below this have their bit; 0: none is made
  std::vector<std::uint64_t> words;
  key_bits* next = nullptr;
};

/// The key_bits of a table's readers, kept with it. Threads: `of` and `heap_bytes` at any time;
/// a reader's key_bits is touched by that reader alone.
class key_bits_list {
public:
  key_bits_list() = default;
  ~key_bits_list();
  key_bits_list(const key_bits_list&) = delete;
  key_bits_list& operator=(const key_bits_list&) = delete;

  /// The reader's own, empty at first. It lives as long as the list.
  [[nodiscard]] key_bits& of(std::uint64_t reader);

  /// Sets the bits of `numbers`, all of them below `covered`, which is how far they now tell.
  void put(key_bits& bits, const std::vector<std::uint32_t>& numbers, std::uint32_t covered);

  [[nodiscard]] std::size_t heap_bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<key_bits*> first_{nullptr}; // owned, each the one after it
  std::atomic<std::size_t> bytes_{0};
};

} // namespace troupe::model
