#include "apps/troupe/import/json_lines.hpp"

#include "apps/troupe/import/line_source.hpp"
#include "base/stable_hash.hpp"
#include "gateway/json_codec.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

using line_reader = std::function<result<void>(std::string_view line, file_position where)>;

/// What a line holds; one that is no JSON is for its reader to complain about.
enum class kind : unsigned char { event, item, unreadable };

kind kind_of(std::string_view line) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  if (parsed.is_discarded())
    return kind::unreadable;
  return parsed.is_object() && parsed.contains("user_id") ? kind::event : kind::item;
}

class json_lines final : public data_set {
public:
  json_lines(std::filesystem::path items, std::filesystem::path events, reject_log& rejects,
             const clock& time)
      : items_(std::move(items)), events_(std::move(events)), rejects_(rejects), time_(time) {}

  result<void> read_items(const item_consumer& to) override {
    return read_lines(items_, [&](std::string_view line, file_position where) -> result<void> {
      if (kind_of(line) == kind::event)
        return {};
      auto what = gateway::parse_item(line, time_.now());
      if (!what)
        return rejects_.add(where, what.error().context);
      return to(std::move(*what), where);
    });
  }

  result<void> read_events(const event_consumer& to) override {
    return read_lines(events_, [&](std::string_view line, file_position where) -> result<void> {
      // What is no JSON in a file of both was counted with the items.
      const auto is = kind_of(line);
      if (is == kind::item || (is == kind::unreadable && items_ == events_))
        return {};
      const gateway::event_defaults defaults{.now = time_.now(), .user = {}, .make_id = [line] {
                                               return fmt::format("line:{:016x}",
                                                                  stable_hash(line));
                                             }};
      auto what = gateway::parse_event(line, defaults);
      if (!what)
        return rejects_.add(where, what.error().context);
      return to(std::move(*what), where);
    });
  }

private:
  result<void> read_lines(const std::filesystem::path& path, const line_reader& take) {
    if (path.empty())
      return {};
    auto source = line_source::open(path);
    if (!source)
      return source.error();
    for (;;) {
      std::string_view line;
      const auto got = source->next(line);
      if (!got)
        return got.error();
      if (*got == line_source::status::end)
        return {};
      const file_position where{source->name(), source->number()};
      if (line.find_first_not_of(" \t") == std::string_view::npos
          && *got == line_source::status::line)
        continue;
      auto taken = *got == line_source::status::too_long
                       ? rejects_.add(where, "the line is too long")
                       : take(line, where);
      if (!taken)
        return taken;
    }
  }

  std::filesystem::path items_;
  std::filesystem::path events_;
  reject_log& rejects_;
  const clock& time_;
};

} // namespace

result<std::unique_ptr<data_set>> open_json_lines(const std::filesystem::path& path,
                                                  reject_log& rejects, const clock& time) {
  std::error_code bad;
  auto items = path;
  auto events = path;
  if (std::filesystem::is_directory(path, bad)) {
    items = find_file(path, "items.jsonl");
    events = find_file(path, "events.jsonl");
    if (items.empty() && events.empty())
      return failure{errc::not_found,
                     fmt::format("{}: neither items.jsonl nor events.jsonl there", path.string())};
  } else if (!std::filesystem::exists(path, bad)) {
    return failure{errc::not_found, fmt::format("{}: no such file", path.string())};
  }
  return std::unique_ptr<data_set>{
      std::make_unique<json_lines>(std::move(items), std::move(events), rejects, time)};
}

} // namespace troupe::apps
