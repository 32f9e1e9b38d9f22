#include "model/sequences.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

std::shared_ptr<const fold_rules> rules() {
  config::signals_settings signals;
  signals.events = {{"rating>=3.5", 1, 1, true, true},
                    {"rating", 0, 1, true, true},
                    {"impression", 0, 0, false, false},
                    {"skip", -1, 0, true, true}};
  return *fold_rules::make({}, signals);
}

stored_event rated(const std::string& user, const std::string& film, float value,
                   std::int64_t millis, const std::string& type = "rating") {
  stored_event made;
  made.what.user = user_id{user};
  made.what.item = item_id{film};
  made.what.type = type;
  made.what.value = value;
  made.what.time = from_millis(millis);
  return made;
}

item film(const std::string& id, std::vector<std::string> categories, const std::string& title) {
  item made;
  made.id = item_id{id};
  made.categories = std::move(categories);
  made.title = title;
  return made;
}

} // namespace

TEST_SUITE("model.sequences") {

  TEST_CASE("histories are by user and by time, ties as they came") {
    const std::vector<stored_event> events{rated("a", "x", 5, 300), rated("b", "x", 2, 50),
                                           rated("a", "y", 2, 100), rated("a", "z", 4, 100),
                                           rated("b", "w", 5, 60),  rated("b", "y", 5, 60)};
    const auto made = make_corpus(events, {}, *rules(), {});
    REQUIRE(made.has_value());
    const auto& data = made->data;
    CHECK(data.ends == std::vector<std::size_t>{3, 6});
    const auto name = [&](std::size_t step) {
      return made->words.items()[data.steps[step].item].value;
    };
    CHECK(name(0) + name(1) + name(2) == "yzx");
    CHECK(name(3) + name(4) + name(5) == "xwy");
    CHECK(data.steps[0].kind == 2);
    CHECK(data.steps[1].kind == 1);
    CHECK(data.steps[2].millis == 300);
    CHECK(data.items == 4);
    CHECK(data.kinds == 5);
    CHECK(data.labels == 0);
  }

  TEST_CASE("what rules keep out of histories or out of sequences is not learnt") {
    const std::vector<stored_event> events{rated("a", "x", 5, 1),
                                           rated("a", "y", 5, 2),
                                           rated("a", "z", 5, 3),
                                           rated("b", "x", 5, 1),
                                           rated("b", "y", 5, 2),
                                           rated("b", "z", 5, 3),
                                           rated("a", "shown", 0, 4, "impression"),
                                           rated("a", "left", 0, 5, "skip")};
    const auto made = make_corpus(events, {}, *rules(), {});
    REQUIRE(made.has_value());
    CHECK(made->data.steps.size() == 6);
    CHECK_FALSE(made->words.find_item(key_of(item_id{"shown"})).has_value());
    CHECK_FALSE(made->words.find_item(key_of(item_id{"left"})).has_value());
  }

  TEST_CASE("an event that no rule names is of kind 0") {
    std::vector<stored_event> events{
        rated("a", "x", 5, 1), rated("a", "y", 5, 2), rated("a", "z", 5, 3, "purchase"),
        rated("b", "x", 5, 1), rated("b", "y", 5, 2), rated("b", "z", 5, 3)};
    const auto made = make_corpus(events, {}, *rules(), {});
    REQUIRE(made.has_value());
    CHECK(made->data.steps[2].kind == 0);
    CHECK(made->words.kinds()[0].empty());
    CHECK(made->words.kinds()[2] == "rating");
  }

  TEST_CASE("labels of two items or more with events get rows, items without events do not") {
    const std::vector<stored_event> events{rated("a", "x", 5, 1), rated("a", "y", 5, 2),
                                           rated("a", "z", 5, 3), rated("b", "x", 5, 1),
                                           rated("b", "y", 5, 2), rated("b", "z", 5, 3)};
    const std::vector<item> items{film("x", {"Drama"}, "Red Dawn"), film("y", {"Drama"}, "Dawn"),
                                  film("new", {"Drama", "Noir"}, "Noir"),
                                  film("newer", {"Drama", "Noir"}, "Noir")};
    const auto made = make_corpus(events, items, *rules(), {});
    REQUIRE(made.has_value());
    const auto& data = made->data;
    CHECK(made->words.labels() == std::vector<std::string>{"category:Drama", "title:dawn"});
    CHECK(data.items == 3);
    CHECK_FALSE(made->words.find_item(key_of(item_id{"new"})));
    // x and y have both labels, z has no record
    CHECK(data.item_label_ends == std::vector<std::size_t>{2, 4, 4});
  }

  TEST_CASE("own vectors of the size that most items have are learnt from, at unit length") {
    const std::vector<stored_event> events{rated("a", "x", 5, 1), rated("a", "y", 5, 2),
                                           rated("a", "z", 5, 3), rated("b", "x", 5, 1),
                                           rated("b", "y", 5, 2), rated("b", "z", 5, 3)};
    std::vector<item> items;
    for (const auto* id : {"x", "y", "z", "new", "newer"})
      items.push_back(film(id, {}, ""));
    items[0].vector = {1, 2, 3};
    items[1].vector = {0, 3e-40F, 0, -4e-40F};
    items[2].vector = {3e38F, 0, 0, 0};
    items[3].vector = {1};
    items[4].vector = {1}; // more than have three values, but without events
    const auto made = make_corpus(events, items, *rules(), {});
    REQUIRE(made.has_value());
    const auto& data = made->data;
    CHECK(data.content_size == 4);
    CHECK(data.items == 3);
    CHECK(data.labels == 0);
    CHECK(data.item_label_ends.empty());
    CHECK(data.content_items == std::vector<std::uint32_t>{1, 2}); // y and z
    CHECK(made->contents_left_out == 3);
    REQUIRE(data.contents.size() == 8);
    CHECK(data.contents[1] == doctest::Approx(0.6));
    CHECK(data.contents[3] == doctest::Approx(-0.8));
    CHECK(data.contents[4] == 1);
    auto scaled = items;
    for (auto& value : scaled[2].vector)
      value /= 1e30F;
    CHECK(make_corpus(events, scaled, *rules(), {})->data.contents == data.contents);
    corpus_options plain;
    plain.with_content = false;
    const auto without = make_corpus(events, items, *rules(), plain);
    CHECK(without->data.content_size == 0);
    CHECK(without->data.items == 3);
  }

  TEST_CASE("of two sizes that as many items have the smaller is taken") {
    const std::vector<stored_event> events{rated("a", "x", 5, 1), rated("a", "y", 5, 2),
                                           rated("a", "z", 5, 3), rated("b", "x", 5, 1),
                                           rated("b", "y", 5, 2), rated("b", "z", 5, 3)};
    std::vector<item> items{film("x", {}, ""), film("y", {}, "")};
    items[0].vector = {1, 2, 3};
    items[1].vector = {1, 2};
    CHECK(make_corpus(events, items, *rules(), {})->data.content_size == 2);
  }

  TEST_CASE("what was there before in a history is no target, if repeats are left out") {
    const std::vector<stored_event> events{
        rated("a", "x", 5, 1), rated("a", "x", 5, 2), rated("a", "y", 5, 3), rated("b", "x", 5, 1),
        rated("b", "y", 5, 2), rated("b", "z", 5, 3), rated("b", "y", 5, 4), rated("c", "z", 5, 1),
        rated("c", "y", 5, 2), rated("c", "x", 5, 3)};
    const auto targets = [](const sequence_corpus& of) {
      std::vector<bool> made;
      for (const auto& step : of.data.steps)
        made.push_back(step.is_target);
      return made;
    };
    config::blend_settings blend; // leaves seen items out
    const auto without = make_corpus(events, {}, *rules(), corpus_options_for(blend));
    REQUIRE(without.has_value());
    CHECK(targets(*without)
          == std::vector<bool>{true, false, true, true, true, true, false, true, true, true});
    for (const auto* policy : {"demote", "allow"}) {
      blend.seen = policy;
      const auto all = make_corpus(events, {}, *rules(), corpus_options_for(blend));
      CHECK(targets(*all) == std::vector<bool>(10, true));
    }
    const std::span first{events.data(), 7}; // without the last user: one of two has three items
    corpus_options options;
    CHECK(make_corpus(first, {}, *rules(), options).has_value());
    options.repeats = false;
    CHECK(make_corpus(first, {}, *rules(), options).error().context
          == "1 of 2 users have three different items or more; training needs two");
  }

  TEST_CASE("too little to learn from is said") {
    const std::vector<stored_event> events{rated("a", "x", 5, 1), rated("a", "y", 5, 2),
                                           rated("a", "z", 5, 3), rated("b", "x", 5, 1)};
    const auto made = make_corpus(events, {}, *rules(), {});
    REQUIRE(made.has_error());
    CHECK(made.error().context == "1 of 2 users have three events or more; training needs two");
  }

} // TEST_SUITE
