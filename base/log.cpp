#include "base/log.hpp"

#include "base/stable_hash.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace troupe {

namespace {

std::atomic<log_level> threshold{log_level::info};
std::atomic<bool> as_json{false};

spdlog::level::level_enum spdlog_level(log_level level) noexcept {
  switch (level) {
  case log_level::debug:
    return spdlog::level::debug;
  case log_level::info:
    return spdlog::level::info;
  case log_level::warn:
    return spdlog::level::warn;
  case log_level::error:
    return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("troupe",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::trace);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return *logger;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 8);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20U) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else {
      out += c;
    }
  }
  return out;
}

} // namespace

void start_log(const log_options& options) {
  threshold = options.level;
  as_json = options.json;
  sink().set_pattern(options.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                  : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                     spdlog::pattern_time_type::utc);
}

bool log_enabled(log_level level) noexcept {
  return level >= threshold.load(std::memory_order_relaxed);
}

void write_log(log_level level, std::string_view name, std::string_view fields) {
  if (as_json.load(std::memory_order_relaxed))
    sink().log(spdlog_level(level), R"("event":"{}","fields":"{}")", json_escaped(name),
               json_escaped(fields));
  else
    sink().log(spdlog_level(level), "{} {}", name, fields);
}

std::string log_hash(std::string_view id) {
  return fmt::format("{:08x}", static_cast<std::uint32_t>(stable_hash(id)));
}

} // namespace troupe
