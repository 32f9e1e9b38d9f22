#include "storage/checkpoint_file.hpp"

#include "storage/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>

namespace troupe::storage {

namespace {

constexpr std::uint64_t bytes_max = std::uint64_t{4} << 30U;

} // namespace

bool checkpoint_file::exists() const {
  std::error_code error;
  return std::filesystem::exists(directory_ / name_, error);
}

result<void> checkpoint_file::keep(std::string_view bytes) const {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error)
    return explain_errno(error.value(), "cannot create", directory_);
  const auto directory = open_directory(directory_);
  if (!directory)
    return directory.error();
  if (::unlinkat(directory->get(), fresh_name().c_str(), 0) != 0 && errno != ENOENT)
    return explain_errno(errno, "cannot remove", directory_ / fresh_name());
  if (auto written = write_new_file(directory->get(), directory_ / fresh_name(), bytes); !written)
    return written.error();
  if (::renameat(directory->get(), fresh_name().c_str(), directory->get(), name_.c_str()) != 0)
    return explain_errno(errno, "cannot rename", directory_ / fresh_name());
  return sync_directory(directory->get(), directory_);
}

result<std::string> checkpoint_file::load() const {
  const auto directory = open_directory(directory_);
  if (!directory)
    return directory.error();
  const auto path = directory_ / name_;
  const auto file = open_regular_file(directory->get(), path);
  if (!file)
    return file.error();
  if (file->bytes > bytes_max)
    return failure{errc::too_large, fmt::format("{} has {} bytes; a checkpoint has {} at most",
                                                path.string(), file->bytes, bytes_max)};
  return read_opened_file(*file, path);
}

void checkpoint_file::remove() const noexcept {
  std::error_code ignored;
  std::filesystem::remove(directory_ / fresh_name(), ignored);
  std::filesystem::remove(directory_ / name_, ignored);
  std::filesystem::remove(directory_, ignored); // refuses if it is not empty
}

} // namespace troupe::storage
