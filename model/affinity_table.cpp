#include "model/affinity_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace troupe::model {

namespace {

/// Half-lives a weight may lie ahead of the reference before all are brought forward: well
/// within a float, and happens once in years.
constexpr double half_lives_ahead_max = 64;

double half_lives_between(timestamp from, timestamp to, double half_life_ms) noexcept {
  return static_cast<double>(to_millis(to) - to_millis(from)) / half_life_ms;
}

constexpr std::size_t header_bytes = 1 + sizeof(float);

// The prefixes nearly every label has, as one byte that no label starts with: labels hold no
// control characters there.
struct abbreviation {
  std::string_view prefix;
  char code;
};

constexpr abbreviation abbreviations[]{{"category:", '\1'}, {"tag:", '\2'}};

/// The label as it is kept. `room` holds it if it differs.
std::string_view pack(std::string_view label, std::string& room) {
  for (const auto& [prefix, code] : abbreviations)
    if (label.starts_with(prefix)) {
      room.assign(1, code);
      room.append(label.substr(prefix.size()));
      return room;
    }
  return label;
}

std::string unpack(std::string_view packed_label) {
  for (const auto& [prefix, code] : abbreviations)
    if (packed_label.starts_with(code))
      return std::string{prefix}.append(packed_label.substr(1));
  return std::string{packed_label};
}

bool is_taken(std::string_view label) noexcept {
  return !label.empty() && label.size() <= affinity_table::label_bytes_max
         && static_cast<unsigned char>(label.front()) >= 0x20U;
}

} // namespace

std::size_t affinity_table::add(std::string_view label, double amount, timestamp when,
                                double half_life_ms, std::size_t bound) {
  if (!is_taken(label) || bound == 0 || amount == 0)
    return 0;
  std::size_t touched = size_;
  if (size_ == 0) {
    reference_ = when;
  } else if (half_lives_between(reference_, when, half_life_ms) > half_lives_ahead_max) {
    touched += size_;
    rebase(when, half_life_ms);
  }
  const auto scaled =
      static_cast<float>(amount * std::exp2(half_lives_between(reference_, when, half_life_ms)));
  std::string room;
  const auto kept = pack(label, room);
  if (const auto at = find(kept); at < bytes_.size()) {
    const auto there = read(at);
    set_weight(there, there.weight + scaled);
    return touched;
  }
  while (size_ >= bound) {
    touched += size_;
    remove(weakest());
  }
  append(kept, scaled);
  return touched + 1;
}

std::vector<std::pair<std::string, double>> affinity_table::at(timestamp now,
                                                               double half_life_ms) const {
  // A clock behind the newest event must not blow the weights up.
  const auto ahead = std::max(0.0, half_lives_between(reference_, now, half_life_ms));
  const auto factor = std::exp2(-ahead);
  auto made = parts();
  for (auto& [label, weight] : made)
    weight *= factor;
  std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) {
    const auto x = std::abs(a.second);
    const auto y = std::abs(b.second);
    return x != y ? x > y : a.first < b.first;
  });
  return made;
}

std::vector<std::pair<std::string, double>> affinity_table::parts() const {
  std::vector<std::pair<std::string, double>> made;
  made.reserve(size_);
  for (std::size_t at = 0; at < bytes_.size();) {
    const auto one = read(at);
    made.emplace_back(unpack(one.label), static_cast<double>(one.weight));
    at = end_of(one);
  }
  std::sort(made.begin(), made.end());
  return made;
}

void affinity_table::assign(const std::vector<std::pair<std::string, double>>& parts,
                            timestamp reference) {
  *this = affinity_table{};
  reference_ = reference;
  std::string room;
  for (const auto& [label, weight] : parts)
    append(pack(label, room), static_cast<float>(weight));
  bytes_.shrink_to_fit();
}

std::size_t affinity_table::heap_bytes() const noexcept {
  return bytes_.capacity();
}

affinity_table::row affinity_table::read(std::size_t at) const noexcept {
  row made;
  made.at = at;
  std::memcpy(&made.weight, bytes_.data() + at + 1, sizeof made.weight);
  made.label = {bytes_.data() + at + header_bytes, static_cast<unsigned char>(bytes_[at])};
  return made;
}

std::size_t affinity_table::end_of(const row& one) noexcept {
  return one.at + header_bytes + one.label.size();
}

void affinity_table::set_weight(const row& of, float weight) noexcept {
  std::memcpy(bytes_.data() + of.at + 1, &weight, sizeof weight);
}

/// The beginning of the label's row; bytes_.size(): there is none.
std::size_t affinity_table::find(std::string_view packed_label) const noexcept {
  std::size_t at = 0;
  while (at < bytes_.size()) {
    const auto one = read(at);
    if (one.label == packed_label)
      break;
    at = end_of(one);
  }
  return at;
}

// Ties by label and not by place, so that a table put together from a snapshot, where places
// are lost, loses the same label.
affinity_table::row affinity_table::weakest() const noexcept {
  auto found = read(0);
  for (auto at = end_of(found); at < bytes_.size();) {
    const auto one = read(at);
    const auto a = std::abs(one.weight);
    const auto b = std::abs(found.weight);
    if (a < b || (a == b && one.label < found.label))
      found = one;
    at = end_of(one);
  }
  return found;
}

void affinity_table::rebase(timestamp to, double half_life_ms) {
  const auto factor = std::exp2(-half_lives_between(reference_, to, half_life_ms));
  for (std::size_t at = 0; at < bytes_.size();) {
    const auto one = read(at);
    set_weight(one, static_cast<float>(static_cast<double>(one.weight) * factor));
    at = end_of(one);
  }
  reference_ = to;
}

/// Grows in steps of an eighth: a vector that doubles would leave half of it unused.
void affinity_table::append(std::string_view packed_label, float weight) {
  const auto at = bytes_.size();
  const auto needed = at + header_bytes + packed_label.size();
  if (needed > bytes_.capacity())
    bytes_.reserve(std::max(needed, at + std::max<std::size_t>(32, at / 8)));
  bytes_.resize(at + header_bytes);
  bytes_[at] = static_cast<char>(static_cast<unsigned char>(packed_label.size()));
  std::memcpy(bytes_.data() + at + 1, &weight, sizeof weight);
  bytes_.insert(bytes_.end(), packed_label.begin(), packed_label.end());
  ++size_;
}

void affinity_table::remove(const row& gone) {
  const auto start = bytes_.begin() + static_cast<std::ptrdiff_t>(gone.at);
  bytes_.erase(start, start + static_cast<std::ptrdiff_t>(header_bytes + gone.label.size()));
  --size_;
}

} // namespace troupe::model
