#include "tests/unit/storage/crash_image.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::test;

namespace {

/// A store that was killed after `batches` acknowledged batches, all of them in the log.
struct killed_store {
  temp_dir place;
  fs::path directory = place.path() / "killed";
  std::uint64_t batches;

  explicit killed_store(std::uint64_t batches_) : batches(batches_) {
    const auto origin = place.path() / "origin";
    const auto store = open_store(origin);
    append_batches(*store, 1, batches);
    copy_image(origin, directory);
  }

  [[nodiscard]] fs::path log() const {
    const auto logs = files_like(directory, ".log");
    REQUIRE(logs.size() == 1);
    return logs.front();
  }
};

} // namespace

TEST_SUITE("storage.rocksdb.crash") {

  TEST_CASE("what was acknowledged is there after a kill, and after the next") {
    const killed_store killed{20};
    const auto again = killed.place.path() / "again";
    {
      const auto store = open_store(killed.directory);
      CHECK(holds_exactly(*store, 200));
      append_batches(*store, 201, 5);
      copy_image(killed.directory, again);
    }
    CHECK(holds_exactly(*open_store(again), 250));
    CHECK(holds_exactly(*open_store(killed.directory), 250));
  }

  TEST_CASE("a sync costs an fsync only if something was written fast since the last one") {
    const temp_dir place;
    const auto store = open_store(place.path() / "store");
    const auto syncs = [&] {
      for (const auto& one : store->statistics())
        if (one.name == "troupe_storage_log_syncs_total")
          return one.value;
      return -1.0;
    };
    CHECK(store->sync()); // what the process before left
    const auto before = syncs();
    CHECK(before >= 0);
    CHECK(store->sync());
    CHECK(syncs() == before);
    auto batch = sample_events("a", 1, 3);
    REQUIRE(store->events().append(batch, storage::durability::fast));
    CHECK(syncs() == before);
    CHECK(store->sync());
    CHECK(syncs() == before + 1);
    CHECK(store->sync());
    CHECK(syncs() == before + 1);
  }

  TEST_CASE("a log cut anywhere gives whole batches up to the cut, and can be written to") {
    const killed_store killed{6};
    const auto whole = read_bytes(killed.log());
    const auto cut = killed.place.path() / "cut";
    for (std::size_t size = 1; size < whole.size(); size += 797) {
      CAPTURE(size);
      copy_image(killed.directory, cut);
      write_bytes(cut / killed.log().filename(), whole.substr(0, size));
      std::uint64_t last = 0;
      {
        const auto store = open_store(cut);
        last = *store->events().last_seq(user_id{"a"});
        CHECK(last % 10 == 0);
        CHECK(holds_exactly(*store, last));
        append_batches(*store, last + 1, 1);
      }
      CHECK(holds_exactly(*open_store(cut), last + 10));
    }
  }

  TEST_CASE("a torn tail followed by another crash is no damage") {
    const killed_store killed{6};
    const auto bytes = read_bytes(killed.log());
    write_bytes(killed.log(), bytes.substr(0, bytes.size() - 100));
    const auto torn = killed.log();
    const auto torn_bytes = read_bytes(torn);
    const auto again = killed.place.path() / "again";
    {
      const auto store = open_store(killed.directory);
      append_batches(*store, 51, 3);
      copy_image(killed.directory, again);
    }
    // The old log may still be there: it is removed some time after the new one was begun.
    write_bytes(again / torn.filename(), torn_bytes);
    CHECK(holds_exactly(*open_store(again), 80));
  }

  TEST_CASE("a byte changed anywhere in the log loses at most the last write, or is refused") {
    const killed_store killed{12};
    const auto whole = read_bytes(killed.log());
    const auto damaged = killed.place.path() / "damaged";
    int refused = 0;
    for (std::size_t at = 3; at < whole.size(); at += 431) {
      CAPTURE(at);
      copy_image(killed.directory, damaged);
      flip_byte(damaged / killed.log().filename(), at);
      const auto before = data_files(damaged);
      const auto opened = storage::open_rocksdb(small_options(damaged));
      if (opened) {
        const auto last = *(*opened)->events().last_seq(user_id{"a"});
        CHECK(last >= 110);
        CHECK(holds_exactly(**opened, last));
        continue;
      }
      ++refused;
      CHECK(opened.error().code == errc::corrupt_data);
      CHECK(opened.error().context.find(killed.log().filename().string()) != std::string::npos);
      CHECK(opened.error().context.find("backup") != std::string::npos);
      CHECK(data_files(damaged) == before);
    }
    CHECK(refused > 10);
  }

  TEST_CASE("a log with a hole of zeros in the middle is refused") {
    const killed_store killed{40};
    auto bytes = read_bytes(killed.log());
    REQUIRE(bytes.size() > 20000);
    bytes.replace(4096, 4096, 4096, '\0');
    write_bytes(killed.log(), bytes);
    CHECK(open_failure(killed.directory).code == errc::corrupt_data);
  }

  TEST_CASE("cutting a damaged log where the message says opens the store with what was before") {
    const killed_store killed{12};
    flip_byte(killed.log(), read_bytes(killed.log()).size() / 2);
    const auto why = open_failure(killed.directory).context;
    const auto at = why.find("truncate -s ");
    REQUIRE(at != std::string::npos);
    fs::resize_file(killed.log(), std::stoull(why.substr(at + 12)));
    const auto store = open_store(killed.directory);
    const auto last = *store->events().last_seq(user_id{"a"});
    CHECK(last >= 40);
    CHECK(last <= 70);
    CHECK(holds_exactly(*store, last));
  }

  TEST_CASE("the number of items is right after a kill between two writes") {
    const temp_dir place;
    const auto store = open_store(place.path() / "origin");
    const std::vector<item> batch{sample_item("a"), sample_item("b")};
    REQUIRE(store->items().put(batch, storage::durability::fast));
    REQUIRE(store->items().erase(item_id{"a"}, storage::durability::fast).value());
    copy_image(place.path() / "origin", place.path() / "killed");
    CHECK(*open_store(place.path() / "killed")->items().count() == 1);
  }

} // TEST_SUITE
