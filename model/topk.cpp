#include "model/topk.hpp"

#include "model/topk_best.hpp"
#include "model/topk_scan.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

namespace troupe::model {

namespace scan {

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

/// Puts `count` queries of `width` values each into tiles.
template <class Value>
packed_queries<Value> pack(std::span<const Value> queries, std::size_t count, std::size_t width,
                           std::size_t tile_max) {
  packed_queries<Value> packed;
  packed.tiles = make_tiles(count, tile_max);
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
  const auto packed = pack(queries, best.size(), items.dimensions(), float_tile());
  for (std::size_t c = 0; c < items.chunk_count(); ++c)
    scan_float_chunk(items.chunk(c), items.dimensions(), packed, c * item_matrix::chunk_rows,
                     items.rows(), best.data());
}

/// Queries in int8. The order of rows does not need a query's scale: its last value, which stands
/// apart as the items' do, is divided by it instead.
struct quantised_queries {
  std::vector<std::int8_t> codes; ///< [query][coded]
  std::vector<float> lasts;
};

quantised_queries quantise_queries(std::span<const float> queries, const item_matrix& items) {
  constexpr float least = 1e-25F; // beside any last value that is not 0 it counts for nothing
  const auto count = queries.size() / items.dimensions();
  quantised_queries made;
  made.codes.resize(count * items.coded());
  for (std::size_t q = 0; q < count; ++q) {
    const auto query = queries.subspan(q * items.dimensions(), items.dimensions());
    const auto codes = std::span{made.codes}.subspan(q * items.coded(), items.coded());
    auto scale = quantise(query.first(items.coded()), codes);
    if (scale < least && (scale == 0 || query.back() != 0)) {
      std::fill(codes.begin(), codes.end(), std::int8_t{0});
      scale = 1;
    }
    made.lasts.push_back(query.back() / scale);
  }
  return made;
}

/// Pairs of codes, 16 bits each, in one 32-bit value: of four codes the first and third, then the
/// second and fourth.
std::vector<std::int32_t> pairs_of(const quantised_queries& from, std::size_t coded,
                                   std::size_t quads) {
  std::vector<std::int32_t> made(from.lasts.size() * quads * 2);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const auto query = i / (quads * 2);
    const auto at = i % (quads * 2) / 2 * 4 + i % 2;
    const auto code = [&](std::size_t which) -> std::int16_t {
      return which < coded ? from.codes[query * coded + which] : std::int8_t{0};
    };
    const std::array<std::int16_t, 2> pair{code(at), code(at + 2)};
    std::memcpy(&made[i], pair.data(), sizeof(made[i]));
  }
  return made;
}

void scan_portable(const item_matrix& items, const quantised_queries& queries,
                   std::vector<best_rows>& best) {
  const auto quads = items.quads();
  const auto pairs = pairs_of(queries, items.coded(), quads);
  auto packed =
      pack(std::span<const std::int32_t>{pairs}, queries.lasts.size(), 2 * quads, int8_tile());
  for (std::size_t c = 0; c < items.chunk_count(); ++c)
    scan_int8_chunk(items.chunk(c), quads, packed, queries.lasts.data(),
                    c * item_matrix::chunk_rows, items.rows(), best.data());
}

/// By the instructions that Highway has no operations for: sums of a few blocks, then the best.
void scan_by(int8_path path, const item_matrix& items, const quantised_queries& queries,
             std::vector<best_rows>& best) {
  constexpr std::size_t together = 4; // blocks: their sums stay in the first cache
  const auto quads = items.quads();
  const auto coded = coded_queries::make(queries.codes, queries.lasts.size(), items.coded());
  const auto sums_size = coded.rows() * block_rows;
  std::vector<std::int32_t> sums(together * sums_size);
  for (std::size_t c = 0; c < items.chunk_count(); ++c) {
    const auto chunk = items.chunk(c);
    for (std::size_t from = 0; from < chunk.blocks; from += together) {
      const auto blocks = std::min(together, chunk.blocks - from);
      int8_sums(path, chunk.codes + from * quads * 4 * block_rows, blocks, coded, sums.data());
      for (std::size_t b = 0; b < blocks; ++b)
        offer_block(sums.data() + b * sums_size,
                    int8_block{chunk, quads, from + b, c * item_matrix::chunk_rows},
                    queries.lasts.data(), coded.count, items.rows(), best.data());
    }
  }
}

void scan_all_int8(const item_matrix& items, std::span<const float> queries,
                   std::optional<int8_path> wanted, std::vector<best_rows>& best) {
  const auto quantised = quantise_queries(queries, items);
  const auto path = wanted.value_or(best_int8_path());
  if (path == int8_path::portable)
    scan_portable(items, quantised, best);
  else
    scan_by(path, items, quantised, best);
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
      scan::scan_all_int8(items, now, options.path, best);
    for (std::size_t q = 0; q < here; ++q) {
      const auto query = now.subspan(q * dimensions, dimensions);
      const auto* top = best[q].top();
      auto raised = top == nullptr ? -INFINITY : top->score;
      if (top != nullptr && options.precision == scan_precision::int8)
        raised = items.score(top->row, query);
      auto found = std::move(best[q]).take_sorted();
      if (options.precision == scan_precision::int8)
        found = scan::rescore(items, query, std::move(found), options.k);
      if (!found.empty())
        raised = std::max(raised, found.front().score);
      if (!options.best_scores.empty() && std::isfinite(raised))
        options.best_scores[first + q] = std::max(options.best_scores[first + q], raised);
      answers[first + q] = std::move(found);
    }
  }
  return answers;
}

std::string scan_target() {
  std::string name = scan::target_name();
  const auto path = scan::best_int8_path();
  return path == scan::int8_path::portable ? name : name + ", int8 by " + scan::name_of(path);
}

} // namespace troupe::model
