#include "base/ids.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;

TEST_SUITE("base.ids") {

  TEST_CASE("an id of 1 to 256 bytes of UTF-8 is taken") {
    CHECK(check_id("a", "item_id"));
    CHECK(check_id("Amélie \xF0\x9F\x8E\xAC", "item_id"));
    CHECK(check_id(std::string(256, 'x'), "item_id"));
  }

  TEST_CASE("an empty, too long, ill-formed or controlling id is refused with its field's name") {
    const std::vector<std::string> wrong{
        "",     std::string(257, 'x'), "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82",
        "\x80", "line\nbreak",         "\x7f"};
    for (const auto& text : wrong) {
      const auto answer = check_id(text, "item_id");
      REQUIRE(answer.has_error());
      CHECK(answer.error().code == errc::invalid_argument);
      CHECK(answer.error().context.starts_with("item_id "));
    }
  }

  TEST_CASE("hashes are pinned, for they stand on disk and decide placement") {
    CHECK(stable_hash("") == 14087677454934409008ULL);
    CHECK(stable_hash("item-1") == stable_hash(std::string{"item-1"}));
    CHECK(stable_hash("item-1") != stable_hash("item-2"));
  }

  TEST_CASE("shards get about equal shares of the keys") {
    std::vector<int> counts(4);
    for (int i = 0; i < 4000; ++i)
      ++counts[shard_of(key_of(item_id{std::to_string(i)}), 4)];
    for (const int n : counts) {
      CHECK(n > 900);
      CHECK(n < 1100);
    }
  }

} // TEST_SUITE
