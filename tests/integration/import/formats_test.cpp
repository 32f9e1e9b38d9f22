#include "apps/troupe/import/format.hpp"
#include "tests/unit/apps/text_file.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

namespace {

struct read_back {
  std::vector<item> items;
  std::vector<event> events;
  std::string rejects; ///< as written
  std::string error;
};

read_back read(const format_options& how, const test::scratch_directory& dir, bool strict = false) {
  read_back out;
  {
    auto rejects =
        reject_log::open({.strict = strict, .shown_max = 0, .write = dir.path() / "rejects"});
    REQUIRE(rejects.has_value());
    auto from = open_data_set(how, *rejects, system_clock());
    if (!from) {
      out.error = from.error().context;
      return out;
    }
    auto done = (*from)->read_items([&out](item&& what, file_position) -> result<void> {
      out.items.push_back(std::move(what));
      return {};
    });
    if (done)
      done = (*from)->read_events([&out](event&& what, file_position) -> result<void> {
        out.events.push_back(std::move(what));
        return {};
      });
    if (!done)
      out.error = done.error().context;
  }
  out.rejects = dir.read("rejects");
  return out;
}

format_options named(const std::filesystem::path& path, std::string format = "auto") {
  format_options out;
  out.path = path.string();
  out.format = std::move(format);
  return out;
}

} // namespace

TEST_SUITE("import.formats") {

  TEST_CASE("MovieLens: ratings in the order of time, films with year, genres, tags and links") {
    const test::scratch_directory dir;
    dir.write("ratings.csv", "userId,movieId,rating,timestamp\n"
                             "1,10,4.0,200\n2,10,0.5,100\n1,20,5.0,100\n");
    dir.write("movies.csv", "movieId,title,genres\n"
                            "10,\"American President, The (1995)\",Comedy|Drama\n"
                            "20,Untitled,(no genres listed)\n"
                            "30,Never Rated (1999),War\n");
    dir.write("tags.csv", "userId,movieId,tag,timestamp\n"
                          "1,10,White House,1\n2,10,politics,1\n3,10,Politics,1\n");
    dir.write("links.csv", "movieId,imdbId,tmdbId\n10,0112346,9087\n20,0000001,\n");
    const auto got = read(named(dir.path()), dir);
    CHECK(got.error.empty());
    CHECK(got.rejects.empty());
    REQUIRE(got.events.size() == 3);
    CHECK(got.events[0].user.value == "2"); // equal times: the order of the file
    CHECK(got.events[1].item.value == "20");
    CHECK(got.events[2].time == from_millis(200'000));
    CHECK(got.events[2].type == "rating");
    CHECK(got.events[2].value == 4.0F);
    REQUIRE(got.items.size() == 3);
    const auto& film = got.items[0];
    CHECK(film.title == "American President, The (1995)");
    CHECK(film.categories == std::vector<std::string>{"Comedy", "Drama"});
    CHECK(film.tags == std::vector<std::string>{"politics", "white house"});
    CHECK(film.properties.at("year") == property_value{1995.0});
    CHECK(film.properties.at("imdb_id") == property_value{std::string{"tt0112346"}});
    CHECK(film.created == from_millis(100'000)); // its first rating
    CHECK(got.items[1].categories.empty());
    CHECK_FALSE(got.items[1].properties.contains("year"));
    CHECK_FALSE(got.items[1].properties.contains("tmdb_id"));
    CHECK(got.items[2].created == from_millis(915'148'800'000)); // the start of 1999
  }

  TEST_CASE("MovieLens: each kind of wrong line is rejected with its place, the rest is taken") {
    const test::scratch_directory dir;
    dir.write("movies.csv", "movieId,title,genres\n1,A\n2,B,C\n");
    dir.write("ratings.csv", "userId,movieId,rating,timestamp\n"
                             "1,2,four,100\n1,2,4.0,-1\n1,2,4.0\n1,\"2\"x,4.0,100\n1,2,nan,100\n"
                             "1,2,4.0,100\n");
    const auto got = read(named(dir.path() / "ratings.csv"), dir);
    CHECK(got.events.size() == 1);
    CHECK(got.items.size() == 1);
    CHECK(got.rejects
          == "ratings.csv:2: rating \"four\" is not a number\n"
             "ratings.csv:3: timestamp \"-1\" is not seconds since 1970\n"
             "ratings.csv:4: 3 fields instead of 4\n"
             "ratings.csv:5: text after the end of a quoted field\n"
             "ratings.csv:6: rating \"nan\" is not a number\n"
             "movies.csv:2: 2 fields instead of 3\n");
    CHECK(read(named(dir.path()), dir, true).error
          == "ratings.csv:2: rating \"four\" is not a number");
  }

  TEST_CASE("a file with another header, or files that are not there, are an error") {
    const test::scratch_directory dir;
    dir.write("ratings.csv", "user,film\n1,2\n");
    CHECK(read(named(dir.path()), dir).error.ends_with("so it is not MovieLens"));
    dir.write("movies.csv", "movieId,title,genres\n");
    CHECK(read(named(dir.path()), dir)
              .error.ends_with("ratings.csv:1: the header is not userId,movieId,rating,timestamp"));
    CHECK(read(named("/nowhere"), dir).error == "/nowhere: no such file or directory");
    const auto other = dir.write("data.bin", "x");
    CHECK(read(named(other), dir).error.ends_with("give --format"));
  }

  TEST_CASE("MovieLens 100K: tabs, bars and ISO 8859-1") {
    const test::scratch_directory dir;
    dir.write("u.data", "196\t242\t3\t881250949\n186\t302\t3\t781250949\n1\t2\t3\n");
    dir.write("u.genre", "unknown|0\nAction|1\nDrama|2\n\n");
    dir.write("u.item", "242|Mis\xE9rables, Les (1995)|01-Jan-1995||http://x|0|0|1\n"
                        "267|unknown||||1|0|0\n9|Short|1|\n");
    const auto got = read(named(dir.path()), dir);
    REQUIRE(got.events.size() == 2);
    CHECK(got.events[0].user.value == "186");
    CHECK(got.events[1].time == from_millis(881'250'949'000));
    REQUIRE(got.items.size() == 2);
    CHECK(got.items[0].title == "Mis\xC3\xA9rables, Les (1995)");
    CHECK(got.items[0].categories == std::vector<std::string>{"Drama"});
    CHECK(got.items[0].created == from_millis(788'918'400'000));
    CHECK(got.items[1].categories.empty());
    CHECK(got.rejects == "u.data:3: 3 fields instead of 4\nu.item:3: 4 fields instead of 8\n");
  }

  TEST_CASE("CSV: columns by name and by number, with times in every unit") {
    const test::scratch_directory dir;
    auto how = named(dir.write("log.csv", "who;what;when;stars;kind\n"
                                          "u1;i1;2000;4.5;rating\nu2;\"i;2\";1000;;\n"
                                          "u3;i3;soon;1;\nu4;i4;1;many;\n"),
                     "csv");
    how.delimiter = ";";
    how.map = {"user_id=who,item_id=what,timestamp=when", "value=4,type=kind"};
    how.type = "click";
    const auto got = read(how, dir);
    REQUIRE(got.events.size() == 2);
    CHECK(got.events[0].item.value == "i;2");
    CHECK(got.events[0].type == "click");
    CHECK_FALSE(got.events[0].value);
    CHECK(got.events[1].type == "rating");
    CHECK(got.events[1].value == 4.5F);
    CHECK(got.events[1].time == from_millis(2'000'000));
    CHECK(got.rejects
          == "log.csv:4: timestamp \"soon\" is not a time\n"
             "log.csv:5: value \"many\" is not a number\n");

    auto bare = named(dir.write("bare.csv", "u1\ti1\t2026-01-31T12:00:00Z\n"), "csv");
    bare.delimiter = "tab";
    bare.no_header = true;
    bare.time = "iso";
    bare.map = {"user_id=1,item_id=2,timestamp=3"};
    const auto iso = read(bare, dir);
    REQUIRE(iso.events.size() == 1);
    CHECK(iso.events[0].time == from_millis(1'769'860'800'000));
    CHECK(iso.events[0].type == "view");
  }

  TEST_CASE("CSV: where there are no times, a line's number is its time") {
    const test::scratch_directory dir;
    auto how = named(dir.write("pairs.txt", "u2 i1\nu1 i1\nu1\nu1 i2\nu1 i2\n"), "csv");
    how.delimiter = " ";
    how.no_header = true;
    how.time = "order";
    how.map = {"user_id=1,item_id=2"};
    const auto got = read(how, dir);
    REQUIRE(got.events.size() == 4);
    CHECK(got.events[0].user.value == "u2");
    CHECK(got.events[0].time == from_millis(1000));
    CHECK(got.events[3].item.value == "i2");
    CHECK(got.events[3].time == from_millis(5000));
    CHECK(got.events[2].id.value != got.events[3].id.value);
    CHECK(got.rejects == "pairs.txt:3: 1 fields instead of 2\n");

    how.map = {"user_id=1,item_id=2,timestamp=2"};
    CHECK(read(how, dir).error
          == "--time order takes the lines' order for the time: leave timestamp out of --map");
    how.map = {"item_id=2"};
    CHECK(read(how, dir).error == "--time order: items have no order, only events");
  }

  TEST_CASE("CSV: a file without users holds items") {
    const test::scratch_directory dir;
    auto how = named(dir.write("items.csv", "sku,name,cats,price,colour\n"
                                            "a,Chair,home|wood,19.5,red\nb,Lamp,,,\n"),
                     "csv");
    how.map = {"item_id=sku,title=name,categories=cats,properties.price=price,"
               "properties.colour=colour"};
    const auto got = read(how, dir);
    CHECK(got.events.empty());
    REQUIRE(got.items.size() == 2);
    CHECK(got.items[0].categories == std::vector<std::string>{"home", "wood"});
    CHECK(got.items[0].properties.at("price") == property_value{19.5});
    CHECK(got.items[0].properties.at("colour") == property_value{std::string{"red"}});
    CHECK(got.items[1].properties.empty());
  }

  TEST_CASE("CSV: a mapping that cannot be is an error before anything is read") {
    const test::scratch_directory dir;
    auto how = named(dir.write("log.csv", "who,what,when\nu,i,1\n"), "csv");
    how.map = {"user_id=who,item_id=what"};
    CHECK(read(how, dir).error
          == "--map: no column for timestamp; where lines only have an order, --time order");
    how.map = {"user_id=who,item_id=what,timestamp=time"};
    CHECK(read(how, dir).error.ends_with("no column time for timestamp"));
    how.map = {"user_id=who,item_id=what,timestamp=4"};
    CHECK(read(how, dir).error.ends_with("no column 4 for timestamp"));
    how.map = {"user_id=who,item=what,timestamp=when"};
    CHECK(read(how, dir).error.starts_with("--map item=what: no such field"));
    how.map = {"user_id"};
    CHECK(read(how, dir).error == "--map user_id: write it as field=column");
    how.delimiter = ",,";
    CHECK(read(how, dir).error == "--delimiter ,,: give one character, or tab");
  }

  TEST_CASE(
      "JSON lines: events and items in one file, ids made of the line, rejects counted once") {
    const test::scratch_directory dir;
    const auto got =
        read(named(dir.write(
                 "all.jsonl",
                 "{\"item_id\":\"i1\",\"title\":\"One\",\"properties\":{\"user_id\":\"x\"}}\n"
                 "\n"
                 "{\"user_id\":\"u1\",\"item_id\":\"i1\",\"type\":\"click\"}\n"
                 "{\"user_id\":\"u1\",\"item_id\":\"i1\",\"type\":\"Click!\"}\n"
                 "{\"user_id\":\n"
                 "{\"title\":\"no id\"}\n")),
             dir);
    REQUIRE(got.items.size() == 1);
    REQUIRE(got.events.size() == 1);
    CHECK(got.events[0].id.value.starts_with("line:"));
    CHECK(std::count(got.rejects.begin(), got.rejects.end(), '\n') == 3);
    CHECK(got.rejects.find("all.jsonl:4: ") != std::string::npos);
    CHECK(got.rejects.find("all.jsonl:5: ") != std::string::npos);
    CHECK(got.rejects.find("all.jsonl:6: ") != std::string::npos);
  }

} // TEST_SUITE
