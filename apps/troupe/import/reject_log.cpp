#include "apps/troupe/import/reject_log.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace troupe::apps {

result<reject_log> reject_log::open(options how) {
  reject_log out;
  if (!how.write.empty()) {
    out.file_.reset(std::fopen(how.write.c_str(), "w"));
    if (!out.file_)
      return failure{errc::invalid_argument,
                     fmt::format("{}: {}", how.write.string(), std::strerror(errno))};
  }
  out.how_ = std::move(how);
  return out;
}

result<void> reject_log::add(file_position where, std::string_view reason) {
  const auto text = fmt::format("{}:{}: {}", where.file, where.line, reason);
  if (how_.strict)
    return failure{errc::invalid_argument, text};
  ++count_;
  if (count_ <= how_.shown_max)
    fmt::print(stderr, "rejected: {}\n", text);
  else if (how_.shown_max > 0 && count_ == how_.shown_max + 1)
    fmt::print(stderr, "rejected: more lines are counted, and written with --rejects FILE\n");
  if (file_ && (std::fputs(text.c_str(), file_.get()) < 0 || std::fputc('\n', file_.get()) == EOF))
    return failure{errc::out_of_space,
                   fmt::format("{}: {}", how_.write.string(), std::strerror(errno))};
  return {};
}

} // namespace troupe::apps
