#include "actors/training_worker.hpp"

#include "actors/training_pace.hpp"
#include "model/continue_training.hpp"
#include "model/history_buffer.hpp"
#include "model/trained_encoder.hpp"
#include "storage/checkpoint_file.hpp"
#include "tests/support/encoder_fixture.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::troupe_fixture;

namespace {

/// The worker itself before a log in which users watch one film after the other.
struct workshop : troupe_fixture {
  workshop() {
    begin();
    upsert_items films;
    for (std::size_t i = 0; i < 20; ++i) {
      names.push_back("f" + std::to_string(i));
      films.items.push_back(film(names.back(), "drama"));
      films.items.back().vector.assign(20, 0);
      films.items.back().vector[i] = 1;
    }
    REQUIRE(ask<items_ack>(catalog, films).has_value());
    advance(20ms);
    training_worker_state::options how;
    how.module = TROUPE_TRAINING_MODULE;
    how.first_run = first_run.directory();
    how.blend = settings.blend;
    how.at_idle_priority = false; // the thread is the test's
    worker = spawn_state<training_worker_state>(
        system, std::ref(static_cast<storage::store&>(store)),
        std::cref(static_cast<const troupe::clock&>(time)), context->rules, pace, how);
    run();
  }

  ~workshop() {
    caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
    run();
  }

  /// Each of so many users watches five films, and then the other five. Returns the last arrival.
  std::uint64_t watch(int users, int first = 0) {
    for (int user = 0; user < users; ++user)
      for (int i = first; i < first + 5; ++i, ++happened_) {
        REQUIRE(take("u" + std::to_string(user), names[static_cast<std::size_t>(user + i) % 20],
                     happened_)
                    .has_value());
        time.advance(1s);
      }
    return store.events().last_arrival().value();
  }

  /// A round on a drawn encoder that knows some of the films.
  run_round round(std::uint64_t learnt, std::uint64_t upto) {
    const std::vector<std::string> some(names.begin(), names.begin() + 5);
    run_round made;
    made.parent =
        std::make_shared<const model::trained_encoder>(test::draw_encoder(some, *context->rules));
    model::history_buffer buffer{context->rules, made.parent->words, {}};
    for (const auto& one : store.events().read_arrivals(0, upto).value())
      buffer.add(one.what, one.arrival <= learnt);
    made.corpus = std::make_shared<model::sequence_corpus>(buffer.take_round(1000, 1).value());
    made.learnt = learnt;
    made.upto = upto;
    made.weight = 0.7;
    return made;
  }

  /// A first training up to this arrival: what is to be kept after each epoch, and its end.
  std::pair<std::vector<std::string>, model::trained_encoder> train(std::uint64_t upto) {
    const auto corpus = model::make_corpus(store.events().read_arrivals(0, upto).value(),
                                           store.items().scan({}, 100).value(), *context->rules, {})
                            .value();
    std::vector<std::string> kept;
    model::training_checkpoints checkpoints;
    checkpoints.keep = [&](const std::string& bytes) -> result<void> {
      kept.push_back(std::to_string(upto) + "\n" + bytes);
      return {};
    };
    auto made = model::train_encoder(corpus, TROUPE_TRAINING_MODULE, {}, {}, {}, checkpoints);
    return {std::move(kept), std::move(made).value()};
  }

  result<round_result> work(const run_round& what) { return ask<round_result>(worker, what); }

  std::vector<std::string> names;
  test::temp_dir folder;
  storage::checkpoint_file first_run{folder.path() / "first", "first.checkpoint"};
  std::shared_ptr<training_pace> pace = std::make_shared<training_pace>(1);
  training_worker_actor worker;
  int happened_ = 0;
};

} // namespace

TEST_SUITE("actors.training_worker") {

  TEST_CASE_FIXTURE(workshop, "a round learns from the log and the items in the store") {
    const auto learnt = watch(12);
    const auto upto = watch(12, 5);
    const auto what = round(learnt, upto);
    const auto made = work(what);
    REQUIRE(made.has_value());
    CHECK(made->before.judged == 12); // the last event of each
    CHECK(made->after.judged == made->before.judged);
    CHECK(made->weight != 0.7); // one of those that are tried
    REQUIRE(made->is_accepted); // weights that were drawn know nothing
    CHECK(made->after.ndcg > made->before.ndcg);
    CHECK(made->now->words.items().size() == 20);
    CHECK(model::content_size_of(*made->now) == 20); // its items have vectors
  }

  TEST_CASE_FIXTURE(workshop, "without events the parent has not learnt the weight stays") {
    const auto upto = watch(12);
    auto what = round(0, upto);
    what.learnt = upto;
    const auto made = work(what);
    REQUIRE(made.has_value());
    CHECK(made->weight == 0.7);
  }

  TEST_CASE_FIXTURE(workshop, "a first model is trained on the log up to an arrival") {
    const auto upto = watch(12);
    REQUIRE(take("u0", "made later", ++happened_).has_value());
    run_round what;
    what.upto = upto;
    const auto made = work(what);
    REQUIRE(made.has_value());
    CHECK(made->is_accepted);
    CHECK(made->now->words.items().size() == 16);
    CHECK(made->after.judged > 0);
    CHECK(made->upto == upto);
    CHECK_FALSE(first_run.exists()); // it is done
  }

  TEST_CASE_FIXTURE(workshop, "a first model goes on where a node that ended left it") {
    const auto upto = watch(12);
    const auto [kept, whole] = train(upto);
    REQUIRE(kept.size() > 2);
    REQUIRE(first_run.keep(kept[1]).has_value());
    run_round what;
    what.upto = watch(12, 5);
    const auto made = work(what);
    REQUIRE(made.has_value());
    CHECK(made->upto == upto); // what came in since is for the next round
    CHECK(made->now->weights == whole.weights);
    CHECK_FALSE(first_run.exists());
  }

  TEST_CASE_FIXTURE(workshop, "what was left of another first model, or is damaged, is not used") {
    run_round what;
    what.upto = watch(12);
    const auto kept = train(what.upto - 1).first.back();
    const auto line = kept.find('\n');
    for (const auto& left : {std::to_string(what.upto) + kept.substr(line), kept.substr(0, line),
                             kept.substr(0, kept.size() / 2), std::string{"\n"}, std::string{}}) {
      REQUIRE(first_run.keep(left).has_value());
      const auto made = work(what);
      REQUIRE(made.has_value());
      CHECK(made->upto == what.upto);
      CHECK_FALSE(first_run.exists());
    }
  }

  TEST_CASE_FIXTURE(workshop, "a round on a parent does away with what was left of a first one") {
    const auto learnt = watch(12);
    REQUIRE(first_run.keep("anything").has_value());
    REQUIRE(work(round(learnt, watch(12, 5))).has_value());
    CHECK_FALSE(first_run.exists());
  }

  TEST_CASE_FIXTURE(workshop, "a log that teaches nothing is told") {
    run_round what;
    what.upto = watch(1);
    CHECK(work(what).error().code == errc::invalid_argument);
  }

  TEST_CASE_FIXTURE(workshop, "a stop ends rounds that are under way and those to come") {
    const auto upto = watch(12);
    const auto what = round(0, upto);
    pace->stop();
    const auto next = work(what);
    CHECK(next.error().code == errc::unavailable);
    CHECK(next.error().context == "the round was stopped");
    run_round first;
    first.upto = upto;
    CHECK(work(first).error().code == errc::unavailable);
  }

} // TEST_SUITE
