#include "model/filter.hpp"
#include "tests/fuzz/require.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

// Whatever the bytes: the parser refuses them with a proper error, or takes them, and then the
// normal form parses to a filter with the same normal form that matches the same items.

namespace {

using troupe::fuzz::require;
using troupe::model::filter;

std::array<troupe::item, 3> make_items() {
  std::array<troupe::item, 3> made;
  made[0].id = troupe::item_id{"a"};
  made[1].id = troupe::item_id{"318"};
  made[1].title = std::string{"x"}; // GCC 12 misreads the assignment of a literal (bug 105329)
  made[1].categories = {"x", "Drama"};
  made[1].tags = {"x"};
  made[1].created = troupe::from_millis(86'400'000);
  made[1].properties = {{"a", true},
                        {"b", 1.0},
                        {"x", std::string{"x"}},
                        {"year", 1994.0},
                        {"cast", std::vector<std::string>{"x", ""}}};
  made[2] = made[1];
  made[2].id = troupe::item_id{"\xF0\x9F\x8E\xAC"};
  made[2].hidden = true;
  made[2].properties = {{"a", false}, {"b", std::string{}}, {"x", -0.5}, {"year", 1e300}};
  return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto items = make_items();
  const std::string text(data, data + size);
  const auto first = filter::parse(text, 4096);
  if (first.has_error()) {
    const auto& error = first.error();
    require(error.code == troupe::errc::invalid_argument, "the code of the error", text);
    require(error.context.starts_with("filter"), "the error names the filter", text);
    require(error.context.size() < 512, "the error is short", text);
    require(troupe::is_utf8(error.context), "the error is UTF-8", text);
    return 0;
  }
  constexpr auto no_limit = std::numeric_limits<std::size_t>::max();
  const auto normal = (*first)->to_string();
  const auto second = filter::parse(normal, no_limit);
  require(second.has_value(), "the normal form parses", text);
  require((*second)->to_string() == normal, "the normal form is stable", text);
  for (const auto& item : items)
    require((*first)->matches(item) == (*second)->matches(item), "the same matches", text);
  return 0;
}
