#include "apps/troupe/import/csv_reader.hpp"
#include "apps/troupe/import/field_parse.hpp"
#include "apps/troupe/import/movielens.hpp"
#include "apps/troupe/import/rating_table.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

constexpr std::size_t fields_before_genres = 5; // id, title, release, video release, address

// As the data set's README lists them, for copies without u.genre.
const std::vector<std::string> genres_of_1998{
    "unknown",     "Action", "Adventure", "Animation", "Children's", "Comedy",  "Crime",
    "Documentary", "Drama",  "Fantasy",   "Film-Noir", "Horror",     "Musical", "Mystery",
    "Romance",     "Sci-Fi", "Thriller",  "War",       "Western"};

class movielens_100k final : public data_set {
public:
  movielens_100k(std::filesystem::path directory, reject_log& rejects)
      : directory_(std::move(directory)), rejects_(rejects) {}

  result<void> load_ratings() {
    auto read = read_records("u.data", {.delimiter = '\t', .quotes = false},
                             [this](const csv_reader& from) { return add_rating(from); });
    ratings_.sort();
    return read;
  }

  result<void> read_items(const item_consumer& to) override {
    if (auto read = load_genres(); !read)
      return read;
    return read_records(
        "u.item", {.delimiter = '|', .quotes = false}, [&](const csv_reader& from) -> result<void> {
          if (from.fields().size() != fields_before_genres + genres_.size())
            return reject(from, fmt::format("{} fields instead of {}", from.fields().size(),
                                            fields_before_genres + genres_.size()));
          return to(film(from.fields()), {from.name(), from.line()});
        });
  }

  result<void> read_events(const event_consumer& to) override {
    return ratings_.read("u.data", to);
  }

  std::uint64_t events_expected() const noexcept override { return ratings_.size(); }

private:
  result<void> reject(const csv_reader& from, std::string_view reason) {
    return rejects_.add({from.name(), from.line()}, reason);
  }

  result<void> read_records(std::string_view file, csv_dialect dialect,
                            const std::function<result<void>(const csv_reader&)>& take) {
    auto source = line_source::open(find_file(directory_, file));
    if (!source)
      return source.error();
    csv_reader reader{std::move(*source), dialect};
    for (;;) {
      const auto got = reader.next();
      if (!got)
        return got.error();
      if (*got == csv_reader::status::end)
        return {};
      auto taken =
          *got == csv_reader::status::malformed ? reject(reader, reader.complaint()) : take(reader);
      if (!taken)
        return taken;
    }
  }

  result<void> add_rating(const csv_reader& from) {
    const auto& fields = from.fields();
    if (fields.size() != 4)
      return reject(from, fmt::format("{} fields instead of 4", fields.size()));
    const auto value = parse_number(fields[2]);
    const auto time = parse_time(fields[3], time_unit::seconds);
    if (!value)
      return reject(from, fmt::format("rating \"{}\" is not a number", fields[2]));
    if (!time)
      return reject(from, fmt::format("timestamp \"{}\" is not seconds since 1970", fields[3]));
    ratings_.add({.user = fields[0],
                  .item = fields[1],
                  .type = "rating",
                  .id = {},
                  .value = static_cast<float>(*value),
                  .time = *time,
                  .line = static_cast<std::uint32_t>(from.line())});
    return {};
  }

  result<void> load_genres() {
    if (find_file(directory_, "u.genre").empty()) {
      genres_ = genres_of_1998;
      return {};
    }
    genres_.clear();
    return read_records("u.genre", {.delimiter = '|', .quotes = false},
                        [this](const csv_reader& from) -> result<void> {
                          if (from.fields().size() != 2)
                            return reject(from, "not a genre and its number");
                          genres_.push_back(from.fields()[0]);
                          return {};
                        });
  }

  item film(const std::vector<std::string>& fields) const {
    item out;
    out.id = item_id{fields[0]};
    out.title = utf8_of_latin1(fields[1]);
    for (std::size_t i = 0; i < genres_.size(); ++i)
      if (fields[fields_before_genres + i] == "1" && genres_[i] != "unknown")
        out.categories.push_back(genres_[i]);
    if (const auto year = year_in_title(out.title))
      out.properties.emplace("year", static_cast<double>(*year));
    // A film older than 1970 counts as there from the beginning.
    if (const auto date = parse_short_date(fields[2]); date && to_millis(*date) > 0)
      out.created = *date;
    return out;
  }

  std::filesystem::path directory_;
  reject_log& rejects_;
  rating_table ratings_;
  std::vector<std::string> genres_;
};

} // namespace

result<std::unique_ptr<data_set>> open_movielens_100k(const std::filesystem::path& path,
                                                      reject_log& rejects) {
  std::error_code bad;
  const auto directory = std::filesystem::is_directory(path, bad) ? path : path.parent_path();
  for (const std::string_view needed : {"u.data", "u.item"})
    if (find_file(directory, needed).empty())
      return failure{errc::not_found, fmt::format("{}: no {} there, so it is not MovieLens 100K",
                                                  directory.string(), needed)};
  auto out = std::make_unique<movielens_100k>(directory, rejects);
  if (auto read = out->load_ratings(); !read)
    return read.error();
  return std::unique_ptr<data_set>{std::move(out)};
}

} // namespace troupe::apps
