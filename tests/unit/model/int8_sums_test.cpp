#include "model/int8_sums.hpp"

#include "model/item_matrix.hpp"
#include "model/topk.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace troupe::model;
using scan::int8_path;

namespace {

constexpr std::array instructions{int8_path::avx_vnni, int8_path::avx512_vnni, int8_path::amx};

/// Runs `check` with each path that Highway does not have, and says which ones cannot run here.
template <class Check>
void on_every_path(Check check) {
  for (const auto path : instructions) {
    INFO("path " << std::string{scan::name_of(path)});
    if (scan::is_supported(path))
      check(path);
    else
      MESSAGE("not tested: this processor has no " << std::string{scan::name_of(path)});
  }
}

/// Items and queries as a trained model has them: tastes in clusters, a few directions much wider
/// than the others, popular items longer, and behind each row a bias several times as large as its
/// values, for which a query has a 1.
struct world {
  static constexpr std::size_t size = 65;
  item_matrix items{size};
  std::vector<float> queries;

  world(std::size_t rows, std::size_t asked, float bias) {
    std::mt19937_64 random{5};
    std::normal_distribution<float> normal;
    std::vector<std::array<float, size>> centres(40);
    for (auto& centre : centres)
      for (std::size_t d = 0; d < size; ++d)
        centre[d] = normal(random) / std::sqrt(1 + static_cast<float>(d) / 4);
    std::array<float, size> made{};
    const auto draw = [&](float spread) {
      const auto& centre = centres[random() % centres.size()];
      for (std::size_t d = 0; d < size; ++d)
        made[d] = centre[d] + spread * normal(random) / std::sqrt(1 + static_cast<float>(d) / 4);
    };
    for (std::size_t row = 0; row < rows; ++row) {
      draw(0.7F);
      const auto length = 0.3F + 1 / std::pow(1 + static_cast<float>(row), 0.2F); // Zipf's
      for (auto& value : made)
        value *= 0.3F * length;
      made.back() = bias * normal(random);
      items.append(made);
    }
    for (std::size_t q = 0; q < asked; ++q) {
      draw(0.5F);
      made.back() = 1;
      queries.insert(queries.end(), made.begin(), made.end());
    }
  }

  /// Share of the ten best in float32 that int8 finds too.
  [[nodiscard]] double overlap(std::size_t k) const {
    top_k_options options;
    options.k = k;
    const auto exact = top_k(items, queries, options);
    options.precision = scan_precision::int8;
    const auto quick = top_k(items, queries, options);
    std::size_t both = 0;
    std::size_t all = 0;
    for (std::size_t q = 0; q < exact.size(); ++q)
      for (std::size_t i = 0; i < 10; ++i, ++all)
        for (std::size_t j = 0; j < 10; ++j)
          both += exact[q][i].row == quick[q][j].row ? 1U : 0U;
    return static_cast<double>(both) / static_cast<double>(all);
  }
};

} // namespace

TEST_SUITE("model.int8_sums") {

  TEST_CASE("the portable path is always there, and the best one is") {
    CHECK(scan::is_supported(int8_path::portable));
    CHECK(scan::is_supported(scan::best_int8_path()));
    for (const auto path : instructions)
      CHECK(std::string{scan::name_of(path)} != scan::name_of(int8_path::portable));
  }

  TEST_CASE("queries are coded in quads, padded with zeros") {
    const std::vector<std::int8_t> all{1, 2, 3, 4, 5, -1, -2, -3, -4, -127};
    const auto made = scan::coded_queries::make(all, 2, 5);
    CHECK(made.quads == 2);
    CHECK(made.rows() == 16);
    CHECK(made.codes.size() == 16 * 8);
    CHECK(std::vector<std::int8_t>(made.codes.begin(), made.codes.begin() + 16)
          == std::vector<std::int8_t>{1, 2, 3, 4, 5, 0, 0, 0, -1, -2, -3, -4, -127, 0, 0, 0});
    CHECK(made.starts[0] == -128 * 15);
    CHECK(made.starts[1] == 128 * 137);
  }

  TEST_CASE("every path's sums are the whole numbers that the definition gives") {
    on_every_path([](int8_path path) {
      std::mt19937_64 random{1};
      for (const std::size_t size : {1U, 3U, 4U, 63U, 64U, 65U, 101U, 129U, 1024U})
        for (const std::size_t count : {1U, 2U, 7U, 8U, 15U, 16U, 17U, 32U, 48U}) {
          const auto code = [&]() -> std::int8_t {
            const auto drawn = random() % 257; // the ends often: they are what could overflow
            return static_cast<std::int8_t>(drawn > 254 ? (drawn == 255 ? 127 : -127)
                                                        : static_cast<int>(drawn) - 127);
          };
          constexpr std::size_t blocks = 3;
          const auto quads = (size + 3) / 4;
          auto* storage =
              static_cast<std::int8_t*>(::operator new (blocks* quads * 64, std::align_val_t{64}));
          std::fill_n(storage, blocks * quads * 64, std::int8_t{0});
          for (std::size_t row = 0; row < blocks * 16; ++row)
            for (std::size_t d = 0; d < size; ++d)
              storage[((row / 16 * quads + d / 4) * 16 + row % 16) * 4 + d % 4] = code();
          std::vector<std::int8_t> asked(count * size);
          std::generate(asked.begin(), asked.end(), code);
          const auto queries = scan::coded_queries::make(asked, count, size);
          std::vector<std::int32_t> sums(blocks * queries.rows() * 16);
          scan::int8_sums(path, storage, blocks, queries, sums.data());
          bool same = true;
          for (std::size_t row = 0; row < blocks * 16; ++row)
            for (std::size_t q = 0; q < count; ++q) {
              std::int32_t expected = 0;
              for (std::size_t d = 0; d < size; ++d)
                expected += storage[((row / 16 * quads + d / 4) * 16 + row % 16) * 4 + d % 4]
                            * asked[q * size + d];
              same &= sums[(row / 16 * queries.rows() + q) * 16 + row % 16] == expected;
            }
          CHECK_MESSAGE(same, size << " codes, " << count << " queries");
          ::operator delete (storage, std::align_val_t{64});
        }
    });
  }

  TEST_CASE("every path finds what the portable one finds") {
    const world all{3000, 37, 1};
    top_k_options options;
    options.k = 30;
    options.precision = scan_precision::int8;
    options.path = int8_path::portable;
    const auto expected = top_k(all.items, all.queries, options);
    on_every_path([&](int8_path path) {
      options.path = path;
      CHECK(top_k(all.items, all.queries, options) == expected);
    });
  }

  TEST_CASE("int8 finds 99.5 % of the ten best, large biases or none") {
    for (const auto bias : {0.0F, 1.0F, 3.0F}) {
      const world all{20'000, 60, bias};
      for (const std::size_t k : {10U, 100U}) {
        const auto share = all.overlap(k);
        MESSAGE("bias " << bias << ", top " << k << ": " << share);
        CHECK(share >= 0.995);
      }
    }
  }

} // TEST_SUITE
