#include "storage/snapshot_manifest.hpp"

#include "base/stable_hash.hpp"
#include "storage/sha256.hpp"
#include "storage/snapshot_codec.hpp"
#include "troupe/v1/model.pb.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace troupe;
using namespace troupe::storage;

namespace {

snapshot_manifest sample_manifest() {
  snapshot_manifest out;
  out.version = 12;
  out.facts.parent = 7;
  out.facts.created = from_millis(1'700'000'000'123);
  out.facts.encoder = "recurrent";
  out.facts.items = 1682;
  out.facts.event_position = 100'000;
  out.facts.metrics = {{"ndcg@10", 0.125}, {"loss", -3.5}};
  out.facts.parameters = {{"dimensions", "64"}, {"note", ""}};
  out.files = {{"items.safetensors", 5, sha256_of("items")}, {"weights", 0, sha256_of("")}};
  return out;
}

errc code_of(const snapshot_manifest& what, const snapshot_limits& limits = {}) {
  const auto fine = check_manifest(what, limits);
  return fine ? errc::none : fine.error().code;
}

} // namespace

TEST_SUITE("storage.sha256") {

  // FIPS 180-4's examples.
  TEST_CASE("digests are those of the standard") {
    CHECK(sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_of(std::string(1'000'000, 'a'))
          == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }

} // TEST_SUITE

TEST_SUITE("storage.snapshot_codec") {

  TEST_CASE("a manifest comes back as it was") {
    const auto read = decode_snapshot_manifest(encode_snapshot_manifest(sample_manifest()));
    REQUIRE(read.has_value());
    CHECK(*read == sample_manifest());
  }

  TEST_CASE("a manifest cut anywhere, or with any byte changed, is refused") {
    const auto bytes = encode_snapshot_manifest(sample_manifest());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      CHECK(decode_snapshot_manifest(bytes.substr(0, i)).error().code == errc::corrupt_data);
      auto changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 0x01);
      CHECK(decode_snapshot_manifest(changed).error().code == errc::corrupt_data);
    }
  }

  TEST_CASE("a frame of a newer version is said to be one") {
    auto bytes = encode_snapshot_manifest(sample_manifest());
    bytes[0] = 2;
    CHECK(decode_snapshot_manifest(bytes).error().code == errc::unsupported_format);
  }

  TEST_CASE("a field of a later version is skipped") {
    v1::SnapshotManifest message;
    REQUIRE(message.ParseFromString(encode_snapshot_manifest(sample_manifest()).substr(5)));
    message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(1999, "later");
    const auto body = message.SerializeAsString();
    std::string bytes{"\x01"};
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<char>((stable_hash(body) >> shift) & 0xff));
    const auto read = decode_snapshot_manifest(bytes + body);
    REQUIRE(read.has_value());
    CHECK(*read == sample_manifest());
  }

} // TEST_SUITE

TEST_SUITE("storage.snapshot_manifest") {

  TEST_CASE("a manifest holds a version, an older parent and at least one file") {
    CHECK(code_of(sample_manifest()) == errc::none);
    auto what = sample_manifest();
    what.facts.parent = 0;
    CHECK(code_of(what) == errc::none);
    what.facts.parent = what.version;
    CHECK(code_of(what) == errc::invalid_argument);
    what = sample_manifest();
    what.version = 0;
    CHECK(code_of(what) == errc::invalid_argument);
    what.version = snapshot_version_max + 1;
    CHECK(code_of(what) == errc::invalid_argument);
    what = sample_manifest();
    what.files.clear();
    CHECK(code_of(what) == errc::invalid_argument);
    what = sample_manifest();
    what.format_version = 0;
    CHECK(code_of(what) == errc::invalid_argument);
    what.format_version = snapshot_format_version + 1;
    CHECK(code_of(what) == errc::unsupported_format);
  }

  TEST_CASE("names of files stay in their directory and need no quoting") {
    for (const std::string name : {"a", "weights.safetensors", "A-1_b..c", "0000000001"})
      CHECK(check_file_name(name).has_value());
    CHECK(check_file_name(std::string(64, 'n')).has_value());
    for (const std::string name : {"", ".", "..", ".hidden", "a/b", "/", "../a", "a b", "a\n",
                                   "\xC3\xA9", "manifest.pb", "a\\b", "a:b"})
      CHECK(check_file_name(name).error().code == errc::invalid_argument);
    CHECK(check_file_name(std::string("a\0b", 3)).error().code == errc::invalid_argument);
    CHECK(check_file_name(std::string(65, 'n')).error().code == errc::invalid_argument);
  }

  TEST_CASE("files stand once each, in order, with a checksum and within the limits") {
    auto what = sample_manifest();
    std::swap(what.files[0], what.files[1]);
    CHECK(code_of(what) == errc::invalid_argument);
    what.files[1].name = what.files[0].name;
    CHECK(code_of(what) == errc::invalid_argument);
    for (const auto& sum :
         {std::string{}, std::string(63, 'a'), std::string(64, 'A'), std::string(64, 'g')}) {
      what = sample_manifest();
      what.files[0].sha256 = sum;
      CHECK(code_of(what) == errc::invalid_argument);
    }
    snapshot_limits limits;
    limits.files_max = 1;
    CHECK(code_of(sample_manifest(), limits) == errc::too_large);
    limits = {};
    limits.file_bytes_max = 4;
    CHECK(code_of(sample_manifest(), limits) == errc::too_large);
  }

  TEST_CASE("what is said of a snapshot is UTF-8, finite and within the limits") {
    const auto with = [](auto change) {
      auto what = sample_manifest();
      change(what.facts);
      return code_of(what);
    };
    using facts = snapshot_facts;
    CHECK(with([](facts& f) { f.encoder.clear(); }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.encoder = "\xFF"; }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.encoder = std::string(129, 'e'); }) == errc::too_large);
    CHECK(with([](facts& f) { f.metrics[""] = 1; }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.metrics["\xFF"] = 1; }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.metrics[std::string(129, 'm')] = 1; }) == errc::too_large);
    for (const auto bad :
         {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
      CHECK(with([bad](facts& f) { f.metrics["loss"] = bad; }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.parameters[""] = "x"; }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.parameters["k"] = "\xFF"; }) == errc::invalid_argument);
    CHECK(with([](facts& f) { f.parameters["k"] = std::string(65'537, 'x'); }) == errc::too_large);
    snapshot_limits limits;
    limits.entries_max = 2;
    CHECK(code_of(sample_manifest(), limits) == errc::none);
    auto what = sample_manifest();
    what.facts.metrics["third"] = 3;
    CHECK(code_of(what, limits) == errc::too_large);
    what = sample_manifest();
    what.facts.parameters["third"] = "3";
    CHECK(code_of(what, limits) == errc::too_large);
  }

} // TEST_SUITE
