#include "model/topk.hpp"

#include "model/item_matrix.hpp"

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe::model;

namespace {

/// Runs `check` once with each instruction set this processor has and the build made.
template <class Check>
void on_every_target(Check check) {
  std::set<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    names.insert(scan_target());
    INFO("target " << scan_target());
    check();
    hwy::SetSupportedTargetsForTest(0);
  }
  hwy::GetChosenTarget().DeInit();
  CHECK(names.size() == hwy::SupportedAndGeneratedTargets().size());
}

std::vector<float> random_values(std::mt19937_64& random, std::size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (auto& each : out)
    each = normal(random);
  return out;
}

/// Small whole numbers: their sums are exact in any order, and often equal.
std::vector<float> whole_values(std::mt19937_64& random, std::size_t count) {
  std::vector<float> out(count);
  for (auto& each : out)
    each = static_cast<float>(static_cast<int>(random() % 7) - 3);
  return out;
}

item_matrix matrix_of(const std::vector<float>& values, std::size_t dimensions) {
  item_matrix made{dimensions};
  for (std::size_t at = 0; at < values.size(); at += dimensions)
    made.append(std::span{values}.subspan(at, dimensions));
  return made;
}

std::vector<scored_row> best(std::vector<scored_row> all, std::size_t k) {
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  all.resize(std::min(k, all.size()));
  return all;
}

/// The definition, one row after the other in plain floating point.
std::vector<scored_row> plain_top_k(const std::vector<float>& items, std::span<const float> query,
                                    std::size_t k) {
  std::vector<scored_row> all;
  for (std::size_t at = 0; at < items.size(); at += query.size()) {
    double sum = 0;
    for (std::size_t d = 0; d < query.size(); ++d)
      sum += static_cast<double>(items[at + d]) * static_cast<double>(query[d]);
    all.push_back({static_cast<float>(sum), static_cast<std::uint32_t>(at / query.size())});
  }
  return best(std::move(all), k);
}

/// The rows an int8 scan must keep: whole-number products of the codes, times the row's scale, and
/// the product of the last values, which have no codes.
std::set<std::uint32_t> plain_int8_rows(const std::vector<float>& items,
                                        std::span<const float> query, std::size_t k) {
  const auto coded = query.size() - 1;
  std::vector<std::int8_t> asked(coded);
  const auto asked_scale = quantise(query.first(coded), asked);
  const auto last = query.back() / (asked_scale == 0 ? 1 : asked_scale);
  std::vector<std::int8_t> codes(coded);
  std::vector<scored_row> all;
  for (std::size_t at = 0; at < items.size(); at += query.size()) {
    const float scale = quantise(std::span{items}.subspan(at, coded), codes);
    std::int32_t sum = 0;
    for (std::size_t d = 0; d < coded; ++d)
      sum += codes[d] * asked[d];
    all.push_back({static_cast<float>(sum) * scale + items[at + coded] * last,
                   static_cast<std::uint32_t>(at / query.size())});
  }
  std::set<std::uint32_t> rows;
  for (const auto& each : best(std::move(all), k))
    rows.insert(each.row);
  return rows;
}

std::vector<std::uint32_t> rows_of(const std::vector<scored_row>& found) {
  std::vector<std::uint32_t> rows;
  for (const auto& each : found)
    rows.push_back(each.row);
  return rows;
}

std::vector<scored_row> one_query(const item_matrix& items, std::span<const float> query,
                                  const top_k_options& options) {
  return top_k(items, query, options).front();
}

} // namespace

TEST_SUITE("model.topk") {

  TEST_CASE("every instruction set finds what the definition gives, ties by the smaller row") {
    struct shape {
      std::size_t rows, dimensions, queries, k;
    };

    const std::vector<shape> shapes{
        {1, 1, 1, 1},      {15, 3, 2, 20},  {16, 8, 1, 5},    {17, 64, 7, 4},    {100, 33, 16, 9},
        {333, 16, 33, 50}, {65, 100, 5, 1}, {4096, 5, 3, 10}, {4097, 3, 50, 10}, {9000, 2, 12, 3}};
    on_every_target([&shapes] {
      std::mt19937_64 random{1};
      for (const auto& [rows, dimensions, queries, k] : shapes) {
        const auto values = whole_values(random, rows * dimensions);
        const auto asked = whole_values(random, queries * dimensions);
        top_k_options options;
        options.k = k;
        const auto found = top_k(matrix_of(values, dimensions), asked, options);
        REQUIRE(found.size() == queries);
        for (std::size_t q = 0; q < queries; ++q) {
          const auto query = std::span{asked}.subspan(q * dimensions, dimensions);
          REQUIRE_MESSAGE(found[q] == plain_top_k(values, query, k),
                          rows << " rows, " << dimensions << " dimensions, query " << q);
        }
      }
    });
  }

  TEST_CASE("scores of real vectors are right to rounding, and the same for any batch") {
    on_every_target([] {
      std::mt19937_64 random{2};
      constexpr std::size_t dimensions = 64;
      const auto values = random_values(random, 700 * dimensions);
      const auto asked = random_values(random, 60 * dimensions);
      const auto items = matrix_of(values, dimensions);
      top_k_options options;
      options.k = 20;
      const auto together = top_k(items, asked, options);
      for (std::size_t q = 0; q < 60; ++q) {
        const auto query = std::span{asked}.subspan(q * dimensions, dimensions);
        REQUIRE(one_query(items, query, options) == together[q]);
        const auto expected = plain_top_k(values, query, 20);
        REQUIRE(together[q].size() == 20);
        for (std::size_t i = 0; i < 20; ++i)
          CHECK(together[q][i].score == doctest::Approx(expected[i].score).epsilon(1e-5));
      }
    });
  }

  TEST_CASE("the score of one row, or of some, is bit for bit that of the scan") {
    on_every_target([] {
      std::mt19937_64 random{8};
      for (const std::size_t dimensions : {1U, 7U, 65U}) {
        constexpr std::size_t rows = 4200; // into the second chunk
        const auto items = matrix_of(random_values(random, rows * dimensions), dimensions);
        const auto query = random_values(random, dimensions);
        top_k_options options;
        options.k = 303; // not a multiple of what is scored side by side
        const auto found = one_query(items, query, options);
        std::vector<float> scores(found.size());
        items.scores(rows_of(found), query, scores);
        for (std::size_t i = 0; i < found.size(); ++i) {
          CHECK(items.score(found[i].row, query) == found[i].score);
          CHECK(scores[i] == found[i].score);
        }
      }
    });
  }

  TEST_CASE("the int8 scan keeps exactly the rows of the whole-number sums, scored in float32") {
    on_every_target([] {
      std::mt19937_64 random{3};
      for (const std::size_t dimensions : {1U, 7U, 64U, 101U}) {
        const std::size_t rows = 900;
        const auto values = random_values(random, rows * dimensions);
        const auto asked = random_values(random, 13 * dimensions);
        const auto items = matrix_of(values, dimensions);
        top_k_options options;
        options.k = 25;
        options.precision = scan_precision::int8;
        options.overscan = 1;
        const auto together = top_k(items, asked, options);
        options.precision = scan_precision::float32;
        options.k = rows;
        for (std::size_t q = 0; q < 13; ++q) {
          const auto query = std::span{asked}.subspan(q * dimensions, dimensions);
          const auto rows_found = rows_of(together[q]);
          CHECK(std::set(rows_found.begin(), rows_found.end())
                == plain_int8_rows(values, query, 25));
          auto expected = one_query(items, query, options);
          std::erase_if(expected, [&rows_found](const scored_row& each) {
            return std::find(rows_found.begin(), rows_found.end(), each.row) == rows_found.end();
          });
          CHECK(together[q] == expected);
        }
      }
    });
  }

  TEST_CASE("with overscan the int8 answer is that of float32") {
    std::mt19937_64 random{4};
    constexpr std::size_t dimensions = 64;
    const auto items = matrix_of(random_values(random, 5000 * dimensions), dimensions);
    const auto asked = random_values(random, 15 * dimensions);
    top_k_options options;
    options.k = 50;
    const auto exact = top_k(items, asked, options);
    options.precision = scan_precision::int8;
    const auto quick = top_k(items, asked, options);
    CHECK(quick == exact);
  }

  TEST_CASE("the best of all rows is told, accepted or not, and only ever raised") {
    on_every_target([] {
      std::mt19937_64 random{9};
      constexpr std::size_t dimensions = 9;
      const auto values = random_values(random, 3000 * dimensions);
      const auto asked = random_values(random, 50 * dimensions);
      const auto items = matrix_of(values, dimensions);
      top_k_options options;
      options.k = 1;
      const auto unbarred = top_k(items, asked, options);
      for (const auto precision : {scan_precision::float32, scan_precision::int8}) {
        std::vector<float> told(50, -1e9F);
        told[7] = 1e9F;
        options.precision = precision;
        options.best_scores = told;
        options.k = 20;
        options.accept = [&](std::size_t query, std::uint32_t row) {
          return row != unbarred[query].front().row;
        };
        const auto found = top_k(items, asked, options);
        for (std::size_t q = 0; q < 50; ++q) {
          CHECK(found[q].front().score < unbarred[q].front().score);
          const auto expected = q == 7 ? 1e9F : unbarred[q].front().score;
          CHECK(told[q] <= expected);
          // What is best in int8 may be next to it.
          CHECK(told[q] >= expected * (precision == scan_precision::int8 ? 0.99F : 1.0F));
        }
        options.accept = nullptr;
        options.best_scores = {};
        options.k = 1;
      }
    });
  }

  TEST_CASE("equal rows come in their order, however many there are") {
    on_every_target([] {
      const std::vector<float> values(200, 1.5F);
      const std::vector<float> query{2, -1};
      const auto items = matrix_of(values, 2);
      for (const auto precision : {scan_precision::float32, scan_precision::int8}) {
        top_k_options options;
        options.k = 3;
        options.precision = precision;
        const auto found = one_query(items, query, options);
        CHECK(rows_of(found) == std::vector<std::uint32_t>{0, 1, 2});
        CHECK(found[2].score == 1.5F);
      }
    });
  }

  TEST_CASE("rows that do not exist are not found, though all others score below zero") {
    const auto items = matrix_of({-1, -2, -3}, 1);
    for (const auto precision : {scan_precision::float32, scan_precision::int8}) {
      top_k_options options;
      options.k = 10;
      options.precision = precision;
      const std::vector<float> query{1};
      CHECK(one_query(items, query, options) == std::vector<scored_row>{{-1, 0}, {-2, 1}, {-3, 2}});
    }
  }

  TEST_CASE("no rows, no queries and k = 0 give empty answers") {
    const item_matrix none{4};
    const std::vector<float> query{1, 2, 3, 4};
    CHECK(one_query(none, query, {}).empty());
    CHECK(top_k(none, {}, {}).empty());
    top_k_options options;
    options.k = 0;
    CHECK(one_query(matrix_of({1, 1, 1, 1}, 4), query, options).empty());
  }

  TEST_CASE("a row that is not accepted makes room for the next best, per query") {
    on_every_target([] {
      std::mt19937_64 random{5};
      const auto values = whole_values(random, 1200 * 8);
      const auto asked = whole_values(random, 9 * 8);
      const auto items = matrix_of(values, 8);
      for (const auto precision : {scan_precision::float32, scan_precision::int8}) {
        top_k_options options;
        options.k = 12;
        options.precision = precision;
        options.overscan = 300; // every row: equal sums in float32 may differ in int8
        options.accept = [](std::size_t query, std::uint32_t row) { return row % 9 != query; };
        const auto found = top_k(items, asked, options);
        for (std::size_t q = 0; q < 9; ++q) {
          auto expected = plain_top_k(values, std::span{asked}.subspan(q * 8, 8), 1200);
          std::erase_if(expected, [q](const scored_row& each) { return each.row % 9 == q; });
          expected.resize(12);
          CHECK(found[q] == expected);
        }
      }
    });
  }

  TEST_CASE("a score beyond float32 is left out, not ranked") {
    on_every_target([] {
      const auto items = matrix_of({3e38F, 3e38F, 1, 1, 3e38F, -3e38F, 2, 2, -3e38F, -3e38F}, 2);
      const std::vector<float> query{3, 3};
      for (const auto precision : {scan_precision::float32, scan_precision::int8}) {
        top_k_options options;
        options.precision = precision;
        const auto found = rows_of(one_query(items, query, options));
        CHECK(std::count(found.begin(), found.end(), 0U) == 0);
        CHECK(std::count(found.begin(), found.end(), 4U) == 0);
        CHECK(std::count(found.begin(), found.end(), 3U) == 1);
      }
    });
  }
}

TEST_SUITE("model.item_matrix") {

  TEST_CASE("a replaced, added or removed row counts in the next search") {
    item_matrix items{3};
    const std::vector<float> x{1, 0, 0};
    const std::vector<float> y{0, 1, 0};
    const std::vector<float> strong{5, 0, 0};
    top_k_options options;
    options.k = 1;
    for (int i = 0; i < 4095; ++i)
      items.append(y);
    CHECK(items.append(x) == 4095);
    CHECK(rows_of(one_query(items, x, options)) == std::vector<std::uint32_t>{4095});
    CHECK(items.append(strong) == 4096); // opens the second chunk
    CHECK(rows_of(one_query(items, x, options)) == std::vector<std::uint32_t>{4096});
    items.replace(17, std::vector<float>{9, 0, 0});
    CHECK(one_query(items, x, options) == std::vector<scored_row>{{9, 17}});
    items.replace(17, y);
    items.remove_last();
    CHECK(items.rows() == 4096);
    CHECK(rows_of(one_query(items, x, options)) == std::vector<std::uint32_t>{4095});
    CHECK(items.append(strong) == 4096);
    CHECK(rows_of(one_query(items, x, options)) == std::vector<std::uint32_t>{4096});
  }

  TEST_CASE("a removed row leaves nothing behind") {
    item_matrix items{2};
    const std::vector<float> value{1, 1};
    items.append(value);
    items.append(value);
    items.remove_last();
    items.remove_last();
    CHECK(items.rows() == 0);
    CHECK(one_query(items, value, {}).empty());
    const std::vector<float> weak{-1, -1};
    items.append(weak);
    CHECK(one_query(items, value, {}) == std::vector<scored_row>{{-2, 0}});
  }

  TEST_CASE("rows come back as they were given") {
    std::mt19937_64 random{6};
    const auto values = random_values(random, 40 * 5);
    const auto items = matrix_of(values, 5);
    for (std::uint32_t row = 0; row < 40; ++row)
      CHECK(items.row(row)
            == std::vector<float>(values.begin() + row * 5, values.begin() + row * 5 + 5));
  }

  TEST_CASE("memory is that of the documented formula, in chunks") {
    item_matrix items{64};
    CHECK(items.heap_bytes() == 0);
    items.append(std::vector<float>(64, 1.0F));
    CHECK(items.heap_bytes() >= 4096 * (5 * 64 + 8));
    CHECK(items.heap_bytes() < 4096 * (5 * 64 + 8) + 100);
  }

  TEST_CASE("codes are the nearest, and the largest value uses the whole range") {
    std::mt19937_64 random{7};
    for (int i = 0; i < 200; ++i) {
      const auto values = random_values(random, 30);
      std::vector<std::int8_t> codes(30);
      const float scale = quantise(values, codes);
      int largest = 0;
      for (std::size_t d = 0; d < 30; ++d) {
        CHECK(std::abs(values[d] - scale * codes[d]) <= scale * 0.5001F);
        largest = std::max(largest, std::abs(static_cast<int>(codes[d])));
      }
      CHECK(largest == 127);
    }
  }

  TEST_CASE("zeros, and values too small for a scale, have codes of zero") {
    std::vector<std::int8_t> codes(2, 5);
    CHECK(quantise(std::vector<float>{0, -0.0F}, codes) == 0);
    CHECK(codes == std::vector<std::int8_t>{0, 0});
    const float tiny = std::numeric_limits<float>::denorm_min();
    codes = {5, 5};
    CHECK(quantise(std::vector<float>{tiny, -tiny}, codes) == 0);
    CHECK(codes == std::vector<std::int8_t>{0, 0});
  }

} // TEST_SUITE
