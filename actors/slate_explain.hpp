#pragma once

#include "actors/interfaces.hpp"
#include "config/settings.hpp"

#include <string_view>
#include <vector>

namespace troupe::actors {

/// Computes a past slate of a user again from the store's log: the reasons of its items, as they
/// were sent (promise P10; model/explain.hpp says under which conditions). `how` is what the
/// slate was asked for with. Reads the whole log: for commands, not for the serving path.
/// Errors: invalid_argument (id, request), not_found (the events, or the snapshot it was made with,
/// are gone), and the store's.
[[nodiscard]] result<std::vector<slate_item>>
explain_slate(storage::store& from, const config::settings& settings, const user_id& user,
              std::string_view slate, const slate_request& how);

} // namespace troupe::actors
