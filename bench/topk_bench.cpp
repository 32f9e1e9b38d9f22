#include "model/topk.hpp"

#include "bench/rounds.hpp"
#include "bench/topk_rivals.hpp"
#include "model/item_matrix.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

// Exact top-k over item vectors: a plain read loop over the same bytes, our kernels in float32
// and int8, alone and in batches, LibTorch's matmul + topk, FAISS IndexFlatIP; all on one
// thread, in turns, by thread CPU time.

namespace {

using namespace troupe;
using bench::rounds;
using model::scan_precision;

struct settings {
  std::size_t rows = 1'000'000;
  std::size_t dimensions = 64;
  std::size_t k = 100;
  std::size_t rounds = 9;
  std::string json;
};

settings parse(int count, char** arguments) {
  settings made;
  CLI::App app{"Exact top-k over item vectors against other ways to do it"};
  app.add_option("--rows", made.rows, "item vectors")->capture_default_str();
  app.add_option("--dimensions", made.dimensions)->capture_default_str();
  app.add_option("--k", made.k)->capture_default_str();
  app.add_option("--rounds", made.rounds)->capture_default_str();
  app.add_option("--json", made.json, "write the results to this file");
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return made;
}

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (auto& each : out)
    each = normal(random);
  return out;
}

using float8 = float __attribute__((vector_size(32)));

/// Reads every byte once, as fast as this processor's plain loads go.
__attribute__((target_clones("avx2", "default"))) float read_all(const float* from,
                                                                 std::size_t count) {
  const auto* wide = reinterpret_cast<const float8*>(from);
  float8 sums[8] = {};
  for (std::size_t i = 0; i + 8 <= count / 8; i += 8)
    for (std::size_t j = 0; j < 8; ++j)
      sums[j] += wide[i + j];
  float8 sum{};
  for (const auto& each : sums)
    sum += each;
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

/// Share of `right` rows that `found` has, over all queries.
double recall(const std::vector<std::vector<model::scored_row>>& right,
              const std::vector<std::uint32_t>& found) {
  std::size_t hits = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < right.size(); ++q) {
    const auto k = static_cast<std::ptrdiff_t>(right[q].size());
    const auto begin = found.begin() + static_cast<std::ptrdiff_t>(q) * k;
    const std::set<std::uint32_t> rows(begin, begin + k);
    for (const auto& each : right[q])
      hits += rows.count(each.row);
    wanted += right[q].size();
  }
  return static_cast<double>(hits) / static_cast<double>(wanted);
}

std::vector<std::uint32_t> rows_of(const std::vector<std::vector<model::scored_row>>& found) {
  std::vector<std::uint32_t> out;
  for (const auto& each : found)
    for (const auto& one : each)
      out.push_back(one.row);
  return out;
}

/// What is compared, and what keeps it alive.
struct contest {
  settings how;
  std::vector<float> queries = random_values(32 * how.dimensions, 2);
  model::item_matrix items{how.dimensions};
  std::unique_ptr<bench::rival> torch;
  std::unique_ptr<bench::rival> faiss;
  float kept = 0; ///< so that no result is optimised away
  rounds turns;

  explicit contest(const settings& given) : how(given) {
    const auto values = random_values(how.rows * how.dimensions, 1);
    for (std::size_t at = 0; at < values.size(); at += how.dimensions)
      items.append(std::span{values}.subspan(at, how.dimensions));
    torch = bench::make_torch(values, how.dimensions);
    faiss = bench::make_faiss(values, how.dimensions);
  }

  [[nodiscard]] std::span<const float> asked(std::size_t count) const {
    return std::span{queries}.first(count * how.dimensions);
  }

  [[nodiscard]] model::top_k_options options(scan_precision precision) const {
    model::top_k_options made;
    made.k = how.k;
    made.precision = precision;
    return made;
  }

  void add_all() {
    turns.add("read float32", 1, [this] {
      for (std::size_t c = 0; c < items.chunk_count(); ++c) {
        const auto chunk = items.chunk(c);
        kept +=
            read_all(chunk.values, chunk.blocks * model::item_matrix::block_rows * how.dimensions);
      }
    });
    for (const std::size_t count : {1U, 16U, 32U}) {
      add_ours("float32", scan_precision::float32, count);
      add_ours("int8", scan_precision::int8, count);
      for (const auto path : {model::scan::int8_path::avx_vnni, model::scan::int8_path::avx512_vnni,
                              model::scan::int8_path::amx})
        if (model::scan::is_supported(path))
          add_ours(fmt::format("int8 by {}", model::scan::name_of(path)), scan_precision::int8,
                   count, path);
      add_rival("torch", torch.get(), count);
      add_rival("faiss", faiss.get(), count);
    }
  }

  /// "int8" is what every processor has.
  void add_ours(const std::string& name, scan_precision precision, std::size_t count,
                model::scan::int8_path path = model::scan::int8_path::portable) {
    turns.add(fmt::format("{} x{}", name, count), static_cast<double>(count),
              [this, precision, count, path] {
                auto how_to = options(precision);
                how_to.path = path;
                kept += model::top_k(items, asked(count), how_to)[0][0].score;
              });
  }

  void add_rival(const std::string& name, bench::rival* other, std::size_t count) {
    if (other == nullptr)
      return;
    turns.add(fmt::format("{} x{}", name, count), static_cast<double>(count), [=, this] {
      kept += static_cast<float>(other->top_k(asked(count), count, how.k)[0]);
    });
  }
};

nlohmann::json results_of(const contest& done) {
  const auto& turns = done.turns;
  nlohmann::json cost;
  for (const auto& name : turns.names()) {
    const auto spent = turns.cost(name);
    cost[name] = bench::to_json({spent.median * 1e3, spent.low * 1e3, spent.high * 1e3});
  }
  const auto exact =
      model::top_k(done.items, done.asked(32), done.options(scan_precision::float32));
  const auto quick = model::top_k(done.items, done.asked(32), done.options(scan_precision::int8));
  nlohmann::json agreement{{"int8", recall(exact, rows_of(quick))}};
  for (const auto* other : {done.torch.get(), done.faiss.get()})
    if (other != nullptr)
      agreement[other->name()] =
          recall(exact, const_cast<bench::rival*>(other)->top_k(done.asked(32), 32, done.how.k));

  nlohmann::json ratios{
      {"float32 x1, share of the read loop's bandwidth",
       bench::to_json(turns.ratio("read float32", "float32 x1"))},
      {"int8 x1, times faster than float32 x1",
       bench::to_json(turns.ratio("float32 x1", "int8 x1"))},
      {"float32 x16, times cheaper a query than x1",
       bench::to_json(turns.ratio("float32 x1", "float32 x16"))},
      {"int8 x16, times cheaper a query than x1",
       bench::to_json(turns.ratio("int8 x1", "int8 x16"))},
      {"int8 x16, times cheaper a query than float32 x1",
       bench::to_json(turns.ratio("float32 x1", "int8 x16"))},
  };
  for (const char* other : {"torch", "faiss"})
    for (const char* count : {"x1", "x16", "x32"}) {
      const auto theirs = fmt::format("{} {}", other, count);
      if (turns.has(theirs))
        for (const char* ours : {"float32", "int8"})
          ratios[fmt::format("{0} {1}, times cheaper than {2} {1}", ours, count, other)] =
              bench::to_json(turns.ratio(theirs, fmt::format("{} {}", ours, count)));
    }
  const double bytes = static_cast<double>(done.how.rows * done.how.dimensions * sizeof(float));
  return {{"bench", "topk"},
          {"processor", bench::processor_name()},
          {"instructions", model::scan_target()},
          {"rows", done.how.rows},
          {"dimensions", done.how.dimensions},
          {"k", done.how.k},
          {"rounds", done.how.rounds},
          {"bytes_per_item",
           static_cast<double>(done.items.heap_bytes()) / static_cast<double>(done.items.rows())},
          {"read_gigabytes_per_second", bytes / turns.cost("read float32").median / 1e9},
          {"cpu_milliseconds_per_query", cost},
          {"ratios", ratios},
          {"share_of_the_exact_rows", agreement}};
}

void print(const nlohmann::json& results) {
  fmt::print("{} vectors of {} dimensions, top {}, {} rounds, {}, {}\n",
             results["rows"].get<std::size_t>(), results["dimensions"].get<std::size_t>(),
             results["k"].get<std::size_t>(), results["rounds"].get<std::size_t>(),
             results["processor"].get<std::string>(), results["instructions"].get<std::string>());
  fmt::print("plain read loop: {:.1f} GB/s; {:.1f} bytes an item\n\nCPU milliseconds a query "
             "(median, low, high)\n",
             results["read_gigabytes_per_second"].get<double>(),
             results["bytes_per_item"].get<double>());
  bench::print_spreads(results["cpu_milliseconds_per_query"]);
  fmt::print("\nratios, taken round by round\n");
  bench::print_spreads(results["ratios"]);
  fmt::print("\nshare of the exact float32 rows found\n");
  for (const auto& [name, what] : results["share_of_the_exact_rows"].items())
    fmt::print("  {:<52} {:9.5f}\n", name, what.get<double>());
}

/// BLAS libraries read their number of threads when they are loaded, before main.
void insist_on_one_thread(char** arguments) {
  if (std::getenv("TROUPE_BENCH_ONE_THREAD") != nullptr)
    return;
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TROUPE_BENCH_ONE_THREAD"})
    setenv(name, "1", 1);
  execv("/proc/self/exe", arguments);
}

} // namespace

int main(int count, char** arguments) {
  insist_on_one_thread(arguments);
  const auto how = parse(count, arguments);
  contest run{how};
  for (const auto* other : {run.torch.get(), run.faiss.get()})
    if (other == nullptr)
      fmt::print("built without one of the rivals: it is left out\n");
  run.add_all();
  run.turns.run(how.rounds);
  const auto results = results_of(run);
  print(results);
  if (!how.json.empty())
    std::ofstream{how.json} << results.dump(2) << '\n';
  return run.kept == 0 ? 1 : 0;
}
