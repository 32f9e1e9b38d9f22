#include "actors/model_files.hpp"
#include "base/clock.hpp"
#include "bench/drawn_weights.hpp"
#include "config/settings.hpp"
#include "model/profile.hpp"
#include "storage/snapshot_directory.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <string>

// Publishes a snapshot of an encoder nobody trained, for items i0, i1 and so on: what a model of
// that size costs a server does not depend on what it has learnt (bench/catalogue_bench.py).

using namespace troupe;

int main(int count, char** arguments) {
  CLI::App app{"publish a recurrent encoder with drawn weights"};
  std::size_t items = 10'000;
  std::string root;
  model::encoder_shape shape{
      .dimensions = 64, .blocks = 2, .states = 64, .hidden = 128, .kinds = 1};
  app.add_option("--items", items, "i0 to i<items - 1>")->check(CLI::Range(1, 50'000'000));
  app.add_option("--snapshots", root, "where it is put")->required();
  app.add_option("--dimensions", shape.dimensions);
  CLI11_PARSE(app, count, arguments);
  shape.states = shape.dimensions;
  shape.hidden = 2 * shape.dimensions;

  const auto rules = model::fold_rules::make({}, {}).value();
  bench::drawer draw;
  model::trained_encoder made{shape, {}, model::sequence_vocabulary{*rules}, {}};
  made.shape.kinds = made.words.kinds().size();
  for (std::size_t i = 0; i < items; ++i)
    made.words.add_item(item_id{fmt::format("i{}", i)});
  made.weights = bench::draw_weights(made.shape, draw);
  made.weights["item.id"] = {{items, shape.dimensions}, draw(items * shape.dimensions, 0.1F)};
  made.weights["item.bias"] = {{items}, draw(items, 0.1F)};
  const auto files = actors::to_files(made, 0.1, 0, 0, system_clock().now());
  if (!files) {
    fmt::print(stderr, "draw_snapshot: {}\n", files.error().context);
    return 1;
  }
  const auto directory = storage::snapshot_directory::open({.root = root, .limits = {}});
  const auto done = directory ? directory->publish(files->facts, files->files)
                              : result<storage::snapshot_manifest>{directory.error()};
  if (!done) {
    fmt::print(stderr, "draw_snapshot: {}\n", done.error().context);
    return 1;
  }
  fmt::print("snapshot {}: {} items\n", done->version, items);
  return 0;
}
