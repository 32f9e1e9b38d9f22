#pragma once

#include "actors/interfaces.hpp"
#include "model/catalogue_slice.hpp"

namespace troupe::actors {

/// One hash slice of the catalogue; every answer is model::catalogue_slice's, this actor only
/// carries messages. Spawned by the node with its slice loaded.
///
/// Bounds: sessions ask one query at a time for each slate, and one that comes too late for its
/// deadline is dropped unscored, so the mailbox holds about what was asked within a deadline.
/// Blocking: none; a query takes tens to hundreds of microseconds.
class item_shard_state {
public:
  using handle = item_shard_actor;
  static constexpr const char* name = "item-shard";

  item_shard_state(handle::pointer self, std::shared_ptr<model::catalogue_slice> slice);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  caf::result<scored_candidates> score(const score_request& what) const;
  traits_list traits(const read_traits& what) const;

  handle::pointer self_;
  /// Its only owner from the spawn on; shared only because CAF copies constructor arguments.
  std::shared_ptr<model::catalogue_slice> slice_;
};

} // namespace troupe::actors
