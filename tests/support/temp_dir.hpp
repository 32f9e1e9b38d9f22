#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

namespace troupe::test {

/// A new empty directory of this process, removed with all that is in it when the object dies. In
/// memory where there is room, for tests sync a lot.
class temp_dir {
public:
  temp_dir() {
    static std::atomic<unsigned> next = 0;
    path_ = parent() / ("troupe-test-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }

  ~temp_dir() {
    std::error_code ignored; // what is left in a temporary directory harms nobody
    std::filesystem::remove_all(path_, ignored);
  }

  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
  [[nodiscard]] static std::filesystem::path parent() {
    const std::filesystem::path memory{"/dev/shm"};
    std::error_code error;
    const auto space = std::filesystem::space(memory, error);
    const bool roomy = !error && space.available > (std::uintmax_t{256} << 20);
    return roomy && ::access(memory.c_str(), W_OK) == 0 ? memory
                                                        : std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

} // namespace troupe::test
