#include "model/blend_learner.hpp"
#include "model/byte_stream.hpp"
#include "model/catalogue_slice.hpp"
#include "model/sequences.hpp"
#include "tests/fuzz/require.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

// What comes behind the head of a checkpoint, with the checksum it should have: so the fuzzer
// reaches what stands behind the checksum. The first byte says whose checkpoint it is. Whatever
// the bytes, they are refused and nothing changes, or what was taken up is written the same again
// and can be worked with.

namespace {

using namespace troupe;
using fuzz::require;
using fuzz::require_corrupt;

/// `head` is a whole checkpoint; what follows its first `bytes`, whose last eight are the
/// checksum, is replaced.
std::string with_body(std::string head, std::size_t bytes, std::string_view body) {
  const auto sum = model::checksum_of(body);
  std::memcpy(head.data() + bytes - sizeof sum, &sum, sizeof sum);
  head.resize(bytes);
  return head.append(body);
}

item_ptr some_item() {
  item made;
  made.id = item_id{"i"};
  made.categories = {"Drama"};
  return std::make_shared<const item>(std::move(made));
}

/// Bounds and half-lives are small, so that short inputs reach them.
config::signals_settings small_signals() {
  config::signals_settings made;
  made.new_item_companions = 3;
  made.neighbours_max = 8;
  return made;
}

void use(model::catalogue_slice& slice, std::string_view input) {
  const auto known = some_item();
  model::observation seen;
  seen.item = known->id;
  seen.arrival = slice.learned_arrival() + 1;
  seen.near = {key_of(item_id{"j"}), key_of(item_id{"k"})};
  if (seen.arrival != 0)
    slice.learn(seen);
  auto who = std::make_shared<model::taste>();
  who->recent = {{key_of(item_id{"j"}), 1.0F}, {key_of(known->id), 0.5F}};
  model::score_query query;
  query.who = who;
  query.with_reasons = true;
  for (const auto& one : slice.score(query).found)
    require(std::isfinite(one.score), "scores are numbers", input);
  static_cast<void>(slice.similar(key_of(known->id), known, 10, nullptr));
  static_cast<void>(slice.popular(0, 10, nullptr));
}

void try_slice(std::string_view body, std::string_view input) {
  constexpr std::size_t head_bytes = 8 + 4 + 4 + 4 + 8 + 8;
  model::catalogue_slice slice{0, 1, small_signals(), {}};
  slice.upsert(some_item());
  const auto before = slice.checkpoint();
  const auto bytes = with_body(before, head_bytes, body);
  if (const auto taken = slice.restore(bytes); !taken) {
    require_corrupt(taken.error(), input);
    require(slice.checkpoint() == before, "nothing changed", input);
  } else {
    const auto now = slice.checkpoint();
    require(slice.restore(now).has_value() && slice.checkpoint() == now, "stable", input);
  }
  use(slice, input);
}

void try_blend(std::string_view body, std::string_view input) {
  constexpr std::size_t head_bytes = 8 + 4 + 4 + 8 + 8;
  const config::blend_settings settings;
  model::blend_learner learner{settings};
  const auto before = learner.checkpoint();
  const auto bytes = with_body(before, head_bytes, body);
  if (const auto taken = learner.restore(bytes); !taken) {
    require_corrupt(taken.error(), input);
    require(learner.checkpoint() == before, "nothing changed", input);
  } else {
    require(learner.checkpoint() == bytes, "the same", input);
  }
  learner.observe({}, true);
  for (const auto factor : learner.factors())
    require(factor > 0 && factor <= settings.factor_max, "factors are within bounds", input);
}

void try_vocabulary(std::string_view body, std::string_view input) {
  constexpr std::size_t head_bytes = 8 + 4 + 8;
  const auto bytes =
      with_body(model::write_vocabulary(model::sequence_vocabulary{{""}}), head_bytes, body);
  const auto read = model::read_vocabulary(bytes);
  if (!read)
    require_corrupt(read.error(), input);
  else
    require(model::write_vocabulary(*read) == bytes, "the same", input);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  if (input.empty())
    return 0;
  const auto body = input.substr(1);
  switch (input[0]) {
  case 's':
    try_slice(body, input);
    break;
  case 'b':
    try_blend(body, input);
    break;
  case 'v':
    try_vocabulary(body, input);
    break;
  default:
    break;
  }
  return 0;
}
