#pragma once

#include "model/int8_sums.hpp"
#include "model/item_matrix.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Exact top-k by inner product over an item_matrix, many queries in one pass over the items.
///
/// Method: a register of scores is compared with the k-th best so far at once; only a hit, of
/// which there are a few times k * ln(rows / k), goes further, into a buffer that is cut to the
/// k best whenever it is full.
/// The kernels are written with Google Highway and dispatched at run time to what the
/// processor has; what Highway has no operations for is in int8_sums.hpp.
namespace troupe::model {

struct scored_row {
  float score = 0;
  std::uint32_t row = 0;

  friend bool operator==(const scored_row&, const scored_row&) = default;
};

enum class scan_precision : std::uint8_t {
  float32, ///< every row in float32
  int8,    ///< every row in int8 but for its last value, the best of it again in float32
};

struct top_k_options {
  std::size_t k = 100;
  scan_precision precision = scan_precision::float32;
  /// int8 only: so many times k rows are scored again in float32 (at least 1).
  double overscan = 2;
  /// Whether a row may be an answer of query number `query`; asked only for rows that would
  /// enter, so it may be costly. Null: all may. Must answer the same for the same row.
  std::function<bool(std::size_t query, std::uint32_t row)> accept;
  /// Empty, or one a query, raised to its best score of all rows, accepted or not; k must not be 0
  /// then. In int8: of the row that is best in int8, and of those scored again.
  std::span<float> best_scores;
  /// int8 only: how; must be supported. All give the same. Null: the fastest.
  std::optional<scan::int8_path> path;
};

/// The k rows with the largest inner product for each query, best first, ties by the smaller
/// row. `queries` holds count * dimensions values, one query after the other. A score is the
/// same bit for bit whatever the number of queries in the call; between kinds of processors it
/// differs by rounding. Rows whose score is not finite are left out.
/// Allocates the answers and a few KB; does not throw but for lack of memory.
/// REQUIRES: queries.size() is a multiple of items.dimensions().
[[nodiscard]] std::vector<std::vector<scored_row>>
top_k(const item_matrix& items, std::span<const float> queries, const top_k_options& options);

/// The instruction set the kernels use now ("AVX2"), for the start-up log and benchmarks. With
/// another one for int8: "AVX3, int8 by AMX".
[[nodiscard]] std::string scan_target();

} // namespace troupe::model
