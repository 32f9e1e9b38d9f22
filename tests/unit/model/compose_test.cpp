#include "model/compose.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

candidate make(const std::string& id, float score, std::vector<std::string> categories = {},
               std::vector<std::string> tags = {}) {
  auto record = std::make_shared<item>();
  record->id = item_id{id};
  record->title = "title of " + id;
  record->categories = std::move(categories);
  record->tags = std::move(tags);
  candidate made;
  made.key = key_of(record->id);
  made.what = std::move(record);
  made.score = score;
  return made;
}

/// What two shards answer: the candidates split by their keys, each list best first.
std::vector<candidate_list> split(const std::vector<candidate>& all, std::uint32_t shards = 2) {
  std::vector<candidate_list> answers(shards);
  for (const auto& each : all)
    answers[shard_of(each.key, shards)].found.push_back(each);
  for (auto& answer : answers)
    std::stable_sort(answer.found.begin(), answer.found.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
  return answers;
}

std::vector<std::string> ids(const std::vector<slate_item>& items) {
  std::vector<std::string> out;
  for (const auto& each : items)
    out.push_back(each.what->id.value);
  return out;
}

std::vector<std::string> composed(const std::vector<candidate>& all, const compose_rules& rules) {
  return ids(compose(split(all), profile{}, rules));
}

using names = std::vector<std::string>;

/// A profile with these (item, type) events, oldest first.
profile history_of(const std::vector<std::pair<std::string, std::string>>& events) {
  const auto rules = fold_rules::make({}, {});
  REQUIRE(rules.has_value());
  profile who;
  for (const auto& [item, type] : events) {
    stored_event next;
    next.seq = who.seq() + 1;
    next.what.id = event_id{"e" + std::to_string(next.seq)};
    next.what.item = item_id{item};
    next.what.type = type;
    next.what.time = from_millis(static_cast<std::int64_t>(next.seq) * 1000);
    apply(who, next, {}, **rules);
  }
  return who;
}

/// Candidates with labels out of a small world, so that many are alike.
std::vector<candidate> random_candidates(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random{seed};
  const auto below = [&random](std::uint64_t bound) { return random() % bound; };
  std::vector<candidate> all;
  for (std::size_t i = 0; i < count; ++i) {
    names categories;
    for (auto n = below(3); n > 0; --n)
      categories.push_back("c" + std::to_string(below(6)));
    names tags;
    for (auto n = below(4); n > 0; --n)
      tags.push_back("t" + std::to_string(below(8)));
    // Few distinct scores, so that ties are common.
    all.push_back(make("i" + std::to_string(i), static_cast<float>(below(12)) / 4.0F - 1.0F,
                       categories, tags));
  }
  return all;
}

double jaccard(const item& a, const item& b) {
  const auto labels = [](const item& what) {
    std::set<std::string> out;
    for (const auto& each : what.categories)
      out.insert("category:" + each);
    for (const auto& each : what.tags)
      out.insert("tag:" + each);
    return out;
  };
  const auto left = labels(a);
  const auto right = labels(b);
  std::set<std::string> both;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                        std::inserter(both, both.begin()));
  if (both.empty())
    return 0;
  return static_cast<double>(both.size())
         / static_cast<double>(left.size() + right.size() - both.size());
}

/// Maximal marginal relevance straight from its definition, every pair compared every time.
names plain_mmr(std::vector<candidate> all, double lambda, std::size_t k, std::size_t cap) {
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.score != b.score ? a.score > b.score : a.what->id < b.what->id;
  });
  const double high = all.front().score;
  const double low = all.back().score;
  std::vector<candidate> chosen;
  std::map<std::string, std::size_t> per_category;
  while (chosen.size() < k && !all.empty()) {
    auto best = all.end();
    double best_value = 0;
    for (auto each = all.begin(); each != all.end(); ++each) {
      const auto& categories = each->what->categories;
      if (cap > 0 && !categories.empty() && per_category[categories.front()] >= cap)
        continue;
      double similarity = 0;
      for (const auto& other : chosen)
        similarity = std::max(similarity, jaccard(*each->what, *other.what));
      const double relevance = high == low ? 1 : (each->score - low) / (high - low);
      const double value = (1 - lambda) * relevance - lambda * similarity;
      if (best == all.end() || value > best_value) {
        best = each;
        best_value = value;
      }
    }
    if (best == all.end())
      break;
    if (!best->what->categories.empty())
      ++per_category[best->what->categories.front()];
    chosen.push_back(*best);
    all.erase(best);
  }
  names out;
  for (const auto& each : chosen)
    out.push_back(each.what->id.value);
  return out;
}

} // namespace

TEST_SUITE("model.compose") {

  TEST_CASE("without diversity the shards' candidates merge by score, ties by item id") {
    const std::vector<candidate> all{make("d", 1), make("a", 3), make("c", 2), make("b", 2),
                                     make("e", -1)};
    compose_rules rules;
    CHECK(composed(all, rules) == names{"a", "b", "c", "d", "e"});
    rules.k = 3;
    CHECK(composed(all, rules) == names{"a", "b", "c"});
    rules.k = 0;
    CHECK(composed(all, rules).empty());
  }

  TEST_CASE("a slate of nothing is empty") {
    CHECK(compose({}, profile{}, {}).empty());
    compose_rules rules;
    rules.diversity = 0.5;
    CHECK(compose(std::vector<candidate_list>(3), profile{}, rules).empty());
  }

  TEST_CASE("the order in which shards answered, and candidates stand, does not show") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      auto all = random_candidates(seed, 60);
      for (const double diversity : {0.0, 0.4}) {
        compose_rules rules;
        rules.k = 20;
        rules.diversity = diversity;
        rules.category_cap = 5;
        rules.pin = {all[7].key, all[3].key};
        const auto once = composed(all, rules);
        auto answers = split(all, 4);
        std::reverse(answers.begin(), answers.end());
        for (auto& answer : answers)
          std::reverse(answer.found.begin(), answer.found.end());
        CHECK(ids(compose(answers, profile{}, rules)) == once);
      }
    }
  }

  TEST_CASE("an item that two answers hold stands in the slate once") {
    const auto twice = make("a", 3, {"x"});
    auto weaker = twice;
    weaker.score = 1;
    const std::vector<candidate_list> answers{{{twice}, {}, 0}, {{make("b", 2), weaker}, {}, 0}};
    for (const double diversity : {0.0, 0.5}) {
      compose_rules rules;
      rules.diversity = diversity;
      CHECK(ids(compose(answers, profile{}, rules)) == names{"a", "b"});
      rules.pin = {twice.key, twice.key};
      const auto items = compose(answers, profile{}, rules);
      CHECK(ids(items) == names{"a", "b"});
      CHECK(items[0].score == 3);
    }
  }

  TEST_CASE("pins stand at the top in their order, and only those the shards returned") {
    const std::vector<candidate> all{make("a", 3), make("b", 2), make("c", 1), make("d", 0)};
    compose_rules rules;
    rules.k = 3;
    rules.pin = {all[3].key, key_of(item_id{"gone"}), all[1].key};
    for (const double diversity : {0.0, 0.5}) {
      rules.diversity = diversity;
      const auto items = compose(split(all), profile{}, rules);
      CHECK(ids(items) == names{"d", "b", "a"});
      CHECK(items[0].why.pinned);
      CHECK(items[1].why.pinned);
      CHECK_FALSE(items[2].why.pinned);
    }
    rules.k = 1;
    CHECK(composed(all, rules) == names{"d"});
  }

  TEST_CASE("no more than the cap of one main category, pins counted but not held back") {
    const std::vector<candidate> all{make("a", 9, {"x", "y"}),
                                     make("b", 8, {"x"}),
                                     make("c", 7, {"x"}),
                                     make("d", 6, {"y", "x"}),
                                     make("e", 5),
                                     make("f", 4),
                                     make("g", 3)};
    compose_rules rules;
    rules.category_cap = 1;
    CHECK(composed(all, rules) == names{"a", "d", "e", "f", "g"});
    rules.category_cap = 2;
    CHECK(composed(all, rules) == names{"a", "b", "d", "e", "f", "g"});
    rules.category_cap = 1;
    rules.pin = {all[2].key, all[1].key};
    CHECK(composed(all, rules) == names{"c", "b", "d", "e", "f", "g"});
    rules.diversity = 0.01;
    CHECK(composed(all, rules) == names{"c", "b", "d", "e", "f", "g"});
  }

  TEST_CASE("diversity passes over what resembles the chosen ones") {
    const std::vector<candidate> all{make("a", 1.00F, {"x"}, {"p"}), make("b", 0.99F, {"x"}, {"p"}),
                                     make("c", 0.70F, {"y"}, {"q"}), make("d", 0.00F, {"z"})};
    compose_rules rules;
    rules.k = 3;
    CHECK(composed(all, rules) == names{"a", "b", "c"});
    rules.diversity = 0.5;
    CHECK(composed(all, rules) == names{"a", "c", "d"});
    rules.diversity = 1;
    CHECK(composed(all, rules) == names{"a", "c", "d"});
    rules.diversity = 0.1;
    CHECK(composed(all, rules) == names{"a", "b", "c"});
  }

  TEST_CASE("relevance is scaled within the list, so the unit of scores does not matter") {
    auto all = random_candidates(5, 50);
    compose_rules rules;
    rules.diversity = 0.5;
    const auto before = composed(all, rules);
    for (auto& each : all)
      each.score = each.score * 1024 + 4096;
    CHECK(composed(all, rules) == before);
  }

  TEST_CASE("the greedy choice is that of the definition") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      auto all = random_candidates(seed, 40);
      // Apart enough that rounding decides no choice.
      std::mt19937_64 random{seed};
      for (auto& each : all)
        each.score += static_cast<float>(random() % 100'000) / 1e6F;
      for (const double lambda : {0.2, 0.5, 0.8})
        for (const std::size_t cap : {0U, 2U}) {
          compose_rules rules;
          rules.k = 15;
          rules.diversity = lambda;
          rules.category_cap = cap;
          CHECK_MESSAGE(composed(all, rules) == plain_mmr(all, lambda, 15, cap),
                        "seed " << seed << " lambda " << lambda << " cap " << cap);
        }
    }
  }

  TEST_CASE("a category and a tag of the same name are different labels") {
    const std::vector<candidate> all{make("a", 1.0F, {"noir"}), make("b", 0.9F, {}, {"noir"}),
                                     make("c", 0.8F, {"noir"}), make("d", 0.0F)};
    compose_rules rules;
    rules.diversity = 0.4;
    rules.k = 2;
    CHECK(composed(all, rules) == names{"a", "b"});
    rules.pin = {all[1].key};
    CHECK(composed(all, rules) == names{"b", "a"});
  }

  TEST_CASE("scores that are no numbers come last, and settings that are none change nothing") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<candidate> all{make("a", nan), make("b", 1), make("c", 0), make("d", nan)};
    compose_rules rules;
    CHECK(composed(all, rules) == names{"b", "c", "a", "d"});
    rules.diversity = std::nan("");
    CHECK(composed(all, rules) == names{"b", "c", "a", "d"});
    rules.diversity = 0.5;
    CHECK(composed(all, rules).front() == "b");
    CHECK(composed(all, rules).size() == 4);
    rules.diversity = 7; // as 1
    CHECK(composed(all, rules) == names{"b", "c", "a", "d"});
  }

  TEST_CASE("a reason lists the shares that are not zero, largest first") {
    auto one = make("a", 1.5F);
    one.parts = {0.5F, 0, 1.25F, -0.25F, 0};
    const auto items = compose(split({one}), profile{}, {});
    REQUIRE(items.size() == 1);
    const auto& why = items[0].why;
    REQUIRE(why.shares.size() == 3);
    CHECK(why.shares[0].which == signal::content);
    CHECK(why.shares[0].contribution == 1.25F);
    CHECK(why.shares[1].which == signal::co_occurrence);
    CHECK(why.shares[2].which == signal::novelty);
    CHECK(why.shares[2].contribution == -0.25F);
    CHECK(items[0].score == 1.5F);
    CHECK(why.because_of.empty());
    CHECK_FALSE(why.pinned);
  }

  TEST_CASE("a reason names the past item with its title and the type of its last event") {
    const auto who = history_of({{"p", "view"}, {"q", "click"}, {"p", "purchase"}, {"q", "like"}});
    auto past = std::make_shared<item>();
    past->id = item_id{"p"};
    past->title = "The past";

    auto one = make("a", 3);
    one.because = key_of(past->id);
    auto two = make("b", 2);
    two.because = key_of(item_id{"q"}); // its record did not come: no title
    auto three = make("c", 1);
    three.because = key_of(item_id{"forgotten"});
    auto answers = split({one, two, three});
    answers[1].past.push_back(past);

    const auto items = compose(answers, who, {});
    REQUIRE(items.size() == 3);
    CHECK(items[0].why.because_of == item_id{"p"});
    CHECK(items[0].why.because_title == "The past");
    CHECK(items[0].why.because_type == "purchase");
    CHECK(items[1].why.because_of == item_id{"q"});
    CHECK(items[1].why.because_title.empty());
    CHECK(items[1].why.because_type == "like");
    CHECK(items[2].why.because_of.empty());
    CHECK(items[2].why.because_type.empty());
  }

  TEST_CASE("reasons nobody wanted are not made, but pins still show") {
    auto one = make("a", 1);
    one.parts[0] = 1;
    one.because = key_of(item_id{"p"});
    compose_rules rules;
    rules.with_reasons = false;
    rules.pin = {one.key};
    const auto items = compose(split({one}), history_of({{"p", "view"}}), rules);
    REQUIRE(items.size() == 1);
    CHECK(items[0].why.shares.empty());
    CHECK(items[0].why.because_of.empty());
    CHECK(items[0].why.pinned);
  }

} // TEST_SUITE
