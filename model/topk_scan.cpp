#include "model/topk_scan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

// This file is compiled once for each instruction set (hwy/foreach_target.h includes it again);
// what stands between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE exists in each version.
// Vectors are held in arrays, which scalable vectors do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/topk_scan.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h> // before highway.h
#include <hwy/highway.h>

#ifndef TROUPE_MODEL_TOPK_SCAN_ONCE
#define TROUPE_MODEL_TOPK_SCAN_ONCE

// Loops over registers must be unrolled, or the arrays of sums would live in memory.
#if defined(__clang__)
#define TROUPE_UNROLL _Pragma("unroll")
#define TROUPE_UNROLL_SOME _Pragma("unroll 4")
#else
#define TROUPE_UNROLL _Pragma("GCC unroll 32")
#define TROUPE_UNROLL_SOME _Pragma("GCC unroll 4")
#endif

#endif // TROUPE_MODEL_TOPK_SCAN_ONCE

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

/// Scores of a block from the sums of its codes.
template <class Vector>
HWY_INLINE void offer_sums(const Vector* sums, const int8_block& block, float by, std::size_t rows,
                           best_rows& best) {
  const hn::CappedTag<float, block_rows> d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  const auto last = hn::Set(d, by);
  hn::Vec<decltype(d)> scores[block_vectors];
  TROUPE_UNROLL
  for (std::size_t v = 0; v < block_vectors; ++v) {
    scores[v] = hn::MulAdd(hn::ConvertTo(d, sums[v]), hn::Load(d, block.scales + v * lanes),
                           hn::Mul(hn::Load(d, block.lasts + v * lanes), last));
  }
  offer_hits<1>(scores, block.first, rows, best);
}

/// The same from sums that are in memory.
void offer_stored(const std::int32_t* sums, const int8_block& block, float by, std::size_t rows,
                  best_rows& best) {
  const hn::CappedTag<std::int32_t, block_rows> d;
  hn::Vec<decltype(d)> loaded[block_vectors];
  TROUPE_UNROLL
  for (std::size_t v = 0; v < block_vectors; ++v)
    loaded[v] = hn::LoadU(d, sums + v * hn::MaxLanes(d));
  offer_sums(loaded, block, by, rows, best);
}

#if HWY_TARGET == HWY_SCALAR

/// The int8 scan where there are no vectors: registers of one lane hold no pairs.
void widen_block(const std::int8_t* /*codes*/, std::size_t /*quads*/, std::int16_t* /*to*/) {}

template <std::size_t Queries>
void scan_int8(const int8_block& block, const std::int16_t* /*wide*/, std::size_t quads,
               const std::int32_t* HWY_RESTRICT tile, const float* by, std::size_t rows,
               best_rows* best) {
  for (std::size_t q = 0; q < Queries; ++q) {
    std::array<std::int32_t, block_rows> sums{};
    for (std::size_t i = 0; i < 2 * quads; ++i) {
      std::array<std::int16_t, 2> query;
      std::memcpy(query.data(), &tile[i * Queries + q], sizeof(query));
      const std::int8_t* items = block.codes + i / 2 * 4 * block_rows + i % 2;
      for (std::size_t lane = 0; lane < block_rows; ++lane)
        sums[lane] += items[4 * lane] * query[0] + items[4 * lane + 2] * query[1];
    }
    offer_stored(sums.data(), block, by[q], rows, best[q]);
  }
}

void scan_int8_alone(const int8_block& block, std::size_t quads, const std::int32_t* query,
                     float by, std::size_t rows, best_rows& best) {
  scan_int8<1>(block, nullptr, quads, query, &by, rows, &best);
}

#else

/// Of the four codes of a quad, two of 16 bits to the instruction, the even ones and the odd ones
/// are a pair each, as multiply-add takes them.
template <class Tag>
HWY_INLINE hn::Vec<Tag> widen(Tag d16, const std::int8_t* HWY_RESTRICT codes, std::size_t half) {
  const hn::Repartition<std::int8_t, Tag> d8;
  const auto both = hn::BitCast(d16, hn::Load(d8, codes));
  return hn::ShiftRight<8>(half == 0 ? hn::ShiftLeft<8>(both) : both);
}

/// Pairs of a whole block, for several tiles to read: to[2 * quads][16][2].
void widen_block(const std::int8_t* HWY_RESTRICT codes, std::size_t quads,
                 std::int16_t* HWY_RESTRICT to) {
  const hn::CappedTag<std::int16_t, 2 * block_rows> d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  for (std::size_t i = 0; i < quads; ++i) {
    hwy::Prefetch(codes + (quads + i) * 4 * block_rows);
    TROUPE_UNROLL
    for (std::size_t half = 0; half < 2; ++half) {
      TROUPE_UNROLL
      for (std::size_t v = 0; v < block_vectors; ++v)
        hn::Store(widen(d, codes + i * 4 * block_rows + v * 2 * lanes, half), d,
                  to + (2 * i + half) * 2 * block_rows + v * lanes);
    }
  }
}

/// The same over int8 codes; exact, for the sums are whole numbers. `tile` holds pairs of query
/// codes, 16 bits each; `wide` is what widen_block made of the block.
template <std::size_t Queries>
void scan_int8(const int8_block& block, const std::int16_t* HWY_RESTRICT wide, std::size_t quads,
               const std::int32_t* HWY_RESTRICT tile, const float* by, std::size_t rows,
               best_rows* best) {
  const hn::CappedTag<std::int16_t, 2 * block_rows> d16;
  const hn::RepartitionToWide<decltype(d16)> d32;
  constexpr std::size_t lanes = hn::MaxLanes(d16);
  constexpr std::size_t vectors = block_vectors;
  using vector = hn::Vec<decltype(d32)>;
  vector even[Queries][vectors]; // x86 adds pairs into these alone, others need both
  vector odd[Queries][vectors];
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      even[q][v] = odd[q][v] = hn::Zero(d32);
  }
  TROUPE_UNROLL_SOME // which also keeps GCC 12 from copying every sum at every turn
      for (std::size_t i = 0; i < 2 * quads; ++i) {
    hn::Vec<decltype(d16)> items[vectors];
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      items[v] = hn::Load(d16, wide + i * 2 * block_rows + v * lanes);
    TROUPE_UNROLL
    for (std::size_t q = 0; q < Queries; ++q) {
      const auto query = hn::BitCast(d16, hn::Set(d32, tile[i * Queries + q]));
      TROUPE_UNROLL
      for (std::size_t v = 0; v < vectors; ++v)
        even[q][v] = hn::ReorderWidenMulAccumulate(d32, items[v], query, even[q][v], odd[q][v]);
    }
  }
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    vector sums[vectors];
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      sums[v] = hn::RearrangeToOddPlusEven(even[q][v], odd[q][v]);
    offer_sums(sums, block, by[q], rows, best[q]);
  }
}

/// How far one query reads ahead of itself: codes are used up faster than memory answers, so a
/// block is too little. Behind the last block it is a hint and no more.
constexpr std::size_t ahead_bytes = 8192;

/// One query alone: without a way through memory, and its even and odd codes in sums of their own,
/// which hides the latency of adding.
void scan_int8_alone(const int8_block& block, std::size_t quads,
                     const std::int32_t* HWY_RESTRICT query, float by, std::size_t rows,
                     best_rows& best) {
  const hn::CappedTag<std::int16_t, 2 * block_rows> d16;
  const hn::RepartitionToWide<decltype(d16)> d32;
  constexpr std::size_t bytes = 2 * hn::MaxLanes(d16);
  using vector = hn::Vec<decltype(d32)>;
  const std::int8_t* HWY_RESTRICT codes = block.codes;
  vector sums[2][block_vectors];
  vector others[2][block_vectors];
  TROUPE_UNROLL
  for (std::size_t v = 0; v < block_vectors; ++v)
    sums[0][v] = sums[1][v] = others[0][v] = others[1][v] = hn::Zero(d32);
  for (std::size_t i = 0; i < quads; ++i) {
    hwy::Prefetch(codes + i * 4 * block_rows + ahead_bytes);
    TROUPE_UNROLL
    for (std::size_t half = 0; half < 2; ++half) {
      const auto pair = hn::BitCast(d16, hn::Set(d32, query[2 * i + half]));
      TROUPE_UNROLL
      for (std::size_t v = 0; v < block_vectors; ++v) {
        const auto items = widen(d16, codes + i * 4 * block_rows + v * bytes, half);
        sums[half][v] =
            hn::ReorderWidenMulAccumulate(d32, items, pair, sums[half][v], others[half][v]);
      }
    }
  }
  TROUPE_UNROLL
  for (std::size_t v = 0; v < block_vectors; ++v)
    sums[0][v] = hn::Add(hn::RearrangeToOddPlusEven(sums[0][v], others[0][v]),
                         hn::RearrangeToOddPlusEven(sums[1][v], others[1][v]));
  offer_sums(sums[0], block, by, rows, best);
}

#endif // HWY_SCALAR

using float_kernel = void (*)(const float*, std::size_t, const float*, std::size_t, std::size_t,
                              best_rows*);
using int8_kernel = void (*)(const int8_block&, const std::int16_t*, std::size_t,
                             const std::int32_t*, const float*, std::size_t, best_rows*);

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

std::size_t target_float_tile() {
  return float_tile_max;
}

std::size_t target_int8_tile() {
  return int8_tile_max;
}

void target_scan_float_chunk(const item_matrix::chunk_view& chunk, std::size_t dimensions,
                             const packed_queries<float>& queries, std::size_t first,
                             std::size_t rows, best_rows* best) {
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

void target_scan_int8_chunk(const item_matrix::chunk_view& chunk, std::size_t quads,
                            const packed_queries<std::int32_t>& queries, const float* by,
                            std::size_t first, std::size_t rows, best_rows* best) {
  static constexpr auto kernels = int8_kernels(std::make_index_sequence<int8_tile_max>());
  alignas(64) std::array<std::int16_t, item_matrix::dimensions_max * block_rows> wide;
  const bool is_alone = queries.tiles.size() == 1 && queries.tiles.front() == 1;
  for (std::size_t block = 0; block < chunk.blocks; ++block) {
    const int8_block at{chunk, quads, block, first};
    if (is_alone) {
      scan_int8_alone(at, quads, queries.values.data(), *by, rows, *best);
      continue;
    }
    widen_block(at.codes, quads, wide.data());
    std::size_t before = 0;
    for (const std::size_t tile : queries.tiles) {
      kernels[tile - 1](at, wide.data(), quads, queries.values.data() + before * 2 * quads,
                        by + before, rows, best + before);
      before += tile;
    }
  }
}

/// The best of sums[count][16] of a block.
void target_offer_block(const std::int32_t* sums, const int8_block& block, const float* by,
                        std::size_t count, std::size_t rows, best_rows* best) {
  for (std::size_t q = 0; q < count; ++q)
    offer_stored(sums + q * block_rows, block, by[q], rows, best[q]);
}

const char* target_name_here() {
  return hwy::TargetName(HWY_TARGET);
}

} // namespace troupe::model::scan::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace troupe::model::scan {

HWY_EXPORT(target_float_tile);
HWY_EXPORT(target_int8_tile);
HWY_EXPORT(target_scan_float_chunk);
HWY_EXPORT(target_scan_int8_chunk);
HWY_EXPORT(target_offer_block);
HWY_EXPORT(target_name_here);

std::size_t float_tile() {
  return HWY_DYNAMIC_DISPATCH(target_float_tile)();
}

std::size_t int8_tile() {
  return HWY_DYNAMIC_DISPATCH(target_int8_tile)();
}

void scan_float_chunk(const item_matrix::chunk_view& chunk, std::size_t dimensions,
                      const packed_queries<float>& queries, std::size_t first, std::size_t rows,
                      best_rows* best) {
  HWY_DYNAMIC_DISPATCH(target_scan_float_chunk)(chunk, dimensions, queries, first, rows, best);
}

void scan_int8_chunk(const item_matrix::chunk_view& chunk, std::size_t quads,
                     const packed_queries<std::int32_t>& queries, const float* by,
                     std::size_t first, std::size_t rows, best_rows* best) {
  HWY_DYNAMIC_DISPATCH(target_scan_int8_chunk)(chunk, quads, queries, by, first, rows, best);
}

void offer_block(const std::int32_t* sums, const int8_block& block, const float* by,
                 std::size_t count, std::size_t rows, best_rows* best) {
  HWY_DYNAMIC_DISPATCH(target_offer_block)(sums, block, by, count, rows, best);
}

const char* target_name() {
  return HWY_DYNAMIC_DISPATCH(target_name_here)();
}

} // namespace troupe::model::scan

#endif // HWY_ONCE
