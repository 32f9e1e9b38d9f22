#include "model/byte_stream.hpp"
#include "tests/unit/model/slice_fixture.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;

namespace {

slices learned_slices(const config::signals_settings& signals = {}) {
  slices all{2, signals};
  random_stream stream{23};
  for (int n = 0; n < 2000; ++n)
    all.learn(stream.next());
  for (int n = 0; n < 80; ++n)
    all.upsert({"i" + std::to_string(n)});
  return all;
}

/// Puts the right checksum on damaged bytes, so that the decoder itself has to find the damage.
void reseal(std::string& bytes) {
  constexpr std::size_t header = 36;
  const auto sum = checksum_of(std::string_view{bytes}.substr(header));
  std::memcpy(bytes.data() + header - sizeof sum, &sum, sizeof sum);
}

} // namespace

TEST_SUITE("model.slice_checkpoint") {

  TEST_CASE("a restored slice answers and learns on as the original does") {
    for (const double half_life : {0.0, 1.0, 30.0}) {
      CAPTURE(half_life);
      config::signals_settings signals;
      signals.neighbour_half_life_events = half_life;
      auto original = learned_slices(signals);
      slices restored{2, signals};
      for (std::size_t i = 0; i < 2; ++i)
        REQUIRE(restored.parts[i].restore(original.parts[i].checkpoint()));
      for (int n = 0; n < 80; ++n)
        restored.upsert({"i" + std::to_string(n)});
      CHECK(restored.parts[0].learned_arrival() == 2000);
      CHECK(restored.parts[0].stats().neighbours == original.parts[0].stats().neighbours);
      random_stream more{99};
      more.arrival = 2000;
      for (int n = 0; n < 500; ++n) {
        const auto what = more.next();
        original.learn(what);
        restored.learn(what);
      }
      const auto a = original.score({{"i5", 1.0F}, {"i6", 0.8F}});
      const auto b = restored.score({{"i5", 1.0F}, {"i6", 0.8F}});
      REQUIRE(a.size() == b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].key == b[i].key);
        CHECK(a[i].score == b[i].score);
      }
    }
  }

  TEST_CASE("records given before a restore stay") {
    const auto original = learned_slices();
    slices restored{2};
    for (int n = 0; n < 80; ++n)
      restored.upsert({"i" + std::to_string(n)});
    for (std::size_t i = 0; i < 2; ++i)
      REQUIRE(restored.parts[i].restore(original.parts[i].checkpoint()));
    CHECK(restored.parts[0].stats().items + restored.parts[1].stats().items == 80);
    CHECK(restored.score({{"i5", 1.0F}})[0].key == original.score({{"i5", 1.0F}})[0].key);
  }

  TEST_CASE("bytes cut anywhere are refused and change nothing") {
    const auto original = learned_slices();
    const auto bytes = original.parts[0].checkpoint();
    auto victim = learned_slices();
    const auto before = victim.parts[0].checkpoint();
    for (std::size_t length = 0; length < bytes.size();
         length += length < 200 ? 1 : 1 + bytes.size() / 97) {
      CAPTURE(length);
      auto cut = bytes.substr(0, length);
      CHECK(victim.parts[0].restore(cut).has_error());
      if (length <= 36)
        continue;
      reseal(cut);
      const auto answer = victim.parts[0].restore(cut);
      REQUIRE(answer.has_error());
      CHECK(answer.error().code == errc::corrupt_data);
    }
    CHECK(victim.parts[0].checkpoint() == before);
  }

  TEST_CASE("a flipped bit is found") {
    const auto bytes = learned_slices().parts[0].checkpoint();
    auto victim = learned_slices();
    for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 301) {
      CAPTURE(at);
      auto damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      CHECK(victim.parts[0].restore(damaged).has_error());
    }
  }

  TEST_CASE("damage under a good checksum never breaks the slice") {
    const auto bytes = learned_slices().parts[0].checkpoint();
    auto victim = learned_slices();
    for (std::size_t at = 36; at < bytes.size(); at += 1 + bytes.size() / 499) {
      CAPTURE(at);
      auto damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x81);
      reseal(damaged);
      if (victim.parts[0].restore(damaged))
        CHECK(victim.score({{"i5", 1.0F}}).size() <= 400);
    }
  }

  TEST_CASE("another slice, other settings and a newer version are told apart") {
    const auto original = learned_slices();
    const auto bytes = original.parts[0].checkpoint();
    slices other{2};
    auto answer = other.parts[1].restore(bytes);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::invalid_argument);
    slices three{3};
    CHECK(three.parts[0].restore(bytes).error().code == errc::invalid_argument);
    config::signals_settings signals;
    signals.popularity_half_lives_hours = {5};
    slices differently{2, signals};
    CHECK(differently.parts[0].restore(bytes).error().code == errc::invalid_argument);
    auto newer = bytes;
    newer[8] = 4;
    CHECK(other.parts[0].restore(newer).error().code == errc::unsupported_format);
    CHECK(other.parts[0].restore("").error().code == errc::corrupt_data);
  }

} // TEST_SUITE
