#pragma once

#include "actors/caf_compat.hpp"
#include "base/clock.hpp"
#include "base/event.hpp"
#include "model/blend_learner.hpp"
#include "model/sequences.hpp"
#include "model/trained_encoder.hpp"
#include "storage/snapshot_directory.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What the model registry, the trainer and the blend learner are asked, and answer. A part of
/// interfaces.hpp.
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
  /// It is activated if this version is active still; none: in any case. So nobody who chose
  /// another one meanwhile is overruled.
  std::optional<std::uint64_t> only_after = {};
};

using model_registry_actor =
    caf::typed_actor<rpc<snapshot_list, read_snapshots>, rpc<snapshot_info, activate_snapshot>,
                     rpc<snapshot_info, rollback_snapshot>, rpc<snapshot_info, publish_snapshot>>;

/// One round of training, off the trainer's own thread: nothing else waits for it.
struct run_round {
  std::shared_ptr<const model::trained_encoder> parent; ///< null: a first model
  /// As history_buffer::take_round gives it, the worker's to complete; null: all of the log's end.
  std::shared_ptr<model::sequence_corpus> corpus;
  std::uint64_t learnt = 0; ///< last arrival that the parent has learnt
  std::uint64_t upto = 0;   ///< last arrival that counts
  double weight = 0;        ///< the parent's in the blend
};

/// What a round gave; `before` and `after` are the judgements of the parent and of this.
struct round_result {
  std::shared_ptr<const model::trained_encoder> now;
  std::uint64_t upto = 0; ///< last arrival that counted; of a first one that was gone on with, less
  model::epoch_report before;
  model::epoch_report after;
  bool is_accepted = false;
  double weight = 0; ///< in the blend
  double seconds = 0;
};

using training_worker_actor = caf::typed_actor<rpc<round_result, run_round>>;

/// What committed events say about the blend, in order of arrival; nothing else that is to be
/// learnt has an arrival up to `upto`.
struct learn_blend {
  std::shared_ptr<const std::vector<model::blend_lesson>> what;
  std::uint64_t upto = 0;
};

struct read_blend_stats {};

struct blend_stats {
  std::uint64_t learned_arrival = 0;
  std::uint64_t wanted = 0; ///< impressions
  std::uint64_t unwanted = 0;
  std::size_t open = 0;    ///< impressions without an outcome yet
  signal_values factors{}; ///< of the configured weights
};

/// Makes the learnt state of a shard, or of the blend, into bytes, to be written by the store's
/// writer.
struct make_checkpoint {};

struct checkpoint_bytes {
  std::shared_ptr<const std::string> bytes;
};

/// Learns the blend's weights; one per node.
using blend_learner_actor =
    caf::typed_actor<caf::reacts_to<learn_blend>, rpc<blend_stats, read_blend_stats>,
                     rpc<checkpoint_bytes, make_checkpoint>>;

} // namespace troupe::actors
