#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::apps {

/// Where a record of a data set stood.
struct file_position {
  std::string_view file;
  std::uint64_t line = 0;
};

/// Lines of a data set that were not taken: counted all, shown the first few on standard error,
/// written all to a file if one is named.
class reject_log {
public:
  struct options {
    bool strict = false;         ///< the first reject is an error
    std::size_t shown_max = 10;  ///< on standard error
    std::filesystem::path write; ///< empty: nowhere
  };

  /// Errors: invalid_argument when the file cannot be written.
  [[nodiscard]] static result<reject_log> open(options how);

  /// Counts "file:line: reason". Errors: invalid_argument with just that, when strict;
  /// out_of_space when the file of rejects cannot be written.
  [[nodiscard]] result<void> add(file_position where, std::string_view reason);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

private:
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  options how_;
  std::unique_ptr<std::FILE, closer> file_;
  std::uint64_t count_ = 0;
};

} // namespace troupe::apps
