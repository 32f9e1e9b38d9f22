#pragma once

#include "model/catalogue_slice.hpp"
#include "model/co_occurrence.hpp"
#include "model/companions.hpp"
#include "model/content.hpp"
#include "model/popularity.hpp"
#include "model/seen_here.hpp"
#include "model/slice_vectors.hpp"
#include "model/strongest_first.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace troupe::model {

/// The user an item belongs to, for the own-item rule; null: none.
[[nodiscard]] const std::string* owner_of(const item& record);

/// What a catalogue_slice is made of. Two numberings: a *row* for every item of the whole
/// catalogue the slice has heard of, a *local* for those of its own.
struct catalogue_slice::state {
  static constexpr std::uint32_t foreign = 0xffffffffU; ///< local of a row of another slice
  static constexpr std::size_t newest_max = 32;         ///< last new records, for novelty

  static constexpr std::uint8_t standing_visible = 1; ///< has a record that is not hidden
  static constexpr std::uint8_t standing_owned = 2;   ///< the record names an owner

  static constexpr float unknown_popularity = std::numeric_limits<float>::infinity();

  struct local_item {
    item_key key{};
    item_ptr record; ///< null: not upserted yet, or removed
    std::uint32_t row = 0;
  };

  /// Sums per local, all zero but for the touched ones.
  class scratch {
  public:
    /// Forgets the sums of the query before.
    void start(std::size_t items);

    /// Adds each neighbour's count times `weight` to its sum.
    void add(std::span<const neighbour_list::entry> neighbours, float weight);

    [[nodiscard]] float sum_of(std::uint32_t local) const noexcept { return sums_[local]; }

    /// Locals with a sum; one whose sum is 0 still may be met more than once.
    [[nodiscard]] std::span<const std::uint32_t> touched() const noexcept {
      return {touched_.data(), count_};
    }

    [[nodiscard]] std::size_t heap_bytes() const noexcept {
      return sums_.capacity() * sizeof(float) + touched_.capacity() * sizeof(std::uint32_t);
    }

  private:
    std::vector<float> sums_;
    std::vector<std::uint32_t> touched_; // the first `count_`, then room
    std::size_t count_ = 0;
  };

  state(std::uint32_t index_of_slice, std::uint32_t shard_count,
        const config::signals_settings& signal_settings,
        const config::blend_settings& blend_settings);

  [[nodiscard]] bool owns(item_key key) const noexcept { return shard_of(key, shards) == index; }

  /// The row of a key, made if there is none; `foreign` (as a row: none) when an unknown item
  /// is over the bound.
  [[nodiscard]] std::uint32_t intern(item_key key, bool has_record);

  /// The local of an own item, or `foreign`.
  [[nodiscard]] std::uint32_t local_of(item_key key) const {
    const auto found = rows.find(key);
    return found == rows.end() ? foreign : local_of_row[found->second];
  }

  /// The local of an own item that has a record, or `foreign`.
  [[nodiscard]] std::uint32_t known_local(item_key key) const;

  /// Whether a local may stand in a slate at all: it has a record and is not hidden.
  [[nodiscard]] bool is_visible(std::uint32_t local) const noexcept {
    return (standing[local] & standing_visible) != 0;
  }

  /// Whether the record of a visible local names an owner.
  [[nodiscard]] bool has_owner(std::uint32_t local) const noexcept {
    return (standing[local] & standing_owned) != 0;
  }

  /// Adds or replaces a record.
  void add_record(item_ptr what);

  /// Learns what an own item stood near, and moves its rows of the versions that do not know it.
  void learn_companions(std::uint32_t local, const observation& what);

  /// The vectors by this version, if they are all there; else null.
  [[nodiscard]] const slice_vectors* vectors_of(std::uint64_t version) const noexcept;

  /// What the encoder has to say on each query; one pass over the vectors for all of a version.
  [[nodiscard]] std::vector<sequence_hits> find_hits(std::span<const score_query> queries) const;

  /// Fills a fresh state with a checkpoint's body. Errors: corrupt_data; the state is then to
  /// be thrown away.
  [[nodiscard]] result<void> decode(std::string_view body);

  /// A number of everything that must agree between a checkpoint and the slice that reads it.
  [[nodiscard]] std::uint64_t fingerprint() const;

  std::uint32_t index;
  std::uint32_t shards;
  std::uint64_t number; ///< of this state among all of the process, never given again
  config::signals_settings signals;
  config::blend_settings blend;

  boost::unordered_flat_map<item_key, std::uint32_t, std::hash<item_key>> rows;
  std::vector<std::uint32_t> local_of_row;
  std::vector<local_item> locals;
  std::vector<item_key> keys;         ///< by local; kept, as the next two, for following records
  std::vector<std::uint8_t> standing; ///< by local, bits; kept, for following records costs misses
  std::vector<std::int64_t> created;  ///< milliseconds, by local; kept likewise
  std::size_t known = 0;              ///< locals with a record
  std::uint64_t refused = 0;          ///< lessons about own items over signals.unknown_items_max
  std::uint64_t learned = 0;
  std::int64_t stream_millis = 0; ///< newest event time learnt

  co_occurrence pairs;
  companion_lists companions; ///< by local
  popularity popular;
  content_index content;
  std::vector<slice_vectors> vectors; ///< the newest last; at most models_max
  std::vector<std::uint32_t> newest;  ///< last records that came new, oldest first, a ring
  std::size_t newest_at = 0;

  std::vector<std::uint32_t> near_rows; ///< working memory of `learn`

  /// Working memory of `score`, which is const to its callers: a slice has one thread.
  mutable scratch sums;
  mutable strongest_first ordered;
  mutable seen_here seen;
  mutable content_index::spread wish;
  /// What an item's popularity signal was when last computed, by local; infinite if it has had an
  /// event since. Without one it only falls, so this is a bound.
  mutable std::vector<float> popular_most;
  mutable std::vector<float> sequence_of;   ///< by local: the sequence part of a hit, else 0
  mutable std::vector<std::uint32_t> marks; ///< candidates of this query, by local
  mutable std::uint32_t mark = 0;
};

} // namespace troupe::model
