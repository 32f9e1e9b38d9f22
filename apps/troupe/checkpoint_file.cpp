#include "apps/troupe/checkpoint_file.hpp"

#include "storage/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>

namespace troupe::apps {

namespace {

constexpr const char* file_name = "training.safetensors";
constexpr const char* fresh_name = "training.safetensors.new"; // until it is whole
constexpr std::uint64_t bytes_max = std::uint64_t{4} << 30U;

} // namespace

bool checkpoint_file::exists() const {
  std::error_code error;
  return std::filesystem::exists(directory_ / file_name, error);
}

result<void> checkpoint_file::keep(std::string_view bytes) const {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error)
    return storage::explain_errno(error.value(), "cannot create", directory_);
  const auto directory = storage::open_directory(directory_);
  if (!directory)
    return directory.error();
  if (::unlinkat(directory->get(), fresh_name, 0) != 0 && errno != ENOENT)
    return storage::explain_errno(errno, "cannot remove", directory_ / fresh_name);
  if (auto written = storage::write_new_file(directory->get(), directory_ / fresh_name, bytes);
      !written)
    return written.error();
  if (::renameat(directory->get(), fresh_name, directory->get(), file_name) != 0)
    return storage::explain_errno(errno, "cannot rename", directory_ / fresh_name);
  return storage::sync_directory(directory->get(), directory_);
}

result<std::string> checkpoint_file::load() const {
  const auto directory = storage::open_directory(directory_);
  if (!directory)
    return directory.error();
  const auto path = directory_ / file_name;
  const auto file = storage::open_regular_file(directory->get(), path);
  if (!file)
    return file.error();
  if (file->bytes > bytes_max)
    return failure{errc::too_large, fmt::format("{} has {} bytes; a checkpoint has {} at most",
                                                path.string(), file->bytes, bytes_max)};
  return storage::read_opened_file(*file, path);
}

void checkpoint_file::remove() const noexcept {
  std::error_code ignored;
  std::filesystem::remove(directory_ / fresh_name, ignored);
  std::filesystem::remove(directory_ / file_name, ignored);
  std::filesystem::remove(directory_, ignored); // refuses if it is not empty
}

} // namespace troupe::apps
