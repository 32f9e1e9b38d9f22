#pragma once

#include "actors/interfaces.hpp"
#include "actors/write_credit.hpp"
#include "base/metrics.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// What the writer shows of itself.
struct event_log_writer_probe {
  histogram batch_events;  ///< events that shared one commit
  histogram sync_seconds;  ///< one commit, fsync included
  counter committed;       ///< events
  counter failed_commits;  ///< batches the store refused
  counter refused;         ///< events refused behind a failed one of the same user
  counter saved_snapshots; ///< profiles

  [[nodiscard]] static event_log_writer_probe make(metrics& where);
};

/// Group commit: takes everything that waits into one append and one fsync, then answers all,
/// then tells the shards and the blend learner what was learnt, in order of arrival. The first
/// event of a batch sends `flush_batch` to the actor itself, which lands behind all that waits; so
/// the batch is what came in while the last one was being synced, at most `batch_max`.
///
/// Failures: with a full disk nothing of the batch was written, its events are refused and the
/// next batch may succeed. Any other failure of an append leaves the log in an unknown state (an
/// fsync that failed may have dropped the pages), so the process ends at once by `on_fatal` and
/// the restart reads what is really there.
///
/// Bounds: events by `write_credit`, which whoever sends takes first. It comes back with the
/// refusal, or when all shards and the blend learner have learnt from the event: the log gets no
/// further ahead of them.
/// Blocking: yes, detached.
class event_log_writer_state {
public:
  using handle = event_log_writer_actor::extend<caf::reacts_to<flush_batch>>;
  static constexpr const char* name = "event-log-writer";

  struct options {
    storage::durability how = storage::durability::durable;
    std::size_t batch_max = 512;
    bool teaching = true;                         ///< false: until begin_teaching
    std::function<void(const failure&)> on_fatal; ///< does not return outside of tests
  };

  /// `into` and `time` outlive the actor. `blend`: none, nobody learns it.
  event_log_writer_state(handle::pointer self, storage::store& into, const clock& time,
                         std::vector<item_shard_actor> shards, blend_learner_actor blend,
                         std::shared_ptr<write_credit> credit, event_log_writer_probe probe,
                         options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  caf::result<appended> append(append_event& what);
  caf::result<done> keep_profile(save_profile& what);
  caf::result<written_items> write(write_items& what);
  caf::result<item_ptr> patch(const write_patch& what);
  caf::result<done> remove(const erase_item& what);
  caf::result<done> erase(const erase_stored_user& what);
  teaching_begun begin(const begin_teaching& what);

  void ask_flush();
  void flush();
  void commit_events();
  void commit_profiles();
  void answer_all();
  void refuse_all(const failure& why);
  /// How many of the batch nobody had to learn from.
  [[nodiscard]] std::size_t teach();

  handle::pointer self_;
  storage::store& into_;
  const clock& time_;
  std::vector<item_shard_actor> shards_;
  blend_learner_actor blend_;
  std::shared_ptr<write_credit> credit_;
  event_log_writer_probe probe_;
  options options_;

  // One batch: these four go together by index.
  std::vector<stored_event> batch_;
  std::vector<std::shared_ptr<model::observation>> teaches_;
  std::vector<std::optional<model::blend_lesson>> judged_;
  std::vector<caf::typed_response_promise<appended>> waiting_;

  std::vector<storage::profile_record> profiles_;
  std::vector<caf::typed_response_promise<done>> profiles_waiting_;

  /// user -> the number whose append failed; its later ones are refused until it comes again.
  std::unordered_map<user_id, std::uint64_t> broken_;
  std::deque<user_id> broken_order_; ///< oldest first; bounds broken_
  std::uint64_t last_arrival_ = 0;
  bool flush_on_its_way_ = false;
};

} // namespace troupe::actors
