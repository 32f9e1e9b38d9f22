#pragma once

#include "base/error.hpp"
#include "model/int8_rows.hpp"
#include "model/trained_encoder.hpp"

#include <chrono>
#include <cstddef>
#include <functional>

namespace troupe::model {

/// What an encoder is worth and what it costs.
struct encoder_figures {
  double ndcg = 0;   ///< NDCG@10 of the held-out events, which it had not learnt when judged
  double recall = 0; ///< Recall@10 of the same
  /// CPU time of one more event and the query after it, with a history of 200 events.
  double event_micros = 0;
  double catalogue_micros = 0;  ///< CPU time of one query's best 100 of all items
  std::size_t weight_bytes = 0; ///< of the weights' file in a snapshot
};

/// CPU time of the calling thread, from any beginning.
using cpu_clock = std::function<std::chrono::nanoseconds()>;

/// Quality as `of.judged` has it; times are the shortest of several rounds, so that what else the
/// machine does counts as little as can be. Takes about a tenth of a second of CPU time.
/// `vectors`: how they are kept in the snapshot, and scanned.
/// Errors: invalid_argument, naming the tensor that does not fit.
[[nodiscard]] result<encoder_figures> measure_encoder(const trained_encoder& of,
                                                      vector_storage vectors, const cpu_clock& now);

} // namespace troupe::model
