#include "storage/rocksdb/directory.hpp"

#include "storage/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace troupe::storage {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view marker_name = "TROUPE";
constexpr std::string_view marker_head = "troupe store\nformat ";

/// What an errno of a file operation means to the operator.
failure explain(int error, const fs::path& path, std::string_view doing) {
  const std::string why = std::error_code{error, std::system_category()}.message();
  switch (error) {
  case ENOSPC:
  case EDQUOT:
    return {errc::out_of_space,
            fmt::format("{} {}: {}; free some space and start again", doing, path.string(), why)};
  case EACCES:
  case EPERM:
  case EROFS:
    return {errc::invalid_argument,
            fmt::format("{} {}: {}; give the directory to the user this runs as, or set "
                        "storage.directory to one it may write",
                        doing, path.string(), why)};
  case ENOTDIR:
  case EEXIST:
    return {errc::invalid_argument,
            fmt::format("{} {}: a part of this path is not a directory; set storage.directory "
                        "to a directory",
                        doing, path.string())};
  default:
    return {errc::invalid_argument,
            fmt::format("{} {}: {}; set storage.directory to a directory that can be written",
                        doing, path.string(), why)};
  }
}

/// The process that holds a flock on the file, as the kernel tells; nothing where it does not.
std::optional<std::string> find_holder(int fd) {
  struct stat file {};

  if (::fstat(fd, &file) != 0)
    return std::nullopt;
  std::ifstream locks{"/proc/locks"};
  for (std::string line; std::getline(locks, line);) {
    // 1: FLOCK  ADVISORY  WRITE 1234 fe:00:131 0 EOF
    std::istringstream words{line};
    std::string number;
    std::string kind;
    std::string advice;
    std::string mode;
    std::string place;
    long pid = 0;
    if (!(words >> number >> kind >> advice >> mode >> pid >> place) || kind != "FLOCK" || pid <= 0)
      continue;
    const auto inode = place.rfind(':');
    if (inode == std::string::npos || place.substr(inode + 1) != std::to_string(file.st_ino))
      continue;
    if (pid == ::getpid())
      return "this process itself";
    std::string name;
    std::ifstream comm{fmt::format("/proc/{}/comm", pid)};
    std::getline(comm, name);
    return name.empty() ? fmt::format("process {}", pid)
                        : fmt::format("process {} ({})", pid, name);
  }
  return std::nullopt;
}

/// Puts the marker there whole or not at all; another process being faster is fine.
result<void> write_marker(const fs::path& directory, const std::string& store_id) {
  const auto marker = directory / marker_name;
  const auto draft = directory / fmt::format("{}.{}.new", marker_name, ::getpid());
  const descriptor file{::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (file.get() < 0)
    return explain(errno, draft, "cannot create");
  const auto text = fmt::format("{}{}\nid {}\n", marker_head, store_format_version, store_id);
  int error = 0;
  // A link, not a rename: of two processes that create the store at once, one wins.
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0
      || (::link(draft.c_str(), marker.c_str()) != 0 && errno != EEXIST))
    error = errno;
  ::unlink(draft.c_str());
  if (error != 0)
    return explain(error, marker, "cannot write");
  const descriptor parent{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (parent.get() < 0 || ::fsync(parent.get()) != 0)
    return explain(errno, directory, "cannot sync");
  return {};
}

/// Whether nothing but leftovers of an interrupted creation is in the directory.
result<bool> holds_nothing(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator entries{directory, error};
  for (; !error && entries != fs::directory_iterator{}; entries.increment(error)) {
    const auto name = entries->path().filename().string();
    if (name != "lost+found" && !name.starts_with("TROUPE."))
      return false;
  }
  if (error)
    return explain(error.value(), directory, "cannot read");
  return true;
}

/// Makes the directory and its marker if they are missing and may be made.
result<void> prepare(const claim_options& options) {
  const auto& path = options.directory;
  const auto none =
      failure{errc::not_found, fmt::format("there is no store in {}; check storage.directory, or "
                                           "create one with `troupe serve` or `troupe import`",
                                           path.string())};
  const bool may_create = options.create && !options.read_only;
  std::error_code error;
  const auto kind = fs::status(path, error).type();
  if (kind == fs::file_type::not_found) {
    if (!may_create)
      return none;
    if (!fs::create_directories(path, error) && error)
      return explain(error.value(), path, "cannot create");
  } else if (kind == fs::file_type::none || kind == fs::file_type::unknown) {
    return explain(error.value(), path, "cannot read");
  } else if (kind != fs::file_type::directory) {
    return explain(ENOTDIR, path, "cannot open");
  }
  if (fs::exists(path / marker_name, error))
    return {};
  auto empty = holds_nothing(path);
  if (!empty)
    return empty.error();
  if (!*empty)
    return failure{errc::invalid_argument,
                   fmt::format("{} holds other files and no store; set storage.directory to a new "
                               "or an empty directory",
                               path.string())};
  if (!may_create)
    return none;
  return write_marker(path, options.new_store_id);
}

} // namespace

store_directory::store_directory(fs::path path, int lock) : path_(std::move(path)), lock_(lock) {}

store_directory::store_directory(store_directory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)),
      store_id_(std::move(other.store_id_)), fresh_(other.fresh_) {}

store_directory::~store_directory() {
  if (lock_ >= 0)
    ::close(lock_);
}

result<store_directory> store_directory::claim(const claim_options& options) {
  if (auto ready = prepare(options); !ready)
    return ready.error();
  const auto marker = options.directory / marker_name;
  descriptor file{::open(marker.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0)
    return explain(errno, marker, "cannot open");
  store_directory out{options.directory, file.release()};
  if (auto read = out.read_marker(); !read)
    return read.error();
  if (auto locked = out.take_lock(options.read_only); !locked)
    return locked.error();
  if (auto looked = out.look_inside(options); !looked)
    return looked.error();
  return out;
}

result<void> store_directory::read_marker() {
  std::string text(256, '\0');
  const auto n = ::pread(lock_, text.data(), text.size(), 0);
  if (n < 0)
    return explain(errno, path_ / marker_name, "cannot read");
  text.resize(static_cast<std::size_t>(n));
  const auto broken =
      failure{errc::corrupt_data, fmt::format("{}: not a store's marker; restore the file, or the "
                                              "whole store, from a backup",
                                              (path_ / marker_name).string())};
  if (!text.starts_with(marker_head))
    return broken;
  std::uint32_t format = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + marker_head.size(), last, format);
  if (error != std::errc{} || format == 0)
    return broken;
  if (format > store_format_version)
    return failure{errc::unsupported_format,
                   fmt::format("the store in {} has format {}, this program reads up to {}; start "
                               "the newer version that wrote it, or export from there and import "
                               "here",
                               path_.string(), format, store_format_version)};
  constexpr std::string_view id_head = "\nid ";
  const std::string_view rest{end, static_cast<std::size_t>(last - end)};
  if (!rest.starts_with(id_head) || !rest.ends_with('\n') || rest.size() <= id_head.size() + 1)
    return broken;
  store_id_ = rest.substr(id_head.size(), rest.size() - id_head.size() - 1);
  return {};
}

result<void> store_directory::take_lock(bool read_only) const {
  if (::flock(lock_, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
    return {};
  if (errno != EWOULDBLOCK)
    return explain(errno, path_ / marker_name, "cannot lock");
  const auto holder = find_holder(lock_);
  return failure{errc::already_exists,
                 fmt::format("the store in {} is in use by {}; stop it first, or set "
                             "storage.directory to another one",
                             path_.string(), holder.value_or("another process"))};
}

result<void> store_directory::look_inside(const claim_options& options) {
  std::error_code error;
  fresh_ = !fs::exists(path_ / "CURRENT", error);
  if (fresh_) {
    for (fs::directory_iterator entries{path_, error};
         !error && entries != fs::directory_iterator{}; entries.increment(error)) {
      const auto kind = entries->path().extension();
      if (kind == ".sst" || kind == ".log")
        return failure{errc::corrupt_data,
                       fmt::format("{} is missing but there is data beside it; restore the store "
                                   "from a backup",
                                   (path_ / "CURRENT").string())};
    }
    if (options.read_only || !options.create)
      return failure{errc::not_found, fmt::format("the store in {} was never finished; create it "
                                                  "with `troupe serve` or `troupe import`",
                                                  path_.string())};
  }
  if (options.read_only)
    return {};
  // Opening the database would fail later and with less to say.
  const auto probe = path_ / "TROUPE.probe";
  const descriptor file{::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  if (file.get() < 0)
    return explain(errno, path_, "cannot write in");
  ::unlink(probe.c_str());
  return {};
}

} // namespace troupe::storage
