#include "apps/troupe/import/movielens.hpp"

#include "apps/troupe/import/csv_reader.hpp"
#include "apps/troupe/import/field_parse.hpp"
#include "apps/troupe/import/rating_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

using record_reader = std::function<result<void>(const csv_reader&)>;

/// Reads a file whose first line must be `header`; records of another length are rejects.
result<void> read_table(const std::filesystem::path& path, const std::vector<std::string>& header,
                        reject_log& rejects, const record_reader& take) {
  auto source = line_source::open(path);
  if (!source)
    return source.error();
  csv_reader reader{std::move(*source), {}};
  bool first = true;
  for (;;) {
    const auto got = reader.next();
    if (!got)
      return got.error();
    if (*got == csv_reader::status::end)
      break;
    if (first && (*got == csv_reader::status::malformed || reader.fields() != header))
      return failure{errc::invalid_argument, fmt::format("{}:1: the header is not {}",
                                                         path.string(), fmt::join(header, ","))};
    if (std::exchange(first, false))
      continue;
    auto taken = [&]() -> result<void> {
      if (*got == csv_reader::status::malformed)
        return rejects.add({reader.name(), reader.line()}, reader.complaint());
      if (reader.fields().size() != header.size())
        return rejects.add(
            {reader.name(), reader.line()},
            fmt::format("{} fields instead of {}", reader.fields().size(), header.size()));
      return take(reader);
    }();
    if (!taken)
      return taken;
  }
  return {};
}

class movielens final : public data_set {
public:
  movielens(std::filesystem::path directory, reject_log& rejects)
      : directory_(std::move(directory)), rejects_(rejects) {}

  result<void> load_ratings() {
    const auto path = find_file(directory_, "ratings.csv");
    ratings_file_ = path.filename().string();
    auto read =
        read_table(path, {"userId", "movieId", "rating", "timestamp"}, rejects_,
                   [this](const csv_reader& from) -> result<void> {
                     const auto& fields = from.fields();
                     const auto value = parse_number(fields[2]);
                     const auto time = parse_time(fields[3], time_unit::seconds);
                     if (!value)
                       return reject(from, fmt::format("rating \"{}\" is not a number", fields[2]));
                     if (!time)
                       return reject(from, fmt::format("timestamp \"{}\" is not seconds since 1970",
                                                       fields[3]));
                     ratings_.add({.user = fields[0],
                                   .item = fields[1],
                                   .type = "rating",
                                   .id = {},
                                   .value = static_cast<float>(*value),
                                   .time = *time,
                                   .line = static_cast<std::uint32_t>(from.line())});
                     return {};
                   });
    ratings_.sort();
    return read;
  }

  result<void> read_items(const item_consumer& to) override {
    if (auto read = load_tags(); !read)
      return read;
    if (auto read = load_links(); !read)
      return read;
    const auto dates = ratings_.first_times();
    return read_table(find_file(directory_, "movies.csv"), {"movieId", "title", "genres"}, rejects_,
                      [&](const csv_reader& from) {
                        return to(film(from.fields(), dates), {from.name(), from.line()});
                      });
  }

  result<void> read_events(const event_consumer& to) override {
    return ratings_.read(ratings_file_, to);
  }

  std::uint64_t events_expected() const noexcept override { return ratings_.size(); }

private:
  result<void> reject(const csv_reader& from, std::string_view reason) {
    return rejects_.add({from.name(), from.line()}, reason);
  }

  result<void> load_tags() {
    const auto path = find_file(directory_, "tags.csv");
    if (path.empty())
      return {};
    return read_table(path, {"userId", "movieId", "tag", "timestamp"}, rejects_,
                      [this](const csv_reader& from) -> result<void> {
                        auto label = tidy_label(from.fields()[2]);
                        if (label.empty() || label.size() > item_limits::label_bytes_max)
                          return reject(from, "the tag is empty or too long");
                        ++tags_[from.fields()[1]][std::move(label)];
                        return {};
                      });
  }

  result<void> load_links() {
    const auto path = find_file(directory_, "links.csv");
    if (path.empty())
      return {};
    return read_table(path, {"movieId", "imdbId", "tmdbId"}, rejects_,
                      [this](const csv_reader& from) -> result<void> {
                        links_[from.fields()[0]] = {from.fields()[1], from.fields()[2]};
                        return {};
                      });
  }

  item film(const std::vector<std::string>& fields,
            const std::unordered_map<std::string, timestamp>& dates) const {
    item out;
    out.id = item_id{fields[0]};
    out.title = fields[1];
    if (fields[2] != "(no genres listed)")
      out.categories = split_list(fields[2], '|');
    out.tags = tags_of(fields[0]);
    const auto year = year_in_title(out.title);
    if (year)
      out.properties.emplace("year", static_cast<double>(*year));
    if (const auto link = links_.find(fields[0]); link != links_.end()) {
      if (!link->second.first.empty())
        out.properties.emplace("imdb_id", "tt" + link->second.first);
      if (!link->second.second.empty())
        out.properties.emplace("tmdb_id", link->second.second);
    }
    if (const auto date = dates.find(fields[0]); date != dates.end())
      out.created = date->second;
    else if (year && *year >= 1970)
      out.created = start_of_year(*year);
    return out;
  }

  std::vector<std::string> tags_of(const std::string& film) const {
    const auto found = tags_.find(film);
    if (found == tags_.end())
      return {};
    std::vector<std::pair<std::string, int>> counted{found->second.begin(), found->second.end()};
    std::stable_sort(counted.begin(), counted.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (counted.size() > item_limits::labels_max)
      counted.resize(item_limits::labels_max);
    std::vector<std::string> out;
    out.reserve(counted.size());
    for (auto& [label, count] : counted)
      out.push_back(std::move(label));
    return out;
  }

  std::filesystem::path directory_;
  reject_log& rejects_;
  std::string ratings_file_;
  rating_table ratings_;
  std::unordered_map<std::string, std::map<std::string, int>> tags_; // film -> label -> times
  std::unordered_map<std::string, std::pair<std::string, std::string>> links_; // imdb, tmdb
};

} // namespace

result<std::unique_ptr<data_set>> open_movielens(const std::filesystem::path& path,
                                                 reject_log& rejects) {
  std::error_code bad;
  const auto directory = std::filesystem::is_directory(path, bad) ? path : path.parent_path();
  for (const std::string_view needed : {"ratings.csv", "movies.csv"})
    if (find_file(directory, needed).empty())
      return failure{errc::not_found,
                     fmt::format("{}: no {} (or {}.gz) there, so it is not MovieLens",
                                 directory.string(), needed, needed)};
  auto out = std::make_unique<movielens>(directory, rejects);
  if (auto read = out->load_ratings(); !read)
    return read.error();
  return std::unique_ptr<data_set>{std::move(out)};
}

} // namespace troupe::apps
