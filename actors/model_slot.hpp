#pragma once

#include "model/sequence_model.hpp"

#include <mutex>
#include <utility>

namespace troupe::actors {

/// The version of the model that slates are made with from now on: set by the model registry, read
/// by each session once for each slate, which then uses that one throughout (promise P5).
/// Thread safety: both members may be called from any thread.
class model_slot {
public:
  /// Null: the signals alone.
  [[nodiscard]] model::sequence_model_ptr load() const {
    const std::lock_guard lock{guard_};
    return what_;
  }

  void store(model::sequence_model_ptr what) {
    {
      const std::lock_guard lock{guard_};
      what_.swap(what);
    }
    // What it was is freed out here, if nobody else holds it.
  }

private:
  mutable std::mutex guard_;
  model::sequence_model_ptr what_;
};

} // namespace troupe::actors
