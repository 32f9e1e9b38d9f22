#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "model/blend_learner.hpp"
#include "model/catalogue_slice.hpp"
#include "model/profile.hpp"
#include "model/query.hpp"
#include "storage/interfaces.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors {

/// What events of the log teach, oldest first.
struct replayed_lessons {
  std::vector<model::observation> seen;    ///< for the shards
  std::vector<model::blend_lesson> judged; ///< for the blend
};

/// Reads the event log in order of arrival and makes the lessons that the shards and the blend
/// learner would have been taught, as if the events came in now. What stood near an event is
/// rebuilt from a window of the user's events: the first one is read from the log, later ones are
/// carried along for the `users_max` users seen last, so that memory is bounded. Blocking: yes; for
/// start-up, commands and detached actors. Not thread-safe.
class learning_replay {
public:
  /// `log` outlives the object. Begins behind arrival `after`.
  /// Errors of `rules`: as fold_rules::make.
  [[nodiscard]] static result<learning_replay> make(const storage::event_log& log,
                                                    const config::users_settings& users,
                                                    const config::signals_settings& signals,
                                                    std::uint64_t after,
                                                    std::size_t users_max = 50'000);

  /// The lessons of the next `events_max` events; events that teach nothing leave none. Errors are
  /// the log's.
  [[nodiscard]] result<replayed_lessons> next(std::size_t events_max);

  /// The last arrival read.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

  /// The log had no more when it was last asked.
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }

private:
  using use_order = std::list<std::pair<user_id, model::profile>>;

  learning_replay(const storage::event_log& log, std::shared_ptr<const model::fold_rules> rules,
                  std::uint64_t after, std::size_t users_max);
  [[nodiscard]] result<model::profile*> window_of(const stored_event& what);
  [[nodiscard]] result<model::profile> first_window(const stored_event& what) const;
  void move_forward(model::profile& window, const stored_event& what) const;

  const storage::event_log* log_;
  std::shared_ptr<const model::fold_rules> rules_;
  std::uint64_t position_;
  std::size_t users_max_;
  use_order order_; ///< least recently seen first
  std::unordered_map<user_id, use_order::iterator> windows_;
  bool at_end_ = false;
};

/// The slices of a store's catalogue: records read from the store, learnt state restored from
/// checkpoints. A checkpoint that is missing, damaged or of another layout is passed over and
/// logged: the log teaches everything again.
[[nodiscard]] result<std::vector<std::shared_ptr<model::catalogue_slice>>>
load_slices(storage::store& from, const config::settings& settings);

/// Where the replay has to begin so that all slices, and the blend (null: nobody learns it), have
/// learnt everything.
[[nodiscard]] std::uint64_t
learned_by_all(const std::vector<std::shared_ptr<model::catalogue_slice>>& slices,
               const model::blend_learner* blend) noexcept;

/// The name of a shard's checkpoint in the model_store.
[[nodiscard]] std::string checkpoint_name(std::size_t shard, std::size_t shards);

struct checkpoints_built {
  std::uint64_t events = 0; ///< replayed
  std::size_t items = 0;
};

/// The blend's weights as the store remembers them; a checkpoint that is missing, damaged or of
/// other settings is passed over and logged, likewise. Errors: the store's.
[[nodiscard]] result<std::shared_ptr<model::blend_learner>>
load_blend(storage::store& from, const config::blend_settings& settings);

/// The name of the blend's checkpoint in the model_store.
inline constexpr const char* blend_checkpoint_name = "blend";

/// Teaches the shards everything the log holds behind their checkpoints and writes new ones, so
/// that a node starts at once after an import. `progress` is called now and then with the
/// arrival reached; may be empty. Blocking; nobody else may have the store open.
[[nodiscard]] result<checkpoints_built>
build_checkpoints(storage::store& store, const config::settings& settings,
                  const std::function<void(std::uint64_t)>& progress = {});

} // namespace troupe::actors
