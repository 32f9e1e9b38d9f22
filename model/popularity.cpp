#include "model/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::model {

namespace {

constexpr double ms_per_hour = 3'600'000.0;
constexpr double nothing = -std::numeric_limits<double>::infinity();
constexpr double rounding = 1e-6; ///< of logarithms that were added up in another order
constexpr std::uint32_t outside = std::numeric_limits<std::uint32_t>::max();

/// log2(2^a + 2^b).
double add_logs(double a, double b) noexcept {
  const auto high = std::max(a, b);
  const auto low = std::min(a, b);
  return low == nothing ? high : high + std::log2(1 + std::exp2(low - high));
}

double mass_of(float weight, timestamp when, double half_life_ms) noexcept {
  return std::log2(static_cast<double>(weight))
         + static_cast<double>(to_millis(when)) / half_life_ms;
}

} // namespace

popularity::popularity(const config::signals_settings& signals) {
  for (const auto hours : signals.popularity_half_lives_hours)
    if (hours > 0 && half_lives_ms_.size() < half_lives_max)
      half_lives_ms_.push_back(hours * ms_per_hour);
  if (half_lives_ms_.empty())
    half_lives_ms_.push_back(24 * ms_per_hour);
  totals_.assign(half_lives(), nothing);
  highest_.assign(half_lives(), nothing);
  for (const auto most : {top_max, short_top_max})
    for (std::size_t h = 0; h < half_lives(); ++h)
      heaps_.push_back({h, most, {}, {}});
}

void popularity::add_item() {
  masses_.insert(masses_.end(), half_lives(), nothing);
  events_.push_back(0);
  for (auto& one : heaps_)
    one.position.push_back(outside);
}

void popularity::learn_total(float weight, timestamp when) {
  for (std::size_t h = 0; h < half_lives(); ++h)
    totals_[h] = add_logs(totals_[h], mass_of(weight, when, half_lives_ms_[h]));
}

void popularity::learn(std::uint32_t local, float weight, timestamp when) {
  if (events_[local] < std::numeric_limits<std::uint32_t>::max())
    ++events_[local];
  for (std::size_t h = 0; h < half_lives(); ++h) {
    auto& at = mass(local, h);
    at = add_logs(at, mass_of(weight, when, half_lives_ms_[h]));
    highest_[h] = std::max(highest_[h], at);
  }
  for (auto& one : heaps_)
    offer(one, local);
}

double popularity::share(std::uint32_t local, std::size_t half_life) const noexcept {
  const auto own = mass(local, half_life);
  return own == nothing ? 0.0 : std::min(1.0, std::exp2(own - totals_[half_life]));
}

float popularity::signal(std::uint32_t local) const noexcept {
  return signal_of(&masses_[local * half_lives()]);
}

float popularity::signal_max() const noexcept {
  return signal_of(highest_.data());
}

float popularity::signal_of(const double* masses) const noexcept {
  // An item with one event in a thousand is at half of the scale, whatever the catalogue.
  constexpr float resolution = 1000.0F;
  static_assert(half_lives_max <= 8, "the product of the shares must stay a float");
  if (masses[0] == nothing)
    return 0;
  // The sum of the shares' logarithms is the logarithm of their product: one of them to take.
  float product = 1;
  for (std::size_t h = 0; h < half_lives(); ++h)
    product *= 1 + resolution * std::exp2(static_cast<float>(masses[h] - totals_[h]));
  return std::log2(product) / (std::log2(1 + resolution) * static_cast<float>(half_lives()));
}

std::size_t popularity::heap_bytes() const noexcept {
  auto bytes = masses_.capacity() * sizeof(double) + events_.capacity() * sizeof(std::uint32_t);
  for (const auto& one : heaps_)
    bytes += (one.items.capacity() + one.position.capacity()) * sizeof(std::uint32_t);
  return bytes;
}

double& popularity::mass(std::uint32_t local, std::size_t half_life) noexcept {
  return masses_[local * half_lives() + half_life];
}

double popularity::mass(std::uint32_t local, std::size_t half_life) const noexcept {
  return masses_[local * half_lives() + half_life];
}

bool popularity::lighter(std::size_t half_life, std::uint32_t a, std::uint32_t b) const noexcept {
  const auto x = mass(a, half_life);
  const auto y = mass(b, half_life);
  return x != y ? x < y : a > b;
}

void popularity::offer(heap& to, std::uint32_t local) {
  auto& position = to.position;
  if (position[local] != outside) {
    sift_down(to, position[local]);
  } else if (to.items.size() < to.most) {
    position[local] = static_cast<std::uint32_t>(to.items.size());
    to.items.push_back(local);
    sift_up(to, to.items.size() - 1);
  } else if (lighter(to.half_life, to.items[0], local)) {
    position[to.items[0]] = outside;
    to.items[0] = local;
    position[local] = 0;
    sift_down(to, 0);
  }
}

void popularity::sift_down(heap& in, std::size_t at) {
  auto& items = in.items;
  for (;;) {
    auto least = at;
    for (const auto child : {2 * at + 1, 2 * at + 2})
      if (child < items.size() && lighter(in.half_life, items[child], items[least]))
        least = child;
    if (least == at)
      return;
    std::swap(items[at], items[least]);
    in.position[items[at]] = static_cast<std::uint32_t>(at);
    in.position[items[least]] = static_cast<std::uint32_t>(least);
    at = least;
  }
}

void popularity::sift_up(heap& in, std::size_t at) {
  auto& items = in.items;
  while (at > 0) {
    const auto parent = (at - 1) / 2;
    if (!lighter(in.half_life, items[at], items[parent]))
      return;
    std::swap(items[at], items[parent]);
    in.position[items[at]] = static_cast<std::uint32_t>(at);
    in.position[items[parent]] = static_cast<std::uint32_t>(parent);
    at = parent;
  }
}

void popularity::encode(byte_writer& to) const {
  to.put(static_cast<std::uint32_t>(half_lives()));
  for (std::size_t h = 0; h < half_lives(); ++h) {
    to.put(half_lives_ms_[h]);
    to.put(totals_[h]);
  }
  for (std::uint32_t local = 0; local < events_.size(); ++local) {
    to.put(events_[local]);
    for (std::size_t h = 0; h < half_lives(); ++h)
      to.put(mass(local, h));
  }
}

bool popularity::decode(byte_reader& from, std::size_t items) {
  const auto is_mass = [](double value) { return std::isfinite(value) || value == nothing; };
  if (from.get<std::uint32_t>() != half_lives())
    return false;
  for (std::size_t h = 0; h < half_lives(); ++h) {
    if (from.get<double>() != half_lives_ms_[h])
      return false;
    totals_[h] = from.get<double>();
    if (!is_mass(totals_[h]))
      return false;
  }
  if (!from.can_hold(items, sizeof(std::uint32_t) + half_lives() * sizeof(double)))
    return false;
  masses_.reserve(items * half_lives());
  events_.reserve(items);
  for (std::size_t i = 0; i < items; ++i) {
    add_item();
    const auto local = static_cast<std::uint32_t>(i);
    events_[local] = from.get<std::uint32_t>();
    for (std::size_t h = 0; h < half_lives(); ++h) {
      const auto own = from.get<double>();
      mass(local, h) = own;
      // A part of the whole, and something by all half-lives or by none.
      if (!is_mass(own) || own > totals_[h] + rounding
          || (own == nothing) != (mass(local, 0) == nothing))
        return false;
      highest_[h] = std::max(highest_[h], own);
    }
    if (events_[local] > 0)
      for (auto& one : heaps_)
        offer(one, local);
  }
  return !from.failed();
}

} // namespace troupe::model
