#pragma once

#include "actors/interfaces.hpp"
#include "base/metrics.hpp"
#include "model/catalogue_slice.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::actors {

/// What all shards of a node show together.
struct item_shard_probe {
  gauge unknown_items; ///< in events, not in the catalogue
  counter refused;     ///< events not learnt: signals.unknown_items_max
  histogram batch;     ///< queries that shared a pass over the items' vectors

  [[nodiscard]] static item_shard_probe make(metrics& where);
};

/// One hash slice of the catalogue; every answer is model::catalogue_slice's, this actor only
/// carries messages. Spawned by the node with its slice loaded.
///
/// Bounds: sessions ask one query at a time for each slate, and one that comes too late for its
/// deadline is dropped unscored, so the mailbox holds about what was asked within a deadline.
/// Blocking: none; a query takes tens to hundreds of microseconds.
class item_shard_state {
public:
  using handle = item_shard_actor::extend<caf::reacts_to<run_batch>, caf::reacts_to<adopt_step>>;
  static constexpr const char* name = "item-shard";

  item_shard_state(handle::pointer self, std::shared_ptr<model::catalogue_slice> slice,
                   item_shard_probe probe = {});
  ~item_shard_state();
  item_shard_state(const item_shard_state&) = delete;
  item_shard_state& operator=(const item_shard_state&) = delete;

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  /// Queries answered in one pass over the items' vectors.
  static constexpr std::size_t batch_max = 32;
  /// Vectors made before the next message has its turn.
  static constexpr std::size_t adopted_rows = 128;

  struct waiting_query {
    score_request what;
    caf::typed_response_promise<scored_candidates> answer;
  };

  caf::result<scored_candidates> score(score_request& what);
  void score_waiting();
  caf::result<done> adopt(const adopt_model& what);
  void adopt_some();
  traits_list traits(const read_traits& what) const;
  /// Brings the probe up to the slice; called after what may have changed it.
  void show();

  handle::pointer self_;
  /// Its only owner from the spawn on; shared only because CAF copies constructor arguments.
  std::shared_ptr<model::catalogue_slice> slice_;
  item_shard_probe probe_;
  std::vector<waiting_query> waiting_; ///< with an encoder's part; for the next pass
  std::optional<caf::typed_response_promise<done>> adopting_;
  std::size_t unknown_shown_ = 0; ///< of this shard in the gauge, which is the sum over all
  std::uint64_t refused_shown_ = 0;
};

} // namespace troupe::actors
