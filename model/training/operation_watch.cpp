#include "model/training/operation_watch.hpp"

#include <ATen/record_function.h>

#include <memory>

namespace troupe::model::training {

namespace {

thread_local const operation_watch* watching = nullptr; // LibTorch takes a function, no closure

std::unique_ptr<at::ObserverContext> before_operation(const at::RecordFunction& /*which*/) {
  if (watching != nullptr)
    static_cast<void>(watching->is_stopped());
  return nullptr;
}

} // namespace

operation_watch::operation_watch(const std::function<bool()>& stop) : stop_(stop) {
  if (!stop_)
    return;
  watching = this;
  callback_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback{before_operation}.scopes({at::RecordScope::FUNCTION}));
}

operation_watch::~operation_watch() {
  if (callback_ == 0)
    return;
  at::removeCallback(callback_);
  watching = nullptr;
}

bool operation_watch::is_stopped() const {
  if (stop_ && !is_stopped_)
    is_stopped_ = stop_();
  return is_stopped_;
}

} // namespace troupe::model::training
