#include "model/int8_sums.hpp"

#include "model/item_matrix.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#define TROUPE_INT8_X86 1
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define TROUPE_INT8_X86 0
#endif

#if defined(__clang__)
#define TROUPE_UNROLL _Pragma("unroll")
#else
#define TROUPE_UNROLL _Pragma("GCC unroll 32")
#endif

namespace troupe::model::scan {

namespace {

constexpr std::size_t block_rows = item_matrix::block_rows;
constexpr std::size_t group = 16; ///< queries of a tile of AMX

#if TROUPE_INT8_X86

// VNNI multiplies bytes without a sign by bytes with one. Items are the former here, a code c
// becoming c + 128 by turning its highest bit; what that adds, 128 times the sum of the query's
// codes, the sums begin without.

std::int32_t quad_at(const std::int8_t* codes, std::size_t quad) {
  std::int32_t four = 0;
  std::memcpy(&four, codes + quad * 4, sizeof(four));
  return four;
}

/// `Queries` queries over two blocks, or over one.
template <std::size_t Queries, std::size_t Blocks>
__attribute__((target("avx512f,avx512vnni"))) void
sums_of_512(const std::int8_t* codes, const coded_queries& queries, std::size_t first,
            std::int32_t* to) {
  const auto quads = queries.quads;
  const auto* asked = queries.codes.data() + first * quads * 4;
  const __m512i highest = _mm512_set1_epi32(static_cast<int>(0x80808080U));
  __m512i sums[Queries][Blocks];
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t b = 0; b < Blocks; ++b)
      sums[q][b] = _mm512_set1_epi32(queries.starts[first + q]);
  }
  for (std::size_t i = 0; i < quads; ++i) {
    __m512i items[Blocks];
    TROUPE_UNROLL
    for (std::size_t b = 0; b < Blocks; ++b)
      items[b] =
          _mm512_xor_si512(_mm512_load_si512(codes + (b * quads + i) * 4 * block_rows), highest);
    TROUPE_UNROLL
    for (std::size_t q = 0; q < Queries; ++q) {
      const __m512i query = _mm512_set1_epi32(quad_at(asked + q * quads * 4, i));
      TROUPE_UNROLL
      for (std::size_t b = 0; b < Blocks; ++b)
        sums[q][b] = _mm512_dpbusd_epi32(sums[q][b], items[b], query);
    }
  }
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t b = 0; b < Blocks; ++b)
      _mm512_storeu_si512(to + (b * queries.rows() + first + q) * block_rows, sums[q][b]);
  }
}

/// `Queries` queries over one block, in two halves.
template <std::size_t Queries, std::size_t Blocks>
__attribute__((target("avx2,avxvnni"))) void sums_of_256(const std::int8_t* codes,
                                                         const coded_queries& queries,
                                                         std::size_t first, std::int32_t* to) {
  static_assert(Blocks == 1);
  constexpr std::size_t halves = 2;
  constexpr std::size_t lanes = block_rows / halves;
  const auto quads = queries.quads;
  const auto* asked = queries.codes.data() + first * quads * 4;
  const __m256i highest = _mm256_set1_epi32(static_cast<int>(0x80808080U));
  __m256i sums[Queries][halves];
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t h = 0; h < halves; ++h)
      sums[q][h] = _mm256_set1_epi32(queries.starts[first + q]);
  }
  for (std::size_t i = 0; i < quads; ++i) {
    __m256i items[halves];
    TROUPE_UNROLL
    for (std::size_t h = 0; h < halves; ++h) {
      const auto* from = codes + i * 4 * block_rows + h * 4 * lanes;
      items[h] = _mm256_xor_si256(
          _mm256_load_si256(static_cast<const __m256i*>(static_cast<const void*>(from))), highest);
    }
    TROUPE_UNROLL
    for (std::size_t q = 0; q < Queries; ++q) {
      const __m256i query = _mm256_set1_epi32(quad_at(asked + q * quads * 4, i));
      TROUPE_UNROLL
      for (std::size_t h = 0; h < halves; ++h)
        sums[q][h] = _mm256_dpbusd_avx_epi32(sums[q][h], items[h], query);
    }
  }
  TROUPE_UNROLL
  for (std::size_t q = 0; q < Queries; ++q) {
    TROUPE_UNROLL
    for (std::size_t h = 0; h < halves; ++h) {
      auto* row = to + (first + q) * block_rows + h * lanes;
      _mm256_storeu_si256(static_cast<__m256i*>(static_cast<void*>(row)), sums[q][h]);
    }
  }
}

/// All queries over `Blocks` blocks, in the fewest tiles of 8, 4, 2 and 1.
template <std::size_t Blocks>
void all_of_512(const std::int8_t* codes, const coded_queries& queries, std::int32_t* to) {
  std::size_t first = 0;
  for (; first + 8 <= queries.count; first += 8)
    sums_of_512<8, Blocks>(codes, queries, first, to);
  const auto left = queries.count - first;
  if ((left & 4) != 0)
    sums_of_512<4, Blocks>(codes, queries, first, to);
  first += left & 4;
  if ((left & 2) != 0)
    sums_of_512<2, Blocks>(codes, queries, first, to);
  first += left & 2;
  if ((left & 1) != 0)
    sums_of_512<1, Blocks>(codes, queries, first, to);
}

void all_of_256(const std::int8_t* codes, const coded_queries& queries, std::int32_t* to) {
  std::size_t first = 0;
  for (; first + 4 <= queries.count; first += 4)
    sums_of_256<4, 1>(codes, queries, first, to);
  const auto left = queries.count - first;
  if ((left & 2) != 0)
    sums_of_256<2, 1>(codes, queries, first, to);
  first += left & 2;
  if ((left & 1) != 0)
    sums_of_256<1, 1>(codes, queries, first, to);
}

/// What LDTILECFG takes (Intel's manual, volume 1, chapter 18).
struct tile_shapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};
};

static_assert(sizeof(tile_shapes) == 64);

/// Tile 0: sums of 16 queries by 16 items. 1 and 2: queries and items, 16 quads of each. 3 and 4:
/// the quads left over, `rest` of them.
tile_shapes shapes_for(std::size_t rest) {
  constexpr std::uint16_t whole = 64;
  tile_shapes made;
  made.row_bytes = {whole, whole, whole, static_cast<std::uint16_t>(rest * 4), whole};
  made.rows = {16, 16, 16, 16, static_cast<std::uint8_t>(rest)};
  if (rest == 0) // not used, but a shape of nothing is an error
    made.row_bytes[3] = made.row_bytes[4] = made.rows[3] = made.rows[4] = 0;
  return made;
}

/// A block is, 16 quads at a time, what a tile of AMX's second factor is in memory.
__attribute__((noinline, target("amx-tile,amx-int8"))) void
sums_of_amx(const std::int8_t* codes, std::size_t blocks, const coded_queries& queries,
            std::int32_t* to) {
  constexpr std::size_t step = 16; // quads of a tile
  const auto quads = queries.quads;
  const auto rest = quads % step;
  const auto shapes = shapes_for(rest);
  // GCC's tile functions do not say all that they read and write.
  asm volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
  for (std::size_t b = 0; b < blocks; ++b) {
    const auto* items = codes + b * quads * 4 * block_rows;
    for (std::size_t first = 0; first < queries.count; first += group) {
      const auto* asked = queries.codes.data() + first * quads * 4;
      _tile_zero(0);
      for (std::size_t i = 0; i + step <= quads; i += step) {
        _tile_loadd(1, asked + i * 4, quads * 4);
        _tile_loadd(2, items + i * 4 * block_rows, 4 * block_rows);
        _tile_dpbssd(0, 1, 2);
      }
      if (rest != 0) {
        _tile_loadd(3, asked + (quads - rest) * 4, quads * 4);
        _tile_loadd(4, items + (quads - rest) * 4 * block_rows, 4 * block_rows);
        _tile_dpbssd(0, 3, 4);
      }
      _tile_stored(0, to + (b * queries.rows() + first) * block_rows, sizeof(*to) * block_rows);
    }
  }
  _tile_release();
  asm volatile("" : : "r"(to) : "memory");
}

/// Asks the system, once, to keep tiles for this process's threads.
bool may_use_tiles() noexcept {
  constexpr int request_permission = 0x1023; // ARCH_REQ_XCOMP_PERM, from Linux 5.16 on
  constexpr int tile_data = 18;              // XFEATURE_XTILEDATA
  static const bool may = syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  return may;
}

bool has_amx() noexcept {
  constexpr unsigned tile_bit = 1U << 24;
  constexpr unsigned int8_bit = 1U << 25;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & tile_bit) != 0 && (d & int8_bit) != 0
         && may_use_tiles();
}

bool has_avx_vnni() noexcept {
  constexpr unsigned vnni_bit = 1U << 4;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  // avx2 is said only where the system keeps its registers.
  return __builtin_cpu_supports("avx2") != 0 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0
         && (a & vnni_bit) != 0;
}

#endif // TROUPE_INT8_X86

bool find_support(int8_path path) noexcept {
  switch (path) {
  case int8_path::portable:
    return true;
#if TROUPE_INT8_X86
  case int8_path::avx_vnni:
    return has_avx_vnni();
  case int8_path::avx512_vnni:
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
  case int8_path::amx:
    return has_amx();
#endif
  default:
    return false;
  }
}

} // namespace

const char* name_of(int8_path path) noexcept {
  switch (path) {
  case int8_path::avx_vnni:
    return "AVX-VNNI";
  case int8_path::avx512_vnni:
    return "AVX512-VNNI";
  case int8_path::amx:
    return "AMX";
  default:
    return "portable";
  }
}

bool is_supported(int8_path path) noexcept {
  static const std::array<bool, 4> known{
      find_support(int8_path::portable), find_support(int8_path::avx_vnni),
      find_support(int8_path::avx512_vnni), find_support(int8_path::amx)};
  return known[static_cast<std::size_t>(path)];
}

int8_path best_int8_path() noexcept {
  for (const auto path : {int8_path::amx, int8_path::avx512_vnni, int8_path::avx_vnni})
    if (is_supported(path))
      return path;
  return int8_path::portable;
}

coded_queries coded_queries::make(std::span<const std::int8_t> all, std::size_t count,
                                  std::size_t size) {
  assert(all.size() == count * size);
  coded_queries made;
  made.count = count;
  made.quads = (size + 3) / 4;
  const auto rows = (count + group - 1) / group * group;
  made.codes.resize(rows * made.quads * 4);
  made.starts.resize(rows);
  for (std::size_t q = 0; q < count; ++q) {
    const auto codes = all.subspan(q * size, size);
    std::copy(codes.begin(), codes.end(),
              made.codes.begin() + static_cast<std::ptrdiff_t>(q * made.quads * 4));
    for (const auto code : codes)
      made.starts[q] -= 128 * code;
  }
  return made;
}

void int8_sums(int8_path path, const std::int8_t* codes, std::size_t blocks,
               const coded_queries& queries, std::int32_t* to) {
  assert(path != int8_path::portable && is_supported(path));
#if TROUPE_INT8_X86
  if (path == int8_path::amx)
    return sums_of_amx(codes, blocks, queries, to);
  const auto block_size = queries.quads * 4 * block_rows;
  const auto sums_size = queries.rows() * block_rows;
  std::size_t b = 0;
  if (path == int8_path::avx512_vnni)
    for (; b + 2 <= blocks; b += 2)
      all_of_512<2>(codes + b * block_size, queries, to + b * sums_size);
  for (; b < blocks; ++b) {
    if (path == int8_path::avx512_vnni)
      all_of_512<1>(codes + b * block_size, queries, to + b * sums_size);
    else
      all_of_256(codes + b * block_size, queries, to + b * sums_size);
  }
#else
  static_cast<void>(path);
  static_cast<void>(codes);
  static_cast<void>(blocks);
  static_cast<void>(queries);
  static_cast<void>(to);
#endif
}

} // namespace troupe::model::scan
