#pragma once

#include "base/error.hpp"
#include "model/profile.hpp"
#include "storage/interfaces.hpp"

namespace troupe::actors {

/// The profile as the store keeps it. `load_profile` is its inverse.
[[nodiscard]] storage::profile_record to_record(const user_id& user, const model::profile& who,
                                                const model::fold_rules& rules);

/// Errors: corrupt_data when the record contradicts itself or breaks a bound, unavailable when
/// it was folded by other rules: the log has to be replayed then.
[[nodiscard]] result<model::profile> load_profile(const storage::profile_record& record,
                                                  const model::fold_rules& rules);

} // namespace troupe::actors
