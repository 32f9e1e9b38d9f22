#include "model/companions.hpp"

#include "model/byte_stream.hpp"
#include "model/catalogue_slice.hpp"
#include "model/compose.hpp"
#include "tests/support/encoder_fixture.hpp"
#include "tests/unit/model/slice_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;
using namespace troupe::test;

namespace {

constexpr auto encoder_part_at = static_cast<std::size_t>(signal::sequence);

const std::vector<std::string> trained{"t0", "t1", "t2", "t3", "t4", "t5"};

item_key key(const std::string& id) {
  return key_of(item_id{id});
}

std::vector<item_key> keys(const std::vector<std::string>& ids) {
  std::vector<item_key> made;
  for (const auto& id : ids)
    made.push_back(key(id));
  return made;
}

config::signals_settings keeping(std::size_t most) {
  config::signals_settings made;
  made.new_item_companions = most;
  return made;
}

sequence_model_ptr model_of(std::uint64_t version, unsigned seed = 3) {
  return draw_model(version, trained, 1, *fold_rules::make({}, {}).value(), seed);
}

/// Makes the slices hold a version.
void hold(slices& all, const sequence_model_ptr& what) {
  for (auto& one : all.parts) {
    one.adopt(what);
    one.adopt_rows(std::numeric_limits<std::size_t>::max());
  }
}

/// Somebody whose taste is the vector of a trained item.
score_query who_likes(const sequence_model& by, const std::string& id) {
  auto who = std::make_shared<taste>();
  who->sequence = by.row_of(key(id), nullptr);
  for (auto& value : who->sequence)
    value *= 10;
  who->sequence.back() = 0;
  score_query made;
  made.who = who;
  made.model_version = by.version();
  return made;
}

/// Items by id with what the encoder gives them, from all slices.
std::vector<std::pair<std::string, float>> sequence_parts(const slices& all,
                                                          const score_query& query) {
  std::vector<candidate_list> answers;
  for (const auto& one : all.parts)
    answers.push_back(one.score(query));
  align_sequence_parts(answers);
  std::vector<std::pair<std::string, float>> made;
  for (const auto& list : answers)
    for (const auto& one : list.found)
      made.emplace_back(one.what->id.value, one.parts[encoder_part_at]);
  std::sort(made.begin(), made.end());
  return made;
}

float part_of(const slices& all, const score_query& query, const std::string& id) {
  for (const auto& [name, part] : sequence_parts(all, query))
    if (name == id)
      return part;
  FAIL("not proposed: " << id);
  return 0;
}

/// Trained items and two that are not, "new" and "other".
slices shop(std::uint32_t shards = 1, const config::signals_settings& signals = {}) {
  slices made{shards, signals};
  made.upsert(trained);
  made.upsert({"new", "other"});
  return made;
}

/// Events of the untrained items, and of trained ones between them.
void happen(slices& all, unsigned seed, int events) {
  std::mt19937 random{seed};
  const std::vector<std::string> ids{"new", "other", "t0", "t1", "t2", "t3", "t4", "t5"};
  for (int n = 0; n < events; ++n) {
    std::vector<std::string> near;
    for (auto i = random() % 8; i > 0; --i)
      near.push_back(ids[random() % ids.size()]);
    all.learn(ids[random() % ids.size()], near, 1'500'000'000'000 + n * 1000);
  }
}

} // namespace

TEST_SUITE("model.companions") {

  TEST_CASE("the nearest of each event are kept, and of those the latest") {
    companion_lists lists{keeping(4)};
    lists.add_item();
    lists.add_item();
    CHECK_FALSE(lists.learn(0, key("own"), 1, {}));
    CHECK_FALSE(lists.learn(0, key("own"), 1, keys({"own"})));
    CHECK(lists.of(0).empty());
    REQUIRE(lists.learn(0, key("own"), 2, keys({"a", "own", "b"})));
    REQUIRE(lists.of(0).size() == 2);
    CHECK(lists.of(0)[0].key() == key("a"));
    CHECK(lists.of(0)[0].weight() == 2);
    CHECK(lists.of(0)[1].key() == key("b"));
    CHECK(lists.of(0)[1].weight() == doctest::Approx(2.0 / 3));
    REQUIRE(lists.learn(0, key("own"), 1, keys({"c", "d", "e"})));
    std::vector<item_key> kept;
    for (const auto& one : lists.of(0))
      kept.push_back(one.key());
    CHECK(kept == keys({"e", "b", "c", "d"})); // "a" was the oldest
    REQUIRE(lists.learn(0, key("own"), 1, keys({"f"})));
    CHECK(lists.of(0)[1].key() == key("f"));
    REQUIRE(lists.learn(1, key("own"), 1, keys({"1", "2", "3", "4", "5", "6", "7"})));
    CHECK(lists.of(1).size() == std::min<std::size_t>(4, companion_lists::per_event));
    CHECK(lists.of(1)[0].key() == key("1"));

    companion_lists off{keeping(0)};
    off.add_item();
    CHECK_FALSE(off.learn(0, key("own"), 1, keys({"a"})));
    CHECK(off.of(0).empty());
  }

  TEST_CASE("an item that stood near X ranks above an unrelated one for who likes X") {
    const auto model = model_of(1);
    auto all = shop(2);
    hold(all, model);
    const auto query = who_likes(*model, "t2");
    const auto before = part_of(all, query, "new");
    CHECK(part_of(all, query, "other") == doctest::Approx(before));
    float last = before;
    for (int n = 0; n < 4; ++n) { // at once, and further with each event
      all.learn("new", {"t2"}, 1'500'000'000'000 + n);
      const auto now = part_of(all, query, "new");
      CHECK(now > last);
      last = now;
    }
    CHECK(part_of(all, query, "other") == doctest::Approx(before));
    all.learn("other", {"new", "nobody knows"}, 1'500'000'000'010);
    CHECK(part_of(all, query, "other")
          == doctest::Approx(before)); // none of these says where it belongs
  }

  TEST_CASE("before its first event an item's row is that of its record") {
    const auto model = model_of(1);
    CHECK(model->row_of(key("new"), nullptr, {}) == model->row_of(key("new"), nullptr));
    auto with = shop();
    auto without = shop(1, keeping(0));
    hold(with, model);
    hold(without, model);
    const auto query = who_likes(*model, "t1");
    CHECK(sequence_parts(with, query) == sequence_parts(without, query));
    with.learn("new", {"t1"}, 1'500'000'000'000);
    without.learn("new", {"t1"}, 1'500'000'000'000);
    CHECK(part_of(with, query, "new") > part_of(without, query, "new"));
  }

  TEST_CASE("an estimate has the direction of the companions' ids and is shorter than they are") {
    const auto model = model_of(1);
    const auto id = model->row_of(key("t3"), nullptr);
    float last = 0;
    for (const float weight : {0.5F, 1.0F, 8.0F, 1000.0F}) {
      const companion near{key("t3"), weight};
      const auto row = model->row_of(key("new"), nullptr, {&near, 1});
      REQUIRE(row.size() == id.size());
      CHECK(row.back() == 0); // no bias
      const auto share = row[0] / id[0];
      for (std::size_t i = 0; i + 1 < row.size(); ++i)
        CHECK(row[i] == doctest::Approx(share * id[i]));
      CHECK(share > last);
      CHECK(share < 1);
      last = share;
    }
    // Of several: their mean length, not that of the sum's mean, which is shorter.
    const std::vector<companion> two{{key("t3"), 500}, {key("t4"), 500}};
    const auto row = model->row_of(key("new"), nullptr, two);
    const auto length = [&](const std::vector<float>& of) {
      double squares = 0;
      for (std::size_t i = 0; i + 1 < of.size(); ++i)
        squares += static_cast<double>(of[i]) * static_cast<double>(of[i]);
      return std::sqrt(squares);
    };
    const auto mean = (length(id) + length(model->row_of(key("t4"), nullptr))) / 2;
    CHECK(length(row) == doctest::Approx(mean).epsilon(0.01));
  }

  TEST_CASE("ids that cancel each other, and companions nobody trained, give no estimate") {
    auto encoder = draw_encoder({"a", "b"}, *fold_rules::make({}, {}).value());
    auto& ids = encoder.weights["item.id"].values;
    for (std::size_t i = 0; i < 6; ++i)
      ids[6 + i] = -ids[i];
    const auto model =
        sequence_model::make(1, std::move(encoder), 1, *fold_rules::make({}, {}).value()).value();
    const std::vector<companion> against{{key("a"), 1}, {key("b"), 1}};
    CHECK(model->row_of(key("new"), nullptr, against) == std::vector<float>(7));
    const std::vector<companion> unknown{{key("x"), 1}};
    CHECK(model->row_of(key("new"), nullptr, unknown) == std::vector<float>(7));
  }

  TEST_CASE("a trained item's row is untouched, and the encoder's input knows no estimate") {
    const auto model = model_of(1);
    auto all = shop();
    hold(all, model);
    const auto untrained = all.parts[0].vector_of(key("new"), 1);
    happen(all, 5, 200);
    const auto query = who_likes(*model, "t0");
    for (const auto& id : trained) {
      auto row = model->row_of(key(id), nullptr);
      double score = 0;
      for (std::size_t i = 0; i < row.size(); ++i)
        score += static_cast<double>(row[i]) * static_cast<double>(query.who->sequence[i]);
      const auto list = all.parts[0].score(query);
      for (const auto& one : list.found)
        if (one.what->id.value == id)
          CHECK(one.parts[encoder_part_at]
                == doctest::Approx(sequence_ratio(static_cast<float>(score), list.sequence_top))
                       .epsilon(1e-4));
      row.pop_back();
      CHECK(all.parts[0].vector_of(key(id), 1) == row);
    }
    CHECK(all.parts[0].vector_of(key("new"), 1) == untrained);
  }

  TEST_CASE("a record that comes or changes keeps what its item stood near") {
    const auto model = model_of(1);
    slices all{1};
    all.upsert(trained);
    hold(all, model);
    all.learn("new", {"t4"}, 1'500'000'000'000); // an event before there is a record
    all.upsert({"new", "other"});
    const auto query = who_likes(*model, "t4");
    CHECK(part_of(all, query, "new") > part_of(all, query, "other"));
  }

  TEST_CASE(
      "whether a version came before the events, after them or after a checkpoint: the same") {
    const auto model = model_of(1);
    for (const std::uint32_t shards : {1U, 3U}) {
      auto early = shop(shards);
      hold(early, model);
      happen(early, 9, 300);
      auto late = shop(shards);
      happen(late, 9, 300);
      slices restored{shards};
      for (std::size_t i = 0; i < shards; ++i)
        REQUIRE(restored.parts[i].restore(late.parts[i].checkpoint()));
      restored.upsert(trained);
      restored.upsert({"new", "other"});
      hold(late, model);
      hold(restored, model);
      for (const auto* id : {"t0", "t3", "t5"}) {
        const auto query = who_likes(*model, id);
        const auto parts = sequence_parts(early, query);
        REQUIRE(parts.size() == trained.size() + 2);
        CHECK(sequence_parts(late, query) == parts);
        CHECK(sequence_parts(restored, query) == parts);
      }
      happen(early, 10, 50);
      happen(restored, 10, 50); // and they go on alike
      const auto query = who_likes(*model, "t1");
      CHECK(sequence_parts(early, query) == sequence_parts(restored, query));
    }
  }

  TEST_CASE(
      "two versions are moved at once, each by its own ids; one that learnt it has no guess") {
    const auto rules = fold_rules::make({}, {}).value();
    const auto one = model_of(1, 3);
    const auto two = model_of(2, 4);
    auto all = shop();
    hold(all, one);
    hold(all, two);
    happen(all, 6, 100);
    auto only = shop();
    happen(only, 6, 100);
    hold(only, one);
    CHECK(sequence_parts(all, who_likes(*one, "t1"))
          == sequence_parts(only, who_likes(*one, "t1")));
    hold(only, two);
    CHECK(sequence_parts(all, who_likes(*two, "t1"))
          == sequence_parts(only, who_likes(*two, "t1")));

    auto known = trained;
    known.insert(known.end(), {"new", "other"});
    const auto three = draw_model(3, known, 1, *rules);
    hold(all, three); // the trainer has learnt them
    slices bare{1, keeping(0)};
    bare.upsert(known);
    hold(bare, three);
    for (const auto* id : {"t2", "new"})
      CHECK(sequence_parts(all, who_likes(*three, id))
            == sequence_parts(bare, who_likes(*three, id)));
    hold(all, two); // rolled back
    CHECK(sequence_parts(all, who_likes(*two, "t1"))
          == sequence_parts(only, who_likes(*two, "t1")));
  }

  TEST_CASE("bytes that contradict themselves are told apart") {
    companion_lists lists{keeping(3)};
    lists.add_item();
    lists.learn(0, key("own"), 1, keys({"a", "b", "c"}));
    lists.learn(0, key("own"), 1, keys({"d"}));
    byte_writer to;
    lists.encode(to);
    const auto bytes = to.take();
    const auto reads = [](std::string from, std::size_t most, std::size_t items) {
      companion_lists fresh{keeping(most)};
      byte_reader reader{from};
      return fresh.decode(reader, items) && reader.at_end();
    };
    CHECK(reads(bytes, 3, 1));
    CHECK_FALSE(reads(bytes, 2, 1));  // more than are kept
    CHECK_FALSE(reads(bytes, 16, 1)); // a ring that is not full
    CHECK_FALSE(reads(bytes, 3, 2));
    CHECK_FALSE(reads(bytes.substr(0, bytes.size() - 1), 3, 1));
    auto damaged = bytes;
    damaged[2] = 3; // the oldest is outside
    CHECK_FALSE(reads(damaged, 3, 1));
    for (const float weight : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::infinity()}) {
      damaged = bytes;
      std::memcpy(damaged.data() + 4 + 8, &weight, sizeof weight);
      CHECK_FALSE(reads(damaged, 3, 1));
    }
  }

} // TEST_SUITE
