#pragma once

#include "storage/snapshot_manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace troupe::storage {

/// A snapshot's files by name, without the manifest.
using snapshot_files = std::map<std::string, std::string, std::less<>>;

/// A snapshot as it was published, every byte of it checked.
struct snapshot {
  snapshot_manifest manifest;
  snapshot_files files;
};

/// What a listing says of one version: its manifest, or why it cannot be loaded.
struct snapshot_entry {
  std::uint64_t version = 0;
  result<snapshot_manifest> manifest;
};

/// How a directory of snapshots is entered.
struct snapshot_directory_options {
  std::filesystem::path root;
  bool create = true; ///< with its parents, if it is missing
  snapshot_limits limits;
};

/// Model snapshots on disk: one immutable directory per version, named by it in ten digits, with
/// the snapshot's files and a manifest that has the size and SHA-256 of each
/// (docs/storage-format.md).
///
/// Invariants: a version that can be seen is whole, whatever was killed and whenever, and stays as
/// it is until it is removed; no version is given twice, for the newest one is never removed.
///
/// Any number of processes may list and load. One at a time may publish or remove: a second one is
/// refused with `unavailable` while the first is at it. All calls block on a disk: only detached
/// actors and commands make them. Errors name the version, the file and what to do.
/// Thread safety: all members may be called from any thread.
class snapshot_directory {
public:
  /// Errors: not_found (missing, and `create` says no), invalid_argument (no directory, not
  /// writable), out_of_space.
  [[nodiscard]] static result<snapshot_directory> open(const snapshot_directory_options& options);

  /// Writes a snapshot under the next version, whole or not at all, and durably: it is written and
  /// fsynced beside the others and then renamed. Removes what an interrupted call left first.
  /// Answers the manifest as it was written.
  /// Errors, after each of which nothing has changed: invalid_argument (names, texts, a directory
  /// that is not writable), too_large, overloaded (`snapshots_max`), unavailable, out_of_space,
  /// internal.
  [[nodiscard]] result<snapshot_manifest> publish(const snapshot_facts& facts,
                                                  const snapshot_files& files) const;

  /// All versions, oldest first, each with its manifest; files are looked at for being there with
  /// the right size, not read. Other files and directories beside the snapshots are ignored.
  /// Errors: too_large (more than `snapshots_max`), not_found, invalid_argument.
  [[nodiscard]] result<std::vector<snapshot_entry>> list() const;

  /// Reads a version and checks every byte of it.
  /// Errors: not_found, corrupt_data (a file is missing, cut, changed or no file), too_large,
  /// unsupported_format (written by a newer program).
  [[nodiscard]] result<snapshot> load(std::uint64_t version) const;

  /// Removes all versions but the newest `newest` with a sound manifest, whatever is newer than
  /// those, and `others`; answers what was removed, oldest first. A removal cut short by a kill
  /// leaves no half version.
  /// Errors: invalid_argument (`newest` is 0), unavailable, internal; as list().
  [[nodiscard]] result<std::vector<std::uint64_t>>
  remove_all_but(std::size_t newest, std::span<const std::uint64_t> others) const;

  /// Removes what an interrupted publish or removal left; true if there was something.
  /// Errors: unavailable (one is under way), invalid_argument, internal.
  [[nodiscard]] result<bool> remove_leftovers() const;

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return options_.root; }

private:
  explicit snapshot_directory(snapshot_directory_options options);

  [[nodiscard]] std::filesystem::path path_of(std::uint64_t version) const;
  [[nodiscard]] result<std::vector<std::uint64_t>> versions() const;
  [[nodiscard]] result<snapshot_manifest> read_manifest(std::uint64_t version, int directory) const;
  [[nodiscard]] result<snapshot_manifest> read_head(std::uint64_t version) const;
  [[nodiscard]] failure gone_or(std::uint64_t version, failure why) const;

  snapshot_directory_options options_;
};

} // namespace troupe::storage
