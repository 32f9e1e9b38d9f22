#include "gateway/resume_token.hpp"

#include "gateway/json_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gateway;

TEST_SUITE("gateway.resume_token") {

  TEST_CASE("what was put in comes out") {
    const std::string longest(id_bytes_max, 'x');
    for (const auto& user : {std::string{"u"}, std::string{"a/b c"}, std::string{"Größe"}, longest})
      for (const auto& slate : {std::string{}, std::string{"s-5"}, longest}) {
        const auto token = make_resume_token(user_id{user}, "home", slate_id{slate});
        CHECK(token.size() <= 2048);
        const auto point = read_resume_token(token);
        REQUIRE(point);
        CHECK(point->user.value == user);
        CHECK(point->surface == "home");
        CHECK(point->slate.value == slate);
      }
    CHECK(make_resume_token(user_id{"u1"}, "home", slate_id{}) == "AQACdTEABGhvbWUAAA==");
  }

  TEST_CASE("what is none of ours is nothing") {
    for (const auto* token :
         {"", "A", "AAAA", "====", "AQ==", "nonsense!", "AQACdTEABGhvbWUAAA=", "////",
          "AgACdTEABGhvbWUAAA==" /* another version */, "AQACdTEABGhvbWUABQ==" /* too short */})
      CHECK_FALSE_MESSAGE(read_resume_token(token), token);
    const auto whole = make_resume_token(user_id{"u1"}, "home", slate_id{"s-5"});
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_FALSE(read_resume_token(whole.substr(0, size)));
    CHECK_FALSE(read_resume_token(std::string(2052, 'A')));
  }

  TEST_CASE("a token is written in one way only") {
    const auto token = make_resume_token(user_id{"u1"}, "home", slate_id{});
    CHECK_FALSE(read_resume_token(token + "\n\n\n\n"));
    CHECK_FALSE(read_resume_token("    " + token));
    CHECK_FALSE(read_resume_token("AQACdTEABGhvbWUAAB==")); // bits that stand for nothing
  }

  TEST_CASE("a token cannot bring in what hello could not") {
    const auto token = [](std::string_view user, std::string_view surface, std::string_view slate) {
      return make_resume_token(user_id{user}, surface, slate_id{slate});
    };
    CHECK_FALSE(read_resume_token(token("", "home", "")));
    CHECK_FALSE(read_resume_token(token("u", "", "")));
    CHECK_FALSE(read_resume_token(token("u\n", "home", "")));
    CHECK_FALSE(read_resume_token(token("\xff", "home", "")));
    CHECK(read_resume_token(token("u", std::string(surface_bytes_max, 's'), "")));
    CHECK_FALSE(read_resume_token(token("u", std::string(surface_bytes_max + 1, 's'), "")));
    CHECK_FALSE(read_resume_token(token("u", "home", "\xff")));
    CHECK_FALSE(read_resume_token(token("u", "home", std::string(id_bytes_max + 1, 's'))));
  }

} // TEST_SUITE
