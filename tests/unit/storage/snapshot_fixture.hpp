#pragma once

#include "storage/snapshot_directory.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// Snapshots for the tests of their directory.
namespace troupe::test {

namespace fs = std::filesystem;

using storage::snapshot_directory;
using storage::snapshot_facts;
using storage::snapshot_files;
using storage::snapshot_limits;

[[nodiscard]] inline bool mentions(const failure& what, const std::string& text) {
  return what.context.find(text) != std::string::npos;
}

[[nodiscard]] inline snapshot_directory open_at(const fs::path& root,
                                                const snapshot_limits& limits = {}) {
  auto opened = snapshot_directory::open({.root = root, .limits = limits});
  REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error().context));
  return std::move(*opened);
}

/// The manifest is the largest file, the others differ in size.
[[nodiscard]] inline snapshot_facts sample_facts(std::uint64_t parent = 0) {
  snapshot_facts out;
  out.parent = parent;
  out.created = from_millis(1'700'000'000'123);
  out.encoder = "recurrent";
  out.items = 1682;
  out.event_position = 100'000;
  out.metrics = {{"ndcg@10", 0.125}};
  out.parameters = {{"note", std::string(500, 'n')}};
  return out;
}

[[nodiscard]] inline snapshot_files sample_files() {
  std::string every_byte;
  for (int i = 0; i < 256; ++i)
    every_byte.push_back(static_cast<char>(i));
  return {{"a.bin", std::string(100, '\0')}, {"b.safetensors", every_byte}, {"empty", ""}};
}

inline std::uint64_t publish(const snapshot_directory& to, std::uint64_t parent = 0) {
  const auto done = to.publish(sample_facts(parent), sample_files());
  REQUIRE_MESSAGE(done.has_value(), (done ? std::string{} : done.error().context));
  return done->version;
}

inline void publish_many(const snapshot_directory& to, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i)
    publish(to);
}

[[nodiscard]] inline std::vector<std::uint64_t> versions_of(const snapshot_directory& in) {
  std::vector<std::uint64_t> out;
  const auto entries = in.list();
  REQUIRE(entries.has_value());
  for (const auto& entry : *entries)
    out.push_back(entry.version);
  return out;
}

/// All names in the root, so that nothing hides.
[[nodiscard]] inline std::vector<std::string> names_in(const fs::path& root) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator{root})
    out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

inline void check_whole(const snapshot_directory& in, std::uint64_t version) {
  const auto read = in.load(version);
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string{} : read.error().context));
  CHECK(read->files == sample_files());
  CHECK(read->manifest.version == version);
}

} // namespace troupe::test
