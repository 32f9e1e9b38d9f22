#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::ids_of;
using troupe::test::twenty_films;

namespace {

bool holds(const slate& made, const std::string& id) {
  const auto ids = ids_of(made);
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

} // namespace

TEST_SUITE("actors.item_catalog") {

  TEST_CASE_FIXTURE(twenty_films, "a hidden item leaves the slates it stands in at once") {
    const auto first = connect("ann", 1);
    REQUIRE(first.has_value());
    REQUIRE(holds(**first, "f7"));
    patch_item hide;
    hide.id = item_id{"f7"};
    hide.hidden = true;
    const auto hidden = ask<item_ptr>(catalog, hide);
    REQUIRE(hidden.has_value());
    CHECK((*hidden)->hidden);
    CHECK_FALSE(holds(**slate_for("bob"), "f7")); // whoever asks after the answer
    advance(20ms);
    REQUIRE(got.slates.size() == 1);
    CHECK_FALSE(holds(*got.slates[0].what, "f7"));
    CHECK(got.slates[0].what->items.size() == 19);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "an item hidden while a slate is computed is not pushed for long") {
    REQUIRE(connect("ann", 1).has_value());
    // The first shard has answered, the second holds its answer back.
    for (const auto& front : fronts)
      front->scores.closed = true;
    REQUIRE(take("ann", "f1", 1).has_value());
    const auto owner = shard_of(key_of(item_id{"f7"}), 2);
    fronts[owner]->scores.open();
    run();
    patch_item hide;
    hide.id = item_id{"f7"};
    hide.hidden = true;
    REQUIRE(ask<item_ptr>(catalog, hide).has_value());
    advance(20ms);
    for (const auto& front : fronts)
      front->scores.open();
    run();
    REQUIRE_FALSE(got.slates.empty());
    CHECK_FALSE(holds(*got.slates.back().what, "f7"));
  }

  TEST_CASE_FIXTURE(twenty_films, "a removed item is gone from store, shards and slates") {
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(ask<done>(catalog, remove_item{item_id{"f3"}}).has_value());
    advance(20ms);
    REQUIRE(got.slates.size() == 1);
    CHECK_FALSE(holds(*got.slates[0].what, "f3"));
    CHECK(ask<item_ptr>(catalog, read_item{item_id{"f3"}}).error().code == errc::not_found);
    CHECK(ask<done>(catalog, remove_item{item_id{"f3"}}).error().code == errc::not_found);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a new item can be recommended as soon as its upsert is answered") {
    upsert_items one;
    one.items.push_back(film("new", "drama"));
    REQUIRE(ask<items_ack>(catalog, one).has_value());
    slate_request how;
    how.k = 50;
    CHECK(holds(**slate_for("ann", how), "new"));
  }

  TEST_CASE_FIXTURE(twenty_films, "an event for an unknown item counts once the item is there") {
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(take("ann", "later", 1).has_value());
    auto before = ask<profile_view>(directory, read_profile{user_id{"ann"}});
    REQUIRE(before.has_value());
    CHECK(before->affinities.empty());
    upsert_items one;
    one.items.push_back(film("later", "western"));
    REQUIRE(ask<items_ack>(catalog, one).has_value());
    advance(20ms);
    auto after = ask<profile_view>(directory, read_profile{user_id{"ann"}});
    REQUIRE(after.has_value());
    CHECK_FALSE(after->affinities.empty());
    CHECK(after->seq == 1);
    CHECK(take("ann", "later", 1)->duplicate); // still the same events
  }

  TEST_CASE_FIXTURE(twenty_films, "an unknown item of a sleeping user counts when the user wakes") {
    REQUIRE(take("ann", "later", 1).has_value());
    advance(310s);
    REQUIRE(stats().live == 0);
    upsert_items one;
    one.items.push_back(film("later", "western"));
    REQUIRE(ask<items_ack>(catalog, one).has_value());
    const auto woken = ask<profile_view>(directory, read_profile{user_id{"ann"}});
    REQUIRE(woken.has_value());
    CHECK_FALSE(woken->affinities.empty());
  }

  TEST_CASE_FIXTURE(twenty_films, "patches of one item at once both take effect") {
    patch_item title;
    title.id = item_id{"f1"};
    title.title = "Another title";
    patch_item tags;
    tags.id = item_id{"f1"};
    tags.tags = std::vector<std::string>{"noir"};
    tags.properties["year"] = property_value{1999.0};
    tags.vector = std::vector<float>{1, 2};
    const auto a = send_off<item_ptr>(catalog, title);
    const auto b = send_off<item_ptr>(catalog, tags);
    run();
    REQUIRE(a.arrived());
    REQUIRE(b.arrived());
    const auto now = ask<item_ptr>(catalog, read_item{item_id{"f1"}});
    REQUIRE(now.has_value());
    CHECK((*now)->title == "Another title");
    CHECK((*now)->tags == std::vector<std::string>{"noir"});
    CHECK((*now)->properties.count("year") == 1);
    CHECK((*now)->vector == std::vector<float>{1, 2});
    patch_item plain;
    plain.id = item_id{"f1"};
    plain.vector.emplace();
    REQUIRE(ask<item_ptr>(catalog, plain).has_value());
    CHECK((*ask<item_ptr>(catalog, read_item{item_id{"f1"}}))->vector.empty());
    patch_item nobody;
    nobody.id = item_id{"nobody"};
    CHECK(ask<item_ptr>(catalog, nobody).error().code == errc::not_found);
    patch_item wrong;
    wrong.id = item_id{"f1"};
    wrong.title = std::string(item_limits::title_bytes_max + 1, 'x');
    CHECK(ask<item_ptr>(catalog, wrong).error().code == errc::invalid_argument);
  }

  TEST_CASE_FIXTURE(twenty_films, "writing an item again keeps when it became available") {
    const auto first = *ask<item_ptr>(catalog, read_item{item_id{"f1"}});
    advance(5000ms);
    upsert_items again;
    again.items.push_back(film("f1", "western"));
    REQUIRE(ask<items_ack>(catalog, again).has_value());
    const auto second = *ask<item_ptr>(catalog, read_item{item_id{"f1"}});
    CHECK(second->created == first->created);
    CHECK(second->updated > first->updated);
    CHECK(second->categories == std::vector<std::string>{"western"});
  }

  TEST_CASE_FIXTURE(twenty_films, "search finds items by words in any case, page by page") {
    read_items query;
    query.search = "FILM drama";
    query.limit = 4;
    std::vector<std::string> found;
    do {
      const auto page = ask<item_page>(catalog, query);
      REQUIRE(page.has_value());
      for (const auto& one : page->items)
        found.push_back(one->id.value);
      query.after = page->next_after;
    } while (!query.after.empty());
    CHECK(found.size() == 10);
    query.after = item_id{};
    query.search = "drama comedy";
    CHECK(ask<item_page>(catalog, query)->items.empty());
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "similar and popular come from all shards, or say that one is missing") {
    for (int user = 0; user < 4; ++user) {
      REQUIRE(take("u" + std::to_string(user), "f2", 1).has_value());
      REQUIRE(take("u" + std::to_string(user), "f4", 2).has_value());
    }
    const auto similar = ask<scored_items>(catalog, read_similar{item_id{"f2"}, 5, {}});
    REQUIRE(similar.has_value());
    REQUIRE_FALSE(similar->items.empty());
    CHECK(similar->items[0].what->id.value == "f4");
    for (const auto& one : similar->items)
      CHECK(one.what->id.value != "f2");
    const auto popular = ask<scored_items>(catalog, read_popular{2, 2, {}});
    REQUIRE(popular.has_value());
    REQUIRE(popular->items.size() == 2);
    CHECK_FALSE(popular->partial);
    fronts[0]->scores.closed = true;
    const auto asked = send_off<scored_items>(catalog, read_popular{2, 2, {}});
    run();
    advance(settings.slates.deadline);
    REQUIRE(asked.arrived());
    CHECK(asked.get()->partial);
    fronts[1]->scores.closed = true;
    const auto unlucky = send_off<scored_items>(catalog, read_similar{item_id{"f2"}, 5, {}});
    run();
    advance(settings.slates.deadline);
    REQUIRE(unlucky.arrived());
    CHECK(unlucky.get().error().code == errc::timeout);
    CHECK(ask<scored_items>(catalog, read_popular{7, 2, {}}).error().code
          == errc::invalid_argument);
    CHECK(ask<scored_items>(catalog, read_similar{item_id{"f2"}, 5, "year >"}).error().code
          == errc::invalid_argument);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "an item that breaks a limit is refused with its place in the list") {
    upsert_items two;
    two.items.push_back(film("fine", "drama"));
    two.items.push_back(film("", "drama"));
    const auto refused = ask<items_ack>(catalog, two);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::invalid_argument);
    CHECK(refused.error().context.find("items[1]") != std::string::npos);
    CHECK(ask<item_ptr>(catalog, read_item{item_id{"fine"}}).has_error());
  }

} // TEST_SUITE
