#include "model/affinity_table.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::model {

namespace {

/// Half-lives a weight may lie ahead of the reference before all are brought forward: well
/// within a float, and happens once in years.
constexpr double half_lives_ahead_max = 64;

double half_lives_between(timestamp from, timestamp to, double half_life_ms) noexcept {
  return static_cast<double>(to_millis(to) - to_millis(from)) / half_life_ms;
}

template <class Vector>
void reserve_tightly(Vector& to, std::size_t more, std::size_t step) {
  const auto needed = to.size() + more;
  if (needed > to.capacity())
    to.reserve(std::max(needed, to.size() + std::max(step, to.size() / 8)));
}

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
  auto touched = rows_.size();
  if (rows_.empty()) {
    reference_ = when;
  } else if (half_lives_between(reference_, when, half_life_ms) > half_lives_ahead_max) {
    touched += rows_.size();
    rebase(when, half_life_ms);
  }
  const auto scaled =
      static_cast<float>(amount * std::exp2(half_lives_between(reference_, when, half_life_ms)));
  std::string room;
  const auto kept = pack(label, room);
  if (const auto index = find(kept); index < rows_.size()) {
    rows_[index].weight += scaled;
    return touched;
  }
  while (rows_.size() >= bound) {
    touched += rows_.size();
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
  made.reserve(rows_.size());
  for (const auto& one : rows_)
    made.emplace_back(unpack(packed(one)), static_cast<double>(one.weight));
  std::sort(made.begin(), made.end());
  return made;
}

void affinity_table::assign(const std::vector<std::pair<std::string, double>>& parts,
                            timestamp reference) {
  *this = affinity_table{};
  reference_ = reference;
  rows_.reserve(parts.size());
  std::string room;
  for (const auto& [label, weight] : parts)
    append(pack(label, room), static_cast<float>(weight));
}

std::size_t affinity_table::heap_bytes() const noexcept {
  return rows_.capacity() * sizeof(row) + text_.capacity();
}

std::string_view affinity_table::packed(const row& of) const noexcept {
  return {text_.data() + of.offset, of.length};
}

std::size_t affinity_table::find(std::string_view packed_label) const noexcept {
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].length == packed_label.size() && packed(rows_[i]) == packed_label)
      return i;
  return rows_.size();
}

// Ties by label and not by place, so that a table put together from a snapshot, where places
// are lost, loses the same label.
std::size_t affinity_table::weakest() const noexcept {
  std::size_t found = 0;
  for (std::size_t i = 1; i < rows_.size(); ++i) {
    const auto a = std::abs(rows_[i].weight);
    const auto b = std::abs(rows_[found].weight);
    if (a < b || (a == b && packed(rows_[i]) < packed(rows_[found])))
      found = i;
  }
  return found;
}

void affinity_table::rebase(timestamp to, double half_life_ms) {
  const auto factor = std::exp2(-half_lives_between(reference_, to, half_life_ms));
  for (auto& one : rows_)
    one.weight = static_cast<float>(static_cast<double>(one.weight) * factor);
  reference_ = to;
}

void affinity_table::append(std::string_view packed_label, float weight) {
  reserve_tightly(rows_, 1, 4);
  reserve_tightly(text_, packed_label.size(), 32);
  row made{};
  made.offset = static_cast<std::uint32_t>(text_.size()) & 0xffffffU;
  made.length = static_cast<std::uint32_t>(packed_label.size()) & 0xffU;
  made.weight = weight;
  rows_.push_back(made);
  text_.insert(text_.end(), packed_label.begin(), packed_label.end());
}

void affinity_table::remove(std::size_t index) {
  const auto gone = rows_[index];
  const auto start = text_.begin() + gone.offset;
  text_.erase(start, start + gone.length);
  rows_[index] = rows_.back();
  rows_.pop_back();
  for (auto& one : rows_)
    if (one.offset > gone.offset)
      one.offset = (one.offset - gone.length) & 0xffffffU;
}

} // namespace troupe::model
