#include "model/prune_encoder.hpp"

#include "tests/support/encoder_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::test;

namespace {

constexpr encoder_shape whole{.dimensions = 8, .blocks = 2, .states = 16, .hidden = 32, .kinds = 2};

void set_row(tensor& of, std::size_t row, float value) {
  const auto width = of.values.size() / of.shape[0];
  std::fill_n(of.values.begin() + static_cast<std::ptrdiff_t>(row * width), width, value);
}

void set_column(tensor& of, std::size_t column, float value) {
  for (std::size_t row = 0; row < of.shape[0]; ++row)
    of.values[row * of.shape[1] + column] = value;
}

/// A query after five events.
std::vector<float> query_of(const encoder_shape& shape, const tensor_map& weights) {
  const auto encoder = *recurrent_encoder::make(shape, weights);
  std::mt19937 random{5};
  std::vector<float> state(shape.state_size());
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto item = draw(shape.dimensions, random);
    const encoder_event event{item, i % 2, i};
    encoder->encode({&event, 1}, state);
  }
  std::vector<float> query(shape.dimensions);
  encoder->query(state, 3, query);
  return query;
}

} // namespace

TEST_SUITE("model.prune_encoder") {

  TEST_CASE("what is left fills the registers of the kernels") {
    const encoder_shape large{.dimensions = 64, .states = 64, .hidden = 128};
    const auto half = pruned_shape(large, 0.5);
    CHECK(half.hidden == 64);
    CHECK(half.states == 32);
    const auto some = pruned_shape(large, 0.3);
    CHECK(some.hidden == 96); // of 89.6
    CHECK(some.states == 48); // of 44.8
    CHECK(pruned_shape(large, 0) == large);
    const auto most = pruned_shape(large, 0.94);
    CHECK(most.hidden == 16);
    CHECK(most.states == 8);
    CHECK(pruned_shape(small_shape, 0.9).hidden == small_shape.hidden);
    auto transformer = large;
    transformer.architecture = encoder_architecture::transformer;
    transformer.states = 0;
    CHECK(pruned_shape(transformer, 0.5).hidden == 64);
    CHECK(pruned_shape(transformer, 0.5).states == 0);
  }

  TEST_CASE("without anything taken away it is the same encoder") {
    const auto weights = weights_of(whole);
    const auto pruned = prune_weights(whole, whole, weights);
    REQUIRE(pruned.has_value());
    CHECK(*pruned == weights);
  }

  TEST_CASE("units that move nothing go first, and nothing changes") {
    auto weights = weights_of(whole);
    for (const std::string block : {"block.0.", "block.1."}) {
      // Each by another of the tensors that a unit's magnitude is made of.
      for (std::size_t i = 0; i < 16; ++i) {
        const auto unit = (i * 5 + 3) % 32;
        if (i % 2 == 0) {
          set_column(weights[block + "down.weight"], unit, 0);
        } else {
          set_row(weights[block + "up.weight"], unit, 0);
          set_row(weights[block + "up.bias"], unit, 0);
        }
      }
      for (std::size_t state = 0; state < 8; ++state) {
        set_column(weights[block + "out.weight"], 2 * state, 0);
        set_column(weights[block + "out.weight"], 16 + 2 * state, 0);
      }
    }
    const auto shape = pruned_shape(whole, 0.5);
    const auto pruned = prune_weights(whole, shape, weights);
    REQUIRE(pruned.has_value());
    CHECK(pruned->at("block.1.in.weight").shape == std::vector<std::size_t>{16, 8});
    CHECK(pruned->at("block.1.out.weight").shape == std::vector<std::size_t>{8, 16});
    CHECK(pruned->at("block.1.nu").values[0] == weights.at("block.1.nu").values[1]);
    CHECK(pruned->at("block.1.theta").values[7] == weights.at("block.1.theta").values[15]);
    CHECK(query_of(shape, *pruned) == query_of(whole, weights));
  }

  TEST_CASE("a unit that is small on one side and large on the other stays") {
    auto weights = weights_of(whole);
    set_row(weights["block.0.up.weight"], 7, 1e-3F);
    set_row(weights["block.0.up.bias"], 7, 0);
    set_column(weights["block.0.down.weight"], 7, 1e5F);
    const auto pruned = prune_weights(whole, pruned_shape(whole, 0.5), weights);
    REQUIRE(pruned.has_value());
    const auto& up = pruned->at("block.0.up.weight").values;
    CHECK(std::count(up.begin(), up.end(), 1e-3F) == 8);
  }

  TEST_CASE("other sizes and other tensors are refused") {
    const auto weights = weights_of(whole);
    auto larger = whole;
    larger.hidden = 48;
    CHECK(prune_weights(whole, larger, weights).error().code == errc::invalid_argument);
    auto wider = whole;
    wider.dimensions = 16;
    CHECK(prune_weights(whole, wider, weights).error().code == errc::invalid_argument);
    auto broken = weights;
    broken.erase("block.1.theta");
    const auto refused = prune_weights(whole, pruned_shape(whole, 0.5), broken);
    REQUIRE(refused.has_error());
    CHECK(refused.error().context == "the encoder's tensor \"block.1.theta\" is missing");
  }

} // TEST_SUITE
