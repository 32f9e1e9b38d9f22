#include "model/catalogue_slice.hpp"

#include "base/stable_hash.hpp"
#include "tests/unit/model/slice_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;

TEST_SUITE("model.catalogue_slice") {

  TEST_CASE("three films in a row give the counts one finds by hand") {
    config::signals_settings signals;
    signals.window = 2;
    slices all{1, signals};
    all.upsert({"a", "b", "c"});
    // b comes after a at distance 1; c after b at 1 and after a at 2.
    all.learn("a", {}, 1);
    all.learn("b", {"a"}, 2);
    all.learn("c", {"b", "a"}, 3);
    const auto near_a = all.score({{"a", 1.0F}});
    REQUIRE(near_a.size() == 3);
    const auto part = [](const candidate& one) {
      return one.parts[static_cast<std::size_t>(signal::co_occurrence)];
    };
    std::map<std::string, float> parts;
    for (const auto& one : near_a)
      parts[one.what->id.value] = part(one);
    CHECK(parts["b"] == doctest::Approx(2 * parts["c"])); // 1 against 1/2
    CHECK(parts["a"] == 0);
    CHECK(near_a[0].what->id == item_id{"b"});
    // Both directions: what stands after b, and what stood before it.
    parts.clear();
    for (const auto& one : all.score({{"b", 1.0F}}))
      parts[one.what->id.value] = part(one);
    CHECK(parts["a"] == doctest::Approx(parts["c"]));
  }

  TEST_CASE("with direction forward only what came after counts") {
    config::signals_settings signals;
    signals.direction = "forward";
    slices all{1, signals};
    all.upsert({"a", "b"});
    all.learn("a", {}, 1);
    all.learn("b", {"a"}, 2);
    for (const auto& one : all.score({{"b", 1.0F}}))
      CHECK(one.parts[0] == 0);
    CHECK(all.score({{"a", 1.0F}})[0].parts[0] > 0);
  }

  TEST_CASE("two slices answer as one does") {
    slices one{1};
    slices two{2};
    random_stream stream{17};
    for (int n = 0; n < 3000; ++n) {
      const auto what = stream.next();
      one.learn(what);
      two.learn(what);
    }
    for (auto* all : {&one, &two})
      for (int n = 0; n < 80; ++n)
        all->upsert({"i" + std::to_string(n)});
    for (int n = 0; n < 60; n += 7) {
      const std::vector<std::pair<std::string, float>> recent{
          {"i" + std::to_string(n), 1.0F}, {"i" + std::to_string((n * 13) % 80), 0.8F}};
      const auto a = one.score(recent);
      const auto b = two.score(recent);
      REQUIRE(a.size() == b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].what->id == b[i].what->id);
        CHECK(a[i].score == doctest::Approx(b[i].score));
      }
    }
  }

  TEST_CASE("the parts of a candidate sum up to its score") {
    slices all{1};
    random_stream stream{3};
    for (int n = 0; n < 500; ++n)
      all.learn(stream.next());
    for (int n = 0; n < 80; ++n)
      all.upsert({"i" + std::to_string(n)});
    for (const auto& one : all.score({{"i1", 1.0F}, {"i2", 0.8F}})) {
      float sum = 0;
      for (const auto part : one.parts)
        sum += part;
      CHECK(sum == doctest::Approx(one.score));
    }
  }

  TEST_CASE("events are learnt once, in order of arrival") {
    slices all{1};
    all.upsert({"a", "b"});
    observation what;
    what.item = item_id{"a"};
    what.arrival = 5;
    all.learn(what);
    all.learn(what);
    what.arrival = 4;
    all.learn(what);
    CHECK(all.parts[0].learned_arrival() == 5);
    const auto top = all.parts[0].popular(0, 10, nullptr);
    REQUIRE(top.size() == 2);
    CHECK(top[0].score == doctest::Approx(1));
    what.item = item_id{"b"};
    what.arrival = 6;
    all.learn(what);
    CHECK(all.parts[0].popular(0, 10, nullptr)[0].score == doctest::Approx(0.5));
  }

  TEST_CASE("what was counted before the record came counts once it is there") {
    slices all{1};
    all.upsert({"a"});
    all.learn("a", {}, 1);
    all.learn("b", {"a"}, 2);
    CHECK(all.parts[0].stats().unknown == 1);
    for (const auto& one : all.score({{"a", 1.0F}}))
      CHECK(one.what->id != item_id{"b"});
    all.upsert({"b"});
    CHECK(all.parts[0].stats().unknown == 0);
    CHECK(all.score({{"a", 1.0F}})[0].what->id == item_id{"b"});
    CHECK(all.parts[0].remove(key_of(item_id{"b"})));
    CHECK_FALSE(all.parts[0].remove(key_of(item_id{"b"})));
    for (const auto& one : all.score({{"a", 1.0F}}))
      CHECK(one.what->id != item_id{"b"});
  }

  TEST_CASE("hidden, excluded, seen and own items stay away, pins come in any case") {
    slices all{1};
    all.upsert({"a", "hidden", "excluded", "seen", "own", "free", "pinned"});
    auto changed = make_item("hidden");
    changed.hidden = true;
    all.upsert(changed);
    changed = make_item("own");
    changed.properties["owner_id"] = std::string{"me"};
    all.upsert(changed);
    for (const char* item : {"hidden", "excluded", "seen", "own", "free"})
      all.learn(item, {"a"}, 0);

    auto who = std::make_shared<taste>();
    who->recent = {{key_of(item_id{"a"}), 1.0F}};
    for (const char* item : {"a", "seen", "pinned"})
      who->seen.insert(key_of(item_id{item}), 100);
    score_query query;
    query.who = who;
    query.user = user_id{"me"};
    query.exclude = std::make_shared<std::vector<item_key>>(1, key_of(item_id{"excluded"}));
    query.pin = std::make_shared<std::vector<item_key>>(
        std::vector{key_of(item_id{"pinned"}), key_of(item_id{"hidden"})});
    CHECK(ids_of(all.parts[0].score(query).found) == std::vector<std::string>{"free", "pinned"});

    config::blend_settings blend;
    blend.seen = "allow";
    blend.own_items = "allow";
    slices open{1, {}, blend};
    open.upsert({"seen", "own"});
    CHECK(open.parts[0].score(query).found.size() == 2);
  }

  TEST_CASE("seen items are demoted where the configuration says so") {
    config::blend_settings blend;
    blend.seen = "demote";
    blend.seen_demotion = 0.25;
    slices all{1, {}, blend};
    all.upsert({"a", "b", "c"});
    for (int n = 0; n < 3; ++n)
      all.learn("b", {"a"}, 0);
    for (int n = 0; n < 2; ++n)
      all.learn("c", {"a"}, 0);
    auto who = std::make_shared<taste>();
    who->recent = {{key_of(item_id{"a"}), 1.0F}};
    score_query query;
    query.who = who;
    CHECK(all.parts[0].score(query).found[0].what->id == item_id{"b"});
    const auto before = all.parts[0].score(query).found[0].score;
    auto knows = std::make_shared<taste>(*who);
    knows->seen.insert(key_of(item_id{"b"}), 100);
    query.who = knows;
    const auto found = all.parts[0].score(query).found;
    CHECK(found[0].what->id == item_id{"c"});
    const auto b = std::find_if(found.begin(), found.end(),
                                [](const auto& one) { return one.what->id == item_id{"b"}; });
    REQUIRE(b != found.end());
    CHECK(b->score == doctest::Approx(before * 0.25F));
  }

  TEST_CASE("a filter that refuses nearly all still finds what is there") {
    slices all{1};
    for (int n = 0; n < 2000; ++n) {
      auto made = make_item("i" + std::to_string(n));
      made.categories = {n == 1234 ? "Rare" : "Common"};
      all.upsert(made);
    }
    for (int n = 0; n < 2000; n += 3)
      all.learn("i" + std::to_string(n), {"i0"}, 0);
    const auto only = filter::parse("category == \"Rare\"");
    REQUIRE(only.has_value());
    score_query query;
    query.who = std::make_shared<taste>();
    query.only = *only;
    CHECK(ids_of(all.parts[0].score(query).found) == std::vector<std::string>{"i1234"});
    CHECK(ids_of(all.parts[0].popular(0, 5, only->get())) == std::vector<std::string>{"i1234"});
  }

  TEST_CASE("a taste brings up items with its labels, and says because of what") {
    slices all{1};
    for (int n = 0; n < 50; ++n) {
      auto made = make_item("i" + std::to_string(n));
      made.categories = {"Drama"};
      made.tags = {"tag" + std::to_string(n % 10)};
      all.upsert(made);
    }
    auto who = std::make_shared<taste>();
    who->recent = {{key_of(item_id{"i3"}), 1.0F}};
    who->labels = {{stable_hash("tag:tag3"), 1.0F}};
    who->seen.insert(key_of(item_id{"i3"}), 10);
    score_query query;
    query.who = who;
    query.with_reasons = true;
    const auto answer = all.parts[0].score(query);
    REQUIRE(answer.found.size() >= 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(answer.found[i].what->tags[0] == "tag3");
      CHECK(answer.found[i].because == key_of(item_id{"i3"}));
    }
    REQUIRE(answer.past.size() == 1);
    CHECK(answer.past[0]->id == item_id{"i3"});
  }

  TEST_CASE("the reason is the past item with the largest part") {
    slices all{1};
    all.upsert({"a", "b", "x"});
    all.learn("x", {"a"}, 0);
    all.learn("x", {"b"}, 0);
    auto who = std::make_shared<taste>();
    who->recent = {{key_of(item_id{"a"}), 0.5F}, {key_of(item_id{"b"}), 1.0F}};
    score_query query;
    query.who = who;
    query.with_reasons = true;
    const auto found = all.parts[0].score(query).found;
    CHECK(found[0].what->id == item_id{"x"});
    CHECK(found[0].because == key_of(item_id{"b"}));
  }

  TEST_CASE("a new item is a candidate at once, and new by the stream's clock") {
    slices all{1};
    all.upsert({"old"});
    all.learn("old", {}, 1'000'000'000'000);
    auto fresh = make_item("fresh");
    fresh.created = from_millis(1'700'000'000'000);
    all.upsert(fresh);
    const auto found = all.score({});
    const auto at = std::find_if(found.begin(), found.end(),
                                 [](const auto& one) { return one.what->id == item_id{"fresh"}; });
    REQUIRE(at != found.end());
    const auto novelty = static_cast<std::size_t>(signal::novelty);
    CHECK(at->parts[novelty] > 0);
    const auto before = at->parts[novelty];
    // Two half-lives of the stream later a quarter is left.
    all.learn("old", {}, 1'700'000'000'000 + std::int64_t{28} * 86'400'000);
    for (const auto& one : all.score({}))
      if (one.what->id == item_id{"fresh"})
        CHECK(one.parts[novelty] == doctest::Approx(before / 4));
  }

  TEST_CASE("similar items share neighbours, labels or words, and never the item itself") {
    slices all{1};
    auto one = make_item("one");
    one.title = "Star Wars";
    auto two = make_item("two");
    two.title = "Star Wars: Return";
    auto other = make_item("other");
    other.title = "Emma";
    for (const auto& item : {one, two, other})
      all.upsert(item);
    all.learn("other", {"one"}, 0);
    const auto record = all.parts[0].find(key_of(item_id{"one"}));
    const auto found = ids_of(all.parts[0].similar(key_of(item_id{"one"}), record, 10, nullptr));
    CHECK(found.size() == 2);
    CHECK(std::find(found.begin(), found.end(), "one") == found.end());
    CHECK(all.parts[0].similar(key_of(item_id{"unheard"}), nullptr, 10, nullptr).empty());
  }

  TEST_CASE("traits name categories and tags of known items") {
    slices all{1};
    auto made = make_item("a");
    made.categories = {"Drama", "War"};
    made.tags = {"slow"};
    all.upsert(made);
    const auto traits = all.parts[0].traits(key_of(item_id{"a"}));
    CHECK(traits.known);
    CHECK(traits.labels == std::vector<std::string>{"category:Drama", "category:War", "tag:slow"});
    CHECK_FALSE(all.parts[0].traits(key_of(item_id{"b"})).known);
  }

  TEST_CASE("a query asks for no more than the configuration allows") {
    config::signals_settings signals;
    signals.candidates_max = 7;
    slices all{1, signals};
    for (int n = 0; n < 100; ++n)
      all.upsert({"i" + std::to_string(n)});
    score_query query;
    query.limit = 1000;
    CHECK(all.parts[0].score(query).found.size() == 7);
  }

  TEST_CASE("the best few are the first of the best many, whatever is passed over") {
    const auto weighed = [](double near, double popular, double alike, double fresh,
                            const char* seen) {
      config::blend_settings made;
      made.co_occurrence = near;
      made.popularity = popular;
      made.content = alike;
      made.novelty = fresh;
      made.seen = seen;
      return std::make_shared<const config::blend_settings>(made);
    };
    slices all{2};
    random_stream stream{21};
    for (int n = 0; n < 80; ++n) {
      auto one = make_item("i" + std::to_string(n));
      one.categories = {"c" + std::to_string(n % 7)};
      one.tags = {"t" + std::to_string(n % 11)};
      one.created = from_millis(1'500'000'000'000 + std::int64_t{n} * 40'000'000);
      one.hidden = n % 9 == 0;
      all.upsert(one);
    }
    for (int n = 0; n < 600; ++n)
      all.learn(stream.next());
    const auto only = *filter::parse("not category == \"c3\"");
    for (const auto& blend :
         {weighed(1, 0.1, 0.05, 0.01, "exclude"), weighed(0.001, 1, 0.3, 0.2, "demote"),
          weighed(0, 0, 0, 1, "allow"), weighed(-1, 0.5, -1, 0, "exclude")}) {
      auto who = std::make_shared<taste>();
      for (std::size_t n = 0; n < 6; ++n) {
        const auto key = key_of(item_id{"i" + std::to_string(stream.pick(80))});
        who->recent.push_back({key, 1.0F / static_cast<float>(n + 1)});
        who->seen.insert(key, 1000);
      }
      who->labels = {{stable_hash("category:c1"), 0.8F}, {stable_hash("tag:t4"), 0.6F}};
      score_query query;
      query.who = who;
      query.blend = blend;
      query.only = only;
      query.limit = 25;
      for (const auto& slice : all.parts) {
        const auto many = slice.score(query).found;
        REQUIRE(many.size() > 8);
        for (std::size_t limit = 0; limit <= many.size(); ++limit) {
          auto fewer = query;
          fewer.limit = limit;
          const auto few = slice.score(fewer).found;
          REQUIRE(few.size() == limit);
          for (std::size_t i = 0; i < limit; ++i) {
            CHECK(few[i].key == many[i].key);
            CHECK(few[i].score == many[i].score);
            CHECK(few[i].parts == many[i].parts);
          }
        }
      }
    }
  }

} // TEST_SUITE
