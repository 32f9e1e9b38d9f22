#include "model/byte_stream.hpp"
#include "model/catalogue_slice.hpp"
#include "model/slice_state.hpp"

#include <fmt/format.h>

#include <bit>
#include <string>
#include <utility>
#include <vector>

/// A checkpoint is a header, the body, and nothing after it:
///
///     u64 magic, u32 version, u32 slice, u32 slices, u64 fingerprint of the settings,
///     u64 checksum of the body
///     body: u64 learned arrival, i64 stream time, u64 rows, u64 locals,
///           rows x { u64 key, u32 local }, popularity, co-occurrence,
///           locals x { u16 companions, u16 oldest of them, companions x { u64 key, f32 weight } }
///
/// All numbers little-endian. Do not reorder: on disk since checkpoint version 3. Another version
/// is not read: what it held is learnt again from the event log.
namespace troupe::model {

namespace {

constexpr std::uint64_t magic = 0x6563696c7374ULL; // "tslice"
constexpr std::uint32_t format_version = 3;
constexpr std::size_t row_bytes = sizeof(std::uint64_t) + sizeof(std::uint32_t);

failure corrupt(const char* what) {
  return {errc::corrupt_data, fmt::format("checkpoint of a shard: {}", what)};
}

std::uint64_t mix_double(std::uint64_t sum, double value) noexcept {
  return mix_bits(sum ^ std::bit_cast<std::uint64_t>(value));
}

struct header {
  std::uint32_t version = 0;
  std::uint32_t slice = 0;
  std::uint32_t slices = 0;
  std::uint64_t fingerprint = 0;
  std::uint64_t checksum = 0;
};

constexpr std::size_t header_bytes = 8 + 4 + 4 + 4 + 8 + 8;

} // namespace

std::uint64_t catalogue_slice::state::fingerprint() const {
  auto sum = mix_double(0, signals.neighbour_half_life_events);
  for (const auto hours : signals.popularity_half_lives_hours)
    sum = mix_double(sum, hours);
  sum = mix_bits(sum ^ signals.new_item_companions);
  return mix_bits(sum ^ stable_hash(signals.direction) ^ signals.window);
}

std::string catalogue_slice::checkpoint() const {
  const auto& my = *state_;
  byte_writer body;
  body.reserve(my.locals.size() * 64 + my.local_of_row.size() * 32 + my.pairs.entries() * 8);
  body.put(my.learned);
  body.put(my.stream_millis);
  body.put(std::uint64_t{my.local_of_row.size()});
  body.put(std::uint64_t{my.locals.size()});
  std::vector<item_key> keys(my.local_of_row.size());
  for (const auto& [key, row] : my.rows)
    keys[row] = key;
  for (std::size_t row = 0; row < keys.size(); ++row) {
    body.put(keys[row]);
    body.put(my.local_of_row[row]);
  }
  my.popular.encode(body);
  my.pairs.encode(body);
  my.companions.encode(body);
  const auto bytes = body.take();

  byte_writer whole;
  whole.reserve(header_bytes + bytes.size());
  whole.put(magic);
  whole.put(format_version);
  whole.put(my.index);
  whole.put(my.shards);
  whole.put(my.fingerprint());
  whole.put(checksum_of(bytes));
  auto made = whole.take();
  made += bytes;
  return made;
}

result<void> catalogue_slice::restore(std::string_view bytes) {
  const auto& my = *state_;
  byte_reader head{bytes};
  if (head.get<std::uint64_t>() != magic || bytes.size() < header_bytes)
    return corrupt("it does not begin like one");
  header about;
  about.version = head.get<std::uint32_t>();
  about.slice = head.get<std::uint32_t>();
  about.slices = head.get<std::uint32_t>();
  about.fingerprint = head.get<std::uint64_t>();
  about.checksum = head.get<std::uint64_t>();
  if (about.version != format_version)
    return failure{errc::unsupported_format,
                   fmt::format("checkpoint of a shard: version {}; this build reads {}",
                               about.version, format_version)};
  const auto body = bytes.substr(header_bytes);
  if (checksum_of(body) != about.checksum)
    return corrupt("the checksum does not match");
  if (about.slice != my.index || about.slices != my.shards)
    return failure{errc::invalid_argument,
                   fmt::format("checkpoint of shard {} of {}; this is shard {} of {}", about.slice,
                               about.slices, my.index, my.shards)};
  if (about.fingerprint != my.fingerprint())
    return failure{errc::invalid_argument,
                   "checkpoint of a shard: made with other settings of the signals"};
  auto fresh = std::make_unique<state>(my.index, my.shards, my.signals, my.blend);
  if (auto ok = fresh->decode(body); !ok)
    return ok;
  for (const auto& there : my.locals)
    if (there.record)
      fresh->add_record(there.record);
  state_ = std::move(fresh);
  return {};
}

result<void> catalogue_slice::state::decode(std::string_view body) {
  byte_reader from{body};
  learned = from.get<std::uint64_t>();
  stream_millis = from.get<std::int64_t>();
  const auto row_count = from.get<std::uint64_t>();
  const auto local_count = from.get<std::uint64_t>();
  if (from.failed() || local_count > row_count || row_count >= foreign
      || !from.can_hold(row_count, row_bytes))
    return corrupt("it is shorter than it says");
  rows.reserve(row_count);
  local_of_row.reserve(row_count);
  locals.reserve(local_count);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    const auto key = from.get<item_key>();
    const auto local = from.get<std::uint32_t>();
    if (local != (owns(key) ? locals.size() : foreign) || !rows.emplace(key, row).second)
      return corrupt("its items contradict each other");
    local_of_row.push_back(local);
    if (local == foreign)
      continue;
    locals.push_back({key, nullptr, row});
    keys.push_back(key);
    popular_most.push_back(unknown_popularity);
    standing.push_back(0);
    created.push_back(0);
    content.add_item();
  }
  if (locals.size() != local_count || !popular.decode(from, local_count))
    return corrupt("its counters contradict each other");
  if (!pairs.decode(from, row_count, local_count))
    return corrupt("its lists contradict each other");
  if (!companions.decode(from, local_count))
    return corrupt("its companions contradict each other");
  if (!from.at_end())
    return corrupt("there is more than it says");
  return {};
}

} // namespace troupe::model
