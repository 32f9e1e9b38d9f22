#include "model/continue_training.hpp"

#include "model/fit_blend.hpp"
#include "model/history_buffer.hpp"
#include "model/sequence_model.hpp"
#include "tests/support/walks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

std::shared_ptr<const fold_rules> rules() {
  return fold_rules::make({}, {}).value();
}

std::vector<stored_event> walks(int first, int users, int stride, const std::string& stem = "i") {
  return test::walks({.users = users, .first = first, .stride = stride, .stem = stem});
}

struct walkers {
  walkers() {
    training_plan plan;
    plan.options.dimensions = 16;
    plan.options.dropout = 0;
    plan.options.batch_steps = 64;
    plan.epochs_max = 40;
    const auto corpus = make_corpus(walks(0, 60, 1), {}, *rules(), {}).value();
    parent = std::make_unique<trained_encoder>(
        train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}).value());
    buffer = std::make_unique<history_buffer>(rules(), parent->words, history_buffer::limits{});
    for (const auto& one : walks(0, 60, 1))
      buffer->add(one.what, true);
    how.plan.options.dropout = 0;
    how.plan.options.batch_steps = 64;
  }

  result<continued_encoder> go_on(const std::vector<stored_event>& with,
                                  std::span<const item> records = {}) {
    for (const auto& one : with)
      buffer->add(one.what);
    round = buffer->take_round(100'000, 1).value();
    describe_round(*round, *parent, records, {});
    return continue_training(*parent, *round, TROUPE_TRAINING_MODULE, how, {});
  }

  std::unique_ptr<trained_encoder> parent;
  std::unique_ptr<history_buffer> buffer;
  std::optional<sequence_corpus> round;
  continued_plan how;
};

} // namespace

TEST_SUITE("model.continue_training") {

  TEST_CASE_FIXTURE(walkers, "what is new is learnt, and new items get rows") {
    how.rate = 1;
    const auto made = go_on(walks(100, 60, 5, "n"));
    REQUIRE(made.has_value());
    CHECK(made->is_accepted);
    CHECK(made->after.ndcg > made->before.ndcg + 0.1);
    CHECK(made->now.words.items().size() == 24);
    CHECK(made->now.weights.at("item.id").shape == std::vector<std::size_t>{24, 16});
    CHECK(made->now.weights.at("item.bias").shape == std::vector<std::size_t>{24});
    CHECK_FALSE(made->now.unaware.empty());
    const auto served = sequence_model::make(2, made->now, 1, *rules());
    REQUIRE(served.has_value());
    CHECK((*served)->items() == 24);
    // And again from there: the buffer's rows are the continued one's.
    for (const auto& one : walks(200, 20, 1))
      buffer->add(one.what);
    auto next = buffer->take_round(100'000, 2).value();
    describe_round(next, made->now, {}, {});
    CHECK(continue_training(made->now, next, TROUPE_TRAINING_MODULE, how, {}).has_value());
  }

  TEST_CASE("a continued encoder goes on with its projection of items' own vectors") {
    std::vector<item> records;
    for (int i = 0; i < 12; ++i) {
      item one;
      one.id = item_id{"i" + std::to_string(i)};
      one.vector = {static_cast<float>(i % 2), 1, static_cast<float>(i % 3)};
      records.push_back(std::move(one));
    }
    training_plan plan;
    plan.options.dimensions = 16;
    plan.epochs_max = 2;
    const auto first = make_corpus(walks(0, 20, 1), records, *rules(), {}).value();
    const auto parent = train_encoder(first, TROUPE_TRAINING_MODULE, plan, {}, {}).value();
    CHECK(content_size_of(parent) == 3);
    continued_plan how;
    how.plan.epochs_max = 1;
    history_buffer buffer{rules(), parent.words, {}};
    const auto round_of = [&] {
      for (const auto& one : walks(0, 20, 1))
        buffer.add(one.what);
      return buffer.take_round(100'000, 1).value();
    };
    const auto go_on = [&] {
      auto round = round_of();
      describe_round(round, parent, records, {});
      return continue_training(parent, round, TROUPE_TRAINING_MODULE, how, {});
    };
    const auto made = go_on();
    REQUIRE(made.has_value());
    CHECK(content_size_of(made->now) == 3);
    CHECK(made->now.weights.at("content.weight") != parent.weights.at("content.weight"));
    for (auto& one : records) // by now of another size: as if they had none
      one.vector.push_back(1);
    CHECK(go_on().has_value());
    auto other = round_of();
    describe_items(other, records, 4);
    CHECK(continue_training(parent, other, TROUPE_TRAINING_MODULE, how, {}).error().context
          == "the histories' items have vectors of 4 values, the encoder takes 3");
  }

  TEST_CASE_FIXTURE(walkers,
                    "a parent that takes no vectors learns from them when items have some") {
    std::vector<item> records(12);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].id = item_id{"i" + std::to_string(i)};
      records[i].vector.assign(12, 0);
      records[i].vector[i] = 1;
    }
    const auto without = go_on(walks(300, 30, 1));
    const auto with = go_on(walks(300, 30, 1), records);
    REQUIRE(without.has_value());
    REQUIRE(with.has_value());
    CHECK(content_size_of(without->now) == 0);
    CHECK(content_size_of(with->now) == 12);
    const auto& learnt = with->now.weights.at(content_tensor).values;
    CHECK(std::any_of(learnt.begin(), learnt.end(), [](float value) { return value != 0; }));
    const auto vectors = item_vectors::make(with->now);
    REQUIRE(vectors.has_value());
    item unseen;
    unseen.vector = records[0].vector;
    CHECK(vectors->vector_of(key_of(item_id{"unseen"}), &unseen)
          != vectors->vector_of(key_of(item_id{"unseen"}), nullptr));
  }

  TEST_CASE_FIXTURE(walkers, "a fit of the weight looks whether to stop, and stops") {
    const auto events = walks(0, 60, 1);
    std::size_t looks = 0;
    const auto count = [&looks] {
      ++looks;
      return false;
    };
    const auto free = fit_sequence_weight(events, {}, *rules(), {}, *parent);
    const auto held = fit_sequence_weight(events, {}, *rules(), {}, *parent, count);
    REQUIRE(free.has_value());
    REQUIRE(held.has_value());
    CHECK(held->weight == free->weight);
    CHECK(looks > events.size() / 40);
    const auto stop = [] { return true; };
    CHECK(fit_sequence_weight(events, {}, *rules(), {}, *parent, stop).error().code
          == errc::unavailable);
  }

  TEST_CASE_FIXTURE(walkers, "the weight is fitted to events that came after the training") {
    const auto ahead = walks(100, 40, 1);
    const auto meaning = rules(); // outlives the fit
    auto fit = weight_fit::make({}, *meaning, {}, *parent, ahead.size(), 30).value();
    CHECK(fit.best().error().code == errc::invalid_argument); // nothing was asked for
    for (const auto& one : walks(0, 60, 1))
      fit.learn(one.what);
    CHECK(fit.best().has_error());
    for (const auto& one : ahead)
      fit.ask(one.what);
    const auto best = fit.best();
    REQUIRE(best.has_value());
    CHECK(best->users > 20); // first events of users can not be asked for
    CHECK(best->users <= 40);
    for (const auto& trial : best->trials) {
      CHECK(trial.ndcg > 0.2); // the walk is the one that the signals and the encoder learnt
      CHECK(trial.ndcg <= 1);
    }
  }

  TEST_CASE_FIXTURE(walkers, "whoever is asked whether to stop is asked within a batch") {
    const auto free = go_on(walks(100, 60, 1));
    std::size_t asked = 0;
    const auto watched = continue_training(*parent, *round, TROUPE_TRAINING_MODULE, how, [&asked] {
      ++asked;
      return false;
    });
    REQUIRE(free.has_value());
    REQUIRE(watched.has_value());
    CHECK(asked > 10'000); // an epoch has 32 batches
    CHECK(watched->now.weights == free->now.weights);
  }

  TEST_CASE_FIXTURE(walkers, "a pruned parent goes on with the sizes it has") {
    training_plan plan;
    plan.options.dimensions = 16;
    plan.options.batch_steps = 64;
    plan.options.hidden = 16;
    plan.options.states = 8;
    plan.epochs_max = 1;
    const auto corpus = make_corpus(walks(0, 60, 1), {}, *rules(), {}).value();
    *parent = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}).value();
    const auto made = go_on(walks(100, 20, 1));
    REQUIRE(made.has_value());
    CHECK(made->now.shape == parent->shape);
    CHECK(made->now.shape.states == 8);
  }

  TEST_CASE_FIXTURE(walkers, "what is worse than its parent is not accepted") {
    how.rate = 1;
    // They teach steps of five, but the newest event of each, which is judged, is a step of one.
    auto misleading = walks(100, 60, 5);
    for (std::size_t i = 7; i < misleading.size(); i += 8) {
      const auto before = std::stoi(misleading[i - 1].what.item.value.substr(1));
      misleading[i].what.item = item_id{"i" + std::to_string((before + 1) % 12)};
    }
    const auto made = go_on(misleading);
    REQUIRE(made.has_value());
    CHECK(made->before.ndcg > made->after.ndcg + 0.05);
    CHECK_FALSE(made->is_accepted);
  }

  TEST_CASE_FIXTURE(walkers, "too few who can be judged by are no reason to accept") {
    how.users_least = 1000;
    const auto made = go_on(walks(100, 10, 1));
    REQUIRE(made.has_value());
    CHECK(made->after.judged < 1000);
    CHECK_FALSE(made->is_accepted);
  }

  TEST_CASE_FIXTURE(walkers, "another vocabulary and a stop are told") {
    const auto other = make_corpus(walks(0, 10, 1, "x"), {}, *rules(), {}).value();
    CHECK(continue_training(*parent, other, TROUPE_TRAINING_MODULE, how, {}).error().code
          == errc::invalid_argument);
    for (const auto& one : walks(100, 10, 1))
      buffer->add(one.what);
    auto last = buffer->take_round(100'000, 1).value();
    describe_round(last, *parent, {}, {});
    std::size_t asked = 0;
    const auto stopped = continue_training(*parent, last, TROUPE_TRAINING_MODULE, how, [&asked] {
      ++asked;
      return true;
    });
    CHECK(stopped.error().code == errc::unavailable);
    CHECK(asked == 1); // in judging the parent; whoever said so is not asked again
  }
}
