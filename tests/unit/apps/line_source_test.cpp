#include "apps/troupe/import/line_source.hpp"

#include "tests/unit/apps/text_file.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <vector>

using namespace troupe;
using namespace troupe::apps;
using status = line_source::status;

namespace {

void write_packed(const std::filesystem::path& path, std::string_view text) {
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) > 0);
  REQUIRE(gzclose(file) == Z_OK);
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  auto source = line_source::open(path);
  REQUIRE(source.has_value());
  std::vector<std::string> out;
  for (std::string_view line;;) {
    const auto got = source->next(line);
    REQUIRE(got.has_value());
    if (*got == status::end)
      return out;
    out.push_back(*got == status::too_long ? "<too long>" : std::string{line});
    CHECK(source->number() == out.size());
  }
}

} // namespace

TEST_SUITE("apps.line_source") {

  TEST_CASE("lines end with LF or CR LF, the last one needs no end") {
    const test::scratch_directory dir;
    using list = std::vector<std::string>;
    CHECK(lines_of(dir.write("a", "one\ntwo\r\n\nlast")) == list{"one", "two", "", "last"});
    CHECK(lines_of(dir.write("b", "")) == list{});
    CHECK(lines_of(dir.write("c", "\n")) == list{""});
    CHECK(lines_of(dir.write("d", "\xEF\xBB\xBFmarked\n")) == list{"marked"});
  }

  TEST_CASE("a gzip file reads as what it holds, over many buffers") {
    const test::scratch_directory dir;
    std::string text;
    std::vector<std::string> expected;
    for (int i = 0; i < 100'000; ++i) {
      expected.push_back("line " + std::to_string(i));
      text += expected.back() + "\n";
    }
    write_packed(dir.path() / "packed.gz", text);
    CHECK(lines_of(dir.path() / "packed.gz") == expected);
    CHECK(lines_of(dir.write("plain", text)) == expected);
  }

  TEST_CASE("a line over the limit is skipped, and the next one is whole") {
    const test::scratch_directory dir;
    const std::string at_limit(line_source::line_bytes_max, 'y');
    const auto path = dir.write("long", std::string(line_source::line_bytes_max + 1, 'x')
                                            + "\nshort\n" + at_limit + "\n");
    CHECK(lines_of(path) == std::vector<std::string>{"<too long>", "short", at_limit});
  }

  TEST_CASE("a cut-off or damaged gzip file is an error with the file's name") {
    const test::scratch_directory dir;
    std::string text;
    for (int i = 0; i < 50'000; ++i)
      text += std::to_string(i * 7919 % 100'003) + "\n";
    write_packed(dir.path() / "whole.gz", text);
    const auto bytes = dir.read("whole.gz");
    auto damaged = bytes;
    damaged[damaged.size() / 2] = static_cast<char>(~damaged[damaged.size() / 2]);
    for (const auto& content : {bytes.substr(0, bytes.size() / 2), damaged}) {
      auto source = line_source::open(dir.write("bad.gz", content));
      REQUIRE(source.has_value());
      std::string_view line;
      result<status> got = status::line;
      while (got.has_value() && *got == status::line)
        got = source->next(line);
      REQUIRE(got.has_error());
      CHECK(got.error().code == errc::corrupt_data);
      CHECK(got.error().context.starts_with("bad.gz:"));
    }
  }

  TEST_CASE("a file that is not there, and a directory, are not_found with the path") {
    const auto missing = line_source::open("/nowhere/at/all");
    REQUIRE(missing.has_error());
    CHECK(missing.error().code == errc::not_found);
    CHECK(missing.error().context == "/nowhere/at/all: No such file or directory");
    CHECK(line_source::open("/tmp").has_error());
  }

  TEST_CASE("the packed file stands for the plain one that is not there") {
    const test::scratch_directory dir;
    CHECK(find_file(dir.path(), "a.csv").empty());
    dir.write("a.csv.gz", "x");
    CHECK(find_file(dir.path(), "a.csv") == dir.path() / "a.csv.gz");
    dir.write("a.csv", "x");
    CHECK(find_file(dir.path(), "a.csv") == dir.path() / "a.csv");
  }

} // TEST_SUITE
