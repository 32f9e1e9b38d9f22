#include "actors/trainer.hpp"

#include "actors/model_files.hpp"
#include "actors/model_registry.hpp"
#include "tests/support/encoder_fixture.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::troupe_fixture;

namespace {

/// What the worker is asked, and what it will say.
struct drill {
  std::vector<run_round> asked;
  result<round_result> answer = failure{errc::internal, "told nothing"};
};

class drilled_worker {
public:
  using handle = training_worker_actor;
  static constexpr const char* name = "drilled-worker";

  drilled_worker(handle::pointer, drill& by) : by_(by) {}

  handle::behavior_type make_behavior() {
    return {[this](const run_round& what) -> caf::result<round_result> {
      by_.asked.push_back(what);
      if (!by_.answer)
        return to_error(by_.answer.error());
      auto made = *by_.answer;
      made.upto = what.upto;
      return made;
    }};
  }

private:
  drill& by_;
};

std::vector<std::string> ids(int count) {
  std::vector<std::string> made;
  for (int i = 0; i < count; ++i)
    made.push_back("f" + std::to_string(i));
  return made;
}

/// A trainer that has a round every minute, before a worker that trains nothing.
struct school : troupe_fixture {
  school() {
    begin();
    add_items(20);
    options.interval = 60s;
    options.root = folder.path() / "models";
    options.first_events = 40;
    options.users_least = 4;
    options.cpu_share = 1;            // rests would last as long as this machine makes them
    options.at_idle_priority = false; // the thread is the test's
    model_registry_state::options keeping;
    keeping.root = options.root;
    registry = spawn_state<model_registry_state>(
        system, std::ref(static_cast<storage::store&>(store)),
        std::cref(static_cast<const troupe::clock&>(time)), context->rules, context->shards, models,
        starting_model{}, model_registry_probe::make(numbers), keeping);
    worker = spawn_state<drilled_worker>(system, std::ref(lessons));
    trainer = spawn_state<trainer_state>(system, std::ref(static_cast<storage::store&>(store)),
                                         std::cref(static_cast<const troupe::clock&>(time)),
                                         context->rules, std::shared_ptr<const model_slot>{models},
                                         registry, worker, trainer_probe::make(numbers), options);
    run();
  }

  ~school() {
    for (const auto& each :
         {caf::actor_cast<caf::actor>(trainer), caf::actor_cast<caf::actor>(worker),
          caf::actor_cast<caf::actor>(registry)})
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    run();
  }

  /// Each of so many users watches eight films.
  void watch(int users) {
    for (int user = 0; user < users; ++user)
      for (int i = 0; i < 8; ++i, ++happened_) {
        REQUIRE(take("u" + std::to_string(user), "f" + std::to_string((user + i + happened_) % 20),
                     happened_)
                    .has_value());
        time.advance(1s);
      }
  }

  round_result gives(bool accepted, double weight) {
    round_result made;
    made.now = std::make_shared<const model::trained_encoder>(
        test::draw_encoder(ids(20), *context->rules, ++seed_));
    made.before.ndcg = 0.1;
    made.after.ndcg = accepted ? 0.2 : 0.05;
    made.is_accepted = accepted;
    made.weight = weight;
    return made;
  }

  double count(const std::string& what) { return number("troupe_actors_trainer_" + what); }

  std::vector<snapshot_info> versions() {
    return ask<snapshot_list>(registry, read_snapshots{}).value().snapshots;
  }

  test::temp_dir folder;
  drill lessons;
  trainer_state::options options;
  model_registry_actor registry;
  training_worker_actor worker;
  trainer_actor trainer;
  int happened_ = 0;
  unsigned seed_ = 10;
};

} // namespace

TEST_SUITE("actors.trainer") {

  TEST_CASE_FIXTURE(school, "a first model is trained when the log has enough, and is activated") {
    watch(4);
    advance(61s);
    CHECK(lessons.asked.empty()); // 32 events of 40
    lessons.answer = gives(true, 0.4);
    watch(4);
    advance(60s);
    REQUIRE(lessons.asked.size() == 1);
    CHECK(lessons.asked[0].parent == nullptr);
    CHECK(lessons.asked[0].upto == 64);
    REQUIRE(models->load().encoder != nullptr);
    CHECK(models->load().encoder->version() == 1);
    CHECK(models->load().encoder->weight() == 0.4);
    const auto all = versions();
    REQUIRE(all.size() == 2); // and version 0
    CHECK(all[1].event_position == 64);
    CHECK(count("accepted_total") == 1);
  }

  TEST_CASE_FIXTURE(school, "rounds go on from what is active, with what came in since") {
    lessons.answer = gives(true, 0.4);
    watch(6);
    advance(61s);
    REQUIRE(lessons.asked.size() == 1);
    advance(60s);
    CHECK(lessons.asked.size() == 1); // nothing is new
    watch(3);
    advance(60s);
    CHECK(lessons.asked.size() == 1); // too few users are
    lessons.answer = gives(true, 0.6);
    watch(6);
    advance(60s);
    REQUIRE(lessons.asked.size() == 2);
    CHECK(lessons.asked[1].parent != nullptr);
    CHECK(lessons.asked[1].weight == 0.4);
    CHECK(lessons.asked[1].learnt == 48);
    CHECK(lessons.asked[1].upto == 120);
    CHECK(models->load().encoder->version() == 2);
    CHECK(versions().back().parent == 1);
  }

  TEST_CASE_FIXTURE(school, "what the gate refuses is not published, unless its weight is new") {
    lessons.answer = gives(true, 0.4);
    watch(6);
    advance(61s);
    const auto first = models->load().encoder;
    lessons.answer = gives(false, 0.4);
    watch(6);
    advance(60s);
    CHECK(lessons.asked.size() == 2);
    CHECK(count("refused_total") == 1);
    CHECK(models->load().encoder == first);
    CHECK(count("round_ndcg") == 0.05);
    lessons.answer = gives(false, 0.1);
    watch(6);
    advance(60s);
    CHECK(models->load().encoder->version() == 2);
    CHECK(models->load().encoder->weight() == 0.1);
  }

  TEST_CASE_FIXTURE(school, "a round that fails is counted, and the next one comes") {
    lessons.answer = failure{errc::internal, "LibTorch is not there"};
    watch(6);
    advance(61s);
    CHECK(lessons.asked.size() == 1);
    CHECK(count("failed_total") == 1);
    CHECK(count("rounds_under_way") == 0);
    CHECK(models->load().encoder == nullptr);
    lessons.answer = gives(true, 0.4);
    advance(60s);
    CHECK(lessons.asked.size() == 2);
    CHECK(models->load().encoder != nullptr);
  }

  TEST_CASE_FIXTURE(school, "who chose the signals alone is not overruled") {
    const auto files =
        to_files(test::draw_encoder(ids(20), *context->rules), 0.5, 0, 0, time.now());
    publish_snapshot what;
    what.facts = files->facts;
    what.files = std::make_shared<const storage::snapshot_files>(files->files);
    what.activate = false;
    REQUIRE(ask<snapshot_info>(registry, what).has_value());
    watch(8);
    advance(61s);
    CHECK(lessons.asked.empty());
    REQUIRE(ask<snapshot_info>(registry, activate_snapshot{1}).has_value());
    advance(60s);
    CHECK(lessons.asked.size() == 1); // from the one that was chosen
  }

  TEST_CASE_FIXTURE(school, "what was trained on a version that is active no more is only kept") {
    lessons.answer = gives(true, 0.4);
    watch(6);
    advance(61s);
    REQUIRE(models->load().encoder->version() == 1);
    const auto files =
        to_files(test::draw_encoder(ids(20), *context->rules), 0.5, 1, 0, time.now());
    publish_snapshot what;
    what.facts = files->facts;
    what.files = std::make_shared<const storage::snapshot_files>(files->files);
    what.only_after = 1;
    // While the round was under way somebody chose the signals alone.
    REQUIRE(ask<snapshot_info>(registry, activate_snapshot{0}).has_value());
    REQUIRE(ask<snapshot_info>(registry, what).has_value());
    CHECK(models->load().encoder == nullptr);
    CHECK(versions().size() == 3);
    REQUIRE(ask<snapshot_info>(registry, activate_snapshot{1}).has_value());
    REQUIRE(ask<snapshot_info>(registry, what).has_value());
    CHECK(models->load().encoder->version() == 3);
  }

  TEST_CASE_FIXTURE(school, "an erased user is learnt from no more") {
    lessons.answer = gives(true, 0.4);
    watch(6);
    advance(61s);
    REQUIRE(lessons.asked.size() == 1);
    watch(6);
    advance(1s);
    REQUIRE(ask<done>(directory, erase_user{user_id{"u2"}}).has_value());
    REQUIRE(ask<done>(trainer, forget_user{user_id{"u2"}}).has_value());
    advance(60s);
    REQUIRE(lessons.asked.size() == 2);
    CHECK(lessons.asked[1].corpus->data.ends.size() == 5);
  }

  TEST_CASE_FIXTURE(school, "a log of many pages is taken in before the next round") {
    lessons.answer = gives(true, 0.4);
    watch(6);
    advance(61s);
    REQUIRE(lessons.asked.size() == 1);
    watch(40); // of 100 events a page
    advance(60s);
    CHECK(lessons.asked.size() == 1);
    for (int page = 0; page < 3; ++page)
      advance(1ms); // a rest
    REQUIRE(lessons.asked.size() == 2);
    CHECK(lessons.asked[1].learnt == 48);
    CHECK(lessons.asked[1].upto == 368);
    CHECK(lessons.asked[1].corpus->data.ends.size() == 40);
    CHECK(count("buffered_events") == 368);
    watch(1);
    advance(60s);
    CHECK(lessons.asked.size() == 2); // one user is too few
  }

} // TEST_SUITE
