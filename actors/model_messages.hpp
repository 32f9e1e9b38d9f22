#pragma once

#include "actors/caf_compat.hpp"
#include "base/clock.hpp"
#include "storage/snapshot_directory.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// What the model registry is asked, and answers. A part of interfaces.hpp.
namespace troupe::actors {

/// One immutable version of the model. Version 0 is the signals alone, without an encoder; it is
/// always there.
struct snapshot_info {
  std::uint64_t version = 0;
  std::string encoder; ///< its kind; "none" for version 0
  timestamp created{};
  std::uint64_t parent = 0; ///< trained on from this version; 0: none
  std::uint64_t items = 0;  ///< with a vector
  std::uint64_t event_position = 0;
  std::map<std::string, double> metrics;
  bool active = false;
  bool previous = false; ///< what a rollback activates
  std::string damage;    ///< why it cannot be activated; empty: it can
};

struct read_snapshots {};

struct snapshot_list {
  std::vector<snapshot_info> snapshots; ///< oldest first
};

/// From now on slates are made with this version; answered when they are. Errors: not_found,
/// corrupt_data, unsupported_format, invalid_argument (it does not fit this program), unavailable
/// (another activation is under way); what was active stays so.
struct activate_snapshot {
  std::uint64_t version = 0;
};

/// Activates the version that was active before. Errors: not_found if there is none.
struct rollback_snapshot {};

/// Writes a new version beside the others, removes those over the configured number, and activates
/// it if wanted.
struct publish_snapshot {
  storage::snapshot_facts facts;
  std::shared_ptr<const storage::snapshot_files> files;
  bool activate = true;
};

using model_registry_actor =
    caf::typed_actor<rpc<snapshot_list, read_snapshots>, rpc<snapshot_info, activate_snapshot>,
                     rpc<snapshot_info, rollback_snapshot>, rpc<snapshot_info, publish_snapshot>>;

} // namespace troupe::actors
