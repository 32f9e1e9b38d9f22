#pragma once

#include "actors/interfaces.hpp"
#include "actors/model_slot.hpp"
#include "base/metrics.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::actors {

struct model_registry_probe {
  gauge active;      ///< version
  counter switches;  ///< activations and rollbacks that were done
  counter refused;   ///< those that were not, what was active stayed
  counter published; ///< snapshots written by this node
  histogram seconds; ///< from the request to the switch

  [[nodiscard]] static model_registry_probe make(metrics& where);
};

/// Which versions are active, as the store remembers it.
struct model_choice {
  std::uint64_t active = 0;
  std::uint64_t previous = 0;
  bool has_previous = false;
};

/// Where snapshots are: models.directory, or beside the store's directory.
[[nodiscard]] std::filesystem::path models_directory(const config::settings& settings);

/// What a node starts with: the version the store remembers as active; without one, or when it
/// cannot be loaded (logged), the newest that can. Null: the signals alone.
struct starting_model {
  model::sequence_model_ptr what;
  model_choice choice;
};

/// Blocking; before the actors are spawned. Errors: what the store answers; a damaged snapshot or a
/// missing directory is none.
[[nodiscard]] result<starting_model> load_starting_model(storage::store& from,
                                                         const std::filesystem::path& root,
                                                         const model::fold_rules& rules);

/// Knows the snapshots in the node's directory of models and switches between them: the shards
/// make the new version's vectors ready beside those that serve, then the slot is set, and every
/// slate from then on is made with the new version. What was active before stays in the
/// shards for rollback. Other processes (`troupe train`) may publish into the directory.
///
/// Blocking: yes, detached. Bounds: one activation at a time, a second one is refused.
class model_registry_state {
public:
  using handle = model_registry_actor;
  static constexpr const char* name = "model-registry";

  struct options {
    std::filesystem::path root;
    std::size_t keep = 5; ///< newest versions that stay when one is published
  };

  /// `store` and `time` outlive the actor.
  model_registry_state(handle::pointer self, storage::store& store, const clock& time,
                       std::shared_ptr<const model::fold_rules> rules,
                       std::vector<item_shard_actor> shards, std::shared_ptr<model_slot> slot,
                       starting_model begin, model_registry_probe probe, options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  using info_promise = caf::typed_response_promise<snapshot_info>;

  /// An activation on its way through the shards.
  struct switching {
    std::uint64_t version = 0;
    model::sequence_model_ptr what; ///< null: version 0
    std::vector<info_promise> answers;
    std::size_t open = 0;
    std::optional<failure> why;
    std::chrono::steady_clock::time_point begin;
  };

  [[nodiscard]] result<std::vector<snapshot_info>> known() const;
  [[nodiscard]] result<snapshot_info> info_of(std::uint64_t version) const;
  [[nodiscard]] result<model::sequence_model_ptr> load(std::uint64_t version) const;
  void activate(std::uint64_t version, info_promise answer);
  void settle(std::optional<failure> why);
  void switch_over();
  caf::result<snapshot_info> publish(const publish_snapshot& what);
  void refuse(std::uint64_t version, const failure& why, info_promise& answer);

  handle::pointer self_;
  storage::store& store_;
  const clock& time_;
  std::shared_ptr<const model::fold_rules> rules_;
  std::vector<item_shard_actor> shards_;
  std::shared_ptr<model_slot> slot_;
  model_choice choice_;
  model::sequence_model_ptr active_;
  model::sequence_model_ptr previous_; ///< null: version 0, or not loaded in this run
  std::unique_ptr<switching> under_way_;
  model_registry_probe probe_;
  options options_;
};

} // namespace troupe::actors
