#include "model/smaller_encoder.hpp"

#include "model/encoder_figures.hpp"
#include "model/prune_encoder.hpp"
#include "model/sequence_model.hpp"
#include "tests/support/walks.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

std::shared_ptr<const fold_rules> rules() {
  return fold_rules::make({}, {}).value();
}

std::vector<stored_event> walks() {
  return test::walks({.items = 30, .apart = 7});
}

struct walkers {
  walkers() {
    plan.options.dimensions = 16;
    plan.options.dropout = 0.1;
    plan.options.learning_rate = 5e-3;
    plan.options.batch_steps = 128;
    plan.epochs_max = 8;
  }

  [[nodiscard]] result<trained_encoder> train(const training_plan& by) const {
    return train_encoder(corpus, TROUPE_TRAINING_MODULE, by, {}, {});
  }

  [[nodiscard]] result<trained_encoder> prune(const trained_encoder& from, double share,
                                              const std::function<bool()>& stop = {}) const {
    return prune_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {.share = share}, from, {}, stop);
  }

  sequence_corpus corpus = make_corpus(walks(), {}, *rules(), {}).value();
  training_plan plan;
};

std::chrono::nanoseconds steps_of_two_milliseconds() {
  static std::chrono::nanoseconds now{};
  return now += std::chrono::milliseconds{2};
}

} // namespace

TEST_SUITE("model.smaller_encoder") {

  TEST_CASE_FIXTURE(walkers, "a student is recurrent and learns what its teacher knows") {
    auto teacher = train(teacher_plan(plan));
    REQUIRE(teacher.has_value());
    CHECK(teacher->shape.architecture == encoder_architecture::transformer);
    CHECK(teacher->unaware.empty()); // it never learnt the held-out events
    const auto alone = train(plan);
    plan.teacher = std::make_shared<const trained_encoder>(std::move(*teacher));
    plan.options.teacher_share = 0.5;
    const auto student = train(plan);
    REQUIRE(student.has_value());
    CHECK(student->shape.architecture == encoder_architecture::recurrent);
    CHECK(student->judged.ndcg > 0.8);
    CHECK(student->weights != alone->weights);
    auto strange = *plan.teacher;
    strange.weights.erase("norm.bias");
    plan.teacher = std::make_shared<const trained_encoder>(std::move(strange));
    CHECK(train(plan).error().context
          == "the teacher: tensor \"norm.bias\" is missing or has another shape");
  }

  TEST_CASE_FIXTURE(walkers, "a student's run is not resumed as a plain one") {
    std::string kept;
    training_checkpoints checkpoints;
    checkpoints.keep = [&kept](const std::string& bytes) -> result<void> {
      kept = bytes;
      return {};
    };
    plan.teacher = std::make_shared<const trained_encoder>(train(teacher_plan(plan)).value());
    plan.options.teacher_share = 0.5;
    const auto run = [&](const training_checkpoints& by) {
      return train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}, by);
    };
    const auto whole = run(checkpoints);
    REQUIRE(whole.has_value());
    checkpoints = {{}, kept};
    CHECK(run(checkpoints)->weights == whole->weights);
    plan.options.teacher_share = 0;
    plan.teacher = nullptr;
    CHECK(run(checkpoints).error().code == errc::invalid_argument);
  }

  TEST_CASE_FIXTURE(walkers, "a pruned encoder is smaller, recovers, and serves") {
    const auto from = train(plan).value();
    REQUIRE_FALSE(from.unaware.empty());
    const auto made = prune(from, 0.5);
    REQUIRE(made.has_value());
    CHECK(made->shape == pruned_shape(from.shape, 0.5));
    CHECK(made->shape.hidden == 16);
    CHECK(made->shape.states == 8);
    CHECK_FALSE(made->unaware.empty());
    CHECK(made->judged.ndcg > 0.8 * from.judged.ndcg);
    CHECK(sequence_model::make(1, *made, 1, *rules()).has_value());
    bool first = true;
    const auto stopped = prune(from, 0.5, [&first] { return !std::exchange(first, false); });
    REQUIRE(stopped.has_error());
    CHECK(stopped.error().code == errc::unavailable);
  }

  TEST_CASE_FIXTURE(walkers, "passes after pruning are resumed from a checkpoint") {
    const auto from = train(plan).value();
    std::vector<std::string> kept;
    const auto run = [&](std::string resume) {
      training_checkpoints checkpoints;
      checkpoints.resume = std::move(resume);
      checkpoints.keep = [&kept](const std::string& bytes) -> result<void> {
        kept.push_back(bytes);
        return {};
      };
      return prune_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {.share = 0.5}, from, {}, {},
                           checkpoints);
    };
    const auto whole = run("").value();
    const auto passes = kept.size();
    REQUIRE(passes > 3);
    const auto resumed = run(kept[1]).value();
    CHECK(kept.size() == passes + passes - 2); // the first two were not made again
    CHECK(resumed.weights == whole.weights);
    CHECK(resumed.unaware == whole.unaware);
    plan.options.seed = 7;
    CHECK(run(kept[1]).error().code == errc::invalid_argument);
  }

  TEST_CASE_FIXTURE(walkers, "what cannot be pruned is said before") {
    const auto shape = trained_shape(plan.options, 1);
    CHECK(plan_pruning(shape, 0).error().context
          == "the share to prune is 0; it takes more than 0 and less than 0.95");
    CHECK(plan_pruning(shape, 0.95).has_error());
    CHECK(plan_pruning(shape, std::nan("")).has_error());
    CHECK(plan_pruning(shape, 0.1).error().context
          == "without 0.1 of its 32 hidden units and 16 states the encoder would be no faster; it "
             "is small as it is");
    CHECK(plan_pruning(shape, 0.5).has_value());
  }

  TEST_CASE_FIXTURE(walkers, "int8 vectors are judged as they will serve") {
    const auto from = train(plan).value();
    const auto made = quantise_encoder(corpus, TROUPE_TRAINING_MODULE, plan, from);
    REQUIRE(made.has_value());
    CHECK(made->weights.at("item.id") != from.weights.at("item.id"));
    CHECK(made->weights.at("item.bias") == from.weights.at("item.bias"));
    CHECK(made->unaware.at("item.id") != from.unaware.at("item.id"));
    CHECK(made->judged.epoch == from.judged.epoch);
    CHECK(made->judged.held_out_loss != from.judged.held_out_loss);
    CHECK(made->judged.ndcg == doctest::Approx(from.judged.ndcg).epsilon(0.05));
  }

  TEST_CASE_FIXTURE(walkers, "figures are of the encoder, its items and its file") {
    plan.epochs_max = 1;
    for (const auto& by : {plan, teacher_plan(plan)}) {
      const auto from = train(by).value();
      const auto plain = measure_encoder(from, vector_storage::float32, steps_of_two_milliseconds);
      const auto int8 = measure_encoder(from, vector_storage::int8, steps_of_two_milliseconds);
      REQUIRE(plain.has_value());
      REQUIRE(int8.has_value());
      CHECK(plain->ndcg == from.judged.ndcg);
      CHECK(plain->recall == from.judged.recall);
      // Each call seems to take two milliseconds, long enough to be a round of its own.
      CHECK(plain->event_micros == doctest::Approx(2000));
      CHECK(plain->catalogue_micros == doctest::Approx(2000));
      CHECK(int8->weight_bytes < plain->weight_bytes);
    }
    auto broken = train(plan).value();
    broken.weights.erase("item.bias");
    CHECK(measure_encoder(broken, vector_storage::float32, steps_of_two_milliseconds).has_error());
  }

} // TEST_SUITE
