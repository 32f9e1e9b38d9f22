#pragma once

#include "base/error.hpp"
#include "base/item.hpp"
#include "config/settings.hpp"
#include "model/query.hpp"
#include "model/sequence_model.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// One hash slice of the catalogue with every signal's state: records, co-occurrence lists,
/// popularity counters, content terms, novelty. The whole of an item shard's thinking: the
/// actor around it only carries messages. Pure: no clock, no I/O, no threads; the same calls
/// give the same answers.
///
/// Co-occurrence is kept by target: a slice holds, for every item of the whole catalogue, its
/// neighbours among the slice's own items. So one event is learnt by every slice, each taking
/// its part, and a query is answered by each slice alone.
///
/// What an own item stood near last is kept beside that, whoever owns it: an item that the trained
/// model does not know has a vector estimated from it, which moves with each of its events.
class catalogue_slice {
public:
  /// REQUIRES: index < shards.
  catalogue_slice(std::uint32_t index, std::uint32_t shards,
                  const config::signals_settings& signals, const config::blend_settings& blend);
  ~catalogue_slice();
  catalogue_slice(catalogue_slice&&) noexcept;
  catalogue_slice& operator=(catalogue_slice&&) noexcept;

  [[nodiscard]] bool owns(item_key key) const noexcept;

  /// Adds or replaces a record; counts gathered before it came start to count.
  /// REQUIRES: owns(key_of(what->id)).
  void upsert(item_ptr what);

  /// Forgets the record; its counts stay, as for an item not yet known. False: there was none.
  bool remove(item_key key);

  [[nodiscard]] item_ptr find(item_key key) const;
  [[nodiscard]] item_traits traits(item_key key) const;

  /// Learns one event. Those with arrival <= learned_arrival() (and not 0) are ignored, so
  /// replaying is harmless.
  void learn(const observation& what);

  /// The best visible items for this query by blended score, best first; pinned ones always.
  /// REQUIRES: serves(query.model_version).
  [[nodiscard]] candidate_list score(const score_query& query) const;

  /// The same for many queries, with one pass over the items' vectors for all of them.
  [[nodiscard]] std::vector<candidate_list> score(std::span<const score_query> queries) const;

  /// Versions of the trained model that a slice holds at once: one that serves and one beside it.
  static constexpr std::size_t models_max = 2;

  /// Begins to hold `what`, or makes it the newest again. The one that was the newest before
  /// stays, an older one goes.
  void adopt(sequence_model_ptr what);

  /// Makes at most `most` rows of the model adopted last. False: there are more to make.
  bool adopt_rows(std::size_t most);

  /// Whether queries of this version can be answered: its rows are all there. Version 0, the
  /// signals alone, always can.
  [[nodiscard]] bool serves(std::uint64_t version) const noexcept;

  /// The item's vector by this version, for the encoder; empty if the slice does not have it.
  /// Without the estimate that rows of untrained items have (slice_vectors::input says why).
  [[nodiscard]] std::vector<float> vector_of(item_key key, std::uint64_t version) const;

  /// Neighbours of one item by co-occurrence and content; `of` may belong to another slice,
  /// whose labels and words come in `record`.
  [[nodiscard]] std::vector<candidate> similar(item_key of, const item_ptr& record,
                                               std::size_t limit, const filter* only) const;

  /// Most popular visible items; `half_life` is an index into popularity_half_lives_hours.
  [[nodiscard]] std::vector<candidate> popular(std::size_t half_life, std::size_t limit,
                                               const filter* only) const;

  [[nodiscard]] std::uint64_t learned_arrival() const noexcept;

  /// Own items that events named and that have no record; at most signals.unknown_items_max.
  [[nodiscard]] std::size_t unknown_items() const noexcept;

  /// Events not learnt, for their item was over that bound; since this slice was made.
  [[nodiscard]] std::uint64_t refused_items() const noexcept;

  [[nodiscard]] slice_stats stats() const;

  /// The learnt state (counters, lists; not the records) as bytes with version and checksum.
  [[nodiscard]] std::string checkpoint() const;

  /// Errors: corrupt_data, unsupported_format, invalid_argument (another index or number of
  /// shards); the slice is unchanged then. Models are to be adopted afterwards.
  [[nodiscard]] result<void> restore(std::string_view bytes);

private:
  friend class slice_query;
  [[nodiscard]] candidate_list score_with(const score_query& query,
                                          const struct sequence_hits& hits) const;
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::model
