#include "model/evaluate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

constexpr int genres = 8;
constexpr int items = 240;

enum class known_by : unsigned char { category, vector };

/// Items of eight genres, and users who stay with one genre for three events and go on to the next.
struct shop {
  explicit shop(known_by what = known_by::category) {
    std::mt19937 random{5};
    std::normal_distribution<float> noise{0, 0.2F};
    for (int i = 0; i < items; ++i) {
      item one;
      one.id = item_id{"i" + std::to_string(i)};
      if (what == known_by::category) {
        one.categories = {"genre " + std::to_string(i % genres)};
      } else { // a direction for each genre, at any scale
        one.vector.resize(2 * genres);
        one.vector[static_cast<std::size_t>(i % genres)] = 1;
        for (auto& value : one.vector)
          value = (value + noise(random)) * static_cast<float>(1 + i);
      }
      records.push_back(std::move(one));
    }
    for (int user = 0; user < 200; ++user)
      for (int step = 0; step < 24; ++step) {
        const auto genre = (user + step / 3) % genres;
        const auto pick = static_cast<int>(random() % (items / genres)) * genres + genre;
        stored_event made;
        made.arrival = events.size() + 1;
        made.what.user = user_id{"u" + std::to_string(user)};
        made.what.item = records[static_cast<std::size_t>(pick)].id;
        made.what.type = "click";
        made.what.time = from_millis(1'000'000'000LL + (user * 100 + step) * 1000LL);
        events.push_back(std::move(made));
      }
  }

  std::vector<item> records;
  std::vector<stored_event> events;
};

evaluation_options cold(std::vector<std::string> models) {
  evaluation_options made;
  made.protocol = evaluation_protocol::cold_start;
  made.models = std::move(models);
  made.withheld = 0.25;
  made.encoder.module = TROUPE_TRAINING_MODULE;
  made.encoder.plan.options.dimensions = 16;
  made.encoder.plan.options.learning_rate = 1e-2;
  made.encoder.plan.epochs_max = 12;
  return made;
}

const model_quality& figures(const evaluation& of, const std::string& name) {
  const auto found = std::find_if(of.models.begin(), of.models.end(),
                                  [&name](const auto& one) { return one.name == name; });
  REQUIRE(found != of.models.end());
  return *found;
}

} // namespace

TEST_SUITE("model.cold_start") {

  TEST_CASE("items nobody has touched are ranked by what they are, better than by popularity") {
    const shop data;
    const auto made = evaluate(data.events, data.records, {}, {}, {},
                               cold({"popularity_all_time", "recurrent", "served"}));
    REQUIRE(made.has_value());
    CHECK(made->notes.empty());
    CHECK(made->items == items);
    CHECK(made->cold > items / 8);
    CHECK(made->cold < items / 2);
    CHECK(made->targets > 180); // one a user, nearly all of whom met a withheld item
    const auto& known = figures(*made, "popularity_all_time");
    const auto& after = figures(*made, "popularity_withheld");
    for (const auto* name : {"recurrent", "served"}) {
      CAPTURE(name);
      const auto& found = figures(*made, name);
      CHECK(found.recall[1] > 2 * known.recall[1]);
      CHECK(found.recall[1] > 1.5 * after.recall[1]);
      CHECK(found.mean_popularity == 0); // nothing but withheld items is shown
    }
  }

  TEST_CASE("items that only their own vectors tell of are ranked by these") {
    const shop data{known_by::vector};
    const auto made = evaluate(data.events, data.records, {}, {}, {},
                               cold({"popularity_all_time", "recurrent", "transformer", "served"}));
    REQUIRE(made.has_value());
    CHECK(made->notes.empty());
    const auto& after = figures(*made, "popularity_withheld");
    for (const auto* name : {"recurrent", "transformer", "served"}) {
      CAPTURE(name);
      CHECK(figures(*made, name).recall[1] > 1.5 * after.recall[1]);
    }
    auto unknown = data;
    for (auto& one : unknown.records)
      one.vector.clear();
    const auto without = evaluate(unknown.events, unknown.records, {}, {}, {}, cold({"recurrent"}));
    REQUIRE(without.has_value());
    CHECK(figures(*without, "recurrent").recall[1] < 0.7 * figures(*made, "recurrent").recall[1]);
  }

  TEST_CASE("who is withheld depends on the items alone, and shares out of range are refused") {
    const shop data;
    auto reversed = data;
    std::reverse(reversed.records.begin(), reversed.records.end());
    const auto one = evaluate(data.events, data.records, {}, {}, {}, cold({"content"}));
    const auto two = evaluate(reversed.events, reversed.records, {}, {}, {}, cold({"content"}));
    REQUIRE(one.has_value());
    REQUIRE(two.has_value());
    CHECK(one->cold == two->cold);
    CHECK(one->targets == two->targets);
    for (const auto share : {0.0, 1.0, -1.0}) {
      auto how = cold({"content"});
      how.withheld = share;
      CHECK(evaluate(data.events, data.records, {}, {}, {}, how).error().code
            == errc::invalid_argument);
    }
  }

  TEST_CASE("withheld items without a record cannot be shown: there is no target") {
    const shop data;
    CHECK(evaluate(data.events, {}, {}, {}, {}, cold({"content"})).has_error());
  }

} // TEST_SUITE
