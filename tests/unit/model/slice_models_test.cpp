#include "model/catalogue_slice.hpp"
#include "model/compose.hpp"
#include "tests/support/encoder_fixture.hpp"
#include "tests/unit/model/slice_fixture.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;
using namespace troupe::test;

namespace {

constexpr auto sequence_at = static_cast<std::size_t>(signal::sequence);

std::shared_ptr<const fold_rules> rules() {
  return fold_rules::make({}, {}).value();
}

std::vector<std::string> some_ids(std::size_t count) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back("i" + std::to_string(i));
  return made;
}

void adopt(slices& all, const sequence_model_ptr& model) {
  for (auto& one : all.parts) {
    one.adopt(model);
    while (!one.adopt_rows(7)) {
    }
  }
}

score_query ask(const sequence_model& model, std::size_t limit, unsigned seed = 11) {
  std::mt19937 random{seed};
  auto who = std::make_shared<taste>();
  who->sequence = draw(model.row_size(), random);
  score_query query;
  query.who = who;
  query.limit = limit;
  query.model_version = model.version();
  return query;
}

float score_of(const sequence_model& model, const std::string& id, const score_query& query) {
  const auto row = model.row_of(key_of(item_id{id}), nullptr);
  float sum = 0;
  for (std::size_t i = 0; i < row.size(); ++i)
    sum += row[i] * query.who->sequence[i];
  return sum;
}

/// The slate's items and scores from all slices.
std::vector<std::pair<std::string, float>> slate_of(const slices& all, const score_query& query,
                                                    std::size_t k) {
  std::vector<candidate_list> answers;
  for (const auto& one : all.parts)
    answers.push_back(one.score(query));
  align_sequence_parts(answers);
  compose_rules rules;
  rules.k = k;
  rules.with_reasons = false;
  std::vector<std::pair<std::string, float>> made;
  for (const auto& one : compose(answers, profile{}, rules))
    made.emplace_back(one.what->id.value, one.score);
  return made;
}

} // namespace

TEST_SUITE("model.slice_models") {

  TEST_CASE("the sequence part falls with how much less likely an item is than the best one") {
    const auto ids = some_ids(300);
    const auto model = draw_model(4, ids, 0.5, *rules());
    config::signals_settings signals;
    signals.candidates_max = 300;
    slices all{1, signals};
    all.upsert(ids);
    adopt(all, model);
    const auto query = ask(*model, 300);
    auto top = -std::numeric_limits<float>::infinity();
    for (const auto& id : ids)
      top = std::max(top, score_of(*model, id, query));
    const auto list = all.parts[0].score(query);
    CHECK(list.sequence_top == doctest::Approx(top));
    REQUIRE(list.found.size() == 300); // more than the encoder proposes: the rest is exact too
    for (const auto& one : list.found)
      CHECK(
          one.parts[sequence_at]
          == doctest::Approx(0.5 * sequence_ratio(score_of(*model, one.what->id.value, query), top))
                 .epsilon(1e-4));
  }

  TEST_CASE("co-occurrence and the encoder together rank as their sum does") {
    const auto ids = some_ids(200);
    const auto model = draw_model(1, ids, 0.3, *rules());
    slices all{1};
    all.upsert(ids);
    random_stream stream{5};
    for (int i = 0; i < 500; ++i)
      all.learn(stream.next());
    adopt(all, model);
    auto query = ask(*model, 200);
    auto who = *query.who;
    who.recent = {{key_of(item_id{"i3"}), 1.0F}, {key_of(item_id{"i9"}), 0.7F}};
    query.who = std::make_shared<const taste>(who);
    const auto whole = all.parts[0].score(query).found;
    query.limit = 10;
    const auto best = all.parts[0].score(query).found;
    REQUIRE(best.size() == 10);
    for (std::size_t i = 0; i < best.size(); ++i) {
      CHECK(best[i].what->id == whole[i].what->id);
      CHECK(best[i].score == whole[i].score);
      CHECK(best[i].parts[sequence_at] > 0);
    }
  }

  TEST_CASE("however the catalogue is cut, the slate is the same") {
    const auto ids = some_ids(500);
    const auto model = draw_model(1, ids, 1, *rules());
    std::vector<std::pair<std::string, float>> whole;
    for (const std::uint32_t shards : {1U, 2U, 5U}) {
      slices all{shards};
      all.upsert(ids);
      adopt(all, model);
      const auto slate = slate_of(all, ask(*model, 40), 20);
      REQUIRE(slate.size() == 20);
      if (shards == 1)
        whole = slate;
      for (std::size_t i = 0; i < slate.size(); ++i) {
        CHECK(slate[i].first == whole[i].first);
        CHECK(slate[i].second == doctest::Approx(whole[i].second).epsilon(1e-4));
      }
    }
  }

  TEST_CASE("many queries in one pass get what each gets alone") {
    const auto ids = some_ids(400);
    const auto one = draw_model(1, ids, 1, *rules(), 3);
    const auto two = draw_model(2, ids, 1, *rules(), 4);
    slices all{1};
    all.upsert(ids);
    adopt(all, one);
    adopt(all, two);
    std::vector<score_query> queries;
    for (unsigned i = 0; i < 6; ++i)
      queries.push_back(ask(i % 2 == 0 ? *one : *two, 5 + 30 * i, i));
    queries.emplace_back(); // of the signals alone
    queries.back().who = std::make_shared<const taste>();
    const auto together = all.parts[0].score(queries);
    REQUIRE(together.size() == queries.size());
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const auto alone = all.parts[0].score(queries[i]);
      REQUIRE(alone.found.size() == together[i].found.size());
      CHECK(alone.sequence_top == together[i].sequence_top);
      for (std::size_t n = 0; n < alone.found.size(); ++n) {
        CHECK(alone.found[n].key == together[i].found[n].key);
        CHECK(alone.found[n].score == together[i].found[n].score);
      }
    }
    CHECK(std::isinf(together.back().sequence_top));
  }

  TEST_CASE("a model serves when all its rows are made, and two are held at once") {
    const auto ids = some_ids(20);
    slices all{1};
    all.upsert(ids);
    auto& slice = all.parts[0];
    CHECK(slice.serves(0));
    const auto first = draw_model(1, ids, 1, *rules());
    slice.adopt(first);
    CHECK_FALSE(slice.serves(1));
    CHECK_FALSE(slice.adopt_rows(19));
    CHECK_FALSE(slice.serves(1));
    CHECK(slice.vector_of(key_of(item_id{"i0"}), 1).empty());
    CHECK(slice.adopt_rows(19));
    CHECK(slice.serves(1));
    adopt(all, draw_model(2, ids, 1, *rules()));
    CHECK((slice.serves(1) && slice.serves(2)));
    adopt(all, first); // rolled back: it is the newest again
    adopt(all, draw_model(3, ids, 1, *rules()));
    CHECK((slice.serves(1) && slice.serves(3)));
    CHECK_FALSE(slice.serves(2));
  }

  TEST_CASE("an item's own vector is in effect as soon as its record is, and so is a change") {
    auto trained = draw_encoder({"i0"}, *rules());
    std::mt19937 random{8};
    trained.weights["content.weight"] = {{6, 3}, draw(18, random)};
    const auto model = sequence_model::make(1, std::move(trained), 1, *rules()).value();
    slices all{1};
    all.upsert({"i0"});
    adopt(all, model);
    auto& slice = all.parts[0];
    item fresh;
    fresh.id = item_id{"fresh"};
    const auto vector_now = [&] {
      slice.upsert(std::make_shared<const item>(fresh));
      return slice.vector_of(key_of(fresh.id), 1);
    };
    fresh.vector = {1, 0, 0};
    const auto first = vector_now();
    CHECK(first != std::vector<float>(6));
    fresh.vector = {0, 2, 0};
    const auto second = vector_now();
    CHECK(second != first);
    auto row = model->row_of(key_of(fresh.id), &fresh);
    row.pop_back();
    CHECK(second == row);
    fresh.vector.clear();
    CHECK(vector_now() == std::vector<float>(6));
  }

  TEST_CASE("an item that comes later has its vector at once, and what is seen is not proposed") {
    const auto ids = some_ids(30);
    const auto model = draw_model(1, ids, 1, *rules());
    slices all{1};
    all.upsert(std::vector<std::string>(ids.begin(), ids.end() - 1));
    adopt(all, model);
    auto& slice = all.parts[0];
    CHECK(slice.vector_of(key_of(item_id{"i29"}), 1).empty());
    all.upsert({"i29", "never trained"});
    CHECK(slice.serves(1));
    const auto row = model->row_of(key_of(item_id{"i29"}), nullptr);
    const auto vector = slice.vector_of(key_of(item_id{"i29"}), 1);
    CHECK(vector == std::vector<float>(row.begin(), row.end() - 1));
    CHECK(slice.vector_of(key_of(item_id{"never trained"}), 1) == std::vector<float>(6));

    auto query = ask(*model, 5);
    const auto before = slice.score(query).found.front();
    auto who = *query.who;
    who.seen.insert(before.key, 10);
    query.who = std::make_shared<const taste>(who);
    for (const auto& one : slice.score(query).found)
      CHECK(one.key != before.key);
  }
}
