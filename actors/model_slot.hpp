#pragma once

#include "model/blend_learner.hpp"
#include "model/sequence_model.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace troupe::actors {

/// What one slate is made with.
struct serving_model {
  model::sequence_model_ptr encoder;                ///< null: the signals alone
  std::shared_ptr<const model::learnt_blend> blend; ///< null: as configured
};

/// What slates are made with from now on: the version of the model is set by the model registry,
/// the blend by the blend learner. A session reads both at once for each slate, which then uses
/// these throughout (promise P5).
/// Thread safety: all members may be called from any thread.
class model_slot {
public:
  [[nodiscard]] serving_model load() const {
    const std::lock_guard lock{guard_};
    return what_;
  }

  void store(model::sequence_model_ptr what) {
    {
      const std::lock_guard lock{guard_};
      what_.encoder.swap(what);
    }
    // What it was is freed out here, if nobody else holds it.
  }

  void store_blend(std::shared_ptr<const model::learnt_blend> what) {
    const std::lock_guard lock{guard_};
    what_.blend.swap(what);
  }

private:
  mutable std::mutex guard_;
  serving_model what_;
};

} // namespace troupe::actors
