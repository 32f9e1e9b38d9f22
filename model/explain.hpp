#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "base/slate.hpp"
#include "config/settings.hpp"
#include "model/compose.hpp"
#include "model/query.hpp"
#include "model/sequence_model.hpp"
#include "model/slate_origin.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace troupe::model {

/// What a slate was asked for with; `query`'s taste, user, time and version come from the
/// slate's origin.
struct slate_recipe {
  score_query query;
  compose_rules rules;
  sequence_model_ptr model; ///< of the slate's version; null: it was made by the signals alone
};

/// The events of the log with arrival > `after`, in order of arrival, some at a time; none: the
/// log ends.
using event_source = std::function<result<std::vector<stored_event>>(std::uint64_t after)>;

/// Computes a past slate again (promise P10): teaches empty slices the log up to where each
/// shard had learnt, folds the user's events up to the slate's number, and scores and composes
/// as the session did. Given the same configuration, the same items, scores and reasons come
/// out; the catalogue is today's, for changes of items are not in the log, and an item whose
/// traits came too late for its event counts here, as does an encoder whose answer was late. Of a
/// user with more events than a history holds, the encoder may know more than is found here:
/// their scores can differ in the last digits.
/// Cost: one pass over the log; memory: a window for every user in it.
/// Errors: not_found when the log ends before the slate's events (they were erased),
/// invalid_argument when the slate is another user's or of another model version, and what
/// `log` answers.
[[nodiscard]] result<std::vector<slate_item>>
explain_slate(const slate_origin& origin, const user_id& user, const slate_recipe& recipe,
              std::span<const item_ptr> catalogue, const config::settings& settings,
              const event_source& log);

} // namespace troupe::model
