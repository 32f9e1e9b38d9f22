#include "actors/profile_record.hpp"
#include "storage/codec.hpp"
#include "storage/record_frame.hpp"
#include "storage/snapshot_codec.hpp"
#include "storage/snapshot_manifest.hpp"
#include "tests/fuzz/require.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

// Messages of the store in a frame with the checksum they should have: so the fuzzer reaches what
// stands behind the checksum. The first byte says what record it is. Whatever the bytes, they are
// refused with a proper error, or what was read is the same after being written and read again. A
// profile is loaded, too, and goes on from there.

namespace {

using namespace troupe;
using namespace troupe::storage;
using fuzz::require;
using fuzz::require_corrupt;

std::string framed(std::string_view body) {
  std::string made(frame_bytes, '\0');
  const auto sum = checksum_of(body);
  made[0] = frame_version;
  for (std::size_t i = 0; i < 4; ++i)
    made[1 + i] = static_cast<char>((sum >> (8 * i)) & 0xff);
  return made.append(body);
}

std::string sorted(std::string bytes) {
  std::sort(bytes.begin(), bytes.end());
  return bytes;
}

template <class Decode, class Encode>
void try_record(std::string_view body, Decode decode, Encode encode) {
  const auto read = decode(framed(body));
  if (!read)
    return require_corrupt(read.error(), body);
  const auto written = encode(*read);
  const auto again = decode(written);
  require(again.has_value(), "a written record can be read", body);
  // A map's entries are written in any order.
  require(sorted(encode(*again).substr(frame_bytes)) == sorted(written.substr(frame_bytes)),
          "the same", body);
}

void try_profile(std::string_view body) {
  try_record(body, decode_profile, encode_profile);
  const auto read = decode_profile(framed(body));
  if (!read)
    return;
  static const auto rules = model::fold_rules::make({}, {}).value();
  auto record = *read;
  record.fold_version = rules->version(); // else only the log would be replayed
  const auto loaded = actors::load_profile(record, *rules);
  if (!loaded)
    return require_corrupt(loaded.error(), body);
  auto who = *loaded;
  event next;
  next.id = event_id{"next"};
  next.user = user_id{"u"};
  next.item = item_id{"i"};
  next.type = "view";
  model::apply(who, {next, who.seq() + 1, 0, {}}, {}, *rules);
  const auto written = actors::to_record(next.user, who, *rules);
  require(actors::load_profile(written, *rules).has_value(), "it can be kept again", body);
}

void try_manifest(std::string_view body) {
  const auto read = decode_snapshot_manifest(framed(body));
  if (!read)
    return require_corrupt(read.error(), body);
  if (!check_manifest(*read, {}))
    return;
  const auto again = decode_snapshot_manifest(encode_snapshot_manifest(*read));
  require(again.has_value() && *again == *read, "the same", body);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  if (input.empty())
    return 0;
  const auto body = input.substr(1);
  switch (input[0]) {
  case 'e':
    try_record(body, decode_event, encode_event);
    break;
  case 'i':
    try_record(body, decode_item, encode_item);
    break;
  case 'p':
    try_profile(body);
    break;
  case 'u':
    try_record(body, decode_user, encode_user);
    break;
  case 'c':
    try_record(body, decode_checkpoint_header, encode_checkpoint_header);
    break;
  case 'l':
    try_record(body, decode_layout, encode_layout);
    break;
  case 'm':
    try_manifest(body);
    break;
  default:
    break;
  }
  return 0;
}
