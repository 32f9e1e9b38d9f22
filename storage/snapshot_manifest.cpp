#include "storage/snapshot_manifest.hpp"

#include "base/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::storage {

namespace {

constexpr std::size_t file_name_bytes_max = 64;
constexpr std::size_t sha256_digits = 64;

bool may_stand_in_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'
         || c == '_' || c == '-';
}

bool is_hexadecimal(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

result<void> check_text(std::string_view text, std::string_view what, std::size_t bytes_min,
                        std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return failure{errc::too_large,
                   fmt::format("{} has {} bytes, the limit is {}", what, text.size(), bytes_max)};
  if (text.size() < bytes_min || !is_utf8(text))
    return failure{errc::invalid_argument,
                   fmt::format("{} must be {} to {} bytes of UTF-8", what, bytes_min, bytes_max)};
  return {};
}

result<void> check_count(std::size_t count, std::string_view of, std::size_t most) {
  if (count > most)
    return failure{errc::too_large, fmt::format("{} {}, the limit is {}", count, of, most)};
  return {};
}

result<void> check_facts(const snapshot_facts& facts, const snapshot_limits& limits) {
  if (auto fine = check_text(facts.encoder, "the encoder's kind", 1, limits.name_bytes_max); !fine)
    return fine;
  if (auto fine = check_count(facts.metrics.size(), "metrics", limits.entries_max); !fine)
    return fine;
  for (const auto& [name, value] : facts.metrics) {
    if (auto fine = check_text(name, "the name of a metric", 1, limits.name_bytes_max); !fine)
      return fine;
    if (!std::isfinite(value))
      return failure{errc::invalid_argument,
                     fmt::format("the metric \"{}\" is {}; leave it out", name, value)};
  }
  if (auto fine = check_count(facts.parameters.size(), "parameters", limits.entries_max); !fine)
    return fine;
  for (const auto& [name, value] : facts.parameters) {
    if (auto fine = check_text(name, "the name of a parameter", 1, limits.name_bytes_max); !fine)
      return fine;
    if (auto fine =
            check_text(value, fmt::format("the parameter \"{}\"", name), 0, limits.text_bytes_max);
        !fine)
      return fine;
  }
  return {};
}

result<void> check_file(const snapshot_file& what, const snapshot_limits& limits) {
  if (auto fine = check_file_name(what.name); !fine)
    return fine;
  if (what.bytes > limits.file_bytes_max)
    return failure{errc::too_large, fmt::format("{} has {} bytes, the limit is {}", what.name,
                                                what.bytes, limits.file_bytes_max)};
  if (what.sha256.size() != sha256_digits
      || !std::all_of(what.sha256.begin(), what.sha256.end(), is_hexadecimal))
    return failure{errc::invalid_argument,
                   fmt::format("the checksum of {} is not {} lowercase hexadecimal digits",
                               what.name, sha256_digits)};
  return {};
}

} // namespace

result<void> check_file_name(std::string_view name) {
  if (name == manifest_name)
    return failure{errc::invalid_argument,
                   fmt::format("no file can be called {}: the manifest is", name)};
  if (name.empty() || name.size() > file_name_bytes_max || name.front() == '.'
      || !std::all_of(name.begin(), name.end(), may_stand_in_a_name))
    return failure{errc::invalid_argument,
                   fmt::format("the name of a file must be 1 to {} of the characters A-Z a-z 0-9 . "
                               "_ - without a point in front",
                               file_name_bytes_max)};
  return {};
}

result<void> check_manifest(const snapshot_manifest& what, const snapshot_limits& limits) {
  if (what.format_version > snapshot_format_version)
    return failure{errc::unsupported_format,
                   fmt::format("written in format {}, this program reads up to {}; start the newer "
                               "version that wrote it, or activate another snapshot",
                               what.format_version, snapshot_format_version)};
  if (what.format_version == 0)
    return failure{errc::invalid_argument, "there is no format 0"};
  if (what.version == 0 || what.version > snapshot_version_max)
    return failure{errc::invalid_argument, fmt::format("version {} is none of 1 to {}",
                                                       what.version, snapshot_version_max)};
  if (what.facts.parent >= what.version)
    return failure{errc::invalid_argument,
                   fmt::format("version {} cannot come from version {}, which is not older",
                               what.version, what.facts.parent)};
  if (auto fine = check_facts(what.facts, limits); !fine)
    return fine;
  if (what.files.empty())
    return failure{errc::invalid_argument, "a snapshot without files is none"};
  if (auto fine = check_count(what.files.size(), "files", limits.files_max); !fine)
    return fine;
  for (std::size_t i = 0; i < what.files.size(); ++i) {
    if (auto fine = check_file(what.files[i], limits); !fine)
      return fine;
    if (i > 0 && what.files[i].name <= what.files[i - 1].name)
      return failure{errc::invalid_argument,
                     fmt::format("{} stands after {}; names must differ and be in byte order",
                                 what.files[i].name, what.files[i - 1].name)};
  }
  return {};
}

} // namespace troupe::storage
