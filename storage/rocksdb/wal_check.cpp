#include "storage/rocksdb/wal_check.hpp"

#include <boost/crc.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace troupe::storage {

namespace fs = std::filesystem;

namespace {

// RocksDB's log: blocks of 32 KiB of records that do not cross blocks. A record is a masked
// CRC-32C (4 bytes, little endian) of type and payload, the payload's length (2), the type (1)
// and the payload; a write is one `full` record or a `first`, any `middle`s and a `last`. It
// begins with its sequence number (8) and how many numbers it takes (4).
constexpr std::size_t block_bytes = 32768;
constexpr std::size_t header_bytes = 7;
constexpr std::size_t batch_header_bytes = 12;

enum record_type : unsigned char { zero = 0, full = 1, first = 2, middle = 3, last = 4 };

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

bool checksum_fits(std::string_view type_and_payload, std::uint64_t stored) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc32c;
  crc32c.process_bytes(type_and_payload.data(), type_and_payload.size());
  const std::uint32_t crc = crc32c.checksum();
  const std::uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  return masked == stored;
}

struct record {
  unsigned char type = zero;
  std::string_view payload;
};

/// The record at the beginning of `rest`, the remainder of a block; nothing if it is no whole one.
std::optional<record> read_record(std::string_view rest) {
  if (rest.size() < header_bytes)
    return std::nullopt;
  const auto length = static_cast<std::size_t>(little_endian(rest.substr(4, 2)));
  const auto type = static_cast<unsigned char>(rest[6]);
  if (type == zero || header_bytes + length > rest.size()
      || !checksum_fits(rest.substr(6, 1 + length), little_endian(rest.substr(0, 4))))
    return std::nullopt;
  return record{type, rest.substr(header_bytes, length)};
}

struct damage {
  fs::path file;
  std::uint64_t offset = 0;
};

/// Follows the sequence numbers through all logs.
class log_check {
public:
  [[nodiscard]] result<void> check_file(const fs::path& file);

private:
  [[nodiscard]] result<void> check_block(std::string_view block, std::uint64_t offset);
  [[nodiscard]] result<void> take(const record& what, std::uint64_t offset);
  void found_damage(std::uint64_t offset);

  fs::path file_;
  std::optional<damage> damage_;      // not yet known to be harmless
  std::optional<std::uint64_t> next_; // sequence number the next write must have
  bool in_write_ = false;             // between a `first` and its `last`
  std::uint64_t write_offset_ = 0;    // where it begins
  std::uint64_t write_begin_ = 0;     // the numbers it takes
  std::uint64_t write_end_ = 0;
};

result<void> log_check::check_file(const fs::path& file) {
  file_ = file;
  in_write_ = false;
  if (!next_)
    damage_.reset(); // a log with nothing before its torn tail says nothing about the next one
  std::ifstream in{file, std::ios::binary};
  std::vector<char> block(block_bytes);
  std::uint64_t offset = 0;
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    const std::string_view bytes{block.data(), static_cast<std::size_t>(in.gcount())};
    if (auto checked = check_block(bytes, offset); !checked)
      return checked;
    offset += bytes.size();
  }
  if (!in.eof())
    return failure{errc::invalid_argument, fmt::format("cannot read {}", file.string())};
  if (in_write_)
    found_damage(write_offset_); // cut between two blocks
  return {};
}

result<void> log_check::check_block(std::string_view block, std::uint64_t offset) {
  std::size_t at = 0;
  bool searching = false; // for the next whole record after a bad one
  while (at + header_bytes <= block.size()) {
    const auto found = read_record(block.substr(at));
    if (found && (!searching || (found->type <= last && !found->payload.empty()))) {
      if (auto taken = take(*found, offset + at); !taken)
        return taken;
      at += header_bytes + found->payload.size();
      searching = false;
      continue;
    }
    if (!searching)
      found_damage(offset + at);
    searching = true;
    ++at;
  }
  if (!searching && at < block.size() && block.size() < block_bytes)
    found_damage(offset + at); // a header cut short
  return {};
}

void log_check::found_damage(std::uint64_t offset) {
  in_write_ = false;
  if (!damage_)
    damage_ = damage{file_, offset};
}

result<void> log_check::take(const record& what, std::uint64_t offset) {
  if (what.type > last)
    return {}; // of a kind that carries no write
  if (what.type == full || what.type == first) {
    if (in_write_)
      found_damage(write_offset_); // the write before has no end
    if (what.payload.size() < batch_header_bytes)
      return {};
    write_offset_ = offset;
    const auto count = little_endian(what.payload.substr(8, 4));
    write_begin_ = little_endian(what.payload.substr(0, 8));
    // An empty write names the last number used, any other one the first of its own.
    write_end_ = write_begin_ + std::max<std::uint64_t>(count, 1);
    in_write_ = true;
  }
  if (!in_write_ || what.type == first || what.type == middle)
    return {};
  in_write_ = false;
  if (damage_ && (!next_ || write_begin_ > *next_))
    return failure{
        errc::corrupt_data,
        fmt::format("{} is damaged at byte {} and goes on with whole writes after it (from "
                    "sequence {}); nothing was changed. Keep a copy of the directory, check the "
                    "disk, and restore the store from a backup; to give up all writes from the "
                    "damage on instead: truncate -s {} {}, and remove the logs with higher numbers",
                    damage_->file.string(), damage_->offset, write_begin_, damage_->offset,
                    damage_->file.string())};
  damage_.reset();
  next_ = std::max(next_.value_or(0), write_end_);
  return {};
}

} // namespace

result<void> check_logs(const fs::path& directory) {
  std::vector<std::pair<std::uint64_t, fs::path>> logs;
  std::error_code error;
  for (fs::directory_iterator entries{directory, error};
       !error && entries != fs::directory_iterator{}; entries.increment(error)) {
    const auto& path = entries->path();
    const auto stem = path.stem().string();
    std::uint64_t number = 0;
    const auto [end, wrong] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
    if (path.extension() == ".log" && wrong == std::errc{} && end == stem.data() + stem.size())
      logs.emplace_back(number, path);
  }
  if (error)
    return failure{errc::invalid_argument,
                   fmt::format("cannot read {}: {}", directory.string(), error.message())};
  std::sort(logs.begin(), logs.end());
  log_check check;
  for (const auto& [number, path] : logs)
    if (auto checked = check.check_file(path); !checked)
      return checked;
  return {};
}

} // namespace troupe::storage
