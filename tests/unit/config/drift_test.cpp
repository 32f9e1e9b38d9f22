#include "config/load.hpp"
#include "config/render.hpp"
#include "config/table.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

using namespace troupe::config;

namespace {

std::string content_of(const std::string& path) {
  std::ifstream in{std::string{TROUPE_SOURCE_DIR} + "/" + path, std::ios::binary};
  REQUIRE_MESSAGE(in.good(), path);
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_SUITE("config.drift") {

  TEST_CASE("every field of settings.hpp stands in the table") {
    const std::regex opens{R"(struct (\w+)_settings \{)"};
    const std::regex declares{
        R"(  (?:std::|seconds|milliseconds|double|bool)\S* (\w+)(?: = |;|\{).*)"};
    std::set<std::string> declared;
    std::istringstream header{content_of("config/settings.hpp")};
    std::string section;
    for (std::string line; std::getline(header, line);) {
      std::smatch found;
      if (std::regex_match(line, found, opens))
        section = found[1].str() + ".";
      else if (line.starts_with("}"))
        section.clear();
      else if (!section.empty() && std::regex_match(line, found, declares))
        declared.insert(section + found[1].str());
    }
    CHECK(declared.size() > 70);
    settings defaults;
    std::set<std::string> listed;
    for (const auto& part : table_of(defaults))
      for (const auto& each : part.fields)
        listed.insert(each.path);
    for (const auto& name : declared)
      CHECK_MESSAGE(listed.contains(name), name);
    CHECK(listed == declared);
  }

  TEST_CASE("config/troupe.toml is what troupe config prints") {
    CHECK_MESSAGE(content_of("config/troupe.toml") == commented_toml(settings{}),
                  "run: troupe config > config/troupe.toml");
  }

  TEST_CASE("docs/operations.md has the table of the settings") {
    const auto page = content_of("docs/operations.md");
    const std::string begin = "<!-- settings: printed by troupe config docs -->\n";
    const std::string end = "<!-- end of settings -->";
    const auto from = page.find(begin);
    const auto to = page.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    const auto start = from + begin.size();
    CHECK_MESSAGE(page.substr(start, to - start) == markdown_tables(),
                  "run: troupe config docs, and paste it between the markers");
  }

} // TEST_SUITE
