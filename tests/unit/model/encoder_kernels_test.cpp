#include "model/encoder_kernels.hpp"

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

using namespace troupe::model;

namespace {

std::vector<float> draw_numbers(std::mt19937_64& random, std::size_t count, float width) {
  std::normal_distribution<float> normal{0.25F, width};
  std::vector<float> made(count);
  for (auto& each : made)
    each = normal(random);
  return made;
}

/// Runs `check` once with each instruction set this processor has and the build made, and for
/// several sizes.
template <class Check>
void on_every_target(Check check) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    INFO("target " << hwy::TargetName(target));
    std::mt19937_64 random{1};
    for (const std::size_t size : {1U, 3U, 8U, 16U, 31U, 64U, 100U})
      check(random, size);
    hwy::SetSupportedTargetsForTest(0);
  }
  hwy::GetChosenTarget().DeInit();
}

double precise(float value) {
  return static_cast<double>(value);
}

} // namespace

TEST_SUITE("model.encoder_kernels") {

  TEST_CASE("layer normalisation is what double arithmetic gives, to rounding") {
    on_every_target([](std::mt19937_64& random, std::size_t size) {
      constexpr std::size_t rows = 3;
      const auto weight = draw_numbers(random, size, 1);
      const auto bias = draw_numbers(random, size, 1);
      const auto from = draw_numbers(random, rows * size, 2);
      std::vector<float> to(from.size());
      kernels::normalise(weight, bias, from.data(), rows, to.data());
      for (std::size_t row = 0; row < rows; ++row) {
        const auto* values = &from[row * size];
        double mean = 0;
        for (std::size_t i = 0; i < size; ++i)
          mean += precise(values[i]) / static_cast<double>(size);
        double variance = 0;
        for (std::size_t i = 0; i < size; ++i)
          variance += std::pow(precise(values[i]) - mean, 2) / static_cast<double>(size);
        for (std::size_t i = 0; i < size; ++i) {
          const auto unit = (precise(values[i]) - mean) / std::sqrt(variance + 1e-5);
          CHECK(
              std::abs(precise(to[row * size + i]) - (unit * precise(weight[i]) + precise(bias[i])))
              < 1e-5);
        }
      }
      auto in_place = from;
      kernels::normalise(weight, bias, in_place.data(), rows, in_place.data());
      CHECK(in_place == to);
    });
  }

  TEST_CASE("a gate multiplies by its SiLU, far from zero too, wherever it stands") {
    on_every_target([](std::mt19937_64& random, std::size_t size) {
      const auto gates = draw_numbers(random, size, 30);
      const auto before = draw_numbers(random, size, 1);
      auto values = before;
      kernels::multiply_silu(gates, values);
      for (std::size_t i = 0; i < size; ++i) {
        const auto x = precise(gates[i]);
        const auto expected = precise(before[i]) * x / (1 + std::exp(-x));
        CHECK(std::abs(precise(values[i]) - expected) < 1e-6 * (1 + std::abs(expected)));
        float alone = before[i];
        kernels::multiply_silu({&gates[i], 1}, {&alone, 1});
        CHECK(alone == values[i]);
      }
      std::vector<float> huge{1, 1};
      kernels::multiply_silu(std::vector<float>{1e30F, -1e30F}, huge);
      CHECK(huge[0] == 1e30F);
      CHECK(std::abs(huge[1]) < 1e-3F);
    });
  }

  TEST_CASE("a recurrence turns and shrinks its state, adds what comes in, and shows it") {
    on_every_target([](std::mt19937_64& random, std::size_t size) {
      const auto decay = draw_numbers(random, 2 * size, 0.5F);
      const auto before = draw_numbers(random, 2 * size, 1);
      const auto in = draw_numbers(random, 2 * size, 1);
      auto state = before;
      auto shown = in;
      kernels::recur(decay, state.data(), shown.data());
      CHECK(shown == state);
      for (std::size_t i = 0; i < size; ++i) {
        const auto real = precise(decay[i]) * precise(before[i])
                          - precise(decay[size + i]) * precise(before[size + i]) + precise(in[i]);
        const auto imaginary = precise(decay[i]) * precise(before[size + i])
                               + precise(decay[size + i]) * precise(before[i])
                               + precise(in[size + i]);
        CHECK(std::abs(precise(state[i]) - real) < 1e-5);
        CHECK(std::abs(precise(state[size + i]) - imaginary) < 1e-5);
      }
    });
  }

  TEST_CASE("sums of rows, with a part left out or weighed, are sums") {
    on_every_target([](std::mt19937_64& random, std::size_t size) {
      const auto a = draw_numbers(random, 2 * size, 1);
      const auto b = draw_numbers(random, 2 * size, 1);
      const auto c = draw_numbers(random, 2 * size, 1);
      const std::span first{a.data(), size};
      std::vector<float> all(size);
      std::vector<float> two(size);
      kernels::add_scaled(first, {b.data(), size}, {c.data(), size}, 4, all.data());
      kernels::add_scaled(first, {b.data(), size}, {}, 4, two.data());
      auto skipped = a;
      kernels::add_skipping({c.data(), size}, b.data(), c.data(), 2, skipped.data());
      auto added = a;
      kernels::add(b, added);
      for (std::size_t i = 0; i < size; ++i) {
        CHECK(all[i] == (a[i] + b[i] + c[i]) * 4);
        CHECK(two[i] == (a[i] + b[i]) * 4);
      }
      for (std::size_t i = 0; i < 2 * size; ++i) {
        CHECK(added[i] == a[i] + b[i]);
        CHECK(std::abs(skipped[i] - (a[i] + b[i] + c[i % size] * c[i])) < 1e-5F);
      }
    });
  }

} // TEST_SUITE
