#pragma once

#include "tests/support/temp_dir.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace troupe::test {

[[nodiscard]] inline bool may_mount() {
  return ::geteuid() == 0;
}

/// A small file system of its own, for as long as this lives. REQUIRES: may_mount().
class small_disk {
public:
  explicit small_disk(const std::string& options) {
    mounted_ = ::mount("tmpfs", place_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }

  ~small_disk() {
    if (mounted_)
      ::umount2(place_.path().c_str(), MNT_DETACH);
  }

  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  [[nodiscard]] bool mounted() const noexcept { return mounted_; }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return place_.path(); }

private:
  temp_dir place_;
  bool mounted_ = false;
};

} // namespace troupe::test
