#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::apps {

/// Reads a text file line by line, plain or gzip alike, in constant memory.
/// Thread safety: one thread at a time.
class line_source {
public:
  /// A longer line is cut off: `next` says so and goes on behind it.
  static constexpr std::size_t line_bytes_max = std::size_t{1} << 20;

  enum class status : unsigned char {
    line,
    too_long, ///< the line was skipped
    end,
  };

  /// Errors: not_found, with the path and why it cannot be read.
  [[nodiscard]] static result<line_source> open(const std::filesystem::path& path);

  /// The next line without its end (LF or CR LF) and without a byte order mark; `line` is valid
  /// until the next call. Errors: corrupt_data for a damaged or cut-off gzip file.
  [[nodiscard]] result<status> next(std::string_view& line);

  /// The number of the line `next` gave last, from 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  /// As errors and rejects show it.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
  struct closer {
    void operator()(void* file) const noexcept;
  };

  line_source(std::string name, void* file);
  [[nodiscard]] result<bool> fill();

  std::string name_;
  std::unique_ptr<void, closer> file_; // zlib's gzFile, which reads plain files too
  std::string buffer_;
  std::string line_; // a line that crosses buffers
  std::size_t at_ = 0;
  std::uint64_t number_ = 0;
};

/// `directory/name`, or `directory/name.gz` where only that is there; empty if neither is.
[[nodiscard]] std::filesystem::path find_file(const std::filesystem::path& directory,
                                              std::string_view name);

} // namespace troupe::apps
