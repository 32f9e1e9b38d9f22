#include "storage/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <system_error>

namespace troupe::storage {

failure explain_errno(int error, std::string_view doing, const std::filesystem::path& path) {
  const auto said = fmt::format("{} {}: {}", doing, path.string(),
                                std::error_code{error, std::system_category()}.message());
  switch (error) {
  case ENOSPC:
  case EDQUOT:
    return {errc::out_of_space, said + "; free some space and try again"};
  case EFBIG:
    return {errc::out_of_space, said + "; raise the limit on the size of files and try again"};
  case EACCES:
  case EPERM:
  case EROFS:
    return {errc::invalid_argument,
            said + "; give the directory to the user this runs as, or choose another one"};
  case ENOTDIR:
  case ENAMETOOLONG:
    return {errc::invalid_argument, said + "; choose the path of a directory"};
  case ENOENT:
    return {errc::not_found, said};
  case EMFILE:
  case ENFILE:
    return {errc::overloaded, said + "; raise the limit on open files"};
  case ELOOP:
    return {errc::corrupt_data, said + "; a symbolic link has no place here"};
  case EIO:
    return {errc::corrupt_data, said + "; look at the disk"};
  default:
    return {errc::internal, said};
  }
}

result<descriptor> open_directory(const std::filesystem::path& path) {
  descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() < 0)
    return explain_errno(errno, "cannot open", path);
  return fd;
}

result<void> sync_directory(int fd, const std::filesystem::path& path) {
  if (::fsync(fd) != 0)
    return explain_errno(errno, "cannot sync", path);
  return {};
}

result<void> write_new_file(int directory, const std::filesystem::path& path,
                            std::string_view bytes) {
  constexpr mode_t for_reading_only = 0444;
  const descriptor file{::openat(directory, path.filename().c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 for_reading_only)};
  if (file.get() < 0)
    return explain_errno(errno, "cannot create", path);
  if (!write_all(file.get(), bytes))
    return explain_errno(errno, "cannot write", path);
  if (::fsync(file.get()) != 0)
    return explain_errno(errno, "cannot sync", path);
  return {};
}

result<opened_file> open_regular_file(int directory, const std::filesystem::path& path) {
  // Without O_NONBLOCK a named pipe would be waited for.
  descriptor fd{
      ::openat(directory, path.filename().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};

  struct stat what {};

  if (fd.get() < 0 || ::fstat(fd.get(), &what) != 0)
    return explain_errno(errno, "cannot open", path);
  if (!S_ISREG(what.st_mode))
    return failure{errc::corrupt_data, fmt::format("{} is no regular file", path.string())};
  return opened_file{std::move(fd), static_cast<std::uint64_t>(what.st_size)};
}

result<std::string> read_opened_file(const opened_file& file, const std::filesystem::path& path) {
  std::string out(file.bytes, '\0');
  for (std::size_t at = 0; at < out.size();) {
    const auto n = ::pread(file.fd.get(), out.data() + at, out.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return explain_errno(errno, "cannot read", path);
    if (n == 0)
      return failure{errc::corrupt_data, fmt::format("{} became shorter while it was read: {} of "
                                                     "{} bytes",
                                                     path.string(), at, out.size())};
    at += static_cast<std::size_t>(n);
  }
  return out;
}

} // namespace troupe::storage
