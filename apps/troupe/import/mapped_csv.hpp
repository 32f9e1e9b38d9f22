#pragma once

#include "apps/troupe/import/csv_reader.hpp"
#include "apps/troupe/import/data_set.hpp"
#include "apps/troupe/import/field_parse.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace troupe::apps {

/// Where the times in a file come from.
enum class csv_times : unsigned char {
  seconds,      ///< since 1970
  milliseconds, ///< since 1970
  iso,          ///< "2026-01-31T12:00:00Z"
  line_number,  ///< the file has none: an event's time is the number of its line, in seconds
};

/// What the columns of a file mean.
struct csv_mapping {
  /// Field -> column: its name in the header, or its number from 1.
  /// Of events: user_id, item_id, timestamp (these three must be there; no timestamp where lines
  /// are the times), type, value, event_id.
  /// Of items: item_id (must be there), title, categories, tags, created_at, properties.NAME.
  std::map<std::string, std::string> columns;
  csv_dialect dialect;
  bool header = true; ///< the first record names the columns
  csv_times times = csv_times::seconds;
  std::string type = "view"; ///< of events, where no column says it
  char list_delimiter = '|'; ///< between categories, and between tags
};

/// Any file of separated values. A file whose columns have a user_id holds events, which
/// arrive in the order of time, equal times in the order of the file; without, items.
/// Errors: invalid_argument for a mapping that names an unknown field or a missing column.
[[nodiscard]] result<std::unique_ptr<data_set>> open_csv(const std::filesystem::path& path,
                                                         csv_mapping mapping, reject_log& rejects);

} // namespace troupe::apps
