#include "apps/troupe/bench/process_stats.hpp"

#include "apps/troupe/bench/latency_histogram.hpp"
#include "base/clock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace troupe::apps {
namespace {

constexpr std::size_t block_bytes = 4096;

std::string text_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The field of a line whose fields are separated by one space, from 0.
std::uint64_t number_at(std::string_view line, int field) {
  for (; field > 0; --field)
    line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  std::uint64_t out = 0;
  std::from_chars(line.data(), line.data() + line.size(), out);
  return out;
}

double millis(latency_histogram::nanoseconds value) {
  return static_cast<double>(value.count()) / 1e6;
}

} // namespace

result<double> cpu_seconds_of_stat(std::string_view line, double ticks_per_second) {
  const auto name_end = line.rfind(") ");
  if (name_end == std::string_view::npos)
    return failure{errc::not_found, "not a line of /proc/PID/stat"};
  // Behind the name: state is field 3 of proc(5), utime 14, stime 15.
  const auto rest = line.substr(name_end + 2);
  return static_cast<double>(number_at(rest, 11) + number_at(rest, 12)) / ticks_per_second;
}

result<process_stats> read_process(int pid) {
  const auto directory = fmt::format("/proc/{}/", pid);
  const auto cpu =
      cpu_seconds_of_stat(text_of(directory + "stat"), static_cast<double>(sysconf(_SC_CLK_TCK)));
  if (!cpu)
    return failure{errc::not_found, fmt::format("there is no process {}", pid)};
  const auto pages = number_at(text_of(directory + "statm"), 1);
  return process_stats{*cpu, pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

result<sync_times> probe_sync(const std::filesystem::path& directory, int times) {
  const auto path = (directory / ".sync-probe").string();
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0)
    return failure{errc::invalid_argument, fmt::format("{}: {}", path, std::strerror(errno))};
  const std::array<char, block_bytes> block{};
  latency_histogram measured;
  bool written = true;
  for (int i = 0; i < times && written; ++i) {
    const auto begin = system_clock().steady();
    written = ::write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size())
              && ::fdatasync(file) == 0;
    measured.record(system_clock().steady() - begin);
  }
  const int why = errno;
  ::close(file);
  ::unlink(path.c_str());
  if (!written)
    return failure{errc::invalid_argument, fmt::format("{}: {}", path, std::strerror(why))};
  return sync_times{millis(measured.quantile(0.5)), millis(measured.quantile(0.99))};
}

} // namespace troupe::apps
