#include "apps/troupe/import/mapped_csv.hpp"

#include "apps/troupe/import/rating_table.hpp"
#include "gateway/json_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

constexpr std::array<std::string_view, 6> event_fields{"user_id", "item_id", "timestamp",
                                                       "type",    "value",   "event_id"};
constexpr std::array<std::string_view, 5> item_fields{"item_id", "title", "categories", "tags",
                                                      "created_at"};
constexpr std::string_view property_prefix = "properties.";

failure refuse(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

class mapped_csv final : public data_set {
public:
  mapped_csv(std::filesystem::path path, csv_mapping mapping, reject_log& rejects)
      : path_(std::move(path)), mapping_(std::move(mapping)), rejects_(rejects) {}

  [[nodiscard]] bool has_events() const { return mapping_.columns.contains("user_id"); }

  result<void> check_mapping() const {
    for (const auto& [field, column] : mapping_.columns) {
      const bool known =
          has_events()
              ? std::find(event_fields.begin(), event_fields.end(), field) != event_fields.end()
              : std::find(item_fields.begin(), item_fields.end(), field) != item_fields.end()
                    || (field.starts_with(property_prefix)
                        && field.size() > property_prefix.size());
      if (!known)
        return refuse(fmt::format("--map {}={}: no such field; there are {}, or for items {} and "
                                  "properties.NAME",
                                  field, column, fmt::join(event_fields, ", "),
                                  fmt::join(item_fields, ", ")));
    }
    if (!mapping_.columns.contains("item_id"))
      return refuse("--map: no column for item_id");
    if (has_events())
      return check_times();
    return mapping_.times == csv_times::line_number
               ? refuse("--time order: items have no order, only events")
               : result<void>{};
  }

  result<void> load_events() {
    if (!has_events())
      return {};
    auto read = read_records([this](const csv_reader& from) { return add_event(from); });
    events_.sort();
    return read;
  }

  result<void> read_items(const item_consumer& to) override {
    if (has_events())
      return {};
    return read_records([&](const csv_reader& from) -> result<void> {
      auto what = to_item(from);
      if (!what)
        return rejects_.add({from.name(), from.line()}, what.error().context);
      return to(std::move(*what), {from.name(), from.line()});
    });
  }

  result<void> read_events(const event_consumer& to) override {
    return events_.read(path_.filename().string(), to);
  }

  std::uint64_t events_expected() const noexcept override { return events_.size(); }

private:
  result<void> check_times() const {
    const bool has_column = mapping_.columns.contains("timestamp");
    const bool needs_column = mapping_.times != csv_times::line_number;
    if (has_column == needs_column)
      return {};
    return refuse(needs_column ? "--map: no column for timestamp; where lines only have an order, "
                                 "--time order"
                               : "--time order takes the lines' order for the time: leave "
                                 "timestamp out of --map");
  }

  /// Finds the columns in the header, or takes their numbers.
  result<void> bind_columns(const std::vector<std::string>& header) {
    for (const auto& [field, column] : mapping_.columns) {
      const auto named = std::find(header.begin(), header.end(), column);
      const auto number = parse_whole(column);
      if (mapping_.header && named != header.end())
        index_[field] = static_cast<std::size_t>(named - header.begin());
      else if (number && *number >= 1 && static_cast<std::size_t>(*number) <= header.size())
        index_[field] = static_cast<std::size_t>(*number - 1);
      else
        return refuse(fmt::format("{}: no column {} for {}", path_.string(), column, field));
    }
    return {};
  }

  result<void> read_records(const std::function<result<void>(const csv_reader&)>& take) {
    auto source = line_source::open(path_);
    if (!source)
      return source.error();
    csv_reader reader{std::move(*source), mapping_.dialect};
    std::size_t width = 0; // of the first record
    for (;;) {
      const auto got = reader.next();
      if (!got)
        return got.error();
      if (*got == csv_reader::status::end)
        return {};
      const file_position where{reader.name(), reader.line()};
      if (*got == csv_reader::status::malformed) {
        if (auto added = rejects_.add(where, reader.complaint()); !added)
          return added;
        continue;
      }
      if (width == 0) {
        width = reader.fields().size();
        if (auto bound = bind_columns(reader.fields()); !bound)
          return bound;
        if (mapping_.header)
          continue;
      }
      auto taken = reader.fields().size() == width
                       ? take(reader)
                       : rejects_.add(where, fmt::format("{} fields instead of {}",
                                                         reader.fields().size(), width));
      if (!taken)
        return taken;
    }
  }

  /// The field's text; empty where no column has it.
  std::string_view text(const csv_reader& from, std::string_view field) const {
    const auto found = index_.find(field);
    return found == index_.end() ? std::string_view{} : from.fields()[found->second];
  }

  std::optional<timestamp> time_of(std::string_view text) const {
    if (mapping_.times == csv_times::iso)
      return gateway::parse_time(text);
    return parse_time(text, mapping_.times == csv_times::milliseconds ? time_unit::milliseconds
                                                                      : time_unit::seconds);
  }

  result<void> add_event(const csv_reader& from) {
    const file_position where{from.name(), from.line()};
    const auto time = mapping_.times == csv_times::line_number
                          ? timestamp{std::chrono::seconds{from.line()}}
                          : time_of(text(from, "timestamp"));
    if (!time)
      return rejects_.add(where,
                          fmt::format("timestamp \"{}\" is not a time", text(from, "timestamp")));
    const auto value_text = text(from, "value");
    const auto value = parse_number(value_text);
    if (!value && !value_text.empty())
      return rejects_.add(where, fmt::format("value \"{}\" is not a number", value_text));
    const auto type = text(from, "type");
    rating_table::row out{.user = text(from, "user_id"),
                          .item = text(from, "item_id"),
                          .type = type.empty() ? std::string_view{mapping_.type} : type,
                          .id = text(from, "event_id"),
                          .time = *time,
                          .line = static_cast<std::uint32_t>(from.line())};
    if (value)
      out.value = static_cast<float>(*value);
    events_.add(out);
    return {};
  }

  result<item> to_item(const csv_reader& from) const {
    item out;
    out.id = item_id{text(from, "item_id")};
    out.title = text(from, "title");
    out.categories = split_list(text(from, "categories"), mapping_.list_delimiter);
    out.tags = split_list(text(from, "tags"), mapping_.list_delimiter);
    if (const auto created = text(from, "created_at"); !created.empty()) {
      const auto time = time_of(created);
      if (!time)
        return refuse(fmt::format("created_at \"{}\" is not a time", created));
      out.created = *time;
    }
    for (const auto& [field, column] : index_)
      if (field.starts_with(property_prefix)) {
        const auto& value = from.fields()[column];
        if (value.empty())
          continue;
        const auto number = parse_number(value);
        out.properties.emplace(field.substr(property_prefix.size()),
                               number ? property_value{*number} : property_value{value});
      }
    return out;
  }

  std::filesystem::path path_;
  csv_mapping mapping_;
  reject_log& rejects_;
  std::map<std::string, std::size_t, std::less<>> index_; // field -> column from 0
  rating_table events_;
};

} // namespace

result<std::unique_ptr<data_set>> open_csv(const std::filesystem::path& path, csv_mapping mapping,
                                           reject_log& rejects) {
  auto out = std::make_unique<mapped_csv>(path, std::move(mapping), rejects);
  if (auto checked = out->check_mapping(); !checked)
    return checked.error();
  if (auto read = out->load_events(); !read)
    return read.error();
  return std::unique_ptr<data_set>{std::move(out)};
}

} // namespace troupe::apps
