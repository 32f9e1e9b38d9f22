#include "apps/troupe/import/line_source.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace troupe::apps {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 18;

gzFile handle(void* file) {
  return static_cast<gzFile>(file);
}

} // namespace

void line_source::closer::operator()(void* file) const noexcept {
  gzclose(handle(file));
}

line_source::line_source(std::string name, void* file) : name_(std::move(name)), file_(file) {}

result<line_source> line_source::open(const std::filesystem::path& path) {
  std::error_code bad;
  if (std::filesystem::is_directory(path, bad))
    return failure{errc::not_found, fmt::format("{}: is a directory", path.string())};
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr)
    return failure{errc::not_found, fmt::format("{}: {}", path.string(), std::strerror(errno))};
  gzbuffer(file, static_cast<unsigned>(buffer_bytes));
  return line_source{path.filename().string(), file};
}

/// False at the end of the file.
result<bool> line_source::fill() {
  buffer_.resize(buffer_bytes);
  at_ = 0;
  const int got = gzread(handle(file_.get()), buffer_.data(), static_cast<unsigned>(buffer_bytes));
  int code = Z_OK;
  const char* text = gzerror(handle(file_.get()), &code);
  // A cut-off stream ends with Z_BUF_ERROR after its last good bytes.
  if (got < 0 || (got == 0 && code == Z_BUF_ERROR)) {
    buffer_.clear();
    return failure{errc::corrupt_data,
                   fmt::format("{}:{}: cannot be read on: {}", name_, number_, text)};
  }
  buffer_.resize(static_cast<std::size_t>(got));
  return got > 0;
}

result<line_source::status> line_source::next(std::string_view& line) {
  line_.clear();
  bool too_long = false;
  bool crossed = false;
  for (;;) {
    if (at_ == buffer_.size()) {
      const auto more = fill();
      if (!more)
        return more.error();
      if (!*more) {
        if (!crossed)
          return status::end;
        break; // a last line without an end
      }
    }
    const auto end = buffer_.find('\n', at_);
    const auto stop = end == std::string::npos ? buffer_.size() : end;
    const std::string_view part{buffer_.data() + at_, stop - at_};
    at_ = end == std::string::npos ? stop : stop + 1;
    if (end != std::string::npos && !crossed) {
      line = part;
      break;
    }
    crossed = true;
    too_long = too_long || line_.size() + part.size() > line_bytes_max;
    if (!too_long)
      line_ += part;
    if (end != std::string::npos)
      break;
  }
  ++number_;
  if (crossed)
    line = line_;
  if (number_ == 1 && line.starts_with("\xEF\xBB\xBF"))
    line.remove_prefix(3);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return too_long ? status::too_long : status::line;
}

std::filesystem::path find_file(const std::filesystem::path& directory, std::string_view name) {
  std::error_code bad;
  auto plain = directory / name;
  if (std::filesystem::exists(plain, bad))
    return plain;
  auto packed = plain;
  packed += ".gz";
  return std::filesystem::exists(packed, bad) ? packed : std::filesystem::path{};
}

} // namespace troupe::apps
