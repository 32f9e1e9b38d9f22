#pragma once

#include "base/error.hpp"

#include <filesystem>

namespace troupe::storage {

/// Looks through RocksDB's write-ahead logs for damage that is followed by whole writes.
///
/// Point-in-time recovery ends at the first bad record, whatever stands behind it. That is right
/// for a torn tail (a write the crash cut short was never acknowledged) and wrong for a bad
/// sector or a flipped bit in the middle: acknowledged events would go without a word. The two
/// are told apart by RocksDB's sequence numbers, which are consecutive: a bad record is harmless
/// exactly if the writes after it go on where those before it ended. A damaged last write cannot
/// be told from a torn one.
///
/// Reads every log once (they are bounded by `max_total_wal_size`) and changes nothing. Call it
/// only while no other process writes.
/// Errors: corrupt_data with file, offset and what to do; invalid_argument if a log cannot be
/// read.
[[nodiscard]] result<void> check_logs(const std::filesystem::path& directory);

} // namespace troupe::storage
