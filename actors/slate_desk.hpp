#pragma once

#include "actors/interfaces.hpp"
#include "actors/slate_plan.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

/// What a user_session keeps for making and sending slates; allocated when it first makes one.
namespace troupe::actors {

using slate_promise = caf::typed_response_promise<slate_ptr>;

/// A connection that gets the slates of one feed.
struct subscriber {
  connection_id connection{};
  push_sink_actor sink;
  slate_promise first;        ///< the answer to subscribe; not pending any more: pushes
  std::uint64_t need_seq = 0; ///< the first slate reflects at least this event
  slate_id has{};             ///< what the client shows while it waits for `first`
};

/// Connections that asked for the same slates, and the slate they have. One is computed at a
/// time; what happens meanwhile sets `dirty` and causes one more.
struct slate_feed {
  std::uint64_t number = 0;
  slate_request how;
  std::shared_ptr<const slate_plan> plan;
  std::vector<subscriber> subscribers;
  std::vector<item_key> current; ///< items of the slate last sent, in order
  bool sent = false;             ///< there is a current slate
  bool dirty = true;
  std::uint64_t computing = 0; ///< token of the job; 0: none
  /// After slates that no shard answered for: how many in a row, and when to try again.
  unsigned missed = 0;
  caf::actor_clock::time_point not_before = caf::actor_clock::time_point::min();
  /// Computed, waits until its newest event is acknowledged; and the newest one behind it. Two,
  /// so that under a steady stream of events the first still goes out.
  slate_ptr held;
  slate_ptr held_next;
};

/// One slate on its way: queued, then asked of the shards, then held for the acknowledgement.
struct slate_job {
  enum class stage : std::uint8_t { queued, scattered, held };

  std::uint64_t token = 0;
  std::shared_ptr<const slate_plan> plan;
  slate_promise answer;       ///< of a recommend; else `feed` is set
  std::uint64_t feed = 0;     ///< number of the feed; 0: none
  std::uint64_t need_seq = 0; ///< start when the profile has got so far (promise P1)
  stage at = stage::queued;

  std::uint64_t profile_seq = 0;
  std::uint64_t model_version = 0;
  std::shared_ptr<const model::learnt_blend> blend; ///< null: as configured
  bool without_encoder = false;                     ///< its answer was late
  timestamp now{};
  std::vector<std::optional<model::candidate_list>> answers; ///< by shard
  std::size_t outstanding = 0;
  caf::actor_clock::time_point begin;
  caf::actor_clock::time_point due;
  slate_ptr made;
};

/// Which items a slate had and why, so that impressions can be recorded and learnt from.
class shown_slate {
public:
  explicit shown_slate(const slate& made);

  slate_id id;
  std::vector<item_ptr> items;

  /// How an item stood in it; none: it did not.
  [[nodiscard]] std::optional<shown_item> find(const item_id& what) const;

private:
  /// Sessions are many, so each signal has two bytes: its share of `scale_`.
  std::vector<std::array<std::int16_t, signal_count>> signals_;
  float scale_ = 0;
};

struct slate_desk {
  /// Slates remembered for impressions.
  static constexpr std::size_t shown_max = 4;

  std::vector<slate_feed> feeds;
  std::vector<slate_job> jobs;
  std::vector<shown_slate> shown; ///< oldest first
  std::uint64_t numbers = 0;      ///< last number given to a feed, job or slate

  [[nodiscard]] slate_feed* find_feed(std::uint64_t number) noexcept;
  [[nodiscard]] slate_job* find_job(std::uint64_t token) noexcept;
  [[nodiscard]] const shown_slate* find_shown(const slate_id& id) const noexcept;
  [[nodiscard]] std::size_t subscribers() const noexcept;
  [[nodiscard]] std::size_t surfaces() const;

  /// The feed for this request; made if there is none.
  slate_feed& feed_of(const slate_request& how, const slate_plan& plan);

  /// Takes a connection off a surface (empty: off all) and drops feeds nobody gets.
  void take_off(connection_id connection, const std::string& surface);

  void remember(const slate& made);

  /// `made` under the id `has` if that one was shown and had exactly these items; else `made`.
  [[nodiscard]] slate_ptr as_shown(const slate_id& has, const slate_ptr& made) const;
};

/// Whether two requests ask for the same slates.
[[nodiscard]] bool same_request(const slate_request& a, const slate_request& b);

/// Computes one slate from the shards' answers, which it moves away. `configured` is the blend
/// where nothing else was learnt.
[[nodiscard]] slate_ptr make_slate(slate_job& job, const user_id& user, const model::profile& who,
                                   const config::blend_settings& configured, std::uint64_t number);

} // namespace troupe::actors
