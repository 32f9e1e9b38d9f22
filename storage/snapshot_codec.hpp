#pragma once

#include "storage/snapshot_manifest.hpp"

#include <string>
#include <string_view>

namespace troupe::storage {

/// The bytes of `manifest.pb`: a frame of storage/record_frame.hpp around a SnapshotManifest of
/// proto/troupe/v1/model.proto. REQUIRES: check_manifest(what, ...) has a value.
/// Both functions are pure; any thread may call them.
[[nodiscard]] std::string encode_snapshot_manifest(const snapshot_manifest& what);

/// Reads a manifest; whether it makes sense is check_manifest's to say. Fields this program does
/// not know are skipped.
/// Errors: corrupt_data for bytes that are cut, changed or no manifest at all; unsupported_format
/// for a frame of a newer version.
[[nodiscard]] result<snapshot_manifest> decode_snapshot_manifest(std::string_view bytes);

} // namespace troupe::storage
