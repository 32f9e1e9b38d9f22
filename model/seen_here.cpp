#include "model/seen_here.hpp"

namespace troupe::model {

void seen_here::lay_out_tail(const seen_set& all) noexcept {
  static_assert(seen_set::tail_keys_max < 255);
  all_ = &all;
  table_.fill(0);
  const auto tail = all.tail();
  for (std::size_t i = 0; i < tail.size(); ++i) {
    auto at = place_of(tail[i]);
    while (table_[at] != 0)
      at = (at + 1) % places;
    table_[at] = static_cast<std::uint8_t>(i + 1);
  }
}

} // namespace troupe::model
