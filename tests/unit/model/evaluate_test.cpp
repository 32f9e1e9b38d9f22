#include "model/evaluate.hpp"

#include "tests/unit/model/movielens.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

struct log_builder {
  std::vector<stored_event> events;

  void add(const std::string& user, const std::string& item, std::int64_t seconds) {
    stored_event made;
    made.arrival = events.size() + 1;
    made.what.id = event_id{std::to_string(made.arrival)};
    made.what.user = user_id{user};
    made.what.item = item_id{item};
    made.what.type = "click";
    made.what.time = from_millis(seconds * 1000);
    events.push_back(std::move(made));
  }
};

/// Everybody walks a-b-c-...: what comes next is certain once it was seen.
log_builder walkers(int users) {
  log_builder log;
  for (int user = 0; user < users; ++user)
    for (int step = 0; step < 6; ++step)
      log.add("u" + std::to_string(user), std::string(1, static_cast<char>('a' + step)),
              user * 100 + step);
  return log;
}

result<evaluation> judge(const log_builder& log, const evaluation_options& options,
                         const config::signals_settings& signals = {}) {
  return evaluate(log.events, {}, {}, signals, {}, options);
}

} // namespace

TEST_SUITE("model.evaluate") {

  TEST_CASE("prequential counts every later event of a user with a history") {
    evaluation_options options;
    options.warmup = 0.5;
    const auto made = judge(walkers(4), options);
    REQUIRE(made.has_value());
    CHECK(made->events == 24);
    CHECK(made->users == 4);
    CHECK(made->items == 6);
    CHECK(made->targets == 10); // two users in the test half, all but their first events
    REQUIRE(made->models.size() == 7);
    CHECK(made->models[0].name == "blend");
    CHECK(made->models[1].name == "co_occurrence");
    // All items are known by then and five or fewer are unseen.
    CHECK(made->models[0].recall[0] == 1);
    CHECK(made->models[0].mrr > made->models[2].mrr);
  }

  TEST_CASE("ranks turn into gains and reciprocal ranks as defined") {
    config::signals_settings signals;
    signals.direction = "forward";
    signals.window = 1;
    evaluation_options options;
    options.warmup = 0.5;
    const auto made = judge(walkers(2), options, signals);
    REQUIRE(made.has_value());
    // With only the next step counted, the target is always first.
    CHECK(made->models[1].mrr == doctest::Approx(1));
    CHECK(made->models[1].ndcg[0] == doctest::Approx(1));
    CHECK(made->models[1].coverage == doctest::Approx(5.0 / 6));
  }

  TEST_CASE("an item nobody met before cannot be hit prequentially") {
    log_builder log;
    for (int n = 0; n < 20; ++n)
      log.add("u", "i" + std::to_string(n), n);
    evaluation_options options;
    options.warmup = 0.1;
    const auto made = judge(log, options);
    REQUIRE(made.has_value());
    CHECK(made->targets == 18);
    CHECK(made->models[0].recall[2] == 0);
  }

  TEST_CASE("leave-one-out takes each user's last event, ties in the order given") {
    auto log = walkers(5);
    log.add("once", "a", 1000);
    log.add("tied", "a", 2000);
    log.add("tied", "b", 2000);
    evaluation_options options;
    options.protocol = evaluation_protocol::leave_one_out;
    const auto made = judge(log, options);
    REQUIRE(made.has_value());
    CHECK(made->targets == 6); // not the user with a single event
    CHECK(made->models[0].recall[0] == 1);
  }

  TEST_CASE("a time split judges known users on what came after, with the model frozen") {
    auto log = walkers(4);
    log.add("u0", "g", 1000); // met only after the cut
    log.add("u1", "f", 1001);
    log.add("late", "a", 1002);
    log.add("late", "b", 1003);
    evaluation_options options;
    options.protocol = evaluation_protocol::time_split;
    options.cut = 24.0 / 28;
    const auto made = judge(log, options);
    REQUIRE(made.has_value());
    CHECK(made->targets == 2);
    CHECK(made->items == 6);
  }

  TEST_CASE("a pushed slate knows nothing that came after it") {
    log_builder log;
    log.add("u", "a", 0);
    log.add("v", "a", 1);
    log.add("v", "b", 2); // u's slate was made before anybody met b
    log.add("u", "b", 3);
    evaluation_options options;
    options.warmup = 0.6;
    auto made = judge(log, options);
    REQUIRE(made.has_value());
    CHECK(made->models[0].recall[0] > 0);
    options.pushed_slate = true;
    made = judge(log, options);
    REQUIRE(made.has_value());
    CHECK(made->models[0].recall[0] == 0);
  }

  TEST_CASE("the same log gives the same figures, in one slice or in three") {
    std::mt19937 random{6};
    log_builder log;
    for (int n = 0; n < 1500; ++n)
      log.add("u" + std::to_string(random() % 20), "i" + std::to_string(random() % 60), n);
    config::signals_settings signals;
    signals.events = {{"click", 1, 1, true, false}}; // items come again: nothing is used up
    evaluation_options options;
    const auto one = judge(log, options, signals);
    const auto again = judge(log, options, signals);
    options.shards = 3;
    const auto three = judge(log, options, signals);
    REQUIRE(one.has_value());
    REQUIRE(three.has_value());
    for (std::size_t i = 0; i < one->models.size(); ++i) {
      CHECK(one->models[i].mrr == again->models[i].mrr);
      CHECK(one->models[i].mrr == doctest::Approx(three->models[i].mrr).epsilon(0.02));
    }
  }

  TEST_CASE("options out of range and logs without a target are refused") {
    evaluation_options options;
    options.warmup = 1;
    CHECK(judge(walkers(2), options).has_error());
    options = {};
    options.shards = 0;
    CHECK(judge(walkers(2), options).has_error());
    options = {};
    options.cut = 0;
    CHECK(judge(walkers(2), options).has_error());
    CHECK(judge({}, {}).has_error());
    config::signals_settings signals;
    signals.events = {{"wrong!", 1, 1, true, true}};
    CHECK(judge(walkers(2), {}, signals).has_error());
  }

} // TEST_SUITE

TEST_SUITE("model.evaluate_data") {

  // Takes the directory of a MovieLens data set; without one there is nothing to judge.
  TEST_CASE("on recorded events the blend beats each of its signals") {
    const char* directory = std::getenv("TROUPE_EVAL_DATA");
    if (directory == nullptr)
      return;
    const auto data = model_test::read_movielens(directory);
    REQUIRE_FALSE(data.events.empty());
    const auto made = evaluate(data.events, data.items, {}, {}, {}, {});
    REQUIRE(made.has_value());
    for (const auto& one : made->models)
      MESSAGE(one.name, ": Recall@10 ", one.recall[1], ", NDCG@10 ", one.ndcg[1]);
    for (std::size_t i = 1; i < made->models.size(); ++i)
      CHECK(made->models[0].ndcg[1] >= made->models[i].ndcg[1]);
  }

} // TEST_SUITE
