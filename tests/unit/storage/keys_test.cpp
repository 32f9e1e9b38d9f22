#include "storage/keys.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;

TEST_SUITE("storage.keys") {

  TEST_CASE("the order of keys is the order of numbers") {
    const std::vector<std::uint64_t> numbers{
        0, 1, 127, 128, 255, 256, 65535, 65536, std::numeric_limits<std::uint64_t>::max()};
    for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
      CHECK(big_endian_key(numbers[i]) < big_endian_key(numbers[i + 1]));
      CHECK(read_big_endian(big_endian_key(numbers[i])) == numbers[i]);
      CHECK(event_key_bytes(user_id{"u"}, numbers[i])
            < event_key_bytes(user_id{"u"}, numbers[i + 1]));
    }
  }

  TEST_CASE("a key of an event names its user and seq, whatever bytes the id has") {
    for (const auto& id : {std::string{"a"}, std::string(256, 'x'), std::string{"\xc3\xa9"},
                           std::string{"a\x01"}, std::string{"1:2"}}) {
      const auto place = read_event_key(event_key_bytes(user_id{id}, 7));
      REQUIRE(place.has_value());
      CHECK(place->user.value == id);
      CHECK(place->seq == 7);
    }
  }

  TEST_CASE("no user's prefix is the beginning of another user's keys") {
    // Ids that begin with each other, and one that looks like an id with a seq behind it.
    const std::vector<std::string> ids{
        "a", "aa", "aaa", std::string(255, 'a'), std::string(256, 'a'), "a" + big_endian_key(1),
        "b"};
    for (const auto& one : ids)
      for (const auto& other : ids)
        if (one != other)
          CHECK_FALSE(event_key_bytes(user_id{other}, 1).starts_with(user_prefix(user_id{one})));
  }

  TEST_CASE("bytes that are no key of an event are told apart") {
    const auto key = event_key_bytes(user_id{"Amélie"}, 9);
    for (std::size_t size = 0; size < key.size(); ++size)
      CHECK_FALSE(read_event_key(std::string_view{key}.substr(0, size)));
    CHECK_FALSE(read_event_key(key + "x"));
    auto other = key;
    other[0] = static_cast<char>(other[0] ^ 1); // the hash of another id
    CHECK_FALSE(read_event_key(other));
  }

  TEST_CASE("a key is pinned, for it is on disk") {
    const auto key = event_key_bytes(user_id{"item-1"}, 258);
    CHECK(read_big_endian(key) == stable_hash("item-1"));
    CHECK(key.substr(8) == std::string{"\x05item-1\0\0\0\0\0\0\x01\x02", 15});
  }

  TEST_CASE("chunks of two blobs do not mix, even if one name begins with the other") {
    CHECK_FALSE(blob_chunk_key("ab", 1, 0).starts_with(blob_chunk_prefix("a")));
    CHECK(blob_chunk_key("a", 1, 2) < blob_chunk_key("a", 1, 10));
    CHECK(blob_chunk_key("a", 1, 10) < blob_chunk_key("a", 2, 0));
  }

} // TEST_SUITE
