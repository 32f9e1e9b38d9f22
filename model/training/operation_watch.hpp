#pragma once

#include <cstdint>
#include <functional>

namespace troupe::model::training {

/// While it lives, `stop` is asked before each of LibTorch's operations on this thread, the way
/// back of a gradient included: a batch takes tens of milliseconds, and whoever trains beside a
/// server wants to rest more often. Thread safety: made, asked and destroyed on one thread, where
/// there is one at a time.
class operation_watch {
public:
  /// `stop` may be empty and outlives the watch; it is not asked again once it said so.
  explicit operation_watch(const std::function<bool()>& stop);
  ~operation_watch();

  operation_watch(const operation_watch&) = delete;
  operation_watch& operator=(const operation_watch&) = delete;

  /// Asks, too.
  [[nodiscard]] bool is_stopped() const;

private:
  const std::function<bool()>& stop_;
  mutable bool is_stopped_ = false;
  std::uint64_t callback_ = 0; ///< LibTorch's handle; 0: none
};

} // namespace troupe::model::training
