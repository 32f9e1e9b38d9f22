#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Inner products of int8 codes by instructions that Highway 1.0.3 has no operation for. Every
/// path gives the same whole numbers; which ones there are is known when the process runs.
namespace troupe::model::scan {

/// A way to scan int8 codes.
enum class int8_path : std::uint8_t {
  portable,    ///< Highway: pairs of 16 bits, on every processor
  avx_vnni,    ///< 256 bits, Intel from Alder Lake on, AMD from Zen 5 on
  avx512_vnni, ///< 512 bits, Intel from Ice Lake on, AMD from Zen 4 on
  amx,         ///< tiles of 16 queries by 16 items, Intel from Sapphire Rapids on
};

/// "portable", "AVX-VNNI", "AVX512-VNNI" or "AMX".
[[nodiscard]] const char* name_of(int8_path path) noexcept;

/// Whether the processor, the operating system and the build have it.
[[nodiscard]] bool is_supported(int8_path path) noexcept;

/// The fastest one that is supported.
[[nodiscard]] int8_path best_int8_path() noexcept;

/// Codes of queries as the paths other than the portable one read them.
struct coded_queries {
  std::size_t count = 0;
  std::size_t quads = 0;            ///< codes of a query / 4; its last quad is padded with zeros
  std::vector<std::int8_t> codes;   ///< [count, up to a multiple of 16][quads][4], zeros behind
  std::vector<std::int32_t> starts; ///< -128 times the sum of a query's codes

  /// REQUIRES: `all` holds count * size codes.
  static coded_queries make(std::span<const std::int8_t> all, std::size_t count, std::size_t size);

  /// Rows of sums for a block of items.
  [[nodiscard]] std::size_t rows() const noexcept { return starts.size(); }
};

/// Sums of `blocks` blocks of 16 items, as item_matrix has their codes: to[block][rows()][16]; what
/// is in the rows from `count` on is not said.
/// REQUIRES: is_supported(path), which is not the portable one.
void int8_sums(int8_path path, const std::int8_t* codes, std::size_t blocks,
               const coded_queries& queries, std::int32_t* to);

} // namespace troupe::model::scan
