#include "model/encoder.hpp"

#include "model/dense.hpp"
#include "tests/support/encoder_fixture.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::test;

namespace {

constexpr encoder_shape small{.dimensions = 6, .blocks = 2, .states = 5, .hidden = 9, .kinds = 3};

std::string refusal(const encoder_shape& shape, const tensor_map& weights) {
  const auto made = recurrent_encoder::make(shape, weights);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == errc::invalid_argument);
  return made.error().context;
}

} // namespace

TEST_SUITE("model.encoder") {

  TEST_CASE("gaps are told apart by powers of two of seconds") {
    CHECK(gap_bucket(-1) == 0);
    CHECK(gap_bucket(0) == 1);
    CHECK(gap_bucket(999) == 1);
    CHECK(gap_bucket(1000) == 2);
    CHECK(gap_bucket(2999) == 2);
    CHECK(gap_bucket(3000) == 3);
    CHECK(gap_bucket(std::numeric_limits<std::int64_t>::max()) == gap_buckets - 1);
  }

  TEST_CASE("a dense layer multiplies and adds, whatever the sizes and the batch") {
    std::mt19937 random{1};
    for (const std::size_t inputs : {1U, 7U, 64U})
      for (const std::size_t outputs : {1U, 16U, 19U, 128U}) {
        const auto weight = draw(inputs * outputs, random);
        const auto bias = draw(outputs, random);
        const dense_layer layer{weight, bias};
        constexpr std::size_t batch = 7;
        const auto from = draw(batch * inputs, random);
        std::vector<float> together(batch * outputs);
        layer.apply(from.data(), batch, together.data());
        for (std::size_t n = 0; n < batch; ++n) {
          std::vector<float> alone(outputs);
          layer.apply(&from[n * inputs], 1, alone.data());
          for (std::size_t o = 0; o < outputs; ++o) {
            double sum = static_cast<double>(bias[o]);
            for (std::size_t i = 0; i < inputs; ++i)
              sum += static_cast<double>(weight[o * inputs + i])
                     * static_cast<double>(from[n * inputs + i]);
            CHECK(std::abs(static_cast<double>(alone[o]) - sum) < 1e-5);
            CHECK(alone[o] == together[n * outputs + o]);
          }
        }
      }
  }

  TEST_CASE("states in one call move as they do alone, bit for bit") {
    const auto encoder = *recurrent_encoder::make(small, weights_of(small));
    std::mt19937 random{3};
    constexpr std::size_t users = 71;
    std::vector<std::vector<float>> together(users, std::vector<float>(small.state_size()));
    auto alone = together;
    for (int round = 0; round < 3; ++round) {
      std::vector<std::vector<float>> items;
      std::vector<encoder_event> events;
      std::vector<std::span<float>> states;
      for (std::size_t n = 0; n < users; ++n)
        items.push_back(n % 5 == 0 ? std::vector<float>{} : draw(small.dimensions, random));
      for (std::size_t n = 0; n < users; ++n) {
        events.push_back({items[n], static_cast<std::uint32_t>(random() % 5),
                          static_cast<std::uint32_t>(random() % 40)});
        states.emplace_back(together[n]);
      }
      encoder->step(states, events);
      for (std::size_t n = 0; n < users; ++n) {
        const std::span<float> one{alone[n]};
        encoder->step({&one, 1}, {&events[n], 1});
      }
    }
    CHECK(together == alone);
    CHECK(together[0] != together[1]);
  }

  TEST_CASE("a history in one call moves a state as its events do one by one, bit for bit") {
    std::mt19937 random{4};
    auto shape = small;
    for (const std::size_t blocks : {1U, 2U, 3U}) {
      shape.blocks = blocks;
      const auto encoder = *recurrent_encoder::make(shape, weights_of(shape));
      for (const std::size_t length : {0U, 1U, 2U, 31U, 32U, 33U, 64U, 100U}) {
        const auto items = draw(length * shape.dimensions, random);
        std::vector<encoder_event> events;
        for (std::size_t n = 0; n < length; ++n)
          events.push_back(
              {std::span{items}.subspan(n * shape.dimensions, n % 7 == 3 ? 0 : shape.dimensions),
               static_cast<std::uint32_t>(random() % 5),
               static_cast<std::uint32_t>(random() % 40)});
        std::vector<float> whole(shape.state_size());
        auto stepped = whole;
        encoder->encode(events, whole);
        for (const auto& event : events) {
          const std::span<float> one{stepped};
          encoder->step({&one, 1}, {&event, 1});
        }
        CHECK(whole == stepped);
        // From where it is, a second part goes on.
        std::vector<float> parts(shape.state_size());
        encoder->encode(std::span{events}.first(length / 3), parts);
        encoder->encode(std::span{events}.subspan(length / 3), parts);
        CHECK(parts == whole);
      }
    }
  }

  TEST_CASE("the time until the query changes the query and not the state") {
    const auto encoder = *recurrent_encoder::make(small, weights_of(small));
    const std::vector<float> state(small.state_size(), 0.25F);
    std::vector<float> now(small.dimensions);
    auto later = now;
    encoder->query(state, gap_bucket(0), now);
    encoder->query(state, gap_bucket(86'400'000), later);
    CHECK(now != later);
  }

  TEST_CASE("weights that do not fit are refused by name") {
    auto weights = weights_of(small);
    weights.erase("block.1.nu");
    CHECK(refusal(small, weights) == "the encoder's tensor \"block.1.nu\" is missing");
    weights = weights_of(small);
    weights["norm.bias"].shape = {2, 3};
    CHECK(refusal(small, weights)
          == "the encoder's tensor \"norm.bias\" has shape [2, 3], not [6]");
    weights = weights_of(small);
    weights["block.0.skip"].values[2] = std::numeric_limits<float>::quiet_NaN();
    CHECK(refusal(small, weights)
          == "the encoder's tensor \"block.0.skip\" holds a number that is not finite");
    auto shape = small;
    shape.blocks = 17;
    CHECK(refusal(shape, weights_of(small)).find("17 blocks") != std::string::npos);
  }

} // TEST_SUITE
