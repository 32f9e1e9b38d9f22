#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::storage {

/// A training run's newest checkpoint, a file in a directory of its own. A kill at
/// any moment leaves either the new one or the one before, whole. Blocks on the disk.
class checkpoint_file {
public:
  explicit checkpoint_file(std::filesystem::path directory,
                           std::string name = "training.safetensors")
      : directory_(std::move(directory)), name_(std::move(name)) {}

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

  /// Whether there is one.
  [[nodiscard]] bool exists() const;

  /// Replaces it, durably; makes the directory if it is missing.
  /// Errors: those of explain_errno.
  [[nodiscard]] result<void> keep(std::string_view bytes) const;

  /// Errors: those of explain_errno; too_large beyond 4 GiB.
  [[nodiscard]] result<std::string> load() const;

  /// Removes it, and the directory if nothing else is in it. What cannot be removed stays.
  void remove() const noexcept;

private:
  /// Until it is whole.
  [[nodiscard]] std::string fresh_name() const { return name_ + ".new"; }

  std::filesystem::path directory_;
  std::string name_;
};

} // namespace troupe::storage
