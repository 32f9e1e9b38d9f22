#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::apps {

/// A training run's newest checkpoint, in a directory of its own: `training.safetensors`. A kill at
/// any moment leaves either the new one or the one before, whole. Blocks on the disk.
class checkpoint_file {
public:
  explicit checkpoint_file(std::filesystem::path directory) : directory_(std::move(directory)) {}

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

  /// Whether there is one.
  [[nodiscard]] bool exists() const;

  /// Replaces it, durably; makes the directory if it is missing.
  /// Errors: those of storage::explain_errno.
  [[nodiscard]] result<void> keep(std::string_view bytes) const;

  /// Errors: those of storage::explain_errno; too_large beyond 4 GiB.
  [[nodiscard]] result<std::string> load() const;

  /// Removes it, and the directory if nothing else is in it. What cannot be removed stays.
  void remove() const noexcept;

private:
  std::filesystem::path directory_;
};

} // namespace troupe::apps
