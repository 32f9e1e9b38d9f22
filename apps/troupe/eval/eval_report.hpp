#pragma once

#include "model/evaluate.hpp"

#include <string>

namespace troupe::apps {

/// As `--protocol` takes it: "leave-one-out".
[[nodiscard]] std::string name_of(model::evaluation_protocol protocol);

/// What was judged, in one line: protocol, query time, events, users, items, targets.
[[nodiscard]] std::string headline_of(const model::evaluation& made,
                                      const model::evaluation_options& how);

/// The report for people: the headline, a table of at most 120 columns, what its columns mean,
/// and which models were left out.
[[nodiscard]] std::string table_of(const model::evaluation& made,
                                   const model::evaluation_options& how);

/// The report for programs: every figure, intervals as [low, high], curves.
[[nodiscard]] std::string json_of(const model::evaluation& made,
                                  const model::evaluation_options& how);

} // namespace troupe::apps
