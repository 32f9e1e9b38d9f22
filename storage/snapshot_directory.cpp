#include "storage/snapshot_directory.hpp"

#include "storage/posix_file.hpp"
#include "storage/sha256.hpp"
#include "storage/snapshot_codec.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace troupe::storage {

namespace fs = std::filesystem;

namespace {

// What is in work has a name that is no version. Only who holds the lock makes these, so whoever
// holds it and finds one has found a leftover.
constexpr const char* draft_name = ".publishing";
constexpr const char* trash_name = ".removing";
constexpr std::size_t version_digits = 10;

std::string name_of(std::uint64_t version) {
  return fmt::format("{:0{}}", version, version_digits);
}

std::optional<std::uint64_t> version_of(std::string_view name) {
  std::uint64_t version = 0;
  const auto* const last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data(), last, version);
  if (name.size() != version_digits || error != std::errc{} || end != last || version == 0)
    return std::nullopt;
  return version;
}

/// Makes a directory and its missing parents, so that a power loss does not take them with what is
/// put there.
result<void> create_durably(const fs::path& root) {
  std::error_code error;
  const auto path = fs::absolute(root, error).lexically_normal();
  auto known = path.parent_path();
  while (!fs::exists(known, error) && known != known.root_path())
    known = known.parent_path();
  error.clear();
  if (!fs::create_directories(path, error) && error)
    return explain_errno(error.value(), "cannot create", root);
  for (auto at = path; at != known; at = at.parent_path()) {
    const auto parent = open_directory(at.parent_path());
    if (!parent)
      return parent.error();
    if (auto synced = sync_directory(parent->get(), at.parent_path()); !synced)
      return synced;
  }
  return {};
}

/// The root, held for writing until the descriptor closes, which the death of the process does.
result<descriptor> lock_root(const fs::path& root) {
  auto fd = open_directory(root);
  if (!fd)
    return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (errno != EWOULDBLOCK)
    return explain_errno(errno, "cannot lock", root);
  return failure{errc::unavailable, fmt::format("{}: somebody else publishes or removes a snapshot "
                                                "right now; try again when that is done",
                                                root.string())};
}

/// REQUIRES: the lock is held.
result<bool> clear_leftovers(const fs::path& root) {
  bool found = false;
  for (const auto* const name : {draft_name, trash_name}) {
    std::error_code error;
    found |= fs::remove_all(root / name, error) > 0;
    if (error)
      return explain_errno(error.value(), "cannot remove", root / name);
  }
  return found;
}

/// Writes all files of a snapshot into the draft, durably.
result<void> write_draft(int root, const fs::path& draft, const snapshot_files& files,
                         std::string_view manifest) {
  constexpr mode_t for_all_to_read = 0755;
  if (::mkdirat(root, draft_name, for_all_to_read) != 0)
    return explain_errno(errno, "cannot create", draft);
  const auto directory = open_directory(draft);
  if (!directory)
    return directory.error();
  for (const auto& [name, bytes] : files)
    if (auto written = write_new_file(directory->get(), draft / name, bytes); !written)
      return written;
  if (auto written = write_new_file(directory->get(), draft / manifest_name, manifest); !written)
    return written;
  return sync_directory(directory->get(), draft);
}

/// Gives the draft its place: from here on the snapshot can be seen.
result<void> show_draft(int root, const fs::path& place) {
  const auto name = place.filename();
  if (::renameat(root, draft_name, root, name.c_str()) != 0)
    return explain_errno(errno, "cannot rename to", place);
  auto synced = sync_directory(root, place.parent_path());
  if (!synced && ::renameat(root, name.c_str(), root, draft_name) != 0)
    return explain_errno(errno, "cannot sync, nor take back", place);
  return synced;
}

/// Takes a version away at once and then deletes it.
result<void> remove_version(int root, const fs::path& place) {
  const auto trash = place.parent_path() / trash_name;
  if (::renameat(root, place.filename().c_str(), root, trash_name) != 0)
    return explain_errno(errno, "cannot remove", place);
  // Otherwise a power loss could leave the old name with files missing.
  if (auto synced = sync_directory(root, place.parent_path()); !synced)
    return synced;
  std::error_code error;
  fs::remove_all(trash, error);
  if (error)
    return explain_errno(error.value(), "cannot remove", trash);
  return {};
}

failure damaged(const fs::path& file, std::string_view how) {
  return {errc::corrupt_data,
          fmt::format("{}: {}; activate another snapshot, or restore this one from a backup",
                      file.string(), how)};
}

/// The directory of a version, for what is read in it.
result<descriptor> open_version(const fs::path& path) {
  auto fd = open_directory(path);
  std::error_code error;
  if (fd || fs::is_directory(path, error))
    return fd;
  if (fd.error().code == errc::not_found)
    return failure{errc::not_found, fmt::format("there is no snapshot {}", path.string())};
  return damaged(path, "no directory");
}

/// The failure of opening a file that the snapshot must have.
failure unopened(const fs::path& file, const failure& why) {
  return why.code == errc::not_found ? damaged(file, "missing") : why;
}

result<opened_file> open_as_listed(int directory, const fs::path& path, const snapshot_file& what) {
  auto file = open_regular_file(directory, path);
  if (!file)
    return unopened(path, file.error());
  if (file->bytes != what.bytes)
    return damaged(path, fmt::format("{} bytes, the manifest says {}", file->bytes, what.bytes));
  return file;
}

} // namespace

snapshot_directory::snapshot_directory(snapshot_directory_options options)
    : options_(std::move(options)) {}

result<snapshot_directory> snapshot_directory::open(const snapshot_directory_options& options) {
  const auto& root = options.root;
  std::error_code error;
  const auto kind = fs::status(root, error).type();
  if (kind == fs::file_type::not_found) {
    if (!options.create)
      return failure{errc::not_found, fmt::format("there is no directory of snapshots at {}; check "
                                                  "the path, or train a model",
                                                  root.string())};
    if (const auto made = create_durably(root); !made)
      return made.error();
  } else if (kind == fs::file_type::none || kind == fs::file_type::unknown) {
    return explain_errno(error.value(), "cannot open", root);
  }
  if (const auto fd = open_directory(root); !fd)
    return fd.error();
  return snapshot_directory{options};
}

fs::path snapshot_directory::path_of(std::uint64_t version) const {
  return options_.root / name_of(version);
}

result<std::vector<std::uint64_t>> snapshot_directory::versions() const {
  std::vector<std::uint64_t> out;
  std::error_code error;
  fs::directory_iterator entries{options_.root, error};
  for (; !error && entries != fs::directory_iterator{}; entries.increment(error))
    if (const auto version = version_of(entries->path().filename().native()))
      out.push_back(*version);
  if (error)
    return explain_errno(error.value(), "cannot read", options_.root);
  std::sort(out.begin(), out.end());
  return out;
}

result<snapshot_manifest> snapshot_directory::publish(const snapshot_facts& facts,
                                                      const snapshot_files& files) const {
  const auto root = lock_root(options_.root);
  if (!root)
    return root.error();
  if (const auto cleared = clear_leftovers(options_.root); !cleared)
    return cleared.error();
  const auto present = versions();
  if (!present)
    return present.error();
  if (present->size() >= options_.limits.snapshots_max)
    return failure{errc::overloaded,
                   fmt::format("{} has {} snapshots, the limit is {}; remove old ones",
                               options_.root.string(), present->size(),
                               options_.limits.snapshots_max)};
  snapshot_manifest manifest;
  manifest.version = present->empty() ? 1 : present->back() + 1;
  manifest.facts = facts;
  for (const auto& [name, bytes] : files)
    manifest.files.push_back({name, bytes.size(), sha256_of(bytes)});
  if (const auto fine = check_manifest(manifest, options_.limits); !fine)
    return failure{fine.error().code, "cannot publish a snapshot: " + fine.error().context};
  const auto encoded = encode_snapshot_manifest(manifest);
  if (encoded.size() > options_.limits.manifest_bytes_max)
    return failure{errc::too_large,
                   fmt::format("cannot publish a snapshot: its manifest has {} bytes, the limit is "
                               "{}",
                               encoded.size(), options_.limits.manifest_bytes_max)};
  const auto draft = options_.root / draft_name;
  auto done = write_draft(root->get(), draft, files, encoded);
  if (done)
    done = show_draft(root->get(), path_of(manifest.version));
  if (!done) {
    std::error_code ignored; // the next call removes it
    fs::remove_all(draft, ignored);
    return done.error();
  }
  return manifest;
}

/// Reads and checks the manifest of a version whose directory is open.
result<snapshot_manifest> snapshot_directory::read_manifest(std::uint64_t version,
                                                            int directory) const {
  const auto path = path_of(version) / manifest_name;
  const auto file = open_regular_file(directory, path);
  if (!file)
    return unopened(path, file.error());
  if (file->bytes > options_.limits.manifest_bytes_max)
    return failure{errc::too_large, fmt::format("{} has {} bytes, the limit is {}", path.string(),
                                                file->bytes, options_.limits.manifest_bytes_max)};
  const auto bytes = read_opened_file(*file, path);
  if (!bytes)
    return bytes.error();
  auto manifest = decode_snapshot_manifest(*bytes);
  result<void> fine;
  if (!manifest)
    fine = manifest.error();
  else
    fine = check_manifest(*manifest, options_.limits);
  if (!fine && fine.error().code != errc::corrupt_data
      && fine.error().code != errc::invalid_argument)
    return failure{fine.error().code, path.string() + ": " + fine.error().context};
  if (!fine)
    return damaged(path, fine.error().context);
  if (manifest->version != version)
    return damaged(path, fmt::format("it belongs to version {}", manifest->version));
  return manifest;
}

/// The manifest of a version whose files are there with the right sizes.
result<snapshot_manifest> snapshot_directory::read_head(std::uint64_t version) const {
  const auto path = path_of(version);
  const auto directory = open_version(path);
  if (!directory)
    return directory.error();
  auto manifest = read_manifest(version, directory->get());
  if (!manifest)
    return gone_or(version, manifest.error());
  for (const auto& what : manifest->files)
    if (const auto file = open_as_listed(directory->get(), path / what.name, what); !file)
      return gone_or(version, file.error());
  return manifest;
}

/// `why`, unless the version went away while it was read.
failure snapshot_directory::gone_or(std::uint64_t version, failure why) const {
  std::error_code error;
  if (fs::exists(path_of(version), error) || error)
    return why;
  return {errc::not_found, fmt::format("snapshot {} in {} was removed while it was read", version,
                                       options_.root.string())};
}

result<std::vector<snapshot_entry>> snapshot_directory::list() const {
  const auto present = versions();
  if (!present)
    return present.error();
  if (present->size() > options_.limits.snapshots_max)
    return failure{errc::too_large,
                   fmt::format("{} has {} snapshots, the limit is {}; remove old ones",
                               options_.root.string(), present->size(),
                               options_.limits.snapshots_max)};
  std::vector<snapshot_entry> out;
  out.reserve(present->size());
  for (const auto version : *present) {
    auto manifest = read_head(version);
    if (manifest || manifest.error().code != errc::not_found) // one just removed is none
      out.push_back({version, std::move(manifest)});
  }
  return out;
}

result<snapshot> snapshot_directory::load(std::uint64_t version) const {
  const auto path = path_of(version);
  const auto directory = open_version(path);
  if (!directory)
    return directory.error();
  auto manifest = read_manifest(version, directory->get());
  if (!manifest)
    return gone_or(version, manifest.error());
  snapshot out;
  for (const auto& what : manifest->files) {
    const auto place = path / what.name;
    const auto file = open_as_listed(directory->get(), place, what);
    if (!file)
      return gone_or(version, file.error());
    auto bytes = read_opened_file(*file, place);
    if (!bytes)
      return bytes.error();
    if (const auto sum = sha256_of(*bytes); sum != what.sha256)
      return damaged(place,
                     fmt::format("its SHA-256 is {}, the manifest says {}", sum, what.sha256));
    out.files.emplace(what.name, std::move(*bytes));
  }
  out.manifest = std::move(*manifest);
  return out;
}

result<std::vector<std::uint64_t>>
snapshot_directory::remove_all_but(std::size_t newest,
                                   std::span<const std::uint64_t> others) const {
  if (newest == 0)
    return failure{errc::invalid_argument, "at least the newest snapshot must be kept: a version "
                                           "must not be given twice"};
  const auto root = lock_root(options_.root);
  if (!root)
    return root.error();
  if (const auto cleared = clear_leftovers(options_.root); !cleared)
    return cleared.error();
  const auto present = versions();
  if (!present)
    return present.error();
  std::vector<std::uint64_t> removed;
  std::size_t sound = 0;
  for (auto at = present->rbegin(); at != present->rend(); ++at) {
    if (sound < newest) {
      if (read_head(*at))
        ++sound;
      continue;
    }
    if (std::find(others.begin(), others.end(), *at) != others.end())
      continue;
    if (const auto done = remove_version(root->get(), path_of(*at)); !done)
      return done.error();
    removed.push_back(*at);
  }
  std::reverse(removed.begin(), removed.end());
  return removed;
}

result<bool> snapshot_directory::remove_leftovers() const {
  const auto root = lock_root(options_.root);
  if (!root)
    return root.error();
  return clear_leftovers(options_.root);
}

} // namespace troupe::storage
