#include "storage/snapshot_codec.hpp"
#include "storage/snapshot_directory.hpp"
#include "tests/unit/storage/crash_image.hpp"
#include "tests/unit/storage/snapshot_fixture.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <functional>
#include <limits>
#include <string>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::storage;

namespace {

/// The failure of loading version 1, which is listed with the same one where a listing sees it.
failure load_error(const snapshot_directory& in, bool seen_by_list = true) {
  const auto read = in.load(1);
  REQUIRE_FALSE(read.has_value());
  const auto entries = in.list();
  REQUIRE(entries.has_value());
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().version == 1);
  CHECK(entries->front().manifest.has_value() == !seen_by_list);
  if (seen_by_list)
    CHECK(entries->front().manifest.error().code == read.error().code);
  return read.error();
}

/// Writes over a file of a snapshot, which are for reading only.
void overwrite(const fs::path& file, const std::string& bytes) {
  fs::remove(file);
  write_bytes(file, bytes);
}

} // namespace

TEST_SUITE("storage.snapshot_directory.damage") {

  TEST_CASE("a changed byte anywhere in any file is refused with the name of the file") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    for (const std::string name : {"a.bin", "b.safetensors", "manifest.pb"}) {
      const auto file = place.path() / "0000000001" / name;
      const auto bytes = read_bytes(file);
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 0x01);
        overwrite(file, changed);
        const auto read = directory.load(1);
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().code == errc::corrupt_data);
        CHECK(mentions(read.error(), file.string()));
        CHECK(mentions(read.error(), "activate another snapshot"));
      }
      overwrite(file, bytes);
      check_whole(directory, 1);
    }
  }

  TEST_CASE("a listing reads manifests and sizes, a load every byte") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    overwrite(place.path() / "0000000001" / "a.bin", std::string(100, 'x'));
    const auto why = load_error(directory, false);
    CHECK(why.code == errc::corrupt_data);
    CHECK(mentions(why, "SHA-256"));
  }

  TEST_CASE("a file that is cut, longer or missing is refused with its name") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    for (const std::string name : {"a.bin", "empty", "manifest.pb"}) {
      const auto file = place.path() / "0000000001" / name;
      const auto bytes = read_bytes(file);
      fs::remove(file);
      auto why = load_error(directory);
      CHECK(why.code == errc::corrupt_data);
      CHECK(mentions(why, file.string() + ": missing"));
      write_bytes(file, bytes + "x");
      why = load_error(directory);
      CHECK(why.code == errc::corrupt_data);
      CHECK(mentions(why, file.string()));
      for (std::size_t length = 0; length < bytes.size(); length += 7) {
        write_bytes(file, bytes.substr(0, length));
        CHECK(load_error(directory).code == errc::corrupt_data);
      }
      overwrite(file, bytes);
    }
    check_whole(directory, 1);
  }

  TEST_CASE("links, pipes and directories in place of a file are refused, not followed or read") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    for (const std::string name : {"a.bin", "manifest.pb"}) {
      const auto file = place.path() / "0000000001" / name;
      fs::rename(file, place.path() / "elsewhere");
      fs::create_symlink(place.path() / "elsewhere", file);
      CHECK(mentions(load_error(directory), "symbolic link"));
      CHECK(load_error(directory).code == errc::corrupt_data);
      fs::remove(file);
      REQUIRE(::mkfifo(file.c_str(), 0644) == 0);
      CHECK(mentions(load_error(directory), "is no regular file"));
      fs::remove(file);
      fs::create_directory(file);
      CHECK(load_error(directory).code == errc::corrupt_data);
      fs::remove(file);
      fs::rename(place.path() / "elsewhere", file);
    }
    check_whole(directory, 1);
    fs::remove_all(place.path() / "0000000001");
    write_bytes(place.path() / "0000000001", "x");
    CHECK(load_error(directory).code == errc::corrupt_data);
    CHECK(mentions(load_error(directory), "no directory"));
  }

  TEST_CASE("a snapshot under another version's name is refused") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish_many(directory, 2);
    fs::remove_all(place.path() / "0000000001");
    fs::rename(place.path() / "0000000002", place.path() / "0000000001");
    const auto why = load_error(directory);
    CHECK(why.code == errc::corrupt_data);
    CHECK(mentions(why, "it belongs to version 2"));
  }

  TEST_CASE("a newer format is refused as such and with a way out") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    const auto file = place.path() / "0000000001" / "manifest.pb";
    auto manifest = directory.load(1)->manifest;
    manifest.format_version = snapshot_format_version + 1;
    overwrite(file, encode_snapshot_manifest(manifest));
    auto why = load_error(directory);
    CHECK(why.code == errc::unsupported_format);
    CHECK(mentions(why, file.string()));
    CHECK(mentions(why, "written in format 2, this program reads up to 1"));
    auto bytes = read_bytes(file);
    bytes[0] = 2;
    overwrite(file, bytes);
    CHECK(load_error(directory).code == errc::unsupported_format);
  }

  TEST_CASE("a manifest that is whole and makes no sense is refused") {
    const temp_dir place;
    const auto directory = open_at(place.path());
    publish(directory);
    const auto good = directory.load(1)->manifest;
    const auto with = [&](const std::function<void(snapshot_manifest&)>& change) {
      auto manifest = good;
      change(manifest);
      overwrite(place.path() / "0000000001" / "manifest.pb", encode_snapshot_manifest(manifest));
      return load_error(directory);
    };
    CHECK(with([](auto& m) { m.files[0].name = "../a.bin"; }).code == errc::corrupt_data);
    CHECK(with([](auto& m) { m.files[0].name = "manifest.pb"; }).code == errc::corrupt_data);
    CHECK(with([](auto& m) { m.files.clear(); }).code == errc::corrupt_data);
    CHECK(with([](auto& m) { m.files[1] = m.files[0]; }).code == errc::corrupt_data);
    CHECK(with([](auto& m) { m.files[0].sha256 = "0"; }).code == errc::corrupt_data);
    CHECK(with([](auto& m) { m.files[0].bytes = ~std::uint64_t{0}; }).code == errc::too_large);
    CHECK(with([](auto& m) { m.version = 0; }).code == errc::corrupt_data);
    CHECK(with([](auto& m) { m.facts.parent = 9; }).code == errc::corrupt_data);
    CHECK(
        with([](auto& m) { m.facts.metrics["x"] = std::numeric_limits<double>::quiet_NaN(); }).code
        == errc::corrupt_data);
    overwrite(place.path() / "0000000001" / "manifest.pb", encode_snapshot_manifest(good));
    check_whole(directory, 1);
  }

  TEST_CASE("limits hold for what is read, too") {
    const temp_dir place;
    publish(open_at(place.path()));
    snapshot_limits limits;
    limits.manifest_bytes_max = 100;
    CHECK(load_error(open_at(place.path(), limits)).code == errc::too_large);
    limits = {};
    limits.file_bytes_max = 255;
    CHECK(load_error(open_at(place.path(), limits)).code == errc::too_large);
    limits = {};
    limits.files_max = 2;
    CHECK(load_error(open_at(place.path(), limits)).code == errc::too_large);
    limits = {};
    limits.snapshots_max = 0;
    CHECK(open_at(place.path(), limits).list().error().code == errc::too_large);
  }

} // TEST_SUITE
