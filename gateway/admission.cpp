#include "gateway/admission.hpp"

namespace troupe::gateway {

std::optional<admission::ticket> admission::enter(const std::string& address) {
  const std::lock_guard lock{mutex_};
  if (open_ >= total_max_) {
    probe_.connections_refused.add();
    return std::nullopt;
  }
  auto& here = by_address_[address];
  if (here >= per_address_max_) {
    probe_.connections_refused_address.add();
    return std::nullopt;
  }
  ++here;
  ++open_;
  return std::make_optional<ticket>(this, address);
}

void admission::leave(const std::string& address) {
  const std::lock_guard lock{mutex_};
  if (--open_ == 0)
    emptied_.notify_all();
  const auto at = by_address_.find(address);
  if (--at->second == 0)
    by_address_.erase(at);
}

std::size_t admission::open() const {
  const std::lock_guard lock{mutex_};
  return open_;
}

void admission::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  emptied_.wait_for(lock, limit, [this] { return open_ == 0; });
}

} // namespace troupe::gateway
