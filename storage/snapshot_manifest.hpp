#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What a model snapshot says of itself. Storage knows its files as bytes; what they mean is the
/// model's.
namespace troupe::storage {

/// Of directories of snapshots and their manifests. A program refuses a higher one.
inline constexpr std::uint32_t snapshot_format_version = 1;

/// The highest version: what ten digits, the name of a directory, can say.
inline constexpr std::uint64_t snapshot_version_max = 9'999'999'999;

/// The manifest's file; no other file of a snapshot can be called so.
inline constexpr std::string_view manifest_name = "manifest.pb";

/// What a snapshot may hold at most, for writing and for reading.
struct snapshot_limits {
  std::size_t snapshots_max = 1000; ///< in one directory, damaged ones included
  std::size_t files_max = 32;       ///< of one snapshot, without the manifest
  std::uint64_t file_bytes_max = std::uint64_t{4} << 30;
  std::size_t manifest_bytes_max = std::size_t{1} << 20;
  std::size_t entries_max = 256;                       ///< metrics, and parameters
  std::size_t name_bytes_max = 128;                    ///< of an entry, and of the encoder
  std::size_t text_bytes_max = std::size_t{64} * 1024; ///< of a parameter
};

/// What whoever publishes says of a snapshot.
struct snapshot_facts {
  std::uint64_t parent = 0; ///< the version it was trained on from; 0: none. It may be gone.
  timestamp created{};
  std::string encoder;              ///< its kind
  std::uint64_t items = 0;          ///< with a vector
  std::uint64_t event_position = 0; ///< the arrival of the last event the training saw; 0: none
  std::map<std::string, double> metrics;         ///< finite
  std::map<std::string, std::string> parameters; ///< whatever else its reader has to know

  friend bool operator==(const snapshot_facts&, const snapshot_facts&) = default;
};

/// One file of a snapshot.
struct snapshot_file {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256; ///< 64 lowercase hexadecimal digits

  friend bool operator==(const snapshot_file&, const snapshot_file&) = default;
};

struct snapshot_manifest {
  std::uint32_t format_version = snapshot_format_version;
  std::uint64_t version = 0; ///< from 1
  snapshot_facts facts;
  std::vector<snapshot_file> files; ///< in byte order of their names

  friend bool operator==(const snapshot_manifest&, const snapshot_manifest&) = default;
};

/// Whether a file of a snapshot can be called so: 1 to 64 of the characters A-Z a-z 0-9 . _ - and
/// no point in front, so that no name leads out of the directory, hides, or needs quoting; and not
/// the manifest's. Error: invalid_argument.
[[nodiscard]] result<void> check_file_name(std::string_view name);

/// Whether a manifest holds what it promises, within the limits.
/// Errors: invalid_argument, too_large, unsupported_format (a higher format version).
[[nodiscard]] result<void> check_manifest(const snapshot_manifest& what,
                                          const snapshot_limits& limits);

} // namespace troupe::storage
