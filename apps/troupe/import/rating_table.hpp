#pragma once

#include "apps/troupe/import/data_set.hpp"
#include "base/clock.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::apps {

/// Many events in little memory (32 bytes each and every text once), so that a whole file can
/// be put into the order of time before it is imported.
class rating_table {
public:
  /// One event to be; texts are copied. `value` NaN: it has none. `id` empty: it is made from
  /// type, item and time, so that the same line gives the same event again.
  struct row {
    std::string_view user;
    std::string_view item;
    std::string_view type;
    std::string_view id;
    float value = std::numeric_limits<float>::quiet_NaN();
    timestamp time{};
    std::uint32_t line = 0;
  };

  void add(const row& what);

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

  /// By time; equal times stay in the order of the file.
  void sort();

  /// Hands out the rows as events.
  [[nodiscard]] result<void> read(std::string_view file, const event_consumer& to) const;

  /// The earliest time of each item, for what has no date of its own.
  [[nodiscard]] std::unordered_map<std::string, timestamp> first_times() const;

private:
  struct packed {
    std::uint32_t user;
    std::uint32_t item;
    std::uint32_t type;
    std::uint32_t id; // 0: none
    float value;
    std::uint32_t line;
    std::int64_t millis;
  };

  std::uint32_t intern(std::string_view text);

  struct text_hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> known_;
  std::vector<const std::string*> texts_{nullptr}; // keys of the map, which do not move
  std::vector<packed> rows_;
};

} // namespace troupe::apps
