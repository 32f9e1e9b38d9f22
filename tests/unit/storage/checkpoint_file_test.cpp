#include "storage/checkpoint_file.hpp"

#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace troupe;
using troupe::storage::checkpoint_file;

TEST_SUITE("storage.checkpoint_file") {

  TEST_CASE("the newest one is kept, in a directory that is made for it and goes with it") {
    const test::temp_dir folder;
    const auto directory = folder.path() / "a" / "b";
    const checkpoint_file file{directory};
    CHECK_FALSE(file.exists());
    CHECK(file.load().error().code == errc::not_found);
    REQUIRE(file.keep("the first").has_value());
    CHECK(file.exists());
    REQUIRE(file.keep(std::string{"the\0second", 10}).has_value());
    CHECK(*file.load() == std::string{"the\0second", 10});
    file.remove();
    CHECK_FALSE(file.exists());
    CHECK_FALSE(std::filesystem::exists(directory));
    file.remove(); // there is none: nothing happens
  }

  TEST_CASE("what a kill left half written is neither read nor in the way") {
    const test::temp_dir folder;
    const checkpoint_file file{folder.path()};
    REQUIRE(file.keep("whole").has_value());
    std::ofstream{folder.path() / "training.safetensors.new"} << "half";
    CHECK(*file.load() == "whole");
    REQUIRE(file.keep("next").has_value());
    CHECK(*file.load() == "next");
    CHECK_FALSE(std::filesystem::exists(folder.path() / "training.safetensors.new"));
  }

  TEST_CASE("a directory with something else in it stays") {
    const test::temp_dir folder;
    const checkpoint_file file{folder.path()};
    REQUIRE(file.keep("one").has_value());
    std::ofstream{folder.path() / "notes"} << "mine";
    file.remove();
    CHECK_FALSE(file.exists());
    CHECK(std::filesystem::exists(folder.path() / "notes"));
  }

  TEST_CASE("where there can be none, the error names the path") {
    const test::temp_dir folder;
    std::ofstream{folder.path() / "file"} << "no directory";
    const checkpoint_file file{folder.path() / "file"};
    const auto kept = file.keep("one");
    REQUIRE(kept.has_error());
    CHECK(kept.error().context.find((folder.path() / "file").string()) != std::string::npos);
    std::filesystem::create_directory(folder.path() / "training.safetensors");
    CHECK(checkpoint_file{folder.path()}.load().has_error()); // no file
  }

} // TEST_SUITE
