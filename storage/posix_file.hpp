#pragma once

#include "base/error.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

/// Files of the operating system, whole: what is kept beside an engine.
namespace troupe::storage {

/// A file descriptor that closes itself; -1 is none.
class descriptor {
public:
  explicit descriptor(int fd) noexcept : fd_(fd) {}

  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}

  descriptor& operator=(descriptor&&) = delete;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }

  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_;
};

/// Writes all of `bytes` at the file's position; if not, false and the reason in errno.
[[nodiscard]] inline bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// What an errno of a file operation means, and what to do: "cannot write PATH: No space left ...".
/// Codes: out_of_space, not_found, invalid_argument (permissions, no directory), corrupt_data (a
/// symbolic link where none may be, an error of the disk), overloaded (too many open files),
/// internal.
[[nodiscard]] failure explain_errno(int error, std::string_view doing,
                                    const std::filesystem::path& path);

/// Opens a directory, for what is done relative to it. Errors: explain_errno's.
[[nodiscard]] result<descriptor> open_directory(const std::filesystem::path& path);

/// Makes the names in a directory durable. Errors: explain_errno's.
[[nodiscard]] result<void> sync_directory(int fd, const std::filesystem::path& path);

/// Writes a new file that nobody will write again, durably but for its name (sync_directory).
/// `path` is where it is, `directory` the open directory it is in. Errors: explain_errno's.
[[nodiscard]] result<void> write_new_file(int directory, const std::filesystem::path& path,
                                          std::string_view bytes);

/// A file opened for reading.
struct opened_file {
  descriptor fd;
  std::uint64_t bytes = 0;
};

/// Opens a regular file in an open directory, not following a symbolic link and not waiting for
/// anybody. Errors: explain_errno's; corrupt_data if it is something else.
[[nodiscard]] result<opened_file> open_regular_file(int directory,
                                                    const std::filesystem::path& path);

/// Reads the whole file. Errors: explain_errno's; corrupt_data if it is shorter by now.
[[nodiscard]] result<std::string> read_opened_file(const opened_file& file,
                                                   const std::filesystem::path& path);

} // namespace troupe::storage
