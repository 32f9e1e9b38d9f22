#include "model/blend_learner.hpp"

#include "tests/unit/model/fold_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

using namespace troupe;
using namespace troupe::model;
using namespace std::chrono_literals;

namespace {

constexpr auto co_occurrence = static_cast<std::size_t>(signal::co_occurrence);
constexpr auto popularity = static_cast<std::size_t>(signal::popularity);
constexpr auto content = static_cast<std::size_t>(signal::content);

/// A blend of three signals that count alike.
config::blend_settings three_alike() {
  config::blend_settings made;
  made.co_occurrence = made.popularity = made.content = 1;
  made.novelty = made.sequence = 0;
  made.position_bias = 0;
  return made;
}

/// Users who want an item by what its signals really say.
class crowd {
public:
  explicit crowd(std::array<double, 3> truth, double position_bias = 0)
      : truth_(truth), position_bias_(position_bias) {}

  /// Slates of ten out of thirty items, best first by the learner's own blend, each looked at.
  void look(blend_learner& learner, int slates) {
    for (int i = 0; i < slates; ++i) {
      const auto weights = weights_of(learner.blend());
      std::array<shown_item, 30> items;
      for (auto& one : items)
        for (std::size_t s = 0; s < truth_.size(); ++s)
          one.signals[s] = static_cast<float>(uniform());
      const auto score = [&weights](const shown_item& one) {
        double sum = 0;
        for (std::size_t s = 0; s < signal_count; ++s)
          sum += weights[s] * static_cast<double>(one.signals[s]);
        return sum;
      };
      std::sort(items.begin(), items.end(),
                [&score](const auto& a, const auto& b) { return score(a) > score(b); });
      for (std::uint32_t at = 0; at < 10; ++at) {
        items[at].position = at;
        learner.observe(items[at], uniform() < wish(items[at]));
      }
    }
  }

private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  [[nodiscard]] double wish(const shown_item& what) const {
    double logit = -4;
    for (std::size_t s = 0; s < truth_.size(); ++s)
      logit += truth_[s] * static_cast<double>(what.signals[s]);
    return std::pow(1.0 + what.position, -position_bias_) / (1 + std::exp(-logit));
  }

  std::mt19937_64 random_{7};
  std::array<double, 3> truth_;
  double position_bias_;
};

timestamp at(std::chrono::milliseconds since) {
  return from_millis(1'767'225'600'000 + since.count());
}

blend_lesson shown(std::uint64_t arrival, std::chrono::milliseconds when, std::uint64_t item) {
  blend_lesson made{arrival, 1, item_key{item}, at(when), shown_item{}, 0};
  made.shown->signals[co_occurrence] = 0.5F;
  return made;
}

blend_lesson acted(std::uint64_t arrival, std::chrono::milliseconds when, std::uint64_t item,
                   int outcome = 1) {
  return {arrival, 1, item_key{item}, at(when), std::nullopt, outcome};
}

} // namespace

TEST_SUITE("model.blend_learner") {

  TEST_CASE("without an impression the weights are as configured") {
    const config::blend_settings configured;
    const blend_learner learner{configured};
    for (const auto factor : learner.factors())
      CHECK(factor == 1);
    CHECK(weights_of(learner.blend()) == weights_of(configured));
    CHECK(learner.changed_arrival() == 0);
  }

  TEST_CASE("a signal that says nothing loses its weight, one that says more gains") {
    blend_learner learner{three_alike()};
    crowd{{4, 0, 2}}.look(learner, 3000);
    const auto factors = learner.factors();
    CHECK(factors[co_occurrence] > 1.5);
    CHECK(factors[popularity] == doctest::Approx(0.25)); // 1 / factor_max
    CHECK(factors[content] / factors[co_occurrence] == doctest::Approx(0.5).epsilon(0.15));
    CHECK(learner.wanted() > 0);
    CHECK(learner.wanted() + learner.unwanted() == 30'000);
  }

  TEST_CASE("weights that are right stay, at whatever scale") {
    for (const double scale : {1.0, 4.0}) {
      blend_learner learner{three_alike()};
      crowd{{scale, scale, scale}}.look(learner, 3000);
      const auto factors = learner.factors();
      for (const auto one : {co_occurrence, popularity, content})
        CHECK(factors[one] == doctest::Approx(1).epsilon(0.25));
    }
  }

  TEST_CASE("that lower positions are looked at less often does not pass for what signals say") {
    auto settings = three_alike();
    settings.position_bias = 1;
    blend_learner aware{settings};
    crowd{{4, 0, 2}, 1}.look(aware, 6000);
    const auto factors = aware.factors();
    CHECK(factors[content] / factors[co_occurrence] == doctest::Approx(0.5).epsilon(0.2));
  }

  TEST_CASE("a signal without a weight is not learnt") {
    auto settings = three_alike();
    settings.popularity = 0;
    slate_item item;
    item.parts = {0.5F, 0.25F, 0.1F, std::numeric_limits<float>::quiet_NaN(), 0};
    settings.novelty = 1;
    settings.content = 0.2;
    const auto made = make_shown(item, 3, weights_of(settings));
    CHECK(made.position == 3);
    CHECK(made.signals[co_occurrence] == 0.5F);
    CHECK(made.signals[popularity] == 0);
    CHECK(made.signals[content] == 0.5F);
    CHECK(made.signals[static_cast<std::size_t>(signal::novelty)] == 0);
    blend_learner learner{settings};
    crowd{{2, 4, 2}}.look(learner, 500);
    CHECK(learner.blend().popularity == 0);
  }

  TEST_CASE("users who change their minds are followed") {
    blend_learner learner{three_alike()};
    crowd{{4, 0, 2}}.look(learner, 15'000);
    crowd{{0, 4, 2}}.look(learner, 30'000);
    const auto factors = learner.factors();
    CHECK(factors[popularity] > factors[content]);
    CHECK(factors[content] > factors[co_occurrence]);
  }

  TEST_CASE("an item is wanted if the user acts on it within the window after it was shown") {
    blend_learner learner{config::blend_settings{}}; // of ten minutes
    for (std::uint64_t item = 10; item < 14; ++item)
      learner.learn(shown(item - 9, 0min, item));
    learner.learn(acted(5, 9min, 10));
    learner.learn(acted(6, 9min, 99)); // was not shown
    learner.learn(acted(7, 9min, 11, -1));
    learner.learn(acted(8, 9min, 13));
    learner.learn(acted(9, 9min, 13, -1)); // the last word counts
    CHECK(learner.open() == 4);
    CHECK(learner.wanted() + learner.unwanted() == 0); // nobody is judged early
    CHECK(learner.changed_arrival() == 0);
    learner.learn(acted(10, 10min, 12)); // too late
    CHECK(learner.wanted() == 1);
    CHECK(learner.unwanted() == 3);
    CHECK(learner.open() == 0);
    CHECK(learner.learned_arrival() == 10);
    CHECK(learner.changed_arrival() == 10);
  }

  TEST_CASE("shown twice is one question, and a lesson counts once") {
    blend_learner learner{config::blend_settings{}};
    learner.learn(shown(1, 0min, 10));
    learner.learn(shown(2, 5min, 10));
    learner.learn(shown(1, 0min, 11)); // replayed
    CHECK(learner.open() == 1);
    learner.learn(acted(3, 12min, 10)); // ten minutes after the first
    CHECK(learner.unwanted() == 1);
    CHECK(learner.wanted() == 0);
    learner.learn(shown(4, 12min, 10)); // asked anew
    learner.learn(acted(5, 13min, 10));
    learner.learn(acted(5, 13min, 10));
    learner.learn(shown(6, 30min, 11));
    CHECK(learner.wanted() == 1);
    CHECK(learner.unwanted() == 1);
  }

  TEST_CASE("beyond the bound the oldest impression has to do without its outcome") {
    blend_learner learner{config::blend_settings{}};
    for (std::uint64_t i = 1; i <= blend_learner::open_max + 3; ++i)
      learner.learn(shown(i, 0min, i));
    CHECK(learner.open() == blend_learner::open_max);
    CHECK(learner.unwanted() == 3);
  }

  TEST_CASE("what an event says of an item is its affinity's sign, else that it counts") {
    const auto rules = model_test::make_rules({}, {});
    const auto outcome = [&](const char* type, std::optional<float> value) {
      stored_event what{model_test::event_of(1, "a", type, 0)};
      what.what.value = value;
      const auto made = make_blend_lesson(what, *rules);
      return made ? made->outcome : 0;
    };
    CHECK(outcome("purchase", {}) == 1);
    CHECK(outcome("rating", 5.0F) == 1);
    CHECK(outcome("rating", 1.0F) == -1);
    CHECK(outcome("dismiss", {}) == -1);
    CHECK(outcome("impression", {}) == 0);
    stored_event seen{model_test::event_of(1, "a", "impression", 0)};
    seen.arrival = 5;
    seen.shown = shown_item{};
    const auto made = make_blend_lesson(seen, *rules);
    REQUIRE(made.has_value());
    CHECK(made->shown == seen.shown);
    CHECK(made->arrival == 5);
  }

  TEST_CASE("a checkpoint goes on as if nothing had happened") {
    blend_learner one{three_alike()};
    crowd{{4, 0, 2}}.look(one, 100);
    one.learn(shown(7, 0min, 10));
    one.learn(shown(8, 0min, 11));
    one.learn(acted(9, 1min, 10));
    one.pass(20);
    blend_learner other{three_alike()};
    REQUIRE(other.restore(one.checkpoint()).has_value());
    CHECK(other.checkpoint() == one.checkpoint());
    CHECK(other.learned_arrival() == 20);
    CHECK(other.open() == 2);
    for (auto* each : {&one, &other}) {
      each->learn(acted(21, 2min, 11));
      each->learn(shown(22, 40min, 10));
    }
    CHECK(other.checkpoint() == one.checkpoint());
    CHECK(other.factors() == one.factors());
  }

  TEST_CASE("a checkpoint that is damaged or of other settings changes nothing") {
    blend_learner whole{three_alike()};
    crowd{{4, 0, 2}}.look(whole, 10);
    whole.learn(shown(7, 0min, 10));
    const auto bytes = whole.checkpoint();
    blend_learner learner{three_alike()};
    const auto before = learner.checkpoint();
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
      CHECK(learner.restore(bytes.substr(0, cut)).has_error());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
      // Four bytes of the head are kept for later.
      if (i < 12 || i >= 16)
        CHECK(learner.restore(flipped).has_error());
    }
    CHECK(learner.checkpoint() == before);
    auto settings = three_alike();
    settings.content = 2;
    blend_learner other{settings};
    CHECK(other.restore(bytes).error().code == errc::invalid_argument);
  }

} // TEST_SUITE
