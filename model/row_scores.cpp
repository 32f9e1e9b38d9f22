#include "model/item_matrix.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <span>

// Compiled once for each instruction set, as topk_scan.cpp is.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/row_scores.cpp"
#include <hwy/foreach_target.h> // before highway.h
#include <hwy/highway.h>

#ifndef TROUPE_MODEL_ROW_SCORES_ONCE
#define TROUPE_MODEL_ROW_SCORES_ONCE

namespace troupe::model::row_scores {

constexpr std::size_t together_max = 8; ///< rows scored side by side

} // namespace troupe::model::row_scores

#if defined(__clang__)
#define TROUPE_UNROLL _Pragma("unroll")
#else
#define TROUPE_UNROLL _Pragma("GCC unroll 32")
#endif

#endif // TROUPE_MODEL_ROW_SCORES_ONCE

HWY_BEFORE_NAMESPACE();

namespace troupe::model::row_scores::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Inner products of `Count` rows by the same operations in the same order as the scan of top_k;
/// several side by side hide the latency of adding.
template <std::size_t Count>
HWY_INLINE void score(const float* const* rows, std::size_t dimensions,
                      const float* HWY_RESTRICT query, float* HWY_RESTRICT scores) {
  const hn::CappedTag<float, 1> d;
  hn::Vec<decltype(d)> sums[Count];
  TROUPE_UNROLL
  for (std::size_t r = 0; r < Count; ++r)
    sums[r] = hn::Zero(d);
  for (std::size_t i = 0; i < dimensions; ++i) {
    const auto value = hn::Set(d, query[i]);
    TROUPE_UNROLL
    for (std::size_t r = 0; r < Count; ++r)
      sums[r] = hn::MulAdd(value, hn::Set(d, rows[r][i * item_matrix::block_rows]), sums[r]);
  }
  TROUPE_UNROLL
  for (std::size_t r = 0; r < Count; ++r)
    scores[r] = hn::GetLane(sums[r]);
}

void score_one(const float* row, std::size_t dimensions, const float* query, float* score_to) {
  score<1>(&row, dimensions, query, score_to);
}

void score_many(const float* const* rows, std::size_t dimensions, const float* query,
                float* scores) {
  score<together_max>(rows, dimensions, query, scores);
}

} // namespace troupe::model::row_scores::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace troupe::model {

namespace row_scores {

HWY_EXPORT(score_one);
HWY_EXPORT(score_many);

namespace {

void one(const float* row, std::span<const float> query, float* to) {
  HWY_DYNAMIC_DISPATCH(score_one)(row, query.size(), query.data(), to);
}

void many(const std::array<const float*, together_max>& rows, std::span<const float> query,
          std::array<float, together_max>& to) {
  HWY_DYNAMIC_DISPATCH(score_many)(rows.data(), query.size(), query.data(), to.data());
}

} // namespace
} // namespace row_scores

float item_matrix::score(std::uint32_t row, std::span<const float> query) const {
  assert(row < rows_ && query.size() == dimensions_);
  float made = 0;
  row_scores::one(values_of(row), query, &made);
  return made;
}

void item_matrix::scores(std::span<const std::uint32_t> rows, std::span<const float> query,
                         std::span<float> to) const {
  using row_scores::together_max;
  assert(rows.size() == to.size() && query.size() == dimensions_);
  std::array<const float*, together_max> from{};
  std::array<float, together_max> made{};
  for (std::size_t first = 0; first < rows.size(); first += together_max) {
    const auto count = std::min(together_max, rows.size() - first);
    for (std::size_t r = 0; r < together_max; ++r) // the last one fills the places left
      from[r] = values_of(rows[first + std::min(r, count - 1)]);
    row_scores::many(from, query, made);
    std::copy_n(made.begin(), count, to.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

} // namespace troupe::model

#endif // HWY_ONCE
