#pragma once

#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace troupe::test {

/// A directory of its own that goes away with the object.
class scratch_directory {
public:
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return dir_.path(); }

  /// Writes a file into it.
  std::filesystem::path write(std::string_view name, std::string_view text) const {
    const auto path = dir_.path() / name;
    std::ofstream out{path, std::ios::binary};
    out << text;
    REQUIRE(out.good());
    return path;
  }

  [[nodiscard]] std::string read(std::string_view name) const {
    std::ifstream in{dir_.path() / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

private:
  temp_dir dir_;
};

} // namespace troupe::test
