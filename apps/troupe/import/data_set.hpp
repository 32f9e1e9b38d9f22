#pragma once

#include "apps/troupe/import/reject_log.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace troupe::apps {

/// Takes one record; an error ends the reading and is handed on.
using item_consumer = std::function<result<void>(item&&, file_position)>;
using event_consumer = std::function<result<void>(event&&, file_position)>;

/// A catalogue and what users did with it, read from files of some format. Records are handed
/// out once, items before events, events in the order in which they shall arrive. What cannot
/// be read as a record goes to the reject log the data set was opened with; records are not
/// checked against the limits of `check_item` and `check_event`.
class data_set {
public:
  virtual ~data_set() = default;

  [[nodiscard]] virtual result<void> read_items(const item_consumer& to) = 0;
  [[nodiscard]] virtual result<void> read_events(const event_consumer& to) = 0;

  /// Events there are, where that is known before they are read; else 0. For progress only.
  [[nodiscard]] virtual std::uint64_t events_expected() const noexcept { return 0; }
};

} // namespace troupe::apps
