#include "storage/snapshot_directory.hpp"

#include "storage/sha256.hpp"
#include "tests/unit/storage/crash_image.hpp"
#include "tests/unit/storage/small_disk.hpp"
#include "tests/unit/storage/snapshot_fixture.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <limits>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::storage;

namespace {

failure open_error(const fs::path& root, bool create = true) {
  const auto opened = snapshot_directory::open({.root = root, .create = create, .limits = {}});
  REQUIRE_FALSE(opened.has_value());
  return opened.error();
}

/// Publishes in a process that is killed by the first write beyond `bytes` of any file.
void publish_killed_at(const snapshot_directory& to, rlim_t bytes) {
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{0, 0};
    const rlimit small{bytes, bytes};
    std::signal(SIGXFSZ, SIG_DFL);
    if (::setrlimit(RLIMIT_CORE, &no_core) == 0 && ::setrlimit(RLIMIT_FSIZE, &small) == 0)
      (void)to.publish(sample_facts(), sample_files()).has_value();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGXFSZ);
}

} // namespace

TEST_SUITE("storage.snapshot_directory") {

  TEST_CASE("a snapshot comes back byte for byte, from this and from another object") {
    const temp_dir place;
    const auto directory = open_at(place.path() / "models" / "here");
    CHECK(directory.list()->empty());
    const auto done = directory.publish(sample_facts(), sample_files());
    REQUIRE(done.has_value());
    CHECK(done->version == 1);
    CHECK(done->format_version == snapshot_format_version);
    CHECK(done->facts == sample_facts());
    REQUIRE(done->files.size() == 3);
    CHECK(done->files[1].name == "b.safetensors");
    CHECK(done->files[1].bytes == 256);
    CHECK(done->files[1].sha256 == sha256_of(sample_files()["b.safetensors"]));
    CHECK(publish(directory, 1) == 2);
    for (const auto& each : {directory, open_at(directory.root())}) {
      check_whole(each, 1);
      check_whole(each, 2);
      CHECK(each.load(1)->manifest == *done);
      CHECK(each.load(2)->manifest.facts.parent == 1);
      CHECK(*each.list()->front().manifest == *done);
    }
    CHECK(names_in(directory.root()) == std::vector<std::string>{"0000000001", "0000000002"});
    CHECK(names_in(directory.root() / "0000000001")
          == std::vector<std::string>{"a.bin", "b.safetensors", "empty", "manifest.pb"});
  }

  TEST_CASE("a published file is for reading only") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    for (const auto& entry : fs::directory_iterator{place.path() / "0000000001"})
      CHECK((entry.status().permissions() & (fs::perms::owner_write | fs::perms::others_write))
            == fs::perms::none);
  }

  TEST_CASE("a directory that is missing is created with its parents, if that is asked for") {
    const temp_dir place;
    const auto root = place.path() / "a" / "b";
    const auto why = open_error(root, false);
    CHECK(why.code == errc::not_found);
    CHECK(mentions(why, root.string()));
    CHECK_FALSE(fs::exists(place.path() / "a"));
    CHECK(open_at(root).list()->empty());
    CHECK(snapshot_directory::open({.root = root, .create = false, .limits = {}}).has_value());
  }

  TEST_CASE("a file is no directory, nor is a path through one") {
    const temp_dir place;
    write_bytes(place.path() / "file", "x");
    for (const auto& path : {place.path() / "file", place.path() / "file" / "models"}) {
      const auto why = open_error(path);
      CHECK(why.code == errc::invalid_argument);
      CHECK(mentions(why, "Not a directory"));
    }
  }

  TEST_CASE("what else is in the directory is ignored and left alone") {
    const temp_dir place;
    const std::vector<std::string> others{"000000001",  "00000000001", "000000000x",
                                          "0000000000", "README",      "lost+found"};
    for (const auto& name : others)
      fs::create_directory(place.path() / name);
    const auto directory = open_at(place.path());
    CHECK(directory.list()->empty());
    publish_many(directory, 2);
    CHECK(directory.remove_all_but(1, {})->size() == 1);
    CHECK(versions_of(directory) == std::vector<std::uint64_t>{2});
    CHECK(names_in(place.path()).size() == others.size() + 1);
    write_bytes(place.path() / "0000000002" / "notes.txt", "a word on this one");
    check_whole(directory, 2);
  }

  TEST_CASE("a version that is not there is not found, also as a number no name can have") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    for (const std::uint64_t version : {std::uint64_t{0}, std::uint64_t{2}, ~std::uint64_t{0}})
      CHECK(directory.load(version).error().code == errc::not_found);
    CHECK(mentions(directory.load(2).error(), "there is no snapshot"));
  }

} // TEST_SUITE

TEST_SUITE("storage.snapshot_directory.publish") {

  TEST_CASE("a publish that is refused changes nothing and takes no version") {
    const temp_dir place;
    snapshot_limits limits;
    limits.file_bytes_max = 300;
    limits.manifest_bytes_max = 5000;
    const auto directory = open_at(place.path(), limits);
    publish(directory);
    const auto refused = [&](const snapshot_facts& facts, const snapshot_files& files) {
      const auto done = directory.publish(facts, files);
      REQUIRE_FALSE(done.has_value());
      CHECK(mentions(done.error(), "cannot publish a snapshot: "));
      CHECK(names_in(place.path()) == std::vector<std::string>{"0000000001"});
      return done.error().code;
    };
    CHECK(refused(sample_facts(), {}) == errc::invalid_argument);
    for (const std::string name : {"", ".", "..", "a/b", ".a", "manifest.pb", "\xC3\xA9"})
      CHECK(refused(sample_facts(), {{name, "x"}}) == errc::invalid_argument);
    CHECK(refused(sample_facts(), {{"a", std::string(301, 'x')}}) == errc::too_large);
    snapshot_files many;
    for (int i = 0; i < 33; ++i)
      many[std::to_string(i)] = "";
    CHECK(refused(sample_facts(), many) == errc::too_large);
    CHECK(refused(sample_facts(2), sample_files()) == errc::invalid_argument);
    auto facts = sample_facts();
    facts.metrics["loss"] = std::numeric_limits<double>::quiet_NaN();
    CHECK(refused(facts, sample_files()) == errc::invalid_argument);
    facts = sample_facts();
    facts.parameters["long"] = std::string(5000, 'x');
    CHECK(refused(facts, sample_files()) == errc::too_large); // the manifest as a whole
    CHECK(publish(directory) == 2);
  }

  TEST_CASE("a full directory refuses snapshots until old ones are removed") {
    const temp_dir place;
    snapshot_limits limits;
    limits.snapshots_max = 2;
    const auto directory = open_at(place.path(), limits);
    publish_many(directory, 2);
    const auto refused = directory.publish(sample_facts(), sample_files());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::overloaded);
    CHECK(mentions(refused.error(), "remove old ones"));
    REQUIRE(directory.remove_all_but(1, {}).has_value());
    CHECK(publish(directory) == 3);
  }

  TEST_CASE("a publish killed in the middle of any file leaves what was there and no more") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    for (const rlim_t bytes : {50U, 150U, 400U}) { // within a.bin, b.safetensors, the manifest
      publish_killed_at(directory, bytes);
      CHECK(names_in(place.path()) == std::vector<std::string>{".publishing", "0000000001"});
      CHECK(versions_of(directory) == std::vector<std::uint64_t>{1});
      check_whole(directory, 1);
    }
    CHECK(*directory.remove_leftovers());
    CHECK(names_in(place.path()) == std::vector<std::string>{"0000000001"});
    CHECK_FALSE(*directory.remove_leftovers());
    publish_killed_at(directory, 50);
    CHECK(publish(directory) == 2); // without being asked to clean up
    check_whole(directory, 2);
    CHECK(names_in(place.path()).size() == 2);
  }

  TEST_CASE("a limit on the size of files is met like a full disk") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    for (const rlim_t bytes : {50U, 150U, 400U}) {
      const rlimit small{bytes, before.rlim_max};
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
      const auto done = directory.publish(sample_facts(), sample_files());
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
      REQUIRE_FALSE(done.has_value());
      CHECK(done.error().code == errc::out_of_space);
      CHECK(names_in(place.path()) == std::vector<std::string>{"0000000001"});
    }
    std::signal(SIGXFSZ, handler);
    CHECK(publish(directory) == 2);
  }

  TEST_CASE("a full disk refuses a snapshot and keeps the others") {
    if (!may_mount()) {
      MESSAGE("skipped: needs root to mount a file system");
      return;
    }
    const small_disk disk{"size=1m"};
    REQUIRE(disk.mounted());
    const auto directory = open_at(disk.path() / "models");
    publish(directory);
    const snapshot_files large{{"large", std::string(2 << 20, 'x')}};
    const auto done = directory.publish(sample_facts(), large);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == errc::out_of_space);
    CHECK(mentions(done.error(), "free some space"));
    CHECK(names_in(directory.root()) == std::vector<std::string>{"0000000001"});
    check_whole(directory, 1);
    CHECK(publish(directory) == 2);
  }

  TEST_CASE("a directory one may not write lists and loads, and refuses the rest") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 2);
    const auto readable = static_cast<fs::perms>(0555);
    fs::permissions(place.path(), readable);
    const bool root = ::geteuid() == 0;
    if (root) // whom permissions do not bind
      REQUIRE(::seteuid(65534) == 0);
    const auto published = directory.publish(sample_facts(), sample_files());
    const auto removed = directory.remove_all_but(1, {});
    const auto read = directory.load(1);
    const auto listed = directory.list();
    const auto made = snapshot_directory::open({.root = place.path() / "new", .limits = {}});
    if (root)
      REQUIRE(::seteuid(0) == 0);
    fs::permissions(place.path(), readable | fs::perms::owner_write);
    REQUIRE_FALSE(published.has_value());
    CHECK(published.error().code == errc::invalid_argument);
    CHECK(mentions(published.error(), "give the directory to the user this runs as"));
    REQUIRE_FALSE(removed.has_value());
    CHECK(removed.error().code == errc::invalid_argument);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == errc::invalid_argument);
    CHECK(read.has_value());
    CHECK(listed.has_value());
  }

  TEST_CASE("a second writer is refused while one is at work, a reader is not") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 2);
    const int other = ::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(other >= 0);
    REQUIRE(::flock(other, LOCK_EX | LOCK_NB) == 0);
    CHECK(directory.publish(sample_facts(), sample_files()).error().code == errc::unavailable);
    CHECK(directory.remove_all_but(1, {}).error().code == errc::unavailable);
    CHECK(directory.remove_leftovers().error().code == errc::unavailable);
    check_whole(directory, 1);
    CHECK(versions_of(directory).size() == 2);
    ::close(other);
    CHECK(publish(directory) == 3);
  }

  TEST_CASE("a root that went away is not found") {
    const temp_dir place;
    const auto directory = open_at(place.path() / "models");
    fs::remove(place.path() / "models");
    CHECK(directory.publish(sample_facts(), sample_files()).error().code == errc::not_found);
    CHECK(directory.list().error().code == errc::not_found);
    CHECK(directory.load(1).error().code == errc::not_found);
  }

} // TEST_SUITE

TEST_SUITE("storage.snapshot_directory.remove") {

  TEST_CASE("the newest and those named are kept, the others go") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 6);
    const std::vector<std::uint64_t> others{1, 3, 99};
    const auto removed = directory.remove_all_but(2, others);
    REQUIRE(removed.has_value());
    CHECK(*removed == std::vector<std::uint64_t>{2, 4});
    CHECK(versions_of(directory) == std::vector<std::uint64_t>{1, 3, 5, 6});
    check_whole(directory, 1);
    CHECK(directory.load(2).error().code == errc::not_found);
    CHECK(directory.remove_all_but(9, {})->empty());
    CHECK(names_in(place.path()).size() == 4);
  }

  TEST_CASE("no version is given twice, for the newest stays") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 3);
    CHECK(directory.remove_all_but(0, {}).error().code == errc::invalid_argument);
    CHECK(directory.remove_all_but(1, {})->size() == 2);
    CHECK(publish(directory) == 4);
    CHECK(open_at(place.path()).remove_all_but(1, {})->size() == 1);
    CHECK(publish(directory) == 5);
  }

  TEST_CASE("a damaged snapshot does not count among the newest, so sound ones stay") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 4);
    fs::remove(place.path() / "0000000004" / "manifest.pb");
    fs::remove(place.path() / "0000000002" / "a.bin");
    CHECK(*directory.remove_all_but(1, {}) == std::vector<std::uint64_t>{1, 2});
    CHECK(versions_of(directory) == std::vector<std::uint64_t>{3, 4});
    check_whole(directory, 3);
  }

  TEST_CASE("a removal that was interrupted left no version behind, and is finished later") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 3);
    // As a kill between taking the name and deleting the last file leaves it.
    fs::rename(place.path() / "0000000001", place.path() / ".removing");
    fs::remove(place.path() / ".removing" / "a.bin");
    CHECK(versions_of(directory) == std::vector<std::uint64_t>{2, 3});
    CHECK(*directory.remove_all_but(1, {}) == std::vector<std::uint64_t>{2});
    CHECK(names_in(place.path()) == std::vector<std::string>{"0000000003"});
  }

} // TEST_SUITE
