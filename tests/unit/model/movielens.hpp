#pragma once

#include "base/event.hpp"
#include "base/item.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// MovieLens files for tests that judge the model on real data: ml-latest-small's csv and
/// ml-100k's tables. The importer of the product is another, stricter reader.
namespace troupe::model_test {

struct movielens {
  std::vector<stored_event> events; ///< in the order of the file
  std::vector<item> items;
};

inline std::vector<std::string> split(std::string_view line, char at) {
  std::vector<std::string> made(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == at && !quoted)
      made.emplace_back();
    else if (c != '\r')
      made.back().push_back(c);
  }
  return made;
}

inline void add_rating(movielens& to, const std::vector<std::string>& fields) {
  if (fields.size() < 4)
    return;
  stored_event made;
  made.arrival = to.events.size() + 1;
  made.what.id = event_id{std::to_string(made.arrival)};
  made.what.user = user_id{fields[0]};
  made.what.item = item_id{fields[1]};
  made.what.type = "rating";
  made.what.value = std::strtof(fields[2].c_str(), nullptr);
  made.what.time = from_millis(std::strtoll(fields[3].c_str(), nullptr, 10) * 1000);
  to.events.push_back(std::move(made));
}

inline movielens read_latest(const std::string& directory) {
  movielens made;
  std::string line;
  std::ifstream ratings{directory + "/ratings.csv"};
  std::getline(ratings, line);
  while (std::getline(ratings, line))
    add_rating(made, split(line, ','));
  std::ifstream movies{directory + "/movies.csv"};
  std::getline(movies, line);
  while (std::getline(movies, line)) {
    const auto fields = split(line, ',');
    item one;
    one.id = item_id{fields.at(0)};
    one.title = fields.at(1);
    one.categories = split(fields.at(2), '|');
    made.items.push_back(std::move(one));
  }
  return made;
}

inline movielens read_100k(const std::string& directory) {
  movielens made;
  std::string line;
  std::ifstream ratings{directory + "/u.data"};
  while (std::getline(ratings, line))
    add_rating(made, split(line, '\t'));
  std::ifstream movies{directory + "/u.item"};
  while (std::getline(movies, line)) {
    const auto fields = split(line, '|');
    item one;
    one.id = item_id{fields.at(0)};
    one.title = fields.at(1);
    for (std::size_t i = 5; i < fields.size(); ++i)
      if (fields[i] == "1")
        one.categories.push_back("genre" + std::to_string(i - 5));
    made.items.push_back(std::move(one));
  }
  return made;
}

/// Whichever of the two the directory holds; nothing if neither.
inline movielens read_movielens(const std::string& directory) {
  if (std::ifstream{directory + "/ratings.csv"}.good())
    return read_latest(directory);
  if (std::ifstream{directory + "/u.data"}.good())
    return read_100k(directory);
  return {};
}

} // namespace troupe::model_test
