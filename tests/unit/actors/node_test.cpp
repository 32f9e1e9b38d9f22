#include "actors/node.hpp"

#include "tests/support/fakes/memory_store.hpp"

#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::actors;
using troupe::test::memory_store;

namespace {

/// A running node on a store in memory, with real threads and the machine's clock.
struct running_node {
  explicit running_node(memory_store& on) : store(on) { start(); }

  void start() {
    settings.node.actor_threads = 2;
    auto made = node::start(settings, store, system_clock(), numbers);
    REQUIRE(made.has_value());
    whole = std::move(*made);
  }

  template <class Reply, class Handle, class Message>
  result<Reply> ask(const Handle& whom, Message what) {
    caf::scoped_actor self{whole->system()};
    result<Reply> out = failure{errc::internal, "no answer"};
    self->request(whom, std::chrono::seconds{10}, std::move(what))
        .receive([&](const Reply& reply) { out = reply; },
                 [&](const caf::error& why) { out = to_failure(why); });
    return out;
  }

  template <class Reply, class Message>
  result<Reply> ask_user(const std::string& user, Message what) {
    return ask<Reply>(whole->handles().directory_of(user_id{user}), std::move(what));
  }

  config::settings settings;
  metrics numbers;
  memory_store& store;
  std::unique_ptr<node> whole;
};

item film(const std::string& id, const std::string& category) {
  item made;
  made.id = item_id{id};
  made.title = "Film " + id;
  made.categories = {category};
  return made;
}

event click(const std::string& user, const std::string& on, int number) {
  event made;
  made.id = event_id{user + "-" + std::to_string(number)};
  made.user = user_id{user};
  made.item = item_id{on};
  made.type = "click";
  made.time = from_millis(1'767'225'600'000 + number);
  return made;
}

} // namespace

TEST_SUITE("actors.node") {

  TEST_CASE("a node takes items and events, recommends, stops and remembers after a restart") {
    memory_store store;
    running_node node{store};
    upsert_items films;
    for (int i = 0; i < 20; ++i)
      films.items.push_back(film("f" + std::to_string(i), i % 2 == 0 ? "drama" : "comedy"));
    const auto written = node.ask<items_ack>(node.whole->handles().catalog, films);
    REQUIRE(written.has_value());
    CHECK(written->written == 20);

    for (int i = 0; i < 5; ++i) {
      const auto ack =
          node.ask_user<ingest_ack>("ann", ingest{click("ann", "f" + std::to_string(i), i)});
      REQUIRE(ack.has_value());
      CHECK(ack->seq == static_cast<std::uint64_t>(i + 1));
    }
    const auto before = node.ask_user<slate_ptr>("ann", recommend{user_id{"ann"}, {}});
    REQUIRE(before.has_value());
    CHECK((*before)->profile_seq == 5);
    CHECK((*before)->items.size() == 15); // what ann has seen is left out
    CHECK(node.whole->stop().has_value());
    node.whole.reset();
    CHECK(store.snapshots() == 1);

    node.start();
    CHECK(node.whole->ready());
    const auto after = node.ask_user<slate_ptr>("ann", recommend{user_id{"ann"}, {}});
    REQUIRE(after.has_value());
    CHECK((*after)->profile_seq == 5);
    REQUIRE((*after)->items.size() == 15);
    for (std::size_t i = 0; i < 15; ++i)
      CHECK((*after)->items[i].what->id == (*before)->items[i].what->id);
  }

  TEST_CASE("requests after a drain are refused as unavailable") {
    memory_store store;
    running_node node{store};
    REQUIRE(node.ask_user<ingest_ack>("ann", ingest{click("ann", "f1", 1)}).has_value());
    for (const auto& directory : node.whole->handles().directories)
      REQUIRE(node.ask<done>(directory, drain{}).has_value());
    const auto refused = node.ask_user<ingest_ack>("ann", ingest{click("ann", "f1", 2)});
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::unavailable);
    CHECK(node.whole->stop().has_value());
  }

} // TEST_SUITE
