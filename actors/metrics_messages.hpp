#pragma once

#include "actors/caf_compat.hpp"

#include <string>

/// What the metrics reader is asked, and answers. A part of interfaces.hpp.
namespace troupe::actors {

struct read_metrics {};

struct metrics_text {
  std::string text; ///< as metrics::expose
};

using metrics_reader_actor = caf::typed_actor<rpc<metrics_text, read_metrics>>;

} // namespace troupe::actors
