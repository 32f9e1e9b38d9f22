#include "apps/troupe/import/format.hpp"

#include "apps/troupe/import/json_lines.hpp"
#include "apps/troupe/import/line_source.hpp"
#include "apps/troupe/import/movielens.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>

namespace troupe::apps {
namespace {

const std::map<std::string, csv_times> csv_time_names{{"s", csv_times::seconds},
                                                      {"ms", csv_times::milliseconds},
                                                      {"iso", csv_times::iso},
                                                      {"order", csv_times::line_number}};

failure refuse(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

/// Empty where the names say nothing.
std::string_view guess_format(const std::filesystem::path& path) {
  std::error_code bad;
  if (std::filesystem::is_directory(path, bad)) {
    if (!find_file(path, "ratings.csv").empty())
      return "movielens";
    if (!find_file(path, "u.data").empty())
      return "ml-100k";
    if (!find_file(path, "events.jsonl").empty() || !find_file(path, "items.jsonl").empty())
      return "jsonl";
    return {};
  }
  auto name = path.filename().string();
  if (name.ends_with(".gz"))
    name.resize(name.size() - 3);
  if (name == "ratings.csv")
    return "movielens";
  if (name == "u.data")
    return "ml-100k";
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson"))
    return "jsonl";
  return {};
}

result<char> one_character(const std::string& text, std::string_view option) {
  if (text == "tab" || text == "\\t")
    return '\t';
  if (text.size() != 1 || text == "\"" || text == "\n")
    return refuse(fmt::format("{} {}: give one character, or tab", option, text));
  return text[0];
}

result<csv_mapping> mapping_of(const format_options& how) {
  csv_mapping out;
  const auto delimiter = one_character(how.delimiter, "--delimiter");
  if (!delimiter)
    return delimiter.error();
  const auto list_delimiter = one_character(how.list_delimiter, "--list-delimiter");
  if (!list_delimiter)
    return list_delimiter.error();
  out.dialect = {.delimiter = *delimiter, .quotes = !how.no_quotes};
  out.list_delimiter = *list_delimiter;
  out.header = !how.no_header;
  out.times = csv_time_names.at(how.time);
  out.type = how.type;
  for (const auto& list : how.map)
    for (const auto& each : split_list(list, ',')) {
      const auto equals = each.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == each.size())
        return refuse(fmt::format("--map {}: write it as field=column", each));
      out.columns[each.substr(0, equals)] = each.substr(equals + 1);
    }
  return out;
}

} // namespace

void add_format_options(CLI::App& command, format_options& to) {
  command.add_option("--format", to.format, "how the files are written")
      ->check(CLI::IsMember({"auto", "movielens", "ml-100k", "jsonl", "csv"}))
      ->capture_default_str();
  command
      .add_option("--map", to.map,
                  "csv: what the columns mean, by name or number: "
                  "user_id=user,item_id=film,value=rating,timestamp=4")
      ->type_name("FIELD=COLUMN,...")
      ->take_all();
  command.add_option("--delimiter", to.delimiter, "csv: between fields; tab for a tab")
      ->capture_default_str();
  command.add_option("--list-delimiter", to.list_delimiter, "csv: between categories, and tags")
      ->capture_default_str();
  command
      .add_option("--time", to.time,
                  "csv: how times are written; order: there are none, a line's number is its time")
      ->check(CLI::IsMember(csv_time_names))
      ->capture_default_str();
  command.add_option("--type", to.type, "csv: type of events without a column for it")
      ->capture_default_str();
  command.add_flag("--no-header", to.no_header, "csv: the first line is a record");
  command.add_flag("--no-quotes", to.no_quotes, "csv: quotes mean nothing");
}

result<std::unique_ptr<data_set>> open_data_set(const format_options& how, reject_log& rejects,
                                                const clock& time) {
  const std::filesystem::path path = how.path;
  std::error_code bad;
  if (!std::filesystem::exists(path, bad))
    return failure{errc::not_found, fmt::format("{}: no such file or directory", how.path)};
  const std::string_view format = how.format == "auto" ? guess_format(path) : how.format;
  if (format == "movielens")
    return open_movielens(path, rejects);
  if (format == "ml-100k")
    return open_movielens_100k(path, rejects);
  if (format == "jsonl")
    return open_json_lines(path, rejects, time);
  if (format == "csv") {
    auto mapping = mapping_of(how);
    if (!mapping)
      return mapping.error();
    return open_csv(path, std::move(*mapping), rejects);
  }
  return refuse(
      fmt::format("{}: the names of the files do not say their format; give --format", how.path));
}

} // namespace troupe::apps
