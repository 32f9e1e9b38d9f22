#include "model/blend_learner.hpp"

#include "base/clock.hpp"
#include "base/stable_hash.hpp"
#include "model/byte_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace troupe::model {

namespace {

/// The blend's score times this is the logit of an item's being wanted, before anything is known.
constexpr double scale_prior = 3;
constexpr double scale_deviation = 3;
constexpr double scale_least = 0.5; ///< below it the blend says too little to compare signals by
/// One shown item in twenty is wanted, or one in two, or one in four hundred.
constexpr double bias_prior = -3;
constexpr double bias_deviation = 3;
/// How far a weight is believed to be off, as a factor beside the common scale.
constexpr double factor_deviation = 0.5;

/// Impressions after which one counts half.
constexpr double memory_half_life = 200'000;
constexpr std::uint64_t fade_every = 64;

constexpr std::uint64_t magic = 0x646e656c6274ULL; // "tblend"
constexpr std::uint32_t format_version = 1;

constexpr std::size_t bias_at = 0;
constexpr std::size_t scale_at = 1;
constexpr std::size_t first_signal = 2;

constexpr std::array<double config::blend_settings::*, signal_count> weight_fields{
    &config::blend_settings::co_occurrence, &config::blend_settings::popularity,
    &config::blend_settings::content, &config::blend_settings::novelty,
    &config::blend_settings::sequence};

template <std::size_t N>
using vector_of_doubles = std::array<double, N>;

template <std::size_t N>
bool is_finite(const vector_of_doubles<N>& of) noexcept {
  return std::all_of(of.begin(), of.end(), [](double value) { return std::isfinite(value); });
}

/// x with a * x = b, by Cholesky's method. Not finite unless `a`, of which the part below the
/// diagonal is read, is positive definite.
template <std::size_t N>
vector_of_doubles<N> solve(std::array<vector_of_doubles<N>, N> a, vector_of_doubles<N> b) {
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k)
        sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
    }
    for (std::size_t k = 0; k < i; ++k)
      b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = N; i-- > 0;) {
    for (std::size_t k = i + 1; k < N; ++k)
      b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

/// What is believed before the first impression: coefficients, and how sure each is.
template <std::size_t N>
std::pair<vector_of_doubles<N>, vector_of_doubles<N>> prior() {
  vector_of_doubles<N> mean{};
  vector_of_doubles<N> precision{};
  precision.fill(1 / (factor_deviation * factor_deviation));
  mean[bias_at] = bias_prior;
  precision[bias_at] = 1 / (bias_deviation * bias_deviation);
  mean[scale_at] = scale_prior;
  precision[scale_at] = 1 / (scale_deviation * scale_deviation);
  return {mean, precision};
}

std::uint64_t place_of(std::uint64_t user, item_key item) noexcept {
  return mix_bits(user ^ mix_bits(static_cast<std::uint64_t>(item)));
}

failure corrupt(const char* what) {
  return {errc::corrupt_data, fmt::format("checkpoint of the blend: {}", what)};
}

} // namespace

signal_values weights_of(const config::blend_settings& blend) noexcept {
  signal_values made{};
  for (std::size_t i = 0; i < signal_count; ++i)
    made[i] = blend.*weight_fields[i];
  return made;
}

shown_item make_shown(const slate_item& what, std::size_t position,
                      const signal_values& weights) noexcept {
  shown_item made;
  made.position = static_cast<std::uint32_t>(position);
  for (std::size_t i = 0; i < signal_count; ++i)
    if (weights[i] != 0 && std::isfinite(what.parts[i]))
      made.signals[i] = static_cast<float>(static_cast<double>(what.parts[i]) / weights[i]);
  return made;
}

std::optional<blend_lesson> make_blend_lesson(const stored_event& what, const fold_rules& rules) {
  blend_lesson made;
  if (what.shown) {
    made.shown = what.shown;
  } else {
    const auto meaning = rules.meaning_of(what.what);
    const auto said = meaning.affinity != 0 ? meaning.affinity : meaning.sequence;
    made.outcome = said > 0 ? 1 : said < 0 ? -1 : 0;
    if (made.outcome == 0)
      return std::nullopt;
  }
  made.arrival = what.arrival;
  made.user = stable_hash(what.what.user.value);
  made.item = key_of(what.what.item);
  made.received = what.received;
  return made;
}

blend_learner::blend_learner(const config::blend_settings& blend)
    : configured_(blend), weights_(weights_of(blend)) {
  const auto [mean, precision] = prior<size>();
  mean_ = mean;
  for (std::size_t i = 0; i < size; ++i)
    precision_[i][i] = precision[i];
}

void blend_learner::pass(std::uint64_t arrival) noexcept {
  learned_ = std::max(learned_, arrival);
}

void blend_learner::learn(const blend_lesson& what) {
  if (what.arrival != 0 && what.arrival <= learned_)
    return;
  pass(what.arrival);
  now_ = std::max(now_, to_millis(what.received));
  while (!open_.empty() && open_.front().until <= now_)
    settle_oldest(what.arrival);
  const auto place = place_of(what.user, what.item);
  if (!what.shown) {
    if (const auto found = places_.find(place); found != places_.end())
      open_[found->second - first_].outcome = what.outcome;
    return;
  }
  // Shown again before the outcome is known: it is the same question.
  if (!places_.emplace(place, first_ + open_.size()).second)
    return;
  const auto window = std::chrono::milliseconds{configured_.outcome_window};
  open_.push_back({place, now_ + window.count(), 0, *what.shown});
  if (open_.size() > open_max)
    settle_oldest(what.arrival);
}

void blend_learner::settle_oldest(std::uint64_t arrival) {
  const auto& oldest = open_.front();
  observe(oldest.shown, oldest.outcome > 0);
  changed_ = arrival;
  places_.erase(oldest.place);
  open_.pop_front();
  ++first_;
}

blend_learner::column blend_learner::features(const shown_item& what) const noexcept {
  column made{};
  made[bias_at] = 1;
  for (std::size_t i = 0; i < signal_count; ++i) {
    const auto part = weights_[i] * static_cast<double>(what.signals[i]);
    made[scale_at] += part;
    made[first_signal + i] = scale_prior * part;
  }
  return made;
}

void blend_learner::observe(const shown_item& what, bool is_wanted) {
  const auto x = features(what);
  auto logit = -configured_.position_bias * std::log1p(static_cast<double>(what.position));
  for (std::size_t i = 0; i < size; ++i)
    logit += mean_[i] * x[i];
  if (!std::isfinite(logit))
    return; // of a log that was written by something else
  const auto p = 1 / (1 + std::exp(-logit));
  const auto h = std::max(p * (1 - p), 1e-6);
  auto precision = precision_;
  column step{};
  for (std::size_t i = 0; i < size; ++i) {
    step[i] = x[i] * ((is_wanted ? 1.0 : 0.0) - p);
    for (std::size_t j = 0; j < size; ++j)
      precision[i][j] += h * x[i] * x[j];
  }
  step = solve(precision, step);
  if (!is_finite(step))
    return; // likewise
  precision_ = precision;
  for (std::size_t i = 0; i < size; ++i)
    mean_[i] += step[i];
  (is_wanted ? wanted_ : unwanted_) += 1;
  if ((wanted_ + unwanted_) % fade_every == 0)
    fade();
}

/// What was learnt counts a little less, and what that leaves the prior takes back.
void blend_learner::fade() {
  static const double keep = std::exp2(-static_cast<double>(fade_every) / memory_half_life);
  const auto [mean, precision] = prior<size>();
  column pulled{};
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      precision_[i][j] *= keep;
      pulled[i] += precision_[i][j] * mean_[j];
    }
    precision_[i][i] += (1 - keep) * precision[i];
    pulled[i] += (1 - keep) * precision[i] * mean[i];
  }
  if (const auto moved = solve(precision_, pulled); is_finite(moved))
    mean_ = moved;
}

signal_values blend_learner::factors() const noexcept {
  signal_values made{};
  const auto scale = std::max(mean_[scale_at], scale_least);
  for (std::size_t i = 0; i < signal_count; ++i)
    made[i] = std::clamp(1 + scale_prior * mean_[first_signal + i] / scale,
                         1 / configured_.factor_max, configured_.factor_max);
  return made;
}

config::blend_settings blend_learner::blend() const {
  auto made = configured_;
  const auto by = factors();
  for (std::size_t i = 0; i < signal_count; ++i)
    made.*weight_fields[i] *= by[i];
  return made;
}

// -- checkpoints -----------------------------------------------------------------------------
//
//     u64 magic, u32 version, u32 0, u64 fingerprint of the settings, u64 checksum of the body
//     body: u64 learned, u64 changed, u64 wanted, u64 unwanted, i64 time,
//           precision by rows, mean, u64 number of open ones,
//           each { u64 place, i64 until, i32 outcome, u32 position, signals }, oldest first
//
// All numbers little-endian. Do not reorder: on disk since version 1. Another version is not read:
// what it held is learnt again from the event log.

std::uint64_t blend_learner::fingerprint() const noexcept {
  std::uint64_t sum = size;
  const auto mix = [&sum](double value) {
    sum = mix_bits(sum ^ std::bit_cast<std::uint64_t>(value));
  };
  for (const auto weight : weights_)
    mix(weight);
  mix(configured_.position_bias);
  return mix_bits(sum ^ static_cast<std::uint64_t>(configured_.outcome_window.count()));
}

std::string blend_learner::checkpoint() const {
  byte_writer body;
  for (const auto number : {learned_, changed_, wanted_, unwanted_})
    body.put(number);
  body.put(now_);
  body.put(precision_);
  body.put(mean_);
  body.put(std::uint64_t{open_.size()});
  for (const auto& one : open_) {
    body.put(one.place);
    body.put(one.until);
    body.put(one.outcome);
    body.put(one.shown.position);
    body.put(one.shown.signals);
  }
  const auto bytes = body.take();
  byte_writer head;
  head.put(magic);
  head.put(format_version);
  head.put(std::uint32_t{0});
  head.put(fingerprint());
  head.put(checksum_of(bytes));
  return head.take() + bytes;
}

result<void> blend_learner::restore(std::string_view bytes) {
  constexpr std::size_t head_bytes = 8 + 4 + 4 + 8 + 8;
  byte_reader head{bytes};
  if (head.get<std::uint64_t>() != magic || bytes.size() < head_bytes)
    return corrupt("it does not begin like one");
  const auto version = head.get<std::uint32_t>();
  static_cast<void>(head.get<std::uint32_t>());
  if (version != format_version)
    return failure{errc::unsupported_format,
                   fmt::format("checkpoint of the blend: version {}; this build reads {}", version,
                               format_version)};
  const auto made_with = head.get<std::uint64_t>();
  const auto checksum = head.get<std::uint64_t>();
  if (checksum_of(bytes.substr(head_bytes)) != checksum)
    return corrupt("the checksum does not match");
  if (made_with != fingerprint())
    return failure{errc::invalid_argument,
                   "checkpoint of the blend: made with other settings of the blend"};
  byte_reader body{bytes.substr(head_bytes)};
  blend_learner fresh{configured_};
  for (auto* number : {&fresh.learned_, &fresh.changed_, &fresh.wanted_, &fresh.unwanted_})
    *number = body.get<std::uint64_t>();
  fresh.now_ = body.get<std::int64_t>();
  fresh.precision_ = body.get<square>();
  fresh.mean_ = body.get<column>();
  if (!body.failed()
      && !(is_finite(fresh.mean_) && is_finite(solve(fresh.precision_, fresh.mean_))))
    return corrupt("its weights contradict each other");
  const auto count = body.get<std::uint64_t>();
  if (count > open_max)
    return corrupt("it has too many impressions");
  for (std::uint64_t i = 0; i < count && !body.failed(); ++i) {
    open_impression one;
    one.place = body.get<std::uint64_t>();
    one.until = body.get<std::int64_t>();
    one.outcome = body.get<std::int32_t>();
    one.shown.position = body.get<std::uint32_t>();
    one.shown.signals = body.get<decltype(one.shown.signals)>();
    if (!fresh.places_.emplace(one.place, i).second)
      return corrupt("an impression stands in it twice");
    fresh.open_.push_back(one);
  }
  if (body.failed() || !body.at_end())
    return corrupt("it is not as long as it says");
  *this = std::move(fresh);
  return {};
}

} // namespace troupe::model
