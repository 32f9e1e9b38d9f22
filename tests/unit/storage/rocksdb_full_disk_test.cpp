#include "tests/unit/storage/crash_image.hpp"
#include "tests/unit/storage/small_disk.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>

using namespace troupe;
using namespace troupe::test;
using storage::durability;

namespace {

bool mentions(const failure& what, const std::string& text) {
  return what.context.find(text) != std::string::npos;
}

/// Appends until the store refuses; the seq of the last acknowledged event.
std::uint64_t append_until_refused(storage::store& to, std::uint64_t from, failure& why) {
  for (std::uint64_t seq = from;; seq += 10) {
    REQUIRE(seq < 200000);
    auto batch = sample_events("a", seq, seq + 9);
    const auto done = to.events().append(batch, durability::durable);
    if (!done) {
      why = done.error();
      return seq - 1;
    }
  }
}

} // namespace

TEST_SUITE("storage.rocksdb.full_disk") {

  TEST_CASE("a full disk refuses writes, keeps all that was acknowledged, and goes on with space") {
    if (!may_mount()) {
      MESSAGE("skipped: needs root to mount a file system");
      return;
    }
    const small_disk disk{"size=12m"};
    REQUIRE(disk.mounted());
    const auto filler = disk.path() / "filler";
    {
      const auto store = open_store(disk.path() / "store");
      append_batches(*store, 1, 10);
      write_bytes(filler, std::string(fs::space(disk.path()).available - (600U << 10), 'x'));
      failure why;
      const auto last = append_until_refused(*store, 101, why);
      CHECK(why.code == errc::out_of_space);
      CHECK(mentions(why, "free some space"));
      for (int i = 0; i < 3; ++i) { // and again, without harm
        auto batch = sample_events("a", last + 1, last + 10);
        CHECK(store->events().append(batch, durability::fast).error().code == errc::out_of_space);
        const std::vector<item> items{sample_item()};
        CHECK(store->items().put(items, durability::fast).error().code == errc::out_of_space);
        CHECK(store->sync().error().code == errc::out_of_space);
      }
      CHECK(*store->items().count() == 0);
      CHECK(holds_exactly(*store, last)); // reading goes on
      fs::remove(filler);
      append_batches(*store, last + 1, 5);
      CHECK(holds_exactly(*store, last + 50));
      append_batches(*store, last + 51, 1);
    }
    const auto store = open_store(disk.path() / "store");
    CHECK(*store->events().last_seq(user_id{"a"}) % 10 == 0);
    CHECK(holds_exactly(*store, *store->events().last_arrival()));
  }

  TEST_CASE("a kill while the disk is full loses nothing that was acknowledged") {
    if (!may_mount()) {
      MESSAGE("skipped: needs root to mount a file system");
      return;
    }
    const small_disk disk{"size=12m"};
    REQUIRE(disk.mounted());
    const temp_dir elsewhere;
    const auto store = open_store(disk.path() / "store");
    write_bytes(disk.path() / "filler",
                std::string(fs::space(disk.path()).available - (600U << 10), 'x'));
    failure why;
    const auto last = append_until_refused(*store, 1, why);
    copy_image(disk.path() / "store", elsewhere.path() / "killed");
    CHECK(holds_exactly(*open_store(elsewhere.path() / "killed"), last));
    fs::remove(disk.path() / "filler"); // so that closing can flush
  }

  TEST_CASE("closing while the disk is full loses nothing that was acknowledged") {
    if (!may_mount()) {
      MESSAGE("skipped: needs root to mount a file system");
      return;
    }
    const small_disk disk{"size=12m"};
    REQUIRE(disk.mounted());
    std::uint64_t last = 0;
    {
      const auto store = open_store(disk.path() / "store");
      write_bytes(disk.path() / "filler",
                  std::string(fs::space(disk.path()).available - (600U << 10), 'x'));
      failure why;
      last = append_until_refused(*store, 1, why);
    }
    fs::remove(disk.path() / "filler");
    CHECK(holds_exactly(*open_store(disk.path() / "store"), last));
  }

  TEST_CASE("starting on a full disk says so and damages nothing") {
    if (!may_mount()) {
      MESSAGE("skipped: needs root to mount a file system");
      return;
    }
    const small_disk disk{"size=12m"};
    REQUIRE(disk.mounted());
    {
      const temp_dir elsewhere;
      const auto store = open_store(elsewhere.path() / "origin");
      append_batches(*store, 1, 30);
      copy_image(elsewhere.path() / "origin", disk.path() / "store");
    }
    write_bytes(disk.path() / "filler", std::string(fs::space(disk.path()).available, 'x'));
    CHECK(open_failure(disk.path() / "store").code == errc::out_of_space);
    CHECK(open_failure(disk.path() / "new").code == errc::out_of_space);
    fs::remove(disk.path() / "filler");
    CHECK(holds_exactly(*open_store(disk.path() / "store"), 300));
  }

  TEST_CASE("a limit on the size of files is met like a full disk") {
    const temp_dir place;
    std::uint64_t last = 0;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    {
      const auto store = open_store(place.path());
      append_batches(*store, 1, 10);
      const rlimit small{200U << 10, before.rlim_max};
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
      failure why;
      last = append_until_refused(*store, 101, why);
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
      CHECK(why.code == errc::out_of_space);
      CHECK(holds_exactly(*store, last));
    }
    std::signal(SIGXFSZ, handler);
    CHECK(holds_exactly(*open_store(place.path()), last));
  }

} // TEST_SUITE
