#include "model/history_buffer.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

std::shared_ptr<const fold_rules> rules() {
  return fold_rules::make({}, {}).value();
}

event view(int user, const std::string& on, std::int64_t at, const std::string& type = "view") {
  event made;
  made.user = user_id{"u" + std::to_string(user)};
  made.item = item_id{on};
  made.type = type;
  made.time = from_millis(1'000'000 + at);
  return made;
}

history_buffer buffer(history_buffer::limits most = {}) {
  sequence_vocabulary known{*rules()};
  known.add_item(item_id{"a"});
  known.add_item(item_id{"b"});
  known.add_label("category:Drama");
  return {rules(), known, most};
}

/// A model that takes items' own vectors of so many values; 0: it takes none.
trained_encoder taking(std::size_t content_size) {
  trained_encoder made{{}, {}, sequence_vocabulary{*rules()}, {}};
  if (content_size > 0)
    made.weights[content_tensor] = {{4, content_size}, std::vector<float>(4 * content_size)};
  return made;
}

std::vector<std::string> items_of(const sequence_corpus& from, std::size_t user) {
  std::vector<std::string> made;
  for (auto at = user == 0 ? 0 : from.data.ends[user - 1]; at < from.data.ends[user]; ++at)
    made.push_back(from.words.items()[from.data.steps[at].item].value);
  return made;
}

} // namespace

TEST_SUITE("model.history_buffer") {

  TEST_CASE("histories are in the order of time, items have the model's rows and new ones follow") {
    auto all = buffer();
    for (const int user : {1, 2}) {
      all.add(view(user, "b", 10));
      all.add(view(user, "new", 30));
      all.add(view(user, "a", 20)); // late
      all.add(view(user, "x", 40, "impression"));
    }
    CHECK(all.events() == 6);
    CHECK(all.fresh_users() == 2);
    std::vector<item> items(2);
    items[0].id = item_id{"later"}; // without events: no row
    items[1].id = item_id{"new"};
    for (auto& one : items)
      one.categories = {"Drama", "Unheard of"};
    auto made = all.take_round(1000, 1);
    REQUIRE(made.has_value());
    describe_round(*made, taking(0), items, {});
    CHECK(items_of(*made, 0) == std::vector<std::string>{"b", "a", "new"});
    CHECK(made->words.items()[0].value == "a");
    CHECK(made->words.items()[1].value == "b");
    CHECK(made->words.items()[2].value == "new");
    CHECK(made->data.items == 3);
    CHECK(made->data.labels == 1);
    CHECK(made->data.item_label_ends == std::vector<std::size_t>{0, 0, 1});
    CHECK(made->data.item_labels == std::vector<std::uint32_t>{0});
    CHECK(all.fresh_users() == 0);
    CHECK(all.take_round(1000, 2).has_error()); // nobody has anything new
  }

  TEST_CASE("items' own vectors that the model can take are learnt from, others are not") {
    history_buffer all{rules(), sequence_vocabulary{*rules()}, {}};
    for (const int user : {1, 2})
      for (const auto* id : {"a", "new", "other"})
        all.add(view(user, id, 1));
    std::vector<item> items(3);
    items[0].id = item_id{"other"};
    items[0].vector = {1, 2, 3};
    items[1].id = item_id{"new"};
    items[1].vector = {0, -5};
    items[2].id = item_id{"a"};
    auto made = all.take_round(1000, 1);
    REQUIRE(made.has_value());
    describe_round(*made, taking(2), items, {});
    CHECK(made->data.items == 3);
    CHECK(made->data.content_size == 2);
    CHECK(made->data.content_items == std::vector<std::uint32_t>{1}); // of "new"
    CHECK(made->data.contents == std::vector<float>{0, -1});
    CHECK(made->contents_left_out == 1);
  }

  TEST_CASE("a model that takes no vectors adopts the size that a tenth of the items have") {
    history_buffer all{rules(), sequence_vocabulary{*rules()}, {}};
    std::vector<item> items(21);
    const auto content_size = [&](const trained_encoder& parent, std::size_t with_vector,
                                  std::size_t size, const corpus_options& options = {}) {
      for (std::size_t i = 0; i < items.size(); ++i) {
        items[i].id = item_id{"i" + std::to_string(i)};
        items[i].vector.assign(i < with_vector ? size : 0, 1);
        for (const int user : {1, 2})
          all.add(view(user, items[i].id.value, 1));
      }
      auto made = all.take_round(1000, 1).value();
      describe_round(made, parent, items, options);
      return made.data.content_size;
    };
    CHECK(content_size(taking(0), 2, 5) == 0);
    CHECK(content_size(taking(0), 3, 5) == 5);
    CHECK(content_size(taking(0), 3, 5, {.with_content = false}) == 0);
    CHECK(content_size(taking(5), 21, 7) == 5); // what it takes it goes on taking
  }

  TEST_CASE("a round leaves repeats out, where it is told to") {
    history_buffer all{rules(), sequence_vocabulary{*rules()}, {}};
    for (const int user : {1, 2})
      for (const auto* id : {"a", "b", "a"})
        all.add(view(user, id, 1));
    auto made = all.take_round(1000, 1);
    REQUIRE(made.has_value());
    describe_round(*made, taking(0), {}, {.repeats = false});
    std::vector<bool> targets;
    for (const auto& step : made->data.steps)
      targets.push_back(step.is_target);
    CHECK(targets == std::vector<bool>{true, true, false, true, true, false});
  }

  TEST_CASE("each user with new events comes with one that is replayed") {
    auto all = buffer();
    for (int user = 0; user < 40; ++user)
      for (int i = 0; i < 5; ++i)
        all.add(view(user, "a", i), true);
    CHECK(all.fresh_users() == 0);
    for (int user = 3; user < 9; ++user)
      all.add(view(user, "b", 10));
    CHECK(all.fresh_users() == 6);
    const auto made = all.take_round(1000, 1);
    REQUIRE(made.has_value());
    CHECK(made->data.ends.size() == 12);
    CHECK(made->data.steps.size() == 6 * 6 + 6 * 5);
    for (int user = 3; user < 9; ++user)
      all.add(view(user, "b", 11));
    const auto little = all.take_round(20, 1);
    REQUIRE(little.has_value());
    CHECK(little->data.steps.size() <= 20 + 12);
  }

  TEST_CASE("the oldest events and the users seen longest ago go, and whoever is erased") {
    auto all = buffer({.users_max = 3, .user_events_max = 4});
    for (int i = 0; i < 10; ++i)
      all.add(view(0, "i" + std::to_string(i), i));
    CHECK(all.events() == 4);
    for (int user = 1; user < 4; ++user)
      for (int i = 0; i < 3; ++i)
        all.add(view(user, "a", i));
    CHECK(all.users() == 3);
    CHECK(all.events() == 9);
    CHECK(all.fresh_users() == 3);
    all.erase(user_id{"u2"});
    all.erase(user_id{"nobody"});
    CHECK(all.users() == 2);
    CHECK(all.events() == 6);
    CHECK(all.fresh_users() == 2);
    const auto made = all.take_round(1000, 1);
    REQUIRE(made.has_value());
    CHECK(made->data.ends.size() == 2);
    CHECK(made->data.steps.size() == 6);
  }

  TEST_CASE("kinds of events are found again by name, unknown ones count as none") {
    const sequence_vocabulary old{std::vector<std::string>{"", "click", "view"}};
    history_buffer all{rules(), old, {}};
    for (const int user : {1, 2})
      for (const auto* type : {"view", "click", "purchase"})
        all.add(view(user, "a", 1, type));
    const auto made = all.take_round(100, 1);
    REQUIRE(made.has_value());
    CHECK(made->data.steps[0].kind == 2);
    CHECK(made->data.steps[1].kind == 1);
    CHECK(made->data.steps[2].kind == 0);
  }
}
