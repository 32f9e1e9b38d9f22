#include "model/topk.hpp"

#include "model/topk_best.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

// This file is compiled once for each instruction set (hwy/foreach_target.h includes it again);
// what stands between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE exists in each version.
// Vectors are held in arrays, which scalable vectors do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/topk.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h> // before highway.h
#include <hwy/highway.h>

#ifndef TROUPE_MODEL_TOPK_ONCE
#define TROUPE_MODEL_TOPK_ONCE

namespace troupe::model::scan {

/// The queries of one pass, packed for the kernels in tiles: a tile of n queries is n values
/// of dimension (or pair of dimensions) 0, then n of 1, and so on.
template <class Value>
struct packed_queries {
  std::vector<Value> values;
  std::vector<std::size_t> tiles; ///< queries in each tile
};

constexpr std::size_t block_rows = item_matrix::block_rows;

} // namespace troupe::model::scan

// Loops over registers must be unrolled, or the arrays of sums would live in memory.
#if defined(__clang__)
#define TROUPE_UNROLL _Pragma("unroll")
#define TROUPE_UNROLL_SOME _Pragma("unroll 4")
#else
#define TROUPE_UNROLL _Pragma("GCC unroll 32")
#define TROUPE_UNROLL_SOME _Pragma("GCC unroll 4")
#endif

#endif // TROUPE_MODEL_TOPK_ONCE

HWY_BEFORE_NAMESPACE();

namespace troupe::model::scan::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Vector registers, of which a few stay free for items, a query value and a product.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::size_t registers = 32;
#else
constexpr std::size_t registers = 16;
#endif

/// Registers that hold one dimension of a block of 16 items.
constexpr std::size_t block_vectors = block_rows / hn::MaxLanes(hn::CappedTag<float, block_rows>());
constexpr std::size_t float_tile_max =
    std::clamp<std::size_t>((registers - 4) / block_vectors, 1, 12);
constexpr std::size_t int8_tile_max =
    std::clamp<std::size_t>((registers - 5) / block_vectors, 1, 12);
/// Blocks a single query scores at a time: at least four sums, to hide the latency of adding.
constexpr std::size_t single_blocks = std::max<std::size_t>(1, 4 / block_vectors);

/// Offers the scores of `Blocks` blocks to one query, if any exceeds its threshold.
template <std::size_t Blocks, class Vector>
HWY_INLINE void offer_hits(const Vector* scores, std::size_t first, std::size_t rows,
                           best_rows& best) {
  const hn::CappedTag<float, block_rows> d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  constexpr std::size_t vectors = Blocks * block_vectors;
  const auto limit = hn::Set(d, best.threshold());
  auto hit = hn::Gt(scores[0], limit);
  TROUPE_UNROLL
  for (std::size_t v = 1; v < vectors; ++v)
    hit = hn::Or(hit, hn::Gt(scores[v], limit));
  if (HWY_LIKELY(hn::AllFalse(d, hit)))
    return;
  alignas(64) std::array<float, Blocks * block_rows> plain;
  for (std::size_t v = 0; v < vectors; ++v)
    hn::Store(scores[v], d, plain.data() + v * lanes);
  const std::size_t count = std::min(Blocks * block_rows, rows - first);
  for (std::size_t i = 0; i < count; ++i)
    if (plain[i] > best.threshold())
      best.offer(static_cast<std::uint32_t>(first + i), plain[i]);
}

/// Scores `Blocks` blocks, the first row of which is `first`, for a tile of `Queries` queries.
/// Each sum adds its dimensions in order, whatever the tile, so scores do not depend on it.
template <std::size_t Queries, std::size_t Blocks>
void scan_float(const float* HWY_RESTRICT values, std::size_t dimensions,
                const float* HWY_RESTRICT tile, std::size_t first, std::size_t rows,
                best_rows* best) {
  const hn::CappedTag<float, block_rows> d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  constexpr std::size_t vectors = Blocks * block_vectors;
  using vector = hn::Vec<decltype(d)>;
  const std::size_t block_size = dimensions * block_rows;
  vector sums[Queries][vectors];
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      sums[q][v] = hn::Zero(d);
  }
  for (std::size_t i = 0; i < dimensions; ++i) {
    // The next block, a cache line a dimension; behind the last one it is a hint and no more.
    if constexpr (Blocks == 1)
      hwy::Prefetch(values + block_size + i * block_rows);
    vector items[vectors];
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      items[v] = hn::Load(d, values + v / block_vectors * block_size + i * block_rows
                                 + v % block_vectors * lanes);
    TROUPE_UNROLL
    for (std::size_t q = 0; q < Queries; ++q) {
      const auto query = hn::Set(d, tile[i * Queries + q]);
      TROUPE_UNROLL
      for (std::size_t v = 0; v < vectors; ++v)
        sums[q][v] = hn::MulAdd(query, items[v], sums[q][v]);
    }
  }
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q)
    offer_hits<Blocks>(sums[q], first, rows, best[q]);
}

#if HWY_TARGET == HWY_SCALAR

/// The int8 scan where there are no vectors: registers of one lane hold no pairs.
template <std::size_t Queries>
void scan_int8(const std::int8_t* HWY_RESTRICT codes, const float* HWY_RESTRICT scales,
               std::size_t pairs, const std::int32_t* HWY_RESTRICT tile, std::size_t first,
               std::size_t rows, best_rows* best) {
  for (std::size_t q = 0; q < Queries; ++q) {
    std::array<std::int32_t, block_rows> sums{};
    for (std::size_t i = 0; i < pairs; ++i) {
      std::array<std::int16_t, 2> query;
      std::memcpy(query.data(), &tile[i * Queries + q], sizeof(query));
      const std::int8_t* items = codes + i * 2 * block_rows;
      for (std::size_t lane = 0; lane < block_rows; ++lane)
        sums[lane] += items[2 * lane] * query[0] + items[2 * lane + 1] * query[1];
    }
    std::array<float, block_rows> scores;
    for (std::size_t lane = 0; lane < block_rows; ++lane)
      scores[lane] = static_cast<float>(sums[lane]) * scales[lane];
    const std::size_t count = std::min(block_rows, rows - first);
    for (std::size_t lane = 0; lane < count; ++lane)
      if (scores[lane] > best[q].threshold())
        best[q].offer(static_cast<std::uint32_t>(first + lane), scores[lane]);
  }
}

#else

/// The same over int8 codes, two dimensions at a time; exact, for the sums are whole numbers.
/// `tile` holds pairs of query codes, 16 bits each.
template <std::size_t Queries>
void scan_int8(const std::int8_t* HWY_RESTRICT codes, const float* HWY_RESTRICT scales,
               std::size_t pairs, const std::int32_t* HWY_RESTRICT tile, std::size_t first,
               std::size_t rows, best_rows* best) {
  const hn::CappedTag<std::int16_t, 2 * block_rows> d16;
  const hn::Rebind<std::int8_t, decltype(d16)> d8;
  const hn::RepartitionToWide<decltype(d16)> d32;
  const hn::CappedTag<float, block_rows> df;
  constexpr std::size_t lanes = hn::MaxLanes(d16);
  constexpr std::size_t vectors = block_vectors;
  using vector = hn::Vec<decltype(d32)>;
  const std::size_t block_size = pairs * 2 * block_rows;
  vector even[Queries][vectors]; // x86 adds pairs into these alone, others need both
  vector odd[Queries][vectors];
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      even[q][v] = odd[q][v] = hn::Zero(d32);
  }
  TROUPE_UNROLL_SOME
  for (std::size_t i = 0; i < pairs; ++i) {
    hwy::Prefetch(codes + block_size + i * 2 * block_rows);
    hn::Vec<decltype(d16)> items[vectors];
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      items[v] =
          hn::PromoteTo(d16, hn::Load(d8, codes + v / block_vectors * block_size
                                              + i * 2 * block_rows + v % block_vectors * lanes));
    TROUPE_UNROLL
    for (std::size_t q = 0; q < Queries; ++q) {
      const auto query = hn::BitCast(d16, hn::Set(d32, tile[i * Queries + q]));
      TROUPE_UNROLL
      for (std::size_t v = 0; v < vectors; ++v)
        even[q][v] = hn::ReorderWidenMulAccumulate(d32, items[v], query, even[q][v], odd[q][v]);
    }
  }
  constexpr std::size_t float_lanes = hn::MaxLanes(df);
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    hn::Vec<decltype(df)> scores[vectors];
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      scores[v] = hn::Mul(hn::ConvertTo(df, hn::RearrangeToOddPlusEven(even[q][v], odd[q][v])),
                          hn::Load(df, scales + v * float_lanes));
    offer_hits<1>(scores, first, rows, best[q]);
  }
}

#endif // HWY_SCALAR

using float_kernel = void (*)(const float*, std::size_t, const float*, std::size_t, std::size_t,
                              best_rows*);
using int8_kernel = void (*)(const std::int8_t*, const float*, std::size_t, const std::int32_t*,
                             std::size_t, std::size_t, best_rows*);

template <std::size_t... Index>
constexpr std::array<float_kernel, sizeof...(Index)>
float_kernels(std::index_sequence<Index...> /*tiles*/) {
  return {&scan_float<Index + 1, 1>...};
}

template <std::size_t... Index>
constexpr std::array<int8_kernel, sizeof...(Index)>
int8_kernels(std::index_sequence<Index...> /*tiles*/) {
  return {&scan_int8<Index + 1>...};
}

std::size_t float_tile() {
  return float_tile_max;
}

std::size_t int8_tile() {
  return int8_tile_max;
}

void scan_float_chunk(const item_matrix::chunk_view& chunk, std::size_t dimensions,
                      const packed_queries<float>& queries, std::size_t first, std::size_t rows,
                      best_rows* best) {
  static constexpr auto kernels = float_kernels(std::make_index_sequence<float_tile_max>());
  const std::size_t block_size = dimensions * block_rows;
  std::size_t block = 0;
  if (queries.tiles.size() == 1 && queries.tiles.front() == 1)
    for (; block + single_blocks <= chunk.blocks; block += single_blocks)
      scan_float<1, single_blocks>(chunk.values + block * block_size, dimensions,
                                   queries.values.data(), first + block * block_rows, rows, best);
  // A block stays in the first cache while all tiles pass over it.
  for (; block < chunk.blocks; ++block) {
    std::size_t before = 0;
    for (const std::size_t tile : queries.tiles) {
      kernels[tile - 1](chunk.values + block * block_size, dimensions,
                        queries.values.data() + before * dimensions, first + block * block_rows,
                        rows, best + before);
      before += tile;
    }
  }
}

void scan_int8_chunk(const item_matrix::chunk_view& chunk, std::size_t pairs,
                     const packed_queries<std::int32_t>& queries, std::size_t first,
                     std::size_t rows, best_rows* best) {
  static constexpr auto kernels = int8_kernels(std::make_index_sequence<int8_tile_max>());
  const std::size_t block_size = pairs * 2 * block_rows;
  for (std::size_t block = 0; block < chunk.blocks; ++block) {
    std::size_t before = 0;
    for (const std::size_t tile : queries.tiles) {
      kernels[tile - 1](chunk.codes + block * block_size, chunk.scales + block * block_rows, pairs,
                        queries.values.data() + before * pairs, first + block * block_rows, rows,
                        best + before);
      before += tile;
    }
  }
}

const char* target_name() {
  return hwy::TargetName(HWY_TARGET);
}

} // namespace troupe::model::scan::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace troupe::model {

namespace scan {

HWY_EXPORT(float_tile);
HWY_EXPORT(int8_tile);
HWY_EXPORT(scan_float_chunk);
HWY_EXPORT(scan_int8_chunk);
HWY_EXPORT(target_name);

namespace {

/// Queries that go over the items together: with more, their values and a block of items
/// would no longer fit into a first cache of 32 KiB.
constexpr std::size_t pass_max = 48;

/// Cuts `count` queries into the fewest tiles of at most `tile_max`, of nearly equal size.
std::vector<std::size_t> make_tiles(std::size_t count, std::size_t tile_max) {
  const std::size_t tiles = (count + tile_max - 1) / tile_max;
  std::vector<std::size_t> sizes(tiles, count / tiles);
  for (std::size_t i = 0; i < count % tiles; ++i)
    ++sizes[i];
  return sizes;
}

/// Puts queries of `width` values each into tiles.
template <class Value>
packed_queries<Value> pack(std::span<const Value> queries, std::size_t width,
                           std::size_t tile_max) {
  packed_queries<Value> packed;
  packed.tiles = make_tiles(queries.size() / width, tile_max);
  packed.values.resize(queries.size());
  std::size_t before = 0;
  for (const std::size_t tile : packed.tiles) {
    for (std::size_t q = 0; q < tile; ++q)
      for (std::size_t i = 0; i < width; ++i)
        packed.values[before * width + i * tile + q] = queries[(before + q) * width + i];
    before += tile;
  }
  return packed;
}

void scan_all_float(const item_matrix& items, std::span<const float> queries,
                    std::vector<best_rows>& best) {
  const auto packed = pack(queries, items.dimensions(), HWY_DYNAMIC_DISPATCH(float_tile)());
  for (std::size_t c = 0; c < items.chunk_count(); ++c)
    HWY_DYNAMIC_DISPATCH(scan_float_chunk)
  (items.chunk(c), items.dimensions(), packed, c * item_matrix::chunk_rows, items.rows(),
   best.data());
}

/// Pairs of codes, 16 bits each, in one 32-bit value.
std::vector<std::int32_t> quantise_queries(std::span<const float> queries, std::size_t dimensions) {
  const std::size_t pairs = (dimensions + 1) / 2;
  std::vector<std::int32_t> out;
  out.reserve(queries.size() / dimensions * pairs);
  std::vector<std::int8_t> codes(pairs * 2, 0);
  for (std::size_t at = 0; at < queries.size(); at += dimensions) {
    // The query's own scale moves no order, so it is left out.
    static_cast<void>(
        quantise(queries.subspan(at, dimensions), std::span{codes}.first(dimensions)));
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::array<std::int16_t, 2> pair{codes[2 * i], codes[2 * i + 1]};
      std::int32_t both = 0;
      std::memcpy(&both, pair.data(), sizeof(both));
      out.push_back(both);
    }
  }
  return out;
}

void scan_all_int8(const item_matrix& items, std::span<const float> queries,
                   std::vector<best_rows>& best) {
  const std::size_t pairs = (items.dimensions() + 1) / 2;
  const auto codes = quantise_queries(queries, items.dimensions());
  const auto packed =
      pack(std::span<const std::int32_t>{codes}, pairs, HWY_DYNAMIC_DISPATCH(int8_tile)());
  for (std::size_t c = 0; c < items.chunk_count(); ++c)
    HWY_DYNAMIC_DISPATCH(scan_int8_chunk)
  (items.chunk(c), pairs, packed, c * item_matrix::chunk_rows, items.rows(), best.data());
}

/// The best k of the rows found in int8, by their float32 scores.
std::vector<scored_row> rescore(const item_matrix& items, std::span<const float> query,
                                std::vector<scored_row> found, std::size_t k) {
  std::vector<std::uint32_t> rows;
  rows.reserve(found.size());
  for (const auto& each : found)
    rows.push_back(each.row);
  std::vector<float> scores(rows.size());
  items.scores(rows, query, scores);
  for (std::size_t i = 0; i < found.size(); ++i)
    found[i].score = scores[i];
  std::erase_if(found, [](const scored_row& each) { return !std::isfinite(each.score); });
  const auto kept = std::min(k, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                    [](const scored_row& left, const scored_row& right) {
                      return left.score != right.score ? left.score > right.score
                                                       : left.row < right.row;
                    });
  found.resize(kept);
  return found;
}

std::size_t scan_bound(const item_matrix& items, const top_k_options& options) {
  auto wanted = static_cast<double>(options.k);
  if (options.precision == scan_precision::int8)
    wanted *= std::max(1.0, options.overscan);
  const auto rows = static_cast<double>(items.rows());
  return static_cast<std::size_t>(std::min(std::ceil(wanted), rows));
}

} // namespace

} // namespace scan

std::vector<std::vector<scored_row>> top_k(const item_matrix& items, std::span<const float> queries,
                                           const top_k_options& options) {
  const std::size_t dimensions = items.dimensions();
  assert(queries.size() % dimensions == 0);
  const std::size_t count = queries.size() / dimensions;
  std::vector<std::vector<scored_row>> answers(count);
  const std::size_t bound = scan::scan_bound(items, options);
  if (bound == 0)
    return answers;
  for (std::size_t first = 0; first < count; first += scan::pass_max) {
    const auto here = std::min(scan::pass_max, count - first);
    const auto now = queries.subspan(first * dimensions, here * dimensions);
    std::vector<scan::best_rows> best;
    best.reserve(here);
    for (std::size_t q = 0; q < here; ++q)
      best.emplace_back(first + q, bound, options);
    if (options.precision == scan_precision::float32)
      scan::scan_all_float(items, now, best);
    else
      scan::scan_all_int8(items, now, best);
    for (std::size_t q = 0; q < here; ++q) {
      auto found = std::move(best[q]).take_sorted();
      answers[first + q] = options.precision == scan_precision::float32
                               ? std::move(found)
                               : scan::rescore(items, now.subspan(q * dimensions, dimensions),
                                               std::move(found), options.k);
    }
  }
  return answers;
}

std::string scan_target() {
  return HWY_DYNAMIC_DISPATCH(scan::target_name)();
}

} // namespace troupe::model

#endif // HWY_ONCE
