#pragma once

#include "apps/troupe/import/data_set.hpp"
#include "apps/troupe/import/mapped_csv.hpp"
#include "base/clock.hpp"

#include <CLI/App.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace troupe::apps {

/// How files on the command line are to be read.
struct format_options {
  std::string path;
  std::string format = "auto";
  std::vector<std::string> map; ///< "user_id=user,item_id=film", or several
  std::string delimiter = ",";
  std::string list_delimiter = "|";
  std::string time = "s";
  std::string type = "view";
  bool no_header = false;
  bool no_quotes = false;
};

/// Adds --format and the options of csv to a command.
void add_format_options(CLI::App& command, format_options& to);

/// Opens the files as --format says, or as their names do: ratings.csv is MovieLens, u.data
/// MovieLens 100K, .jsonl JSON lines.
/// Errors: invalid_argument, not_found; those of the format.
[[nodiscard]] result<std::unique_ptr<data_set>>
open_data_set(const format_options& how, reject_log& rejects, const clock& time);

} // namespace troupe::apps
