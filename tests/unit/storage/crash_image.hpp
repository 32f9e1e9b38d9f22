#pragma once

#include "storage/rocksdb/rocksdb_store.hpp"
#include "tests/support/storage_samples.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

/// Directories as a crash leaves them, and what is done to their files.
namespace troupe::test {

namespace fs = std::filesystem;

[[nodiscard]] inline storage::rocksdb_options small_options(const fs::path& directory) {
  storage::rocksdb_options out;
  out.directory = directory;
  out.write_buffer_bytes = std::size_t{1} << 20;
  out.block_cache_bytes = std::size_t{1} << 20;
  return out;
}

[[nodiscard]] inline std::unique_ptr<storage::store> open_store(const fs::path& directory) {
  auto opened = storage::open_rocksdb(small_options(directory));
  REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error().context));
  return std::move(*opened);
}

/// The failure of an open that must fail.
[[nodiscard]] inline failure open_failure(const storage::rocksdb_options& options) {
  auto opened = storage::open_rocksdb(options);
  REQUIRE_FALSE(opened.has_value());
  return opened.error();
}

[[nodiscard]] inline failure open_failure(const fs::path& directory) {
  return open_failure(small_options(directory));
}

[[nodiscard]] inline std::string read_bytes(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline void write_bytes(const fs::path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

inline void flip_byte(const fs::path& file, std::size_t at) {
  auto bytes = read_bytes(file);
  REQUIRE(at < bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
  write_bytes(file, bytes);
}

/// Files of the directory with this beginning or end of name, in order, empty ones left out.
[[nodiscard]] inline std::vector<fs::path> files_like(const fs::path& directory,
                                                      const std::string& part) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator{directory}) {
    const auto name = entry.path().filename().string();
    if ((name.starts_with(part) || name.ends_with(part)) && fs::file_size(entry.path()) > 0)
      out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Every file that holds data, by name: all but RocksDB's own diary and lock.
[[nodiscard]] inline std::map<std::string, std::string> data_files(const fs::path& directory) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::directory_iterator{directory}) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("LOG") && name != "LOCK")
      out[name] = read_bytes(entry.path());
  }
  return out;
}

/// Names and sizes of what is in a directory; what goes while it is listed is left out.
[[nodiscard]] inline std::map<std::string, std::uintmax_t> listing_of(const fs::path& at) {
  std::map<std::string, std::uintmax_t> out;
  for (const auto& entry : fs::directory_iterator{at}) {
    std::error_code gone;
    const auto size = entry.is_directory(gone) ? 0 : entry.file_size(gone);
    if (!gone)
      out[entry.path().filename().string()] = size;
  }
  return out;
}

/// A copy of a store's directory taken while it is open and idle: what SIGKILL would leave. A kill
/// is at one moment and a copy is not, and RocksDB may still be compacting and deleting in the
/// background: a copy during which anything changed is taken again.
inline void copy_image(const fs::path& from, const fs::path& to) {
  constexpr int tries = 1000;
  for (int i = 0; i < tries; ++i) {
    const auto before = listing_of(from);
    fs::remove_all(to);
    std::error_code why;
    fs::copy(from, to, fs::copy_options::recursive, why);
    if (!why && before == listing_of(from) && before == listing_of(to))
      return;
  }
  FAIL("the store's directory never came to rest");
}

/// Appends batches of ten events of user "a", each acknowledged.
inline void append_batches(storage::store& to, std::uint64_t from, std::uint64_t batches) {
  for (std::uint64_t i = 0; i < batches; ++i) {
    auto batch = sample_events("a", from + 10 * i, from + 10 * i + 9);
    const auto done = to.events().append(batch, storage::durability::durable);
    REQUIRE_MESSAGE(done.has_value(), (done ? std::string{} : done.error().context));
  }
}

/// Whether user "a" has exactly events 1 to `last`, whole, in both orders of the log.
[[nodiscard]] inline bool holds_exactly(storage::store& in, std::uint64_t last) {
  const auto events = in.events().read_user(user_id{"a"}, 0, last + 1000);
  const auto arrivals = in.events().read_arrivals(0, last + 1000);
  if (!events || !arrivals || events->size() != last || arrivals->size() != last)
    return false;
  for (std::uint64_t i = 0; i < last; ++i) {
    auto expected = sample_event("a", i + 1);
    expected.arrival = i + 1;
    if ((*events)[i] != expected || (*arrivals)[i] != expected)
      return false;
  }
  return *in.events().last_seq(user_id{"a"}) == last && *in.events().last_arrival() == last;
}

} // namespace troupe::test
