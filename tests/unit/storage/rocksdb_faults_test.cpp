#include "storage/rocksdb/directory.hpp"
#include "tests/unit/storage/crash_image.hpp"
#include "tests/unit/storage/small_disk.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <rocksdb/db.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

using namespace troupe;
using namespace troupe::test;
using storage::durability;

namespace {

bool mentions(const failure& what, const std::string& text) {
  return what.context.find(text) != std::string::npos;
}

/// A closed store with its events in table files.
void make_store(const fs::path& directory) {
  const auto store = open_store(directory);
  append_batches(*store, 1, 30);
}

} // namespace

TEST_SUITE("storage.rocksdb.directory") {

  TEST_CASE("a directory that is missing is created with its parents, if that is asked for") {
    const temp_dir place;
    auto options = small_options(place.path() / "a" / "b");
    options.create_if_missing = false;
    const auto why = open_failure(options);
    CHECK(why.code == errc::not_found);
    CHECK(mentions(why, options.directory.string()));
    CHECK_FALSE(fs::exists(options.directory));
    options.create_if_missing = true;
    CHECK(storage::open_rocksdb(options).has_value());
    options.create_if_missing = false;
    CHECK(storage::open_rocksdb(options).has_value());
  }

  TEST_CASE("a file is no directory, nor is a path through one") {
    const temp_dir place;
    write_bytes(place.path() / "file", "x");
    for (const auto& path : {place.path() / "file", place.path() / "file" / "store"}) {
      const auto why = open_failure(path);
      CHECK(why.code == errc::invalid_argument);
      CHECK(mentions(why, "not a directory"));
    }
    CHECK(read_bytes(place.path() / "file") == "x");
  }

  TEST_CASE("a directory with other files in it is left alone") {
    const temp_dir place;
    write_bytes(place.path() / "thesis.odt", "years of work");
    const auto why = open_failure(place.path());
    CHECK(why.code == errc::invalid_argument);
    CHECK(mentions(why, "holds other files"));
    CHECK(data_files(place.path()).size() == 1);
  }

  TEST_CASE("a directory one may not write is refused, new or not") {
    const temp_dir place;
    make_store(place.path() / "store");
    fs::permissions(place.path() / "store", fs::perms::owner_read | fs::perms::owner_exec
                                                | fs::perms::others_read | fs::perms::others_exec);
    fs::permissions(place.path(), fs::perms::owner_read | fs::perms::owner_exec
                                      | fs::perms::others_read | fs::perms::others_exec);
    const bool root = ::geteuid() == 0;
    if (root) // whom permissions do not bind
      REQUIRE(::seteuid(65534) == 0);
    const auto old_one = storage::open_rocksdb(small_options(place.path() / "store"));
    const auto new_one = storage::open_rocksdb(small_options(place.path() / "new"));
    if (root)
      REQUIRE(::seteuid(0) == 0);
    fs::permissions(place.path(), fs::perms::owner_all);
    fs::permissions(place.path() / "store", fs::perms::owner_all);
    for (const auto* answer : {&old_one, &new_one}) {
      REQUIRE_FALSE(answer->has_value());
      CHECK(answer->error().code == errc::invalid_argument);
      CHECK(mentions(answer->error(), "Permission denied"));
      CHECK(mentions(answer->error(), "storage.directory"));
    }
    CHECK(holds_exactly(*open_store(place.path() / "store"), 300));
  }

  TEST_CASE("a path where nothing can be made is refused") {
    const auto why = open_failure(fs::path{"/proc/troupe-store"});
    CHECK(why.code == errc::invalid_argument);
    CHECK(mentions(why, "/proc/troupe-store"));
  }

  TEST_CASE("a read-only file system is refused for writing and fine for reading") {
    if (!may_mount()) {
      MESSAGE("skipped: needs root to mount a file system");
      return;
    }
    const small_disk disk{"size=64m"};
    REQUIRE(disk.mounted());
    make_store(disk.path() / "store");
    REQUIRE(::mount(nullptr, disk.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, "size=64m")
            == 0);
    auto options = small_options(disk.path() / "store");
    const auto why = open_failure(options);
    CHECK(why.code == errc::invalid_argument);
    CHECK(mentions(why, "Read-only file system"));
    options.read_only = true;
    const auto opened = storage::open_rocksdb(options);
    REQUIRE(opened.has_value());
    CHECK(holds_exactly(**opened, 300));
  }

  TEST_CASE("a second opening in this process is refused, until the first is closed") {
    const temp_dir place;
    auto first = open_store(place.path());
    const auto why = open_failure(place.path());
    CHECK(why.code == errc::already_exists);
    CHECK(mentions(why, "in use by"));
    append_batches(*first, 1, 1); // the first does not notice
    first.reset();
    CHECK(holds_exactly(*open_store(place.path()), 10));
  }

  TEST_CASE("a second process is refused and told which one is there") {
    const temp_dir place;
    make_store(place.path());
    int ready[2];
    int leave[2];
    REQUIRE(::pipe(ready) == 0);
    REQUIRE(::pipe(leave) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const int fd = ::open((place.path() / "TROUPE").c_str(), O_RDONLY);
      char byte = ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 'y' : 'n';
      (void)!::write(ready[1], &byte, 1);
      ::close(leave[1]);
      (void)!::read(leave[0], &byte, 1);
      ::_exit(0);
    }
    char byte = 'n';
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK(byte == 'y');
    const auto why = storage::open_rocksdb(small_options(place.path()));
    ::close(leave[0]);
    ::close(leave[1]);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    REQUIRE_FALSE(why.has_value());
    CHECK(why.error().code == errc::already_exists);
    if (::access("/proc/locks", R_OK) == 0)
      CHECK(mentions(why.error(), "process " + std::to_string(child)));
    CHECK(holds_exactly(*open_store(place.path()), 300));
  }

  TEST_CASE("readers keep a writer out, and not each other") {
    const temp_dir place;
    make_store(place.path());
    auto options = small_options(place.path());
    options.read_only = true;
    auto one = storage::open_rocksdb(options);
    auto other = storage::open_rocksdb(options);
    REQUIRE(one.has_value());
    REQUIRE(other.has_value());
    CHECK(holds_exactly(**one, 300));
    CHECK(open_failure(place.path()).code == errc::already_exists);
    auto batch = sample_events("a", 301, 301);
    const auto refused = (*one)->events().append(batch, durability::durable);
    CHECK(refused.error().code == errc::invalid_argument);
  }

  TEST_CASE("reading changes no file, also where a log must be replayed") {
    const temp_dir place;
    const auto store = open_store(place.path() / "origin");
    append_batches(*store, 1, 5);
    copy_image(place.path() / "origin", place.path() / "killed");
    const auto before = data_files(place.path() / "killed");
    auto options = small_options(place.path() / "killed");
    options.read_only = true;
    {
      const auto opened = storage::open_rocksdb(options);
      REQUIRE(opened.has_value());
      CHECK(holds_exactly(**opened, 50));
    }
    CHECK(data_files(place.path() / "killed") == before);
  }

  TEST_CASE("a creation that was interrupted is taken up again") {
    const temp_dir place;
    make_store(place.path() / "other");
    fs::create_directory(place.path() / "store");
    fs::copy(place.path() / "other" / "TROUPE", place.path() / "store" / "TROUPE");
    write_bytes(place.path() / "store" / "TROUPE.99.new", "troupe");
    const auto store = open_store(place.path() / "store");
    append_batches(*store, 1, 1);
    CHECK(holds_exactly(*store, 10));
  }

} // TEST_SUITE

TEST_SUITE("storage.rocksdb.format") {

  TEST_CASE("a store of a newer format is refused and not touched") {
    const temp_dir place;
    make_store(place.path());
    auto marker = read_bytes(place.path() / "TROUPE");
    const auto at = marker.find("format 1");
    REQUIRE(at != std::string::npos);
    write_bytes(place.path() / "TROUPE", marker.replace(at, 8, "format 2"));
    const auto before = data_files(place.path());
    const auto why = open_failure(place.path());
    CHECK(why.code == errc::unsupported_format);
    CHECK(mentions(why, "format 2"));
    CHECK(mentions(why, "newer version"));
    CHECK(data_files(place.path()) == before);
  }

  TEST_CASE("a column family of a later version is refused and not touched") {
    const temp_dir place;
    make_store(place.path());
    {
      rocksdb::DBOptions options;
      std::vector<std::string> names;
      REQUIRE(rocksdb::DB::ListColumnFamilies(options, place.path().string(), &names).ok());
      std::vector<rocksdb::ColumnFamilyDescriptor> families;
      for (const auto& name : names)
        families.emplace_back(name, rocksdb::ColumnFamilyOptions{});
      std::vector<rocksdb::ColumnFamilyHandle*> handles;
      rocksdb::DB* database = nullptr;
      REQUIRE(
          rocksdb::DB::Open(options, place.path().string(), families, &handles, &database).ok());
      rocksdb::ColumnFamilyHandle* later = nullptr;
      REQUIRE(database->CreateColumnFamily({}, "neighbours", &later).ok());
      handles.push_back(later);
      for (auto* handle : handles)
        REQUIRE(database->DestroyColumnFamilyHandle(handle).ok());
      delete database;
    }
    const auto before = data_files(place.path());
    const auto why = open_failure(place.path());
    CHECK(why.code == errc::unsupported_format);
    CHECK(mentions(why, "neighbours"));
    CHECK(data_files(place.path()) == before);
  }

  TEST_CASE("a marker that is none, or of another store, is corrupt") {
    const temp_dir place;
    make_store(place.path() / "one");
    make_store(place.path() / "two");
    fs::copy(place.path() / "two" / "TROUPE", place.path() / "one" / "TROUPE",
             fs::copy_options::overwrite_existing);
    const auto mixed = open_failure(place.path() / "one");
    CHECK(mixed.code == errc::corrupt_data);
    CHECK(mentions(mixed, "two stores"));
    for (const auto* text : {"", "troupe", "troupe store\nformat x\n", "troupe store\nformat 0\n",
                             "troupe store\nformat 1\n", "troupe store\nformat 1\nid \n"}) {
      CAPTURE(text);
      write_bytes(place.path() / "two" / "TROUPE", text);
      CHECK(open_failure(place.path() / "two").code == errc::corrupt_data);
    }
  }

  TEST_CASE("shards are fixed when the store is made") {
    const temp_dir place;
    auto options = small_options(place.path());
    options.shards = 5;
    REQUIRE(storage::open_rocksdb(options).has_value());
    options.shards = 7;
    CHECK((*storage::open_rocksdb(options))->layout().shards == 5);
    options.shards = 0;
    CHECK(open_failure(options).code == errc::invalid_argument);
  }

} // TEST_SUITE

TEST_SUITE("storage.rocksdb.damage") {

  TEST_CASE("a table file with a changed byte never gives a wrong event") {
    const temp_dir place;
    make_store(place.path() / "store");
    const auto damaged = place.path() / "damaged";
    int noticed = 0;
    for (const auto& table : files_like(place.path() / "store", ".sst")) {
      const auto size = fs::file_size(table);
      for (std::size_t at = 1; at < size; at += size / 4 + 1) {
        CAPTURE(table.filename().string());
        CAPTURE(at);
        copy_image(place.path() / "store", damaged);
        flip_byte(damaged / table.filename(), at);
        const auto opened = storage::open_rocksdb(small_options(damaged));
        if (!opened) {
          ++noticed;
          CHECK(opened.error().code == errc::corrupt_data);
          CHECK(mentions(opened.error(), "backup"));
          continue;
        }
        const auto events = (*opened)->events().read_user(user_id{"a"}, 0, 1000);
        const auto arrivals = (*opened)->events().read_arrivals(0, 1000);
        if (events && arrivals) {
          CHECK(holds_exactly(**opened, 300));
          continue;
        }
        ++noticed;
        const auto& why = events ? arrivals.error() : events.error();
        CHECK(why.code == errc::corrupt_data);
        CHECK(mentions(why, table.filename().string()));
      }
    }
    CHECK(noticed >= 5);
  }

  TEST_CASE("a damaged or missing file of the database itself is refused and nothing changed") {
    const temp_dir place;
    make_store(place.path() / "store");
    const auto damaged = place.path() / "damaged";
    const auto manifest = files_like(place.path() / "store", "MANIFEST").back().filename();
    const auto table = files_like(place.path() / "store", ".sst").back().filename();
    const std::vector<std::pair<std::string, std::function<void()>>> damages{
        {"a byte of the manifest", [&] { flip_byte(damaged / manifest, 200); }},
        {"the manifest", [&] { fs::remove(damaged / manifest); }},
        {"a byte of CURRENT", [&] { flip_byte(damaged / "CURRENT", 9); }},
        {"CURRENT empty", [&] { write_bytes(damaged / "CURRENT", ""); }},
        {"CURRENT", [&] { fs::remove(damaged / "CURRENT"); }},
        {"a table file", [&] { fs::remove(damaged / table); }},
    };
    for (const auto& [name, damage] : damages) {
      CAPTURE(name);
      copy_image(place.path() / "store", damaged);
      damage();
      const auto before = data_files(damaged);
      const auto why = open_failure(damaged);
      CAPTURE(why.context);
      CHECK(why.code == errc::corrupt_data);
      CHECK(mentions(why, damaged.string()));
      CHECK(data_files(damaged) == before);
    }
  }

} // TEST_SUITE
