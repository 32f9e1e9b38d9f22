#pragma once

#include "apps/troupe/import/data_set.hpp"

#include <filesystem>

namespace troupe::apps {

/// MovieLens as GroupLens publishes it since 2013: ratings.csv, movies.csv and, where they are
/// there, tags.csv and links.csv, each plain or .gz. `path` is the directory or its ratings.csv.
///
/// A rating becomes an event of type "rating"; events arrive in the order of time, equal times
/// in the order of the file. A film keeps its title; the year in it becomes properties.year,
/// genres become categories, users' tags become tags (small letters, most frequent first). Its
/// date is that of its first rating, else the start of its year.
/// Errors: not_found without the two files, corrupt_data or invalid_argument for a wrong one.
[[nodiscard]] result<std::unique_ptr<data_set>> open_movielens(const std::filesystem::path& path,
                                                               reject_log& rejects);

/// MovieLens 100K of 1998: u.data and u.item, in ISO 8859-1; u.genre where it is there. Films
/// have their release dates; the rest is as above.
[[nodiscard]] result<std::unique_ptr<data_set>>
open_movielens_100k(const std::filesystem::path& path, reject_log& rejects);

} // namespace troupe::apps
