#include "tests/unit/storage/crash_image.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;

namespace {

double statistic(const storage::store& of, std::string_view name) {
  for (const auto& one : of.statistics())
    if (one.name == name)
      return one.value;
  FAIL("no such statistic");
  return 0;
}

} // namespace

TEST_SUITE("storage.rocksdb.blob") {

  TEST_CASE("a save of a blob that was cut short leaves the one before, and its rest is removed") {
    const temp_dir place;
    const auto cut = place.path() / "cut";
    const std::string large(std::size_t{5} << 20, 'x');
    std::uintmax_t log_bytes = 0; // before the header is written, which comes last
    {
      auto options = small_options(place.path() / "origin");
      options.write_buffer_bytes = std::size_t{64} << 20; // all but the chunks stays in the log
      const auto store = storage::open_rocksdb(options);
      REQUIRE((*store)->models().save("shard-0", "first"));
      log_bytes = fs::file_size(files_like(options.directory, ".log").back());
      REQUIRE((*store)->models().save("shard-0", large));
      copy_image(options.directory, cut);
    }
    const auto log = files_like(cut, ".log").back();
    REQUIRE(fs::file_size(log) > log_bytes);
    fs::resize_file(log, log_bytes);
    const auto store = open_store(cut);
    CHECK(*store->models().load("shard-0") == "first");
    REQUIRE(store->models().save("shard-0", "second"));
    CHECK(*store->models().load("shard-0") == "second");
    REQUIRE(store->models().save("shard-0", large));
    CHECK(*store->models().load("shard-0") == large);
    REQUIRE(store->models().erase("shard-0"));
    CHECK(store->models().list("")->empty());
  }

  TEST_CASE("a large blob takes no log and no memtable, and one before it no space") {
    const temp_dir place;
    const auto store = open_store(place.path() / "store");
    std::string large(std::size_t{5} << 20, 'x');
    REQUIRE(store->models().save("shard-0", large));
    const auto log = statistic(*store, "troupe_storage_log_written_bytes_total");
    const auto memtables = statistic(*store, "troupe_storage_memtable_bytes");
    for (char i = 'a'; i < 'k'; ++i) {
      large.back() = i;
      REQUIRE(store->models().save("shard-0", large));
      CHECK(*store->models().load("shard-0") == large);
      CHECK(statistic(*store, "troupe_storage_table_files_bytes")
            < 2.0 * static_cast<double>(large.size()));
    }
    CHECK(statistic(*store, "troupe_storage_log_written_bytes_total") < log + 10'000);
    CHECK(statistic(*store, "troupe_storage_memtable_bytes") < memtables + 100'000);
    REQUIRE(store->models().erase("shard-0"));
    CHECK(statistic(*store, "troupe_storage_table_files_bytes") < 1'000'000);
  }

  TEST_CASE("small and large saves of a blob in turns leave the last one, also after a restart") {
    const temp_dir place;
    const std::string large(std::size_t{3} << 20, 'x');
    std::string last;
    {
      const auto store = open_store(place.path() / "store");
      for (int i = 0; i < 4; ++i)
        for (const auto& bytes : {fmt::format("choice {}", i), fmt::format("again {}", i),
                                  large + fmt::format("{}", i), std::string{}}) {
          REQUIRE(store->models().save("choice", bytes));
          REQUIRE(store->models().save("shard-0", large));
          CHECK(*store->models().load("choice") == bytes);
        }
      last = "the last";
      REQUIRE(store->models().save("choice", last));
      CHECK(statistic(*store, "troupe_storage_table_files_bytes")
            < 1.5 * static_cast<double>(large.size()));
    }
    const auto store = open_store(place.path() / "store");
    CHECK(*store->models().load("choice") == last);
    CHECK(*store->models().load("shard-0") == large);
    REQUIRE(store->models().save("choice", "after it"));
    CHECK(*store->models().load("choice") == "after it");
  }

  TEST_CASE("a table that a crash left half written is overwritten") {
    const temp_dir place;
    const auto store = open_store(place.path() / "store");
    write_bytes(place.path() / "store" / "incoming.sst", "half");
    const std::string large(std::size_t{3} << 20, 'x');
    REQUIRE(store->models().save("shard-0", large));
    CHECK(*store->models().load("shard-0") == large);
    CHECK_FALSE(fs::exists(place.path() / "store" / "incoming.sst"));
  }

} // TEST_SUITE
