#include "apps/troupe/import/format.hpp"
#include "apps/troupe/import/store_writer.hpp"
#include "apps/troupe/import/stored_data_set.hpp"
#include "apps/troupe/open_store.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

namespace {

std::unique_ptr<storage::store> open(const test::temp_dir& dir) {
  config::storage_settings settings;
  settings.directory = (dir.path() / "store").string();
  auto out = open_store(settings, store_use::create);
  REQUIRE(out.has_value());
  return std::move(*out);
}

event rating(std::string user, std::string item, std::string id) {
  event out;
  out.id = event_id{std::move(id)};
  out.user = user_id{std::move(user)};
  out.item = item_id{std::move(item)};
  out.type = "rating";
  out.value = 4.0F;
  out.time = from_millis(1'000'000);
  return out;
}

} // namespace

TEST_SUITE("import.store") {

  TEST_CASE("events of a user are numbered on from what the store has") {
    const test::temp_dir dir;
    const auto store = open(dir);
    {
      store_writer writer{*store, system_clock()};
      CHECK(writer.add(rating("u1", "i1", "a")));
      CHECK(writer.add(rating("u2", "i1", "a")));
      CHECK(writer.finish());
    }
    store_writer writer{*store, system_clock()};
    CHECK(writer.add(rating("u1", "i2", "b")));
    CHECK(writer.finish());
    const auto events = store->events().read_user(user_id{"u1"}, 0, 10);
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 2);
    CHECK((*events)[1].seq == 2);
    CHECK((*events)[1].arrival == 3);
  }

  TEST_CASE("an event that is there already changes nothing, in one run or in two") {
    const test::temp_dir dir;
    const auto store = open(dir);
    for (const std::uint64_t written : {2U, 0U}) {
      store_writer writer{*store, system_clock()};
      for (int i = 0; i < 2; ++i) {
        CHECK(writer.add(rating("u1", "i1", "a")));
        CHECK(writer.add(rating("u2", "i1", "a"))); // another user's id is another event
      }
      CHECK(writer.finish());
      CHECK(writer.counts().events == written);
      CHECK(writer.counts().duplicates == 4 - written);
    }
    CHECK(*store->events().last_arrival() == 2);
    CHECK(*store->events().last_seq(user_id{"u1"}) == 1);
  }

  TEST_CASE("a record over a limit is refused and the rest goes on") {
    const test::temp_dir dir;
    const auto store = open(dir);
    store_writer writer{*store, system_clock()};
    auto wrong = rating("u1", "i1", "a");
    wrong.type = "Not A Type";
    const auto refused = writer.add(std::move(wrong));
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::invalid_argument);
    CHECK(writer.add(item{}).has_error());
    CHECK(writer.add(rating("u1", "i1", "a")));
    CHECK(writer.finish());
    CHECK(writer.counts().events == 1);
    CHECK(*store->events().last_seq(user_id{"u1"}) == 1);
  }

  TEST_CASE("a store reads back as a data set, items by id and events by arrival") {
    const test::temp_dir dir;
    const auto store = open(dir);
    store_writer writer{*store, system_clock()};
    for (const auto* id : {"b", "a"}) {
      item what;
      what.id = item_id{id};
      CHECK(writer.add(std::move(what)));
    }
    for (int i = 0; i < 20'005; ++i) // more than two pages
      CHECK(writer.add(rating("u" + std::to_string(i % 7), "a", std::to_string(i))));
    CHECK(writer.finish());
    const auto from = stored_data_set(*store);
    std::string ids;
    CHECK(from->read_items([&ids](item&& what, file_position) -> result<void> {
      ids += what.id.value;
      return {};
    }));
    CHECK(ids == "ab");
    int next = 0;
    CHECK(from->read_events([&next](event&& what, file_position) -> result<void> {
      if (what.id.value != std::to_string(next))
        return failure{errc::internal, "out of order"};
      ++next;
      return {};
    }));
    CHECK(next == 20'005);
  }

} // TEST_SUITE
