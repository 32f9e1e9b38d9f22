#include "model/evaluate.hpp"

#include "tests/unit/model/movielens.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
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

/// What a ranker under evaluation was told and asked.
struct notebook {
  std::vector<std::string> calls; ///< "enter", "learn", "prepare" and "rank", repetitions left out
  std::size_t entered = 0;
  std::size_t learnt = 0;
  std::size_t prepared = 0;
  std::vector<std::int64_t> asked_at; ///< seconds
  std::vector<std::size_t> history_sizes;
  std::vector<std::string> barred; ///< by query, a digit an item

  void note(const std::string& call) {
    if (calls.empty() || calls.back() != call)
      calls.push_back(call);
  }
};

/// Ranks items by number and writes everything down.
class observer final : public ranker {
public:
  explicit observer(notebook& to, bool takes_part = true) : to_(&to), takes_part_(takes_part) {}

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override {
    CHECK(number == to_->entered++);
    CHECK(record->id.value.size() == 1);
    to_->note("enter");
  }

  void learn(const lesson& what) override {
    ++to_->learnt;
    CHECK(what.now.item < to_->entered);
    CHECK(what.before.history_size() == what.history.size());
    to_->note("learn");
  }

  [[nodiscard]] result<void> prepare() override {
    ++to_->prepared;
    to_->note("prepare");
    if (!takes_part_)
      return failure{errc::invalid_argument, "it has no mind to"};
    return {};
  }

  void rank(const ranking_query& query, std::span<ranked_items> to) override {
    to_->note("rank");
    to_->asked_at.push_back(to_millis(query.now) / 1000);
    to_->history_sizes.push_back(query.history.size());
    std::string barred;
    to[0].clear();
    for (item_number i = 0; i < query.barred.size(); ++i) {
      barred += query.barred[i] != 0 ? '1' : '0';
      if (query.barred[i] == 0 && to[0].size() < query.k)
        to[0].push_back(i);
    }
    to_->barred.push_back(barred);
  }

private:
  notebook* to_;
  bool takes_part_;
  std::vector<std::string> names_{"observer"};
};

result<evaluation> watch(const log_builder& log, notebook& to, evaluation_options options,
                         const std::vector<item>& items = {}, bool takes_part = true) {
  options.models = {"popularity_all_time"};
  std::vector<std::unique_ptr<ranker>> more;
  more.push_back(std::make_unique<observer>(to, takes_part));
  return evaluate(log.events, items, {}, {}, {}, options, std::move(more));
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
    REQUIRE(made->models.size() == 11);
    CHECK(made->models[0].name == "blend");
    CHECK(made->models[1].name == "blend_learnt");
    CHECK(made->models[2].name == "co_occurrence");
    // All items are known by then and five or fewer are unseen.
    CHECK(made->models[0].recall[0] == 1);
    CHECK(made->models[0].mrr > made->models[3].mrr);
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

  TEST_CASE("of new items the events after the first are targets, and no others") {
    log_builder log;
    log.add("u", "a", 0);
    log.add("v", "b", 1);
    log.add("u", "new", 2); // nobody has met it
    log.add("v", "a", 3);   // of the warm-up
    log.add("v", "new", 4);
    log.add("u", "newer", 5);
    evaluation_options options;
    options.warmup = 0.34;
    options.new_items = true;
    const auto made = judge(log, options);
    REQUIRE(made.has_value());
    CHECK(made->targets == 1);
    CHECK(made->models[0].recall[0] == 1);
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

  TEST_CASE("leave-one-out: everything is learnt, then prepared, then ranked") {
    notebook notes;
    evaluation_options options;
    options.protocol = evaluation_protocol::leave_one_out;
    auto log = walkers(2);
    item hidden;
    hidden.id = item_id{"h"};
    hidden.hidden = true;
    const auto made = watch(log, notes, options, {hidden});
    REQUIRE(made.has_value());
    CHECK(notes.calls == std::vector<std::string>{"enter", "learn", "prepare", "rank"});
    CHECK(notes.entered == 7);
    CHECK(notes.learnt == 10);
    CHECK(notes.prepared == 1);
    CHECK(notes.history_sizes == std::vector<std::size_t>{5, 5});
    CHECK(notes.asked_at == std::vector<std::int64_t>{5, 105});
    CHECK(notes.barred[0] == "1111110"); // h first, then a to e; f is the target
    REQUIRE(made->models.size() == 2);
    CHECK(made->models[0].name == "popularity_all_time");
    CHECK(made->models[1].name == "observer");
    CHECK(made->models[1].recall[0] == 1);
    CHECK(made->models[1].recall_interval.low == 1);
    CHECK(made->models[1].recall_curve.empty());
  }

  TEST_CASE("prequentially and after a cut a ranker is prepared before the first target") {
    notebook stream;
    evaluation_options options;
    options.warmup = 0.5;
    const auto made = watch(walkers(4), stream, options);
    REQUIRE(made.has_value());
    CHECK(stream.prepared == 1);
    CHECK(stream.learnt == 24);
    const std::vector<std::string> first(stream.calls.begin(), stream.calls.end());
    CHECK(std::find(first.begin(), first.end(), "prepare")
          < std::find(first.begin(), first.end(), "rank"));
    CHECK(made->curve_at.back() == 10);
    CHECK(made->models[1].recall_curve.size() == evaluation::curve_points);
    notebook split;
    options.protocol = evaluation_protocol::time_split;
    options.cut = 20.0 / 24;
    REQUIRE(watch(walkers(4), split, options).has_value());
    CHECK(split.learnt == 20);
    CHECK(split.calls.back() == "rank");
    CHECK(split.calls[split.calls.size() - 2] == "prepare");
    CHECK(split.history_sizes == std::vector<std::size_t>{2, 3, 4, 5}); // goes on, unlearnt
  }

  TEST_CASE("with query time zero a slate is made at the user's last event") {
    notebook notes;
    evaluation_options options;
    options.protocol = evaluation_protocol::leave_one_out;
    options.when = query_time::zero;
    REQUIRE(watch(walkers(2), notes, options).has_value());
    CHECK(notes.asked_at == std::vector<std::int64_t>{4, 104});
  }

  TEST_CASE("a ranker that cannot take part is left out and the reason told") {
    notebook notes;
    evaluation_options options;
    const auto made = watch(walkers(4), notes, options, {}, false);
    REQUIRE(made.has_value());
    CHECK(made->models.size() == 1);
    REQUIRE(made->notes.size() == 1);
    CHECK(made->notes[0] == "observer: left out, it has no mind to");
    CHECK(notes.asked_at.empty());
  }

  TEST_CASE("models are judged by name, and there must be one") {
    evaluation_options options;
    options.models = {"vmis_knn", "blend"};
    const auto made = judge(walkers(4), options);
    REQUIRE(made.has_value());
    REQUIRE(made->models.size() == 2);
    CHECK(made->models[0].name == "blend");
    CHECK(made->models[1].name == "vmis_knn");
    options.models = {"nobody"};
    CHECK(judge(walkers(4), options).has_error());
    options.models = {"ease"};
    const auto none = judge(walkers(4), options);
    REQUIRE(none.has_error());
    CHECK(none.error().context.find("no model can take part: ease: left out") == 0);
    options.protocol = evaluation_protocol::leave_one_out;
    CHECK(judge(walkers(4), options).has_value());
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
