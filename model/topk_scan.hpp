#pragma once

#include "model/item_matrix.hpp"
#include "model/topk_best.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

/// The kernels of top_k, dispatched to what the processor has. They offer the rows of a chunk, the
/// first of which is `first`, of `rows` altogether, to each query's best.
namespace troupe::model::scan {

/// The queries of one pass, packed for the kernels in tiles: a tile of n queries is n values
/// of dimension (or pair of codes) 0, then n of 1, and so on.
template <class Value>
struct packed_queries {
  std::vector<Value> values;
  std::vector<std::size_t> tiles; ///< queries in each tile
};

constexpr std::size_t block_rows = item_matrix::block_rows;

/// A block of items as the int8 scan sees it.
struct int8_block {
  const std::int8_t* codes;
  const float* scales;
  const float* lasts;
  std::size_t first; ///< row

  int8_block(const item_matrix::chunk_view& chunk, std::size_t quads, std::size_t block,
             std::size_t first_of_chunk)
      : codes(chunk.codes + block * quads * 4 * block_rows),
        scales(chunk.scales + block * block_rows), lasts(chunk.lasts + block * block_rows),
        first(first_of_chunk + block * block_rows) {}
};

/// Queries that a tile holds at most.
[[nodiscard]] std::size_t float_tile();
[[nodiscard]] std::size_t int8_tile();

/// Every row in float32. `queries`: tiles of dimensions.
void scan_float_chunk(const item_matrix::chunk_view& chunk, std::size_t dimensions,
                      const packed_queries<float>& queries, std::size_t first, std::size_t rows,
                      best_rows* best);

/// Every row in int8: a row's score is the sum of the products of codes times the row's scale, and
/// `by` of the query times the row's last value. `queries`: tiles of pairs of codes, 16 bits each:
/// of four codes the first and third, then the second and fourth.
void scan_int8_chunk(const item_matrix::chunk_view& chunk, std::size_t quads,
                     const packed_queries<std::int32_t>& queries, const float* by,
                     std::size_t first, std::size_t rows, best_rows* best);

/// A block whose sums are known: sums[count][16] of `count` queries.
void offer_block(const std::int32_t* sums, const int8_block& block, const float* by,
                 std::size_t count, std::size_t rows, best_rows* best);

/// The instruction set: "AVX2".
[[nodiscard]] const char* target_name();

} // namespace troupe::model::scan
