#pragma once

#include "apps/troupe/import/data_set.hpp"
#include "base/clock.hpp"

#include <filesystem>

namespace troupe::apps {

/// Events and items in the API's own JSON, one a line, as `troupe export` writes them. `path` is
/// a file, or a directory with items.jsonl and events.jsonl; each plain or .gz. In a file, a line
/// with a user_id is an event, any other an item. Events arrive in the order of the file. An
/// event without event_id gets one made of its line, so that the same line is the same event.
/// `now` stands for times that are left out.
/// Errors: not_found.
[[nodiscard]] result<std::unique_ptr<data_set>>
open_json_lines(const std::filesystem::path& path, reject_log& rejects, const clock& time);

} // namespace troupe::apps
