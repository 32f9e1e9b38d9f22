#include "gateway/static_files.hpp"

#include "base/stable_hash.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace troupe::gateway {

namespace {

namespace fs = std::filesystem;

std::string_view type_of(const fs::path& path) {
  struct known {
    std::string_view extension;
    std::string_view type;
  };

  constexpr known types[]{{".html", "text/html; charset=utf-8"},
                          {".css", "text/css; charset=utf-8"},
                          {".js", "text/javascript; charset=utf-8"},
                          {".mjs", "text/javascript; charset=utf-8"},
                          {".json", "application/json"},
                          {".svg", "image/svg+xml"},
                          {".png", "image/png"},
                          {".jpg", "image/jpeg"},
                          {".webp", "image/webp"},
                          {".ico", "image/x-icon"},
                          {".woff2", "font/woff2"},
                          {".txt", "text/plain; charset=utf-8"},
                          {".webmanifest", "application/manifest+json"}};
  for (const auto& entry : types)
    if (path.extension() == entry.extension)
      return entry.type;
  return {};
}

} // namespace

result<static_files> static_files::load(const std::string& directory) {
  static_files out;
  std::error_code error;
  fs::recursive_directory_iterator files{directory, error};
  if (error)
    return failure{errc::not_found,
                   fmt::format("console directory {}: {}", directory, error.message())};
  for (const auto& entry : files) {
    const auto type = type_of(entry.path());
    if (!entry.is_regular_file(error) || type.empty())
      continue;
    if (entry.file_size(error) > file_bytes_max || out.files_.size() == files_max)
      return failure{errc::too_large,
                     fmt::format("console directory {}: {} is over {} bytes, or there are more "
                                 "than {} files",
                                 directory, entry.path().string(), file_bytes_max, files_max)};
    std::ifstream in{entry.path(), std::ios::binary};
    static_file file;
    file.body.assign(std::istreambuf_iterator<char>{in}, {});
    file.type = type;
    file.etag = fmt::format("\"{:016x}\"", stable_hash(file.body));
    out.files_.emplace("/" + entry.path().lexically_relative(directory).generic_string(),
                       std::move(file));
  }
  return out;
}

const static_file* static_files::find(std::string_view path) const {
  const auto at = files_.find(path == "/" ? std::string_view{"/index.html"} : path);
  return at == files_.end() ? nullptr : &at->second;
}

std::string console_directory(const std::string& configured) {
  if (!configured.empty())
    return configured;
  std::error_code error;
  const auto binary = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& place :
       {binary / "console", binary / "../share/troupe/console", fs::path{TROUPE_CONSOLE_SOURCE}})
    if (fs::is_directory(place, error))
      return place.lexically_normal().string();
  return {};
}

} // namespace troupe::gateway
