#pragma once

#include "model/evaluate.hpp"

#include <string>

namespace troupe::apps {

/// What an evaluation found, as an SVG picture: bars of HR@10 and NDCG@10 with their 95 %
/// intervals, or, prequentially, the moving average of Recall@10 of each model. `title` stands
/// above it. REQUIRES: made.models is not empty.
[[nodiscard]] std::string plot_of(const model::evaluation& made,
                                  model::evaluation_protocol protocol, const std::string& title);

} // namespace troupe::apps
