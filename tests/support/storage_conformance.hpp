#pragma once

#include "storage/interfaces.hpp"
#include "tests/support/storage_samples.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

/// What storage/interfaces.hpp promises, for any engine. A test program defines, before it
/// includes this file, the type `troupe::test::engine_under_test` with
///   storage::store& store();  an open store, empty at first
///   void reopen();            closes it and opens the same store again
/// and gets the cases below.

namespace troupe::test {

inline constexpr auto no_limit = std::numeric_limits<std::size_t>::max();
inline constexpr auto newest = std::numeric_limits<std::uint64_t>::max();

inline void append(storage::store& to, std::vector<stored_event> batch,
                   storage::durability how = storage::durability::durable) {
  const auto done = to.events().append(batch, how);
  REQUIRE_MESSAGE(done, (done ? std::string{} : done.error().context));
}

inline std::vector<std::uint64_t> seqs_of(const result<std::vector<stored_event>>& events) {
  REQUIRE(events.has_value());
  std::vector<std::uint64_t> out;
  for (const auto& event : *events)
    out.push_back(event.seq);
  return out;
}

using numbers = std::vector<std::uint64_t>;

} // namespace troupe::test

TEST_SUITE("storage.conformance.event_log") {

  using namespace troupe;
  using namespace troupe::test;
  using storage::durability;

  TEST_CASE("a new store has no events") {
    engine_under_test engine;
    auto& log = engine.store().events();
    CHECK(*log.last_arrival() == 0);
    CHECK(*log.last_seq(user_id{"nobody"}) == 0);
    CHECK(log.read_user(user_id{"nobody"}, 0, no_limit)->empty());
    CHECK(log.read_user_newest(user_id{"nobody"}, newest, no_limit)->empty());
    CHECK(log.read_arrivals(0, no_limit)->empty());
    CHECK(log.erase_user(user_id{"nobody"}));
  }

  TEST_CASE("what was appended is read back whole, also after opening again") {
    engine_under_test engine;
    auto batch = sample_events("a", 1, 3);
    REQUIRE(engine.store().events().append(batch, durability::durable));
    CHECK(batch[0].arrival == 1);
    CHECK(batch[2].arrival == 3);
    for (int round = 0; round < 2; ++round) {
      const auto read = engine.store().events().read_user(user_id{"a"}, 0, no_limit);
      REQUIRE(read.has_value());
      CHECK(*read == batch);
      CHECK(*engine.store().events().last_arrival() == 3);
      CHECK(*engine.store().events().last_seq(user_id{"a"}) == 3);
      engine.reopen();
    }
  }

  TEST_CASE("an empty batch is fine and gives no arrival") {
    engine_under_test engine;
    append(engine.store(), {});
    CHECK(*engine.store().events().last_arrival() == 0);
  }

  TEST_CASE("a user's events are paged forwards and backwards") {
    engine_under_test engine;
    append(engine.store(), sample_events("a", 1, 300), durability::fast);
    const auto& log = engine.store().events();
    const user_id a{"a"};
    CHECK(seqs_of(log.read_user(a, 0, 2)) == numbers{1, 2});
    CHECK(seqs_of(log.read_user(a, 254, 3)) == numbers{255, 256, 257});
    CHECK(seqs_of(log.read_user(a, 299, no_limit)) == numbers{300});
    CHECK(seqs_of(log.read_user(a, 300, no_limit)).empty());
    CHECK(seqs_of(log.read_user(a, newest, no_limit)).empty());
    CHECK(seqs_of(log.read_user(a, 0, 0)).empty());
    CHECK(seqs_of(log.read_user_newest(a, newest, 2)) == numbers{300, 299});
    CHECK(seqs_of(log.read_user_newest(a, 257, 3)) == numbers{256, 255, 254});
    CHECK(seqs_of(log.read_user_newest(a, 2, no_limit)) == numbers{1});
    CHECK(seqs_of(log.read_user_newest(a, 1, no_limit)).empty());
    CHECK(seqs_of(log.read_user_newest(a, 0, no_limit)).empty());
    CHECK(seqs_of(log.read_user_newest(a, newest, 0)).empty());
    CHECK(log.read_user(a, 0, no_limit)->size() == 300);
  }

  TEST_CASE("users whose ids begin with each other do not see each other's events") {
    engine_under_test engine;
    const std::vector<std::string> ids{"a",  "aa", std::string(255, 'a'), std::string(256, 'a'),
                                       "a:", "b",  "\xF0\x9F\x8E\xAC"};
    for (std::size_t i = 0; i < ids.size(); ++i)
      append(engine.store(), sample_events(ids[i], 1, i + 1), durability::fast);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(ids[i]);
      const auto read = engine.store().events().read_user(user_id{ids[i]}, 0, no_limit);
      REQUIRE(read.has_value());
      CHECK(read->size() == i + 1);
      for (const auto& event : *read)
        CHECK(event.what.user.value == ids[i]);
      CHECK(*engine.store().events().last_seq(user_id{ids[i]}) == i + 1);
      CHECK(engine.store().events().read_user_newest(user_id{ids[i]}, newest, no_limit)->size()
            == i + 1);
    }
  }

  TEST_CASE("arrivals are numbered over all users in the order of appending") {
    engine_under_test engine;
    append(engine.store(), {sample_event("a", 1), sample_event("b", 1), sample_event("a", 2)});
    append(engine.store(), {sample_event("b", 2)});
    const auto all = engine.store().events().read_arrivals(0, no_limit);
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 4);
    const std::vector<std::string> ids{"a-1", "b-1", "a-2", "b-2"};
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK((*all)[i].arrival == i + 1);
      CHECK((*all)[i].what.id.value == ids[i]);
    }
    CHECK(seqs_of(engine.store().events().read_arrivals(1, 2)) == numbers{1, 2});
    CHECK(engine.store().events().read_arrivals(4, no_limit)->empty());
    CHECK(engine.store().events().read_arrivals(newest, no_limit)->empty());
    CHECK(engine.store().events().read_arrivals(0, 0)->empty());
  }

  TEST_CASE("many arrivals are read in parts without one twice or none") {
    engine_under_test engine;
    for (std::uint64_t i = 0; i < 10; ++i)
      append(engine.store(), sample_events("u" + std::to_string(i), 1, 100), durability::fast);
    std::uint64_t after = 0;
    std::size_t met = 0;
    for (;;) {
      const auto part = engine.store().events().read_arrivals(after, 333);
      REQUIRE(part.has_value());
      if (part->empty())
        break;
      for (const auto& event : *part)
        CHECK(event.arrival == ++after);
      met += part->size();
    }
    CHECK(met == 1000);
  }

  TEST_CASE("erasing a user removes its events everywhere and nobody else's") {
    engine_under_test engine;
    append(engine.store(), {sample_event("a", 1), sample_event("ab", 1), sample_event("a", 2),
                            sample_event("b", 1)});
    REQUIRE(engine.store().events().erase_user(user_id{"a"}));
    for (int round = 0; round < 2; ++round) {
      auto& log = engine.store().events();
      CHECK(log.read_user(user_id{"a"}, 0, no_limit)->empty());
      CHECK(*log.last_seq(user_id{"a"}) == 0);
      const auto all = log.read_arrivals(0, no_limit);
      REQUIRE(all->size() == 2);
      CHECK((*all)[0].arrival == 2);
      CHECK((*all)[1].arrival == 4);
      engine.reopen();
    }
  }

  TEST_CASE("an arrival is never given twice, also after the last one was erased") {
    engine_under_test engine;
    append(engine.store(), {sample_event("a", 1), sample_event("b", 1)});
    REQUIRE(engine.store().events().erase_user(user_id{"b"}));
    CHECK(*engine.store().events().last_arrival() == 2);
    engine.reopen();
    CHECK(*engine.store().events().last_arrival() == 2);
    auto batch = sample_events("c", 1, 1);
    REQUIRE(engine.store().events().append(batch, durability::durable));
    CHECK(batch[0].arrival == 3);
  }

  TEST_CASE("a user that was erased begins anew at 1") {
    engine_under_test engine;
    append(engine.store(), sample_events("a", 1, 5));
    REQUIRE(engine.store().events().erase_user(user_id{"a"}));
    append(engine.store(), sample_events("a", 1, 2));
    CHECK(seqs_of(engine.store().events().read_user(user_id{"a"}, 0, no_limit)) == numbers{1, 2});
  }

  TEST_CASE("a user with more events than one batch holds is erased whole") {
    engine_under_test engine;
    append(engine.store(), {sample_event("keep", 1)}, durability::fast);
    for (std::uint64_t from = 1; from <= 25000; from += 5000)
      append(engine.store(), sample_events("a", from, from + 4999), durability::fast);
    REQUIRE(engine.store().events().erase_user(user_id{"a"}));
    CHECK(*engine.store().events().last_seq(user_id{"a"}) == 0);
    CHECK(engine.store().events().read_arrivals(0, no_limit)->size() == 1);
  }

  TEST_CASE("a user id of no bytes or too many is refused and nothing written") {
    engine_under_test engine;
    for (const auto& id : {std::string{}, std::string(257, 'x')}) {
      std::vector<stored_event> batch{sample_event("fine", 1), sample_event(id, 1)};
      const auto done = engine.store().events().append(batch, durability::durable);
      REQUIRE_FALSE(done.has_value());
      CHECK(done.error().code == errc::invalid_argument);
    }
    CHECK(*engine.store().events().last_arrival() == 0);
    CHECK(engine.store().events().read_arrivals(0, no_limit)->empty());
  }

  TEST_CASE("readers see whole batches while one writes") {
    engine_under_test engine;
    std::atomic<bool> stop = false;
    std::atomic<int> torn = 0;
    std::thread reader{[&] {
      const auto& log = engine.store().events();
      std::uint64_t last = 0;
      while (!stop) {
        const auto seq = log.last_seq(user_id{"a"});
        const auto count = log.read_user(user_id{"a"}, 0, no_limit);
        if (!seq || !count || *seq % 10 != 0 || count->size() % 10 != 0 || *seq < last)
          ++torn;
        else
          last = *seq;
      }
    }};
    for (std::uint64_t from = 1; from <= 1000; from += 10)
      append(engine.store(), sample_events("a", from, from + 9), durability::fast);
    stop = true;
    reader.join();
    CHECK(torn == 0);
  }

} // TEST_SUITE

TEST_SUITE("storage.conformance.profile_store") {

  using namespace troupe;
  using namespace troupe::test;
  using storage::durability;

  TEST_CASE("a profile that was not saved is none, not an error") {
    engine_under_test engine;
    CHECK_FALSE(engine.store().profiles().load(user_id{"a"})->has_value());
    CHECK_FALSE(engine.store().profiles().load_user(user_id{"a"})->has_value());
    CHECK(engine.store().profiles().erase(user_id{"a"}));
    CHECK(engine.store().profiles().save({}));
  }

  TEST_CASE("profiles are saved together, replaced, and there after opening again") {
    engine_under_test engine;
    const std::vector<storage::profile_record> batch{sample_profile("a", 3),
                                                     sample_profile("b", 5)};
    REQUIRE(engine.store().profiles().save(batch));
    const std::vector<storage::profile_record> later{sample_profile("a", 9)};
    REQUIRE(engine.store().profiles().save(later));
    for (int round = 0; round < 2; ++round) {
      const auto a = engine.store().profiles().load(user_id{"a"});
      REQUIRE(a->has_value());
      CHECK(equal(**a, later[0]));
      CHECK((*engine.store().profiles().load(user_id{"b"}))->seq == 5);
      CHECK_FALSE(engine.store().profiles().load(user_id{"ab"})->has_value());
      engine.reopen();
    }
  }

  TEST_CASE("properties of a user do not need a profile, nor a profile properties") {
    engine_under_test engine;
    REQUIRE(engine.store().profiles().save_user(sample_user("a"), durability::durable));
    engine.reopen();
    const auto user = engine.store().profiles().load_user(user_id{"a"});
    REQUIRE(user->has_value());
    CHECK(**user == sample_user("a"));
    CHECK_FALSE(engine.store().profiles().load(user_id{"a"})->has_value());
  }

  TEST_CASE("erasing removes profile and properties of this user only") {
    engine_under_test engine;
    const std::vector<storage::profile_record> batch{sample_profile("a"), sample_profile("b")};
    REQUIRE(engine.store().profiles().save(batch));
    REQUIRE(engine.store().profiles().save_user(sample_user("a"), durability::fast));
    REQUIRE(engine.store().profiles().save_user(sample_user("b"), durability::fast));
    REQUIRE(engine.store().profiles().erase(user_id{"a"}));
    for (int round = 0; round < 2; ++round) {
      CHECK_FALSE(engine.store().profiles().load(user_id{"a"})->has_value());
      CHECK_FALSE(engine.store().profiles().load_user(user_id{"a"})->has_value());
      CHECK(engine.store().profiles().load(user_id{"b"})->has_value());
      CHECK(engine.store().profiles().load_user(user_id{"b"})->has_value());
      engine.reopen();
    }
  }

  TEST_CASE("dropping profiles keeps properties and events, and new ones can be saved") {
    engine_under_test engine;
    const std::vector<storage::profile_record> batch{sample_profile("a"),
                                                     sample_profile(std::string(256, 'z')),
                                                     sample_profile("\xF4\x8F\xBF\xBF")};
    REQUIRE(engine.store().profiles().save(batch));
    REQUIRE(engine.store().profiles().save_user(sample_user("a"), durability::fast));
    append(engine.store(), sample_events("a", 1, 3));
    REQUIRE(engine.store().profiles().drop_profiles());
    for (const auto& was : batch)
      CHECK_FALSE(engine.store().profiles().load(was.user)->has_value());
    CHECK(engine.store().profiles().load_user(user_id{"a"})->has_value());
    CHECK(*engine.store().events().last_seq(user_id{"a"}) == 3);
    REQUIRE(engine.store().profiles().save(std::span{batch}.first(1)));
    engine.reopen();
    CHECK(engine.store().profiles().load(user_id{"a"})->has_value());
  }

} // TEST_SUITE

TEST_SUITE("storage.conformance.item_store") {

  using namespace troupe;
  using namespace troupe::test;
  using storage::durability;

  TEST_CASE("items are written, replaced, removed and counted exactly") {
    engine_under_test engine;
    CHECK(*engine.store().items().count() == 0);
    CHECK(engine.store().items().put({}, durability::durable));
    // One id twice in a batch is one item, and the last wins.
    std::vector<item> batch{sample_item("a"), sample_item("b"), sample_item("a")};
    batch[2].title = "again";
    REQUIRE(engine.store().items().put(batch, durability::durable));
    CHECK(*engine.store().items().count() == 2);
    REQUIRE(engine.store().items().put(std::span{batch}.first(1), durability::fast));
    CHECK(*engine.store().items().count() == 2);
    CHECK(*engine.store().items().erase(item_id{"a"}, durability::durable));
    CHECK_FALSE(*engine.store().items().erase(item_id{"a"}, durability::durable));
    CHECK_FALSE(*engine.store().items().erase(item_id{"unknown"}, durability::fast));
    for (int round = 0; round < 2; ++round) {
      CHECK(*engine.store().items().count() == 1);
      CHECK_FALSE(engine.store().items().get(item_id{"a"})->has_value());
      CHECK(**engine.store().items().get(item_id{"b"}) == sample_item("b"));
      engine.reopen();
    }
  }

  TEST_CASE("the last of two equal ids in a batch wins") {
    engine_under_test engine;
    std::vector<item> batch{sample_item("a"), sample_item("a")};
    batch[1].title = "the last";
    REQUIRE(engine.store().items().put(batch, durability::fast));
    CHECK((*engine.store().items().get(item_id{"a"}))->title == "the last");
  }

  TEST_CASE("items are scanned in byte order, in pages") {
    engine_under_test engine;
    std::vector<item> batch;
    for (const auto* id : {"b", "a", "\xc3\xa9", "ab", "a-", "z"})
      batch.push_back(sample_item(id));
    REQUIRE(engine.store().items().put(batch, durability::fast));
    std::vector<std::string> ids;
    item_id after;
    for (;;) {
      const auto page = engine.store().items().scan(after, 2);
      REQUIRE(page.has_value());
      if (page->empty())
        break;
      CHECK(page->size() <= 2);
      for (const auto& what : *page)
        ids.push_back(what.id.value);
      after = page->back().id;
    }
    CHECK(ids == std::vector<std::string>{"a", "a-", "ab", "b", "z", "\xc3\xa9"});
    CHECK(engine.store().items().scan(item_id{}, 0)->empty());
    CHECK(engine.store().items().scan(item_id{}, no_limit)->size() == 6);
  }

  TEST_CASE("items written from two threads are counted exactly") {
    engine_under_test engine;
    const auto write = [&](int from) {
      for (int i = from; i < from + 100; ++i) {
        const std::vector<item> one{sample_item("i" + std::to_string(i))};
        (void)engine.store().items().put(one, durability::fast);
      }
    };
    std::thread other{write, 50}; // half of them are the same items
    write(0);
    other.join();
    CHECK(*engine.store().items().count() == 150);
    CHECK(engine.store().items().scan(item_id{}, no_limit)->size() == 150);
  }

} // TEST_SUITE

TEST_SUITE("storage.conformance.model_store") {

  using namespace troupe;
  using namespace troupe::test;

  TEST_CASE("a blob is saved, replaced by a shorter one, listed and removed") {
    engine_under_test engine;
    auto& models = engine.store().models();
    CHECK_FALSE(models.load("shard-0")->has_value());
    CHECK(models.erase("shard-0"));
    std::string large(std::size_t{3 << 20} + 17, 'x');
    for (std::size_t i = 0; i < large.size(); i += 4099)
      large[i] = static_cast<char>(i);
    REQUIRE(models.save("shard-0", large));
    CHECK(*models.load("shard-0") == large);
    REQUIRE(models.save("shard-0", "short"));
    REQUIRE(models.save("shard-00", large));
    REQUIRE(models.save("shard-1", ""));
    REQUIRE(models.save("other", "y"));
    engine.reopen();
    auto& again = engine.store().models();
    CHECK(*again.load("shard-0") == "short");
    CHECK(*again.load("shard-00") == large);
    CHECK(*again.load("shard-1") == "");
    CHECK(*again.list("shard-") == std::vector<std::string>{"shard-0", "shard-00", "shard-1"});
    CHECK(again.list("")->size() == 4);
    CHECK(again.list("z")->empty());
    REQUIRE(again.erase("shard-0"));
    CHECK_FALSE(again.load("shard-0")->has_value());
    CHECK(*again.load("shard-00") == large);
  }

  TEST_CASE("a blob's name has 1 to 256 bytes") {
    engine_under_test engine;
    auto& models = engine.store().models();
    for (const auto& name : {std::string{}, std::string(257, 'x')}) {
      CHECK(models.save(name, "y").error().code == errc::invalid_argument);
      CHECK(models.load(name).error().code == errc::invalid_argument);
      CHECK(models.erase(name).error().code == errc::invalid_argument);
    }
    CHECK(models.save(std::string(256, 'x'), "y"));
  }

} // TEST_SUITE

TEST_SUITE("storage.conformance.store") {

  using namespace troupe;
  using namespace troupe::test;

  TEST_CASE("the layout stays what it was made with") {
    engine_under_test engine;
    const auto before = engine.store().layout();
    CHECK(before.format_version >= 1);
    CHECK(before.shards >= 1);
    engine.reopen();
    CHECK(engine.store().layout().format_version == before.format_version);
    CHECK(engine.store().layout().shards == before.shards);
  }

  TEST_CASE("syncing makes what was written fast durable, and may be done at any time") {
    engine_under_test engine;
    CHECK(engine.store().sync());
    append(engine.store(), sample_events("a", 1, 2), storage::durability::fast);
    CHECK(engine.store().sync());
    engine.reopen();
    CHECK(*engine.store().events().last_seq(user_id{"a"}) == 2);
  }

} // TEST_SUITE
