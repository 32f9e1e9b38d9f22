#include "model/profile.hpp"

#include "tests/unit/model/fold_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;

namespace {

/// Random events of one user: few items, several types, times that also go backwards.
struct random_log {
  explicit random_log(unsigned seed) : random(seed) {}

  std::pair<stored_event, item_traits> next() {
    static const std::vector<std::string> types{"rating", "click",      "like", "dislike",
                                                "skip",   "impression", "share"};
    const auto item = pick(300);
    auto made = event_of(++seq, std::to_string(item), types[pick(types.size())],
                         1'000'000'000'000 + static_cast<std::int64_t>(pick(4000)) * 86'400'000);
    made.what.id = event_id{"e" + std::to_string(pick(5000))};
    if (made.what.type == "rating")
      made.what.value = static_cast<float>(pick(10) + 1) / 2;
    item_traits traits;
    traits.known = pick(4) != 0;
    if (traits.known)
      traits.labels = {"category:" + std::to_string(item % 11), "tag:" + std::to_string(item % 37)};
    return {made, traits};
  }

  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random()) % below; }

  std::mt19937 random;
  std::uint64_t seq = 0;
};

config::users_settings small_bounds() {
  config::users_settings users;
  users.history_max = 20;
  users.seen_max = 50;
  users.recent_events_max = 30;
  users.affinities_max = 12;
  return users;
}

} // namespace

TEST_SUITE("model.profile") {

  TEST_CASE("a fold numbers, remembers and counts events") {
    const auto rules = make_rules();
    profile who;
    CHECK(who.seq() == 0);
    CHECK(who.history_size() == 0);
    auto first = event_of(1, "toy-story", "rating", 5000);
    first.what.value = 4.5F;
    apply(who, first, {true, {"category:Comedy"}}, *rules);
    apply(who, event_of(2, "heat", "click", 4000), {}, *rules);

    CHECK(who.seq() == 2);
    REQUIRE(who.history_size() == 2);
    const auto newest = who.history(0);
    CHECK(newest.item == "heat");
    CHECK(newest.key == key_of(item_id{"heat"}));
    CHECK(newest.type == "click");
    CHECK_FALSE(newest.value.has_value());
    CHECK_FALSE(newest.traits_known);
    CHECK(newest.sequence == 1);
    const auto oldest = who.history(1);
    CHECK(oldest.item == "toy-story");
    CHECK(oldest.value == 4.5F);
    CHECK(oldest.time == from_millis(5000));
    CHECK(oldest.traits_known);
    CHECK(who.seen().contains(key_of(item_id{"heat"})));
    CHECK(who.first_event() == from_millis(4000));
    CHECK(who.last_event() == from_millis(5000));
    const auto counts = who.counts();
    REQUIRE(counts.size() == 2);
    CHECK(counts[0].type == "click");
    CHECK(counts[1].events == 1);
  }

  TEST_CASE("an event id is found while it is among the recent ones") {
    auto users = config::users_settings{};
    users.recent_events_max = 3;
    const auto rules = make_rules(users);
    profile who;
    for (std::uint64_t seq = 1; seq <= 5; ++seq)
      apply(who, event_of(seq, "a", "click", 0), {}, *rules);
    CHECK(who.find_event(key_of(event_id{"e5"})) == 5);
    CHECK(who.find_event(key_of(event_id{"e3"})) == 3);
    CHECK_FALSE(who.find_event(key_of(event_id{"e2"})));
    CHECK_FALSE(who.find_event(key_of(event_id{"never"})));
  }

  TEST_CASE("the meaning of an event decides what it leaves behind") {
    const auto rules = make_rules();
    profile who;
    apply(who, event_of(1, "a", "dislike", 0), {true, {"tag:gore"}}, *rules);
    apply(who, event_of(2, "b", "impression", 0), {true, {"tag:gore"}}, *rules);
    CHECK(who.history_size() == 0);
    CHECK(who.seen().contains(key_of(item_id{"a"})));
    CHECK_FALSE(who.seen().contains(key_of(item_id{"b"})));
    const auto likes = who.affinities(from_millis(0), *rules);
    REQUIRE(likes.size() == 1);
    CHECK(likes[0].weight == doctest::Approx(-1));
  }

  TEST_CASE("affinities fade by half in a half-life and bear events out of order") {
    auto users = config::users_settings{};
    users.affinity_half_life_days = 1;
    const auto rules = make_rules(users);
    constexpr std::int64_t day = 86'400'000;
    profile who;
    apply(who, event_of(1, "a", "like", 10 * day), {true, {"tag:new"}}, *rules);
    apply(who, event_of(2, "b", "like", 8 * day), {true, {"tag:old"}}, *rules);
    apply(who, event_of(3, "c", "like", 0), {true, {"tag:ancient"}}, *rules);
    const auto likes = who.affinities(from_millis(11 * day), *rules);
    REQUIRE(likes.size() == 3);
    CHECK(likes[0].label == "tag:new");
    CHECK(likes[0].weight == doctest::Approx(0.5));
    CHECK(likes[1].weight == doctest::Approx(0.125));
    CHECK(likes[2].weight == doctest::Approx(std::exp2(-11)));
    // A clock behind the events does not make them count more.
    CHECK(who.affinities(from_millis(0), *rules)[0].weight == doctest::Approx(1));
  }

  TEST_CASE("affinities survive a gap of centuries and a leap back") {
    auto users = config::users_settings{};
    users.affinity_half_life_days = 0.01;
    const auto rules = make_rules(users);
    profile who;
    const std::vector<std::int64_t> times{
        0, 15'000'000'000'000, 5, 1'700'000'000'000, std::numeric_limits<std::int64_t>::max(), -7};
    for (std::size_t i = 0; i < times.size(); ++i)
      apply(who, event_of(i + 1, "a", "like", times[i]), {true, {"tag:x"}}, *rules);
    for (const auto& one : who.affinities(who.last_event(), *rules))
      CHECK(one.weight == doctest::Approx(1));
  }

  TEST_CASE("beyond the bound a new label takes the place of the weakest") {
    auto users = config::users_settings{};
    users.affinities_max = 2;
    const auto rules = make_rules(users);
    profile who;
    apply(who, event_of(1, "a", "purchase", 0), {true, {"tag:strong"}}, *rules);
    apply(who, event_of(2, "b", "view", 0), {true, {"tag:weak"}}, *rules);
    apply(who, event_of(3, "c", "click", 0), {true, {"tag:newcomer"}}, *rules);
    const auto likes = who.affinities(from_millis(0), *rules);
    REQUIRE(likes.size() == 2);
    CHECK(likes[0].label == "tag:strong");
    CHECK(likes[1].label == "tag:newcomer");
  }

  TEST_CASE("types beyond the bound count as other") {
    const auto rules = make_rules();
    profile who;
    for (std::uint64_t seq = 1; seq <= 200; ++seq)
      apply(who, event_of(seq, "a", "type" + std::to_string(seq), 0), {}, *rules);
    const auto counts = who.counts();
    CHECK(counts.size() == profile::types_max);
    CHECK(who.history(0).type == "other");
    std::uint64_t sum = 0;
    for (const auto& one : counts)
      sum += one.events;
    CHECK(sum == 200);
  }

  TEST_CASE("parts taken apart and put together are the same profile") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
      CAPTURE(seed);
      const auto rules = make_rules(small_bounds());
      random_log log{seed};
      profile who;
      for (unsigned n = 0; n < seed * 17; ++n) {
        const auto [what, traits] = log.next();
        apply(who, what, traits, *rules);
      }
      const auto parts = profile_parts::take_apart(who);
      const auto again = profile_parts::put_together(parts, *rules);
      REQUIRE(again.has_value());
      check_same(parts, profile_parts::take_apart(*again));
      for (std::size_t i = 0; i < who.history_size(); ++i)
        CHECK(who.history(i).sequence == again->history(i).sequence);
    }
  }

  TEST_CASE("folding a log equals going on from a snapshot at any point") {
    const auto rules = make_rules(small_bounds());
    for (unsigned seed = 1; seed <= 12; ++seed) {
      CAPTURE(seed);
      random_log log{seed};
      profile whole;
      profile continued;
      for (unsigned n = 0; n < 400; ++n) {
        const auto [what, traits] = log.next();
        apply(whole, what, traits, *rules);
        apply(continued, what, traits, *rules);
        if (log.pick(15) == 0) {
          auto restored = profile_parts::put_together(profile_parts::take_apart(continued), *rules);
          REQUIRE(restored.has_value());
          continued = std::move(*restored);
        }
      }
      check_same(profile_parts::take_apart(whole), profile_parts::take_apart(continued));
    }
  }

  // Most of the newest seen items are known by the history's events alone (history_ring).
  TEST_CASE("what was seen is known wherever it is kept") {
    for (const std::size_t history_max : std::vector<std::size_t>{1, 20, 127, 128, 129, 400}) {
      CAPTURE(history_max);
      auto users = small_bounds();
      users.history_max = history_max;
      users.seen_max = 20000;
      const auto rules = make_rules(users);
      random_log log{static_cast<unsigned>(history_max)};
      profile who;
      std::set<item_key> truth;
      for (unsigned n = 0; n < 900; ++n) {
        const auto [what, traits] = log.next();
        apply(who, what, traits, *rules);
        if (rules->meaning_of(what.what).seen)
          truth.insert(key_of(what.what.item));
        if (log.pick(60) == 0)
          who = std::move(*profile_parts::put_together(profile_parts::take_apart(who), *rules));
        REQUIRE(who.seen().size() == truth.size());
        if (n % 10 != 0)
          continue;
        const auto whole = who.seen();
        for (int item = 0; item < 300; ++item) {
          const auto key = key_of(item_id{std::to_string(item)});
          REQUIRE(whole.contains(key) == (truth.count(key) == 1));
        }
      }
      auto keys = profile_parts::take_apart(who).seen;
      std::sort(keys.begin(), keys.end());
      CHECK(std::equal(keys.begin(), keys.end(), truth.begin(), truth.end()));
    }
  }

  TEST_CASE("a copy is independent of its original") {
    const auto rules = make_rules(small_bounds());
    random_log log{7};
    profile who;
    for (int n = 0; n < 100; ++n) {
      const auto [what, traits] = log.next();
      apply(who, what, traits, *rules);
    }
    const auto before = profile_parts::take_apart(who);
    profile copy = who;
    for (int n = 0; n < 50; ++n) {
      const auto [what, traits] = log.next();
      apply(who, what, traits, *rules);
    }
    check_same(before, profile_parts::take_apart(copy));
  }

  TEST_CASE("parts that contradict each other are refused") {
    const auto rules = make_rules(small_bounds());
    random_log log{3};
    profile who;
    for (int n = 0; n < 100; ++n) {
      const auto [what, traits] = log.next();
      apply(who, what, traits, *rules);
    }
    const auto good = profile_parts::take_apart(who);
    const auto refused = [&rules](const profile_parts& parts) {
      const auto answer = profile_parts::put_together(parts, *rules);
      return answer.has_error() && answer.error().code == errc::corrupt_data;
    };
    const std::vector<void (*)(profile_parts&)> damages{
        [](profile_parts& p) { p.seq += 1; },
        [](profile_parts& p) { p.history.resize(p.history.size() + 30, p.history[0]); },
        [](profile_parts& p) { p.history[0].item.clear(); },
        [](profile_parts& p) { p.history[0].type = "unheard"; },
        [](profile_parts& p) { p.history[0].time = from_millis(-1); },
        [](profile_parts& p) { p.history[0].value = std::numeric_limits<float>::infinity(); },
        [](profile_parts& p) { p.recent_events.pop_back(); },
        [](profile_parts& p) { p.seen.push_back(p.seen[0]); },
        [](profile_parts& p) { p.affinities.push_back(p.affinities[0]); },
        [](profile_parts& p) { p.affinities[0].weight = std::nan(""); },
        [](profile_parts& p) { p.counts[0].events = 0; },
        [](profile_parts& p) { p.counts[1].type = p.counts[0].type; },
        [](profile_parts& p) { p.last_event = p.first_event - std::chrono::hours{1}; },
    };
    REQUIRE_FALSE(refused(good));
    for (std::size_t i = 0; i < damages.size(); ++i) {
      CAPTURE(i);
      auto parts = good;
      damages[i](parts);
      CHECK(refused(parts));
    }
  }

  TEST_CASE("the work of an event does not grow with the number of past events (P8)") {
    const auto rules = make_rules();
    random_log log{11};
    profile who;
    const auto work_of = [&](unsigned events) {
      const auto before = who.work();
      for (unsigned n = 0; n < events; ++n) {
        const auto [what, traits] = log.next();
        apply(who, what, traits, *rules);
      }
      return static_cast<double>(who.work() - before) / events;
    };
    work_of(1000);
    const auto after_1000 = work_of(1000);
    work_of(98'000);
    const auto after_100000 = work_of(1000);
    CHECK(after_100000 < after_1000 * 1.2);
    CHECK(after_1000 < 200);
  }

  TEST_CASE("fifty events of a film fan take at most 1.7 KB") {
    const auto rules = make_rules();
    profile who;
    for (std::uint64_t seq = 1; seq <= 50; ++seq) {
      auto what = event_of(seq, std::to_string(1000 + seq * 37), "rating", 1'000'000);
      what.what.value = 4;
      apply(who, what,
            {true,
             {"category:Genre" + std::to_string(seq % 18), "category:G" + std::to_string(seq % 5)}},
            *rules);
    }
    INFO("heap bytes: ", who.heap_bytes());
    CHECK(who.heap_bytes() <= 1740);
  }

} // TEST_SUITE

TEST_SUITE("model.fold_rules") {

  TEST_CASE("the first rule that matches decides") {
    const auto rules = make_rules();
    CHECK(rules->meaning_of("rating", 3.5F).affinity == 1);
    CHECK(rules->meaning_of("rating", 3.0F).affinity == doctest::Approx(0.2));
    CHECK(rules->meaning_of("rating", 2.0F).affinity == -1);
    CHECK(rules->meaning_of("rating", std::nullopt).affinity == doctest::Approx(0.2));
    CHECK(rules->meaning_of("skip", std::nullopt).history == false);
    CHECK(rules->meaning_of("unheard", std::nullopt).affinity == doctest::Approx(0.5));
  }

  TEST_CASE("every comparison holds where it should") {
    config::signals_settings signals;
    signals.events = {{"a>=2", 1, 1, true, true},
                      {"b<=2", 1, 1, true, true},
                      {"c>2", 1, 1, true, true},
                      {"d<2", 1, 1, true, true},
                      {"e==2", 1, 1, true, true}};
    const auto rules = fold_rules::make({}, signals);
    REQUIRE(rules.has_value());
    const auto hits = [&](std::string_view type, float value) {
      return (*rules)->meaning_of(type, value).affinity == 1;
    };
    CHECK((!hits("a", 1) && hits("a", 2) && hits("a", 3)));
    CHECK((hits("b", 1) && hits("b", 2) && !hits("b", 3)));
    CHECK((!hits("c", 1) && !hits("c", 2) && hits("c", 3)));
    CHECK((hits("d", 1) && !hits("d", 2) && !hits("d", 3)));
    CHECK((!hits("e", 1) && hits("e", 2) && !hits("e", 3)));
  }

  TEST_CASE("a rule that does not parse is refused by name") {
    const std::vector<std::string> wrong{"",           ">=4",         "Rating>=4",
                                         "rating>=",   "rating=",     "rating!4",
                                         "rating>=4x", "rating>=nan", "rating >4"};
    for (const auto& text : wrong) {
      CAPTURE(text);
      config::signals_settings signals;
      signals.events = {{"click", 1, 1, true, true}, {text, 1, 1, true, true}};
      const auto rules = fold_rules::make({}, signals);
      REQUIRE(rules.has_error());
      CHECK(rules.error().code == errc::invalid_argument);
      CHECK(rules.error().context.starts_with("signals.events, rule 2 ('" + text + "')"));
    }
  }

  TEST_CASE("weights that make no sense are refused") {
    config::signals_settings signals;
    signals.events = {{"click", 1, -1, true, true}};
    CHECK(fold_rules::make({}, signals).has_error());
    signals.events = {{"click", std::nan(""), 1, true, true}};
    CHECK(fold_rules::make({}, signals).has_error());
    config::users_settings users;
    users.affinity_half_life_days = 0;
    CHECK(fold_rules::make(users, {}).has_error());
  }

  TEST_CASE("the version changes with what changes a fold, and with nothing else") {
    const auto version = make_rules()->version();
    CHECK(make_rules()->version() == version);
    config::users_settings users;
    users.idle_timeout = std::chrono::seconds{1};
    CHECK(make_rules(users)->version() == version);
    users.history_max = 77;
    CHECK(make_rules(users)->version() != version);
    config::signals_settings signals;
    signals.events[0].affinity = 0.9;
    CHECK((*fold_rules::make({}, signals))->version() != version);
  }

} // TEST_SUITE
