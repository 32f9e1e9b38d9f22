#include "storage/codec.hpp"

#include "tests/support/storage_samples.hpp"
#include "troupe/v1/storage.pb.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

using namespace troupe;
using namespace troupe::storage;
using troupe::test::sample_event;
using troupe::test::sample_item;
using troupe::test::sample_profile;
using troupe::test::sample_user;

namespace {

/// One record of each kind: its bytes, and the code a decoder of its kind answers for bytes.
struct record_kind {
  std::string name;
  std::string bytes;
  std::function<errc(std::string_view)> decode;
};

template <class T>
errc code_of(const result<T>& answer) {
  return answer ? errc::none : answer.error().code;
}

std::vector<record_kind> all_kinds() {
  return {
      {"event", encode_event(sample_event()), [](auto b) { return code_of(decode_event(b)); }},
      {"item", encode_item(sample_item()), [](auto b) { return code_of(decode_item(b)); }},
      {"profile", encode_profile(sample_profile()),
       [](auto b) { return code_of(decode_profile(b)); }},
      {"user", encode_user(sample_user()), [](auto b) { return code_of(decode_user(b)); }},
      {"checkpoint header", encode_checkpoint_header({7, 1234567, 2, 99}),
       [](auto b) { return code_of(decode_checkpoint_header(b)); }},
      {"layout", encode_layout({{1, 4}, "00ff", from_millis(5)}),
       [](auto b) { return code_of(decode_layout(b)); }},
  };
}

/// A record as a later version would write it: with a field this one has not heard of.
template <class Message>
std::string with_unknown_field(const std::string& frame) {
  Message message;
  REQUIRE(message.ParseFromString(frame.substr(5)));
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(1999, "from later");
  const auto body = message.SerializeAsString();
  const auto sum = static_cast<std::uint32_t>(stable_hash(body));
  std::string out{"\x01"};
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>((sum >> shift) & 0xff));
  return out + body;
}

} // namespace

TEST_SUITE("storage.codec") {

  TEST_CASE("an event comes back as it was, but for the user and seq its key has") {
    auto before = sample_event();
    const auto after = decode_event(encode_event(before));
    REQUIRE(after.has_value());
    CHECK(after->what.user.empty());
    CHECK(after->seq == 0);
    before.what.user = user_id{};
    before.seq = 0;
    CHECK(*after == before);
  }

  TEST_CASE("an event without a value is not one with the value 0") {
    auto without = sample_event();
    without.what.value.reset();
    auto zero = sample_event();
    zero.what.value = 0.0F;
    CHECK_FALSE(decode_event(encode_event(without))->what.value.has_value());
    CHECK(decode_event(encode_event(zero))->what.value == 0.0F);
  }

  TEST_CASE("times before the epoch and at the ends of the range come back") {
    auto event = sample_event();
    for (const auto millis : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                              std::numeric_limits<std::int64_t>::max()}) {
      event.what.time = from_millis(millis);
      CHECK(to_millis(decode_event(encode_event(event))->what.time) == millis);
    }
  }

  TEST_CASE("an item comes back with properties of every kind") {
    const auto after = decode_item(encode_item(sample_item()));
    REQUIRE(after.has_value());
    CHECK(*after == sample_item());
  }

  TEST_CASE("a profile comes back whole and in order") {
    const auto before = sample_profile();
    const auto after = decode_profile(encode_profile(before));
    REQUIRE(after.has_value());
    CHECK(test::equal(*after, before));
  }

  TEST_CASE("a user's properties come back") {
    const auto after = decode_user(encode_user(sample_user()));
    REQUIRE(after.has_value());
    CHECK(*after == sample_user());
  }

  TEST_CASE("a layout comes back") {
    const auto after = decode_layout(encode_layout({{1, 4}, "00ff", from_millis(5)}));
    REQUIRE(after.has_value());
    CHECK(after->layout.format_version == 1);
    CHECK(after->layout.shards == 4);
    CHECK(after->store_id == "00ff");
    CHECK(to_millis(after->created) == 5);
  }

  TEST_CASE("a record cut at any byte is corrupt, never half a record") {
    for (const auto& kind : all_kinds()) {
      CAPTURE(kind.name);
      CHECK(kind.decode(kind.bytes) == errc::none);
      for (std::size_t size = 0; size < kind.bytes.size(); ++size) {
        CAPTURE(size);
        CHECK(kind.decode(std::string_view{kind.bytes}.substr(0, size)) == errc::corrupt_data);
      }
    }
  }

  TEST_CASE("a record with any one bit of its body changed is corrupt") {
    for (const auto& kind : all_kinds()) {
      CAPTURE(kind.name);
      for (std::size_t at = 1; at < kind.bytes.size(); ++at) {
        CAPTURE(at);
        auto bytes = kind.bytes;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
        CHECK(kind.decode(bytes) == errc::corrupt_data);
      }
    }
  }

  TEST_CASE("a frame of a newer version is refused as such, one of version 0 as corrupt") {
    for (const auto& kind : all_kinds()) {
      CAPTURE(kind.name);
      auto bytes = kind.bytes;
      bytes[0] = 2;
      CHECK(kind.decode(bytes) == errc::unsupported_format);
      bytes[0] = 0;
      CHECK(kind.decode(bytes) == errc::corrupt_data);
    }
  }

  TEST_CASE("fields of a later version are skipped, the others read") {
    const auto event = decode_event(with_unknown_field<v1::Event>(encode_event(sample_event())));
    REQUIRE(event.has_value());
    CHECK(event->what.item == sample_event().what.item);
    const auto item = decode_item(with_unknown_field<v1::Item>(encode_item(sample_item())));
    REQUIRE(item.has_value());
    CHECK(*item == sample_item());
    const auto profile =
        decode_profile(with_unknown_field<v1::Profile>(encode_profile(sample_profile())));
    REQUIRE(profile.has_value());
    CHECK(test::equal(*profile, sample_profile()));
    const auto user = decode_user(with_unknown_field<v1::User>(encode_user(sample_user())));
    REQUIRE(user.has_value());
    CHECK(*user == sample_user());
  }

  TEST_CASE("the bytes of an event are pinned, for they are on disk") {
    stored_event event;
    event.what.id = event_id{"e"};
    event.what.item = item_id{"i"};
    event.what.type = "t";
    event.what.value = 1.0F;
    event.what.time = from_millis(1);
    event.arrival = 3;
    event.received = from_millis(2);
    const std::string body{"\x0a\x01"
                           "e\x12\x01i\x1a\x01t\x25\x00\x00\x80\x3f\x28\x02\x48\x03\x50\x04",
                           20};
    CHECK(encode_event(event).substr(5) == body);
  }

  TEST_CASE("the bytes of an item are pinned; one without a vector has those it always had") {
    item what;
    what.id = item_id{"i"};
    what.title = "t";
    what.created = from_millis(1);
    what.updated = from_millis(2);
    const std::string body{"\x0a\x01i\x12\x01t\x38\x02\x40\x04", 10};
    const auto before = encode_item(what);
    CHECK(before.substr(5) == body);
    CHECK(decode_item(before)->vector.empty());
    what.vector = {1, -2};
    const std::string vector{"\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\xc0", 10};
    CHECK(encode_item(what).substr(5) == body + vector);
  }

} // TEST_SUITE
