#include "model/exported_model.hpp"

#include "tests/support/encoder_fixture.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/model/fold_fixture.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;
using namespace troupe::test;

namespace {

constexpr std::uint64_t version = 7;

trained_encoder draw_encoder() {
  trained_encoder made{{.dimensions = 12, .blocks = 2, .states = 10, .hidden = 20, .kinds = 3},
                       {},
                       sequence_vocabulary{std::vector<std::string>{"", "click", "rating>=4"}},
                       {}};
  for (int i = 0; i < 30; ++i)
    made.words.add_item(item_id{"item " + std::to_string(i)});
  for (const auto* label : {"genre:a", "genre:b"})
    made.words.add_label(label);
  std::mt19937 random{3};
  made.weights = weights_of(made.shape);
  made.weights["item.id"] = {{30, 12}, draw(30 * 12, random)};
  made.weights["item.bias"] = {{30}, draw(30, random)};
  made.weights["label"] = {{2, 12}, draw(2 * 12, random)};
  made.weights["content.weight"] = {{12, 5}, draw(12 * 5, random)};
  return made;
}

/// The items' records; one is not among those that were trained on.
std::vector<item> draw_records(trained_encoder& of) {
  std::vector<item> made;
  for (const auto* id : {"item 3", "item 4", "new", "nothing is known of it"}) {
    item one;
    one.id = item_id{id};
    if (one.id.value != "nothing is known of it")
      one.categories = {"a"};
    if (one.id.value == "item 3" || one.id.value == "new")
      one.vector = {1, -2, 3, 0, 5};
    else
      one.vector = {1, 2}; // of another size than was trained on
    made.push_back(one);
  }
  // Labels are as the model makes them of records.
  sequence_vocabulary words{std::vector<std::string>{"", "click", "rating>=4"}};
  for (const auto& id : of.words.items())
    words.add_item(id);
  for (const auto& label : vector_labels(made.front(), 32))
    words.add_label(label);
  words.add_label("another");
  of.words = words;
  return made;
}

struct past {
  std::string item;
  std::uint32_t kind;
  std::int64_t time;
};

/// Scores by what serves, by the items' ids.
std::map<std::string, double> serve(const sequence_model& by, const std::vector<item>& records,
                                    const std::vector<past>& history, std::int64_t now) {
  const auto row_of = [&](const std::string& id) {
    const item* record = nullptr;
    for (const auto& one : records)
      if (one.id.value == id)
        record = &one;
    return by.row_of(key_of(item_id{id}), record);
  };
  std::vector<sequence_event> events;
  for (const auto& one : history) {
    auto row = row_of(one.item);
    row.pop_back();
    events.push_back({row, one.kind, timestamp{std::chrono::milliseconds{one.time}}});
  }
  sequence_state state;
  const sequence_advance all{&state, events};
  advance(by, {&all, 1});
  const auto query = by.query(state, timestamp{std::chrono::milliseconds{now}});
  std::map<std::string, double> made;
  std::vector<std::string> ids{"new"};
  for (int i = 0; i < 30; ++i)
    ids.push_back("item " + std::to_string(i));
  for (const auto& id : ids) {
    const auto row = row_of(id);
    for (std::size_t d = 0; d < row.size(); ++d)
      made[id] += static_cast<double>(row[d]) * static_cast<double>(query[d]);
  }
  return made;
}

} // namespace

TEST_SUITE("model.exported_model") {

  TEST_CASE("what the Python reader computes of an exported model is what the server serves") {
    auto trained = draw_encoder();
    const auto records = draw_records(trained);
    const auto file = export_model(trained, records, {{"model_version", "7"}});
    REQUIRE(file.has_value());
    const auto rules = make_rules();
    const auto model = sequence_model::make(version, std::move(trained), 1, *rules);
    REQUIRE(model.has_value());

    const std::vector<past> history{{"item 3", 1, 1'700'000'000'000},
                                    {"item 17", 0, 1'700'000'000'900},
                                    {"who knows", 2, 1'700'000'400'000},
                                    {"new", 2, 1'700'000'399'000},
                                    {"item 29", 1, 1'700'900'000'000}};
    const std::int64_t now = 1'701'000'000'000;
    const std::vector<std::string> kinds{"", "click", "rating>=4"};
    const temp_dir kept;
    const auto& directory = kept.path();
    std::ofstream{directory / "model", std::ios::binary} << *file;
    std::ofstream lines{directory / "history"};
    for (const auto& one : history)
      lines << nlohmann::json{{"item", one.item}, {"kind", kinds[one.kind]}, {"time", one.time}}
            << '\n';
    lines.close();
    const auto command = std::string{TROUPE_PYTHON} + " " + TROUPE_READER + " "
                         + (directory / "model").string() + " " + (directory / "history").string()
                         + " --k 100 --now " + std::to_string(now) + " > "
                         + (directory / "scores").string();
    REQUIRE(std::system(command.c_str()) == 0);

    const auto expected = serve(**model, records, history, now);
    std::ifstream scores{directory / "scores"};
    std::size_t found = 0;
    double before = INFINITY;
    for (std::string line; std::getline(scores, line); ++found) {
      const auto one = nlohmann::json::parse(line);
      const auto score = one["score"].get<double>();
      const auto served = expected.find(one["item"].get<std::string>());
      REQUIRE(served != expected.end());
      CHECK(std::abs(score - served->second) < 1e-4);
      CHECK(score <= before);
      before = score;
    }
    CHECK(found == expected.size());
  }

  TEST_CASE("an exported model says what it is, and keeps no inner tables") {
    auto trained = draw_encoder();
    const auto file = export_model(trained, {}, {{"blend_weight", "0.5"}});
    REQUIRE(file.has_value());
    const auto read = read_safetensors(*file);
    REQUIRE(read.has_value());
    CHECK(read->metadata.at("format") == "troupe-model");
    CHECK(read->metadata.at("blend_weight") == "0.5");
    CHECK(nlohmann::json::parse(read->metadata.at("items")).size() == 30);
    CHECK(nlohmann::json::parse(read->metadata.at("kinds"))[2] == "rating>=4");
    CHECK(read->tensors.at("item.vector").shape == std::vector<std::size_t>{30, 12});
    CHECK(read->tensors.count("item.id") == 0);
    CHECK(read->tensors.count("label") == 0);
    CHECK(read->tensors.count("content.weight") == 0);
    CHECK(read->tensors.count("block.1.down.bias") == 1);
    trained.weights.erase("item.bias");
    CHECK(export_model(trained, {}, {}).error().code == errc::invalid_argument);
  }

} // TEST_SUITE
