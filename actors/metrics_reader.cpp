#include "actors/metrics_reader.hpp"

namespace troupe::actors {

metrics_reader_state::metrics_reader_state(handle::pointer /*self*/, const metrics& from)
    : from_(from) {}

metrics_reader_state::handle::behavior_type metrics_reader_state::make_behavior() {
  return {[this](const read_metrics&) { return metrics_text{from_.expose()}; }};
}

} // namespace troupe::actors
