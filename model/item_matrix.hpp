#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace troupe::model {

/// Item vectors in the layout of the scoring kernels of topk.hpp: rows of `dimensions` float32
/// values and, beside them, the same rows in int8 with one scale a row (symmetric: value =
/// scale * code, codes from -127 to 127). A row's last value is not among the codes but stands
/// apart in float32: in serving it is the item's bias, many times as large as the others, and would
/// leave them only the smallest codes.
///
/// Rows stand in blocks of 16, a block dimension by dimension, so that a vector register holds
/// one dimension of several items and a score needs no horizontal sum; in int8 a block goes four
/// dimensions at a time, what the dot products of VNNI and AMX take. Blocks lie in
/// chunks of 4,096 rows that never move: adding a row touches no other.
///
/// Memory: 4 * dimensions + 4 * ceil((dimensions - 1) / 4) + 8 bytes a row, in steps of a chunk.
/// Thread safety: const members from any thread while nobody writes.
class item_matrix {
public:
  static constexpr std::size_t block_rows = 16;
  static constexpr std::size_t chunk_rows = 4096;
  static constexpr std::size_t dimensions_max = 4096;

  /// REQUIRES: 1 <= dimensions <= dimensions_max.
  explicit item_matrix(std::size_t dimensions);

  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }

  /// Values of a row that have codes: all but the last.
  [[nodiscard]] std::size_t coded() const noexcept { return dimensions_ - 1; }

  /// Groups of four codes of a row.
  [[nodiscard]] std::size_t quads() const noexcept { return (coded() + 3) / 4; }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  /// Adds a row and answers its index, the number of rows before.
  /// REQUIRES: `dimensions` finite values; rows() < 2^32 - 1.
  std::uint32_t append(std::span<const float> values);

  /// Puts other values in the place of a row. REQUIRES: row < rows(); values as for append.
  void replace(std::uint32_t row, std::span<const float> values);

  /// Takes the last row away: to remove another one, first replace it by the last.
  /// REQUIRES: rows() > 0.
  void remove_last();

  /// The values of a row, as they were given. REQUIRES: row < rows().
  [[nodiscard]] std::vector<float> row(std::uint32_t row) const;

  /// The inner product of a row with a query in float32, bit for bit what top_k gives it. About
  /// 100 ns with 64 dimensions if the row is in the cache.
  /// REQUIRES: row < rows(); query.size() == dimensions().
  [[nodiscard]] float score(std::uint32_t row, std::span<const float> query) const;

  /// The same of several rows, side by side: about 20 ns each. A row may come more than once.
  /// REQUIRES: to.size() == rows.size(); as for score.
  void scores(std::span<const std::uint32_t> rows, std::span<const float> query,
              std::span<float> to) const;

  /// The chunks as the kernels read them. Rows beyond rows() in the last block are zero.
  struct chunk_view {
    const float* values = nullptr;      ///< [block][dimension][16]
    const std::int8_t* codes = nullptr; ///< [block][quads()][16][4], padded with zero
    const float* scales = nullptr;      ///< one a row
    const float* lasts = nullptr;       ///< each row's last value
    std::size_t blocks = 0;             ///< with at least one row
  };

  [[nodiscard]] std::size_t chunk_count() const noexcept;
  /// REQUIRES: index < chunk_count().
  [[nodiscard]] chunk_view chunk(std::size_t index) const noexcept;

private:
  struct aligned_delete {
    void operator()(void* bytes) const noexcept { ::operator delete (bytes, std::align_val_t{64}); }
  };

  template <class Value>
  using aligned_array = std::unique_ptr<Value[], aligned_delete>;

  template <class Value>
  static aligned_array<Value> make_array(std::size_t count);

  struct chunk_storage {
    aligned_array<float> values;
    aligned_array<std::int8_t> codes;
    aligned_array<float> scales;
    aligned_array<float> lasts;
  };

  /// Where the first value of a row is; the next one is block_rows further.
  [[nodiscard]] const float* values_of(std::uint32_t row) const noexcept;

  std::size_t dimensions_;
  std::size_t rows_ = 0;
  std::vector<chunk_storage> chunks_;
};

/// Codes of one vector: round(value / scale), where scale = largest absolute value / 127.
/// Answers the scale; 0, with all codes 0, for a vector of zeros.
/// REQUIRES: both spans have the same size; values are finite.
[[nodiscard]] float quantise(std::span<const float> values, std::span<std::int8_t> codes);

} // namespace troupe::model
