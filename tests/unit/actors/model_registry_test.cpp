#include "actors/model_registry.hpp"

#include "actors/model_files.hpp"
#include "actors/node.hpp"
#include "model/catalogue_slice.hpp"
#include "tests/support/encoder_fixture.hpp"
#include "tests/support/fakes/memory_store.hpp"
#include "tests/support/temp_dir.hpp"

#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using troupe::test::memory_store;

namespace {

constexpr int items = 60;

std::vector<std::string> all_ids() {
  std::vector<std::string> made;
  for (int i = 0; i < items; ++i)
    made.push_back("f" + std::to_string(i));
  return made;
}

/// A running node whose slates are the encoder's alone, with real threads.
struct model_node {
  model_node() {
    settings.node.actor_threads = 2;
    settings.models.directory = (folder.path() / "models").string();
    settings.models.keep = 2;
    settings.blend.co_occurrence = settings.blend.popularity = settings.blend.content = 0;
    settings.blend.novelty = 0;
    settings.slates.deadline = std::chrono::seconds{5}; // of a machine that does much else
    start();
    upsert_items films;
    for (const auto& id : all_ids()) {
      item one;
      one.id = item_id{id};
      films.items.push_back(one);
    }
    REQUIRE(ask<items_ack>(whole->handles().catalog, films).has_value());
  }

  void start() {
    auto made = node::start(settings, store, system_clock(), numbers);
    REQUIRE(made.has_value());
    whole = std::move(*made);
  }

  void restart() {
    REQUIRE(whole->stop().has_value());
    whole.reset();
    start();
  }

  template <class Reply, class Handle, class Message>
  result<Reply> ask(const Handle& whom, Message what) {
    caf::scoped_actor self{whole->system()};
    result<Reply> out = failure{errc::internal, "no answer"};
    self->request(whom, std::chrono::seconds{20}, std::move(what))
        .receive([&](const Reply& reply) { out = reply; },
                 [&](const caf::error& why) { out = to_failure(why); });
    return out;
  }

  result<snapshot_info> publish(unsigned seed, bool activate) {
    const auto files =
        to_files(test::draw_encoder(all_ids(), *rules, seed), 0.5, 0, 17, from_millis(1000))
            .value();
    publish_snapshot what;
    what.facts = files.facts;
    what.files = std::make_shared<const storage::snapshot_files>(files.files);
    what.activate = activate;
    return ask<snapshot_info>(whole->handles().models, what);
  }

  std::vector<snapshot_info> list() {
    return ask<snapshot_list>(whole->handles().models, read_snapshots{}).value().snapshots;
  }

  std::vector<std::uint64_t> versions() {
    std::vector<std::uint64_t> made;
    for (const auto& one : list())
      made.push_back(one.version);
    return made;
  }

  result<snapshot_info> activate(std::uint64_t version) {
    return ask<snapshot_info>(whole->handles().models, activate_snapshot{version});
  }

  void click(const std::string& user, const std::string& on) {
    event made;
    made.id = event_id{user + "-" + std::to_string(++events)};
    made.user = user_id{user};
    made.item = item_id{on};
    made.type = "click";
    made.time = from_millis(1'767'225'600'000 + events * 5000);
    clicks[user].push_back(made);
    REQUIRE(ask<ingest_ack>(whole->handles().directory_of(made.user), ingest{made}).has_value());
  }

  slate_ptr slate_for(const std::string& user) {
    slate_request how;
    how.k = 10;
    const auto made =
        ask<slate_ptr>(whole->handles().directory_of(user_id{user}), recommend{user_id{user}, how});
    REQUIRE(made.has_value());
    CHECK_FALSE((*made)->partial);
    return *made;
  }

  /// What the slate has to be by the version it names: computed from the snapshot's files. Of
  /// users who come back (after a restart) it is known how long they were away.
  void check(const slate& what, std::uint64_t version, bool comes_back = false) {
    REQUIRE(what.model_version == version);
    const auto directory = storage::snapshot_directory::open(
        {.root = settings.models.directory, .create = false, .limits = {}});
    const auto by = to_model(directory->load(version).value(), *rules).value();
    std::vector<model::sequence_event> past;
    std::vector<std::string> seen;
    for (const auto& one : clicks[what.user.value]) {
      auto row = by->row_of(key_of(one.item), nullptr);
      row.pop_back();
      past.push_back({row, by->kind_of(rules->meaning_of(one).rule), one.time});
      seen.push_back(one.item.value);
    }
    model::sequence_state state;
    const model::sequence_advance all{&state, past};
    advance(*by, {&all, 1});
    const auto query = by->query(state, comes_back ? what.created : state.last);
    std::vector<std::pair<float, std::string>> scores;
    for (const auto& id : all_ids()) {
      if (std::find(seen.begin(), seen.end(), id) != seen.end())
        continue;
      const auto row = by->row_of(key_of(item_id{id}), nullptr);
      float sum = 0;
      for (std::size_t i = 0; i < row.size(); ++i)
        sum += row[i] * query[i];
      scores.emplace_back(-sum, id);
    }
    std::sort(scores.begin(), scores.end());
    REQUIRE(what.items.size() == 10);
    for (std::size_t i = 0; i < 10; ++i) {
      CHECK(what.items[i].what->id.value == scores[i].second);
      CHECK(what.items[i].score
            == doctest::Approx(0.5 * std::exp(0.7 * (scores[0].first - scores[i].first)))
                   .epsilon(1e-3));
    }
  }

  test::temp_dir folder;
  config::settings settings;
  metrics numbers;
  memory_store store;
  std::shared_ptr<const model::fold_rules> rules = model::fold_rules::make({}, {}).value();
  std::unique_ptr<node> whole;
  std::map<std::string, std::vector<event>> clicks;
  int events = 0;
};

} // namespace

TEST_SUITE("actors.model_registry") {

  TEST_CASE_FIXTURE(model_node, "without a snapshot the signals serve as version 0") {
    const auto known = list();
    REQUIRE(known.size() == 1);
    CHECK(known[0].version == 0);
    CHECK(known[0].active);
    click("ann", "f1");
    CHECK(slate_for("ann")->model_version == 0);
    CHECK(ask<snapshot_info>(whole->handles().models, rollback_snapshot{}).error().code
          == errc::not_found);
    CHECK(activate(3).error().code == errc::not_found);
  }

  TEST_CASE_FIXTURE(model_node, "slates are made with the active version, each with one") {
    click("ann", "f1");
    click("ann", "f2");
    const auto first = publish(1, true);
    REQUIRE(first.has_value());
    CHECK(first->version == 1);
    CHECK(first->active);
    CHECK(first->event_position == 17);
    check(*slate_for("ann"), 1); // rebuilt from the history
    click("ann", "f3");
    check(*slate_for("ann"), 1); // moved forward
    REQUIRE(publish(2, false)->version == 2);
    check(*slate_for("ann"), 1);
    REQUIRE(activate(2).has_value());
    check(*slate_for("ann"), 2);
    click("ann", "f4");
    click("bea", "f9");
    check(*slate_for("ann"), 2);
    check(*slate_for("bea"), 2);
    const auto back = ask<snapshot_info>(whole->handles().models, rollback_snapshot{});
    REQUIRE(back.has_value());
    CHECK(back->version == 1);
    check(*slate_for("ann"), 1);
    REQUIRE(activate(0)->encoder == "none");
    CHECK(slate_for("ann")->model_version == 0);
  }

  TEST_CASE_FIXTURE(model_node, "under events no switch fails a slate or mixes versions") {
    REQUIRE(publish(1, true).has_value());
    REQUIRE(publish(2, true).has_value());
    for (int round = 0; round < 25; ++round) {
      const auto user = "u" + std::to_string(round % 3);
      click(user, "f" + std::to_string(round));
      const auto before = slate_for(user);
      check(*before, before->model_version);
      REQUIRE(activate(before->model_version == 1 ? 2 : 1).has_value());
      click(user, "f" + std::to_string(items - 1 - round));
      check(*slate_for(user), before->model_version == 1 ? 2 : 1);
    }
  }

  TEST_CASE_FIXTURE(model_node, "the active version is remembered, and how to get back") {
    REQUIRE(publish(1, true).has_value());
    REQUIRE(publish(2, true).has_value());
    REQUIRE(activate(1).has_value());
    click("ann", "f5");
    restart();
    check(*slate_for("ann"), 1, true);
    REQUIRE(ask<snapshot_info>(whole->handles().models, rollback_snapshot{})->version == 2);
    check(*slate_for("ann"), 2, true);
    REQUIRE(activate(0).has_value());
    restart();
    CHECK(slate_for("ann")->model_version == 0); // the signals alone were asked for
  }

  TEST_CASE_FIXTURE(model_node, "a damaged snapshot is refused and the old one goes on") {
    REQUIRE(publish(1, true).has_value());
    REQUIRE(publish(2, false).has_value());
    const auto file =
        std::filesystem::path{settings.models.directory} / "0000000002" / "weights.safetensors";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    {
      std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
      bytes.seekp(-1, std::ios::end);
      bytes.put('x');
    }
    click("ann", "f5");
    const auto refused = activate(2);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::corrupt_data);
    CHECK(refused.error().context.find("weights.safetensors") != std::string::npos);
    check(*slate_for("ann"), 1);
    restart();
    check(*slate_for("ann"), 1, true);
    // If the remembered one is damaged, the newest that is sound serves.
    REQUIRE(publish(3, true)->version == 3);
    REQUIRE(activate(1).has_value());
    std::filesystem::remove_all(std::filesystem::path{settings.models.directory} / "0000000001");
    restart();
    CHECK(slate_for("ann")->model_version == 3);
  }

  TEST_CASE_FIXTURE(model_node, "old versions go, but for the active one and the one before") {
    REQUIRE(publish(1, true).has_value());
    for (unsigned seed = 2; seed <= 4; ++seed)
      REQUIRE(publish(seed, false).has_value());
    CHECK(versions() == std::vector<std::uint64_t>{0, 1, 3, 4});
    REQUIRE(activate(3).has_value());
    REQUIRE(publish(5, true).has_value());
    CHECK(versions() == std::vector<std::uint64_t>{0, 1, 3, 4, 5});
    REQUIRE(publish(6, true).has_value());
    CHECK(versions() == std::vector<std::uint64_t>{0, 3, 5, 6});
  }

  TEST_CASE("what is no encoder of ours is refused by name") {
    const auto rules = model::fold_rules::make({}, {}).value();
    const auto files =
        to_files(test::draw_encoder(all_ids(), *rules), 0.5, 0, 0, from_millis(0)).value();
    storage::snapshot good;
    good.manifest.version = 9;
    good.manifest.facts = files.facts;
    good.files = files.files;
    REQUIRE(to_model(good, *rules).has_value());
    const auto refusal = [&](auto change) {
      auto bad = good;
      change(bad);
      const auto made = to_model(bad, *rules);
      REQUIRE(made.has_error());
      return made.error().context;
    };
    const auto has = [](const std::string& text, const char* part) {
      INFO(text);
      CHECK(text.find("snapshot 9") != std::string::npos);
      CHECK(text.find(part) != std::string::npos);
    };
    has(refusal([](auto& bad) { bad.manifest.facts.encoder = "oracle"; }), "oracle");
    has(refusal([](auto& bad) { bad.manifest.facts.parameters.erase("states"); }), "states");
    has(refusal([](auto& bad) { bad.manifest.facts.parameters["hidden"] = "9x"; }), "9x");
    has(refusal([](auto& bad) { bad.manifest.facts.parameters["hidden"] = "10"; }), "gate");
    has(refusal([](auto& bad) { bad.manifest.facts.parameters["kinds"] = "2"; }), "kinds");
    has(refusal([](auto& bad) { bad.manifest.facts.parameters["blend_weight"] = "-1"; }), "weight");
    has(refusal([](auto& bad) { bad.manifest.facts.parameters["blend_weight"] = "inf"; }),
        "weight");
    has(refusal([](auto& bad) { bad.files.erase("vocabulary.bin"); }), "vocabulary.bin");
    has(refusal([](auto& bad) { bad.files["weights.safetensors"] = "{}"; }), "");
  }

  TEST_CASE("vectors that are kept in int8 serve as what they stand for") {
    const auto rules = model::fold_rules::make({}, {}).value();
    const auto encoder = test::draw_encoder(all_ids(), *rules);
    const auto files =
        to_files(encoder, 0.5, 0, 0, from_millis(0), model::vector_storage::int8).value();
    storage::snapshot good;
    good.manifest.version = 9;
    good.manifest.facts = files.facts;
    good.files = files.files;
    const auto read = to_encoder(good);
    REQUIRE(read.has_value());
    CHECK(read->shape == encoder.shape);
    CHECK(read->weights.at("norm.weight") == encoder.weights.at("norm.weight"));
    const auto& before = encoder.weights.at("item.id").values;
    const auto& after = read->weights.at("item.id").values;
    REQUIRE(after.size() == before.size());
    CHECK(after != before);
    for (std::size_t i = 0; i < before.size(); ++i)
      CHECK(std::abs(after[i] - before[i]) <= 0.5F / 254 * 1.0001F);
    CHECK(to_model(good, *rules).has_value());
    auto& weights = good.files["weights.safetensors"];
    const auto whole = weights;
    weights = model::write_weights(encoder.weights, model::vector_storage::int8);
    CHECK(weights == whole);
    weights.replace(weights.find("item.id.scale"), 13, "item.id.other");
    const auto refused = to_encoder(good);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::corrupt_data);
    CHECK(refused.error().context.starts_with("snapshot 9: the int8 tensor \"item.id\""));
  }
}
