#include "model/history_ring.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace troupe::model {

namespace {

// An event is: one byte, the id's length less one; one byte of flags; one of type and weight;
// the weight's index if it is a far one; the time; the value; the id.
constexpr std::size_t header_bytes = 3;
constexpr unsigned time_bytes_mask = 0x07U;
constexpr unsigned value_shift = 3; // two bits: bytes of the value, halved
constexpr unsigned known_flag = 0x20U;
constexpr unsigned held_flag = 0x40U;
constexpr unsigned type_mask = 0x3fU;
constexpr unsigned weight_shift = 6;
constexpr unsigned far_weight = 3;
constexpr std::size_t far_weight_bytes = 2;
constexpr std::size_t record_bytes_max = 15; // without the id

std::size_t bytes_of(std::uint64_t value) noexcept {
  return static_cast<std::size_t>(std::bit_width(value) + 7) / 8;
}

/// Small for small distances in either direction.
std::uint64_t fold_sign(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unfold_sign(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

/// What is left out of a value that is kept in two bytes: whole and half stars lose nothing.
constexpr std::uint32_t short_value_rest = 0xffffU;

} // namespace

std::size_t history_ring::record::id() const noexcept {
  return at + header_bytes + weight_bytes + time_bytes + value_bytes;
}

std::size_t history_ring::push(const entry& what, std::size_t bound) {
  if (bound == 0)
    return 0;
  while (size_ >= bound)
    pop();
  const auto millis = to_millis(what.time);
  if (bytes_.empty())
    origin_ = millis;
  const auto time = fold_sign(millis - origin_);
  const auto value = std::bit_cast<std::uint32_t>(what.value.value_or(0.0F));
  const auto weight = weight_index(what.sequence);
  record made;
  made.length = what.item.size();
  made.time_bytes = bytes_of(time);
  if (what.value)
    made.value_bytes = (value & short_value_rest) == 0 ? 2 : 4;
  made.weight_bytes = weight < near_weights_max ? 0 : far_weight_bytes;
  auto moved = make_room(made.end());
  const auto place = (first_ + size_) % stride;
  if (place == 0)
    moved += anchors_.push(base_ + static_cast<std::uint32_t>(bytes_.size()));
  std::array<char, record_bytes_max> head{};
  std::size_t used = 0;
  const auto write = [&](std::uint64_t number, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i)
      head[used++] = static_cast<char>(static_cast<std::uint8_t>(number >> (8 * i)));
  };
  write(made.length - 1, 1);
  write(made.time_bytes | (made.value_bytes / 2) << value_shift
            | (what.traits_known ? known_flag : 0U) | (what.holds_seen ? held_flag : 0U),
        1);
  write((what.type & type_mask) | std::min<std::size_t>(weight, far_weight) << weight_shift, 1);
  write(weight, made.weight_bytes);
  write(time, made.time_bytes);
  write(made.value_bytes == 2 ? value >> 16U : value, made.value_bytes);
  bytes_.insert(bytes_.end(), head.begin(), head.begin() + static_cast<std::ptrdiff_t>(used));
  bytes_.insert(bytes_.end(), what.item.begin(), what.item.end());
  ++size_;
  return moved + 1;
}

void history_ring::pop() noexcept {
  --size_;
  if (++first_ == stride) {
    first_ = 0;
    anchors_.pop();
  }
}

history_ring::record history_ring::read(std::size_t at) const noexcept {
  record made;
  made.at = at;
  made.length = byte(at) + std::size_t{1};
  const unsigned flags = byte(at + 1);
  made.time_bytes = flags & time_bytes_mask;
  made.value_bytes = std::size_t{2} * ((flags >> value_shift) & 3U);
  made.weight_bytes = byte(at + 2) >> weight_shift == far_weight ? far_weight_bytes : 0;
  return made;
}

history_ring::record history_ring::find(std::size_t steps_back) const noexcept {
  const auto place = first_ + (size_ - 1 - steps_back);
  auto found = read(anchors_[place / stride] - base_);
  for (auto steps = place % stride; steps > 0; --steps)
    found = read(found.end());
  return found;
}

history_ring::entry history_ring::newest(std::size_t steps_back) const noexcept {
  const auto from = find(steps_back);
  const unsigned flags = byte(from.at + 1);
  const unsigned kinds = byte(from.at + 2);
  auto at = from.at + header_bytes;
  entry made;
  made.item = item_of(from);
  made.type = static_cast<std::uint8_t>(kinds & type_mask);
  made.sequence =
      weight_of(from.weight_bytes == 0 ? kinds >> weight_shift : number_at(at, far_weight_bytes));
  at += from.weight_bytes;
  made.time = from_millis(origin_ + unfold_sign(number_at(at, from.time_bytes)));
  at += from.time_bytes;
  if (from.value_bytes > 0) {
    const auto bits = static_cast<std::uint32_t>(number_at(at, from.value_bytes));
    made.value = std::bit_cast<float>(from.value_bytes == 2 ? bits << 16U : bits);
  }
  made.traits_known = (flags & known_flag) != 0;
  made.holds_seen = (flags & held_flag) != 0;
  return made;
}

void history_ring::release_seen(std::size_t steps_back) noexcept {
  auto& flags = bytes_[find(steps_back).at + 1];
  flags = static_cast<char>(static_cast<unsigned char>(flags) & ~held_flag);
}

/// Every stride is found by its anchor, so that the processor can walk through several at a time.
template <class Visit>
void history_ring::visit_newest(std::size_t count, Visit visit) const {
  const std::size_t end = first_ + std::size_t{size_};
  const auto begin = end - std::min<std::size_t>(count, size_);
  for (auto place = begin; place < end;) {
    auto at = anchors_[place / stride] - base_;
    for (auto dead = place % stride; dead > 0; --dead)
      at = static_cast<std::uint32_t>(read(at).end());
    const auto stop = std::min(end, (place / stride + 1) * stride);
    for (; place < stop; ++place) {
      const auto one = read(at);
      visit(one);
      at = static_cast<std::uint32_t>(one.end());
    }
  }
}

bool history_ring::is_held(std::size_t steps_back) const noexcept {
  return is_held(find(steps_back));
}

bool history_ring::holds_seen(std::string_view item, std::size_t within) const noexcept {
  bool found = false;
  visit_newest(within, [&](const record& one) {
    if (one.length == item.size() && is_held(one) && item_of(one) == item)
      found = true;
  });
  return found;
}

std::vector<std::string_view> history_ring::held_seen(std::size_t within) const {
  std::vector<std::string_view> held;
  visit_newest(within, [&](const record& one) {
    if (is_held(one))
      held.push_back(item_of(one));
  });
  return held;
}

bool history_ring::is_held(const record& one) const noexcept {
  return (byte(one.at + 1) & held_flag) != 0;
}

std::string_view history_ring::item_of(const record& one) const noexcept {
  return {bytes_.data() + one.id(), one.length};
}

std::uint64_t history_ring::number_at(std::size_t at, std::size_t bytes) const noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value |= std::uint64_t{byte(at + i)} << (8 * i);
  return value;
}

/// What lies before the oldest event's stride.
std::size_t history_ring::dead() const noexcept {
  return anchors_.size() > 0 ? anchors_[0] - base_ : bytes_.size();
}

/// Grows in steps of an eighth: a vector that doubles would leave half of a session unused.
std::size_t history_ring::make_room(std::size_t bytes) {
  constexpr std::size_t bytes_a_value = 16; // about an event, the unit of work
  std::size_t moved = 0;
  const auto gone = dead();
  const auto live = bytes_.size() - gone;
  if (bytes_.size() + bytes > bytes_.capacity() && gone > 64 + live / 8) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(gone));
    base_ += static_cast<std::uint32_t>(gone);
    moved += live / bytes_a_value;
  }
  if (bytes_.size() + bytes > bytes_.capacity()) {
    moved += bytes_.size() / bytes_a_value;
    bytes_.reserve(std::max(bytes_.size() + bytes,
                            bytes_.capacity() + std::max<std::size_t>(32, bytes_.size() / 8)));
  }
  return moved;
}

std::size_t history_ring::weight_index(float weight) {
  for (std::size_t i = 0; i < near_weights_used_; ++i)
    if (near_weights_[i] == weight)
      return i;
  if (near_weights_used_ < near_weights_max) {
    near_weights_[near_weights_used_] = weight;
    return near_weights_used_++;
  }
  const auto found = std::find(far_weights_.begin(), far_weights_.end(), weight);
  const auto index = near_weights_max + static_cast<std::size_t>(found - far_weights_.begin());
  if (found == far_weights_.end()) {
    if (index == weights_max)
      return weights_max - 1;
    far_weights_.reserve(far_weights_.size() + 1);
    far_weights_.push_back(weight);
  }
  return index;
}

float history_ring::weight_of(std::size_t index) const noexcept {
  return index < near_weights_max ? near_weights_[index] : far_weights_[index - near_weights_max];
}

void history_ring::shrink_to_fit() {
  bytes_.shrink_to_fit();
  anchors_.shrink_to_fit();
}

std::size_t history_ring::heap_bytes() const noexcept {
  return bytes_.capacity() + anchors_.heap_bytes() + far_weights_.capacity() * sizeof(float);
}

} // namespace troupe::model
