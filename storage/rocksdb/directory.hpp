#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace troupe::storage {

/// Of the whole store: marker, keys and records. A program refuses a store with a higher one.
inline constexpr std::uint32_t store_format_version = 1;

/// How a directory is entered.
struct claim_options {
  std::filesystem::path directory;
  bool create = true;
  bool read_only = false;
  std::string new_store_id; ///< for the marker, if one is written
};

/// A store's directory, checked and locked for as long as this object lives: several readers or
/// one writer. The file `TROUPE` in it marks the directory as ours, carries the format version
/// (so that a newer store is refused before anything is touched) and is what the lock is on.
class store_directory {
public:
  /// Enters the directory, creating and marking it if it is new and `create` says so.
  /// Errors, each with the path and what to do: not_found, invalid_argument (not a directory,
  /// not writable, holds other files), already_exists (in use; names the process if the system
  /// tells), unsupported_format, corrupt_data, out_of_space.
  [[nodiscard]] static result<store_directory> claim(const claim_options& options);

  ~store_directory();
  store_directory(store_directory&& other) noexcept;
  store_directory& operator=(store_directory&&) = delete;
  store_directory(const store_directory&) = delete;
  store_directory& operator=(const store_directory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  [[nodiscard]] const std::string& store_id() const noexcept { return store_id_; }

  /// Whether there is no database in it yet.
  [[nodiscard]] bool fresh() const noexcept { return fresh_; }

private:
  store_directory(std::filesystem::path path, int lock);
  [[nodiscard]] result<void> take_lock(bool read_only) const;
  [[nodiscard]] result<void> read_marker();
  [[nodiscard]] result<void> look_inside(const claim_options& options);

  std::filesystem::path path_;
  int lock_ = -1; // descriptor of the marker, holds the flock
  std::string store_id_;
  bool fresh_ = false;
};

} // namespace troupe::storage
