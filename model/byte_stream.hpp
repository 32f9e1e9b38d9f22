#pragma once

#include "base/stable_hash.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

/// Plain values to bytes and back, for checkpoints. Little-endian, as every machine this
/// builds for is.
namespace troupe::model {

static_assert(std::endian::native == std::endian::little);

class byte_writer {
public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }

  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }

  [[nodiscard]] std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

/// Reads what a byte_writer wrote. Past the end everything reads as zero and `failed` stays
/// true, so a decoder checks once per stretch.
class byte_reader {
public:
  explicit byte_reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  [[nodiscard]] T get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (rest_.size() < sizeof(T)) {
      failed_ = true;
      rest_ = {};
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }

  /// Whether `count` things of `bytes_each` at least can still follow; asked before memory is
  /// set aside for a count that came from outside.
  [[nodiscard]] bool can_hold(std::uint64_t count, std::size_t bytes_each) const noexcept {
    return count <= rest_.size() / bytes_each;
  }

  [[nodiscard]] bool failed() const noexcept { return failed_; }

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

private:
  std::string_view rest_;
  bool failed_ = false;
};

/// A checksum of many bytes, eight at a time; not for keys (see stable_hash).
[[nodiscard]] inline std::uint64_t checksum_of(std::string_view bytes) noexcept {
  std::uint64_t sum = bytes.size();
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum = (std::rotl(sum, 29) ^ word) * 0x9e3779b97f4a7c15ULL;
    bytes.remove_prefix(sizeof word);
  }
  std::uint64_t word = 0;
  if (!bytes.empty())
    std::memcpy(&word, bytes.data(), bytes.size());
  return mix_bits((std::rotl(sum, 29) ^ word) * 0x9e3779b97f4a7c15ULL);
}

} // namespace troupe::model
