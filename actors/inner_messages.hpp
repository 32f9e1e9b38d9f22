#pragma once

#include "actors/caf_compat.hpp"
#include "base/ids.hpp"

#include <caf/actor_clock.hpp>

#include <cstddef>
#include <cstdint>

/// What actors of the node tell themselves and those they own; no door takes any of it.
namespace troupe::actors {

/// Write your snapshot and end (sent with high priority by the directory).
struct passivate {};

/// A session tells its directory after each subscribe and unsubscribe it has handled.
struct session_report {
  user_id user;
  std::size_t subscribers = 0; ///< now
  std::uint32_t handled = 0;   ///< subscribe messages this report is about: 0 or 1
};

/// Look for what is overdue. A directory sends it to sessions that asked for it, and to itself.
struct check_deadlines {};

using deadline_keeper_actor = caf::typed_actor<caf::reacts_to<check_deadlines>>;

/// A session asks its directory to be told when `due` is past, by CAF's clock.
struct remind_at {
  caf::actor_clock::time_point due;
  deadline_keeper_actor whom;
};

/// What a session knows of its directory.
using session_host_actor =
    caf::typed_actor<caf::reacts_to<session_report>, caf::reacts_to<remind_at>>;

/// The session's own: lands behind all that waits already; then it may leave.
struct leave_now {};

/// The directory's own: look for idle sessions.
struct sweep_sessions {};

/// The catalogue's own: tell the directories what changed since the last time.
struct tell_changes {};

/// The replayer's own: read the next part of the log.
struct replay_step {};

/// The log syncer's own: sync what was written fast.
struct sync_round {};

/// An encoder's own, or a shard's: answer what has gathered. Lands behind all that waits already.
struct run_batch {};

/// A shard's own: make some more of the vectors of the model it adopts.
struct adopt_step {};

/// The trainer's own: read on in the log, and train if there is enough that is new.
struct training_round {};

/// The checkpoint keeper's own: write checkpoints if enough was learnt.
struct checkpoint_round {};

} // namespace troupe::actors
