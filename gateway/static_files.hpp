#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace troupe::gateway {

/// One file of the console, in memory.
struct static_file {
  std::string body;
  std::string_view type; ///< Content-Type
  std::string etag;      ///< with its quotes
};

/// The console's files, read once at the start: requests never touch the file system, so a path
/// cannot lead out of the directory.
/// Thread safety: const members from any thread.
class static_files {
public:
  static constexpr std::size_t file_bytes_max = std::size_t{4} << 20;
  static constexpr std::size_t files_max = 256;

  static_files() = default;

  /// Reads all files below `directory` whose type is known. Errors: not_found, too_large.
  [[nodiscard]] static result<static_files> load(const std::string& directory);

  /// The file at a URL path ("/" is index.html); null if there is none.
  [[nodiscard]] const static_file* find(std::string_view path) const;

private:
  std::map<std::string, static_file, std::less<>> files_; ///< by URL path
};

/// Where the console is: `configured`, or else beside the binary, or in the source tree.
[[nodiscard]] std::string console_directory(const std::string& configured);

} // namespace troupe::gateway
