#include "gateway/json_codec.hpp"
#include "gateway/json_writer.hpp"
#include "tests/fuzz/bulk_check.hpp"

#include <string>

// Whatever the bytes, the readers of items, patches and users refuse them with a proper error,
// or give what holds every limit; an item is the same after being written and read again.

namespace {

using namespace troupe;
using fuzz::require;

const timestamp now = from_millis(1'800'000'000'000);

gateway::json_limits small_limits() {
  gateway::json_limits limits;
  limits.bulk_max = 8; // so that short inputs reach it
  return limits;
}

const gateway::json_limits limits = small_limits();

void check_taken(const item& what, std::string_view input) {
  require(check_item(what).has_value(), "an item that was read holds the limits", input);
  require(what.updated == now, "updated is the server's time", input);
  std::string written;
  gateway::append_json(written, what);
  const auto again = gateway::parse_item(written, now, limits);
  require(again.has_value(), "a written item can be read", input);
  require(*again == what, "an item that was written and read is the same", input);
}

void run_list(std::string_view input, gateway::body_format format) {
  fuzz::require_bulk(gateway::parse_items(input, format, now, limits), limits, input, check_taken);
}

void run_patch(std::string_view input) {
  const auto patch = gateway::parse_patch(input, item_id{"p"}, limits);
  if (!patch) {
    fuzz::require_refusal(patch.error(), input);
    return;
  }
  item patched;
  patched.id = patch->id;
  patched.title = patch->title.value_or("");
  patched.categories = patch->categories.value_or(patched.categories);
  patched.tags = patch->tags.value_or(patched.tags);
  for (const auto& [name, value] : patch->properties)
    if (value)
      patched.properties.emplace(name, *value);
  patched.vector = patch->vector.value_or(patched.vector);
  require(check_item(patched).has_value(), "a patched item holds the limits", input);
}

void run_user(std::string_view input) {
  const auto user = gateway::parse_user(input, user_id{"u"}, limits);
  if (!user) {
    fuzz::require_refusal(user.error(), input);
    return;
  }
  item shape;
  shape.id = item_id{"user"};
  shape.properties = user->properties;
  require(check_item(shape).has_value(), "a user's properties hold the limits", input);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  if (const auto one = gateway::parse_item(input, now, limits, "318")) {
    require(one->id.value == "318", "the item is the path's", input);
    check_taken(*one, input);
  } else {
    fuzz::require_refusal(one.error(), input);
  }
  run_list(input, gateway::body_format::json);
  run_list(input, gateway::body_format::ndjson);
  run_patch(input);
  run_user(input);
  return 0;
}
