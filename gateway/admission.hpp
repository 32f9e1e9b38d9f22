#pragma once

#include "gateway/gateway_probe.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace troupe::gateway {

/// Counts open connections against the limits, over all threads.
/// Thread safety: any thread.
class admission {
public:
  admission(std::size_t total_max, std::size_t per_address_max, gateway_probe& probe)
      : total_max_(total_max), per_address_max_(per_address_max), probe_(probe) {}

  /// Holds a connection's place until it goes.
  class ticket {
  public:
    ticket() = default;

    ticket(admission* from, std::string address) : from_(from), address_(std::move(address)) {}

    ticket(ticket&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), address_(std::move(other.address_)) {}

    ticket& operator=(ticket&& other) noexcept {
      std::swap(from_, other.from_);
      std::swap(address_, other.address_);
      return *this;
    }

    ~ticket() {
      if (from_ != nullptr)
        from_->leave(address_);
    }

  private:
    admission* from_ = nullptr;
    std::string address_;
  };

  /// A place for a connection from `address`; nothing if a limit is reached.
  [[nodiscard]] std::optional<ticket> enter(const std::string& address);

  [[nodiscard]] std::size_t open() const;

  /// Blocks until no connection is open, or `limit` has passed.
  void wait_until_empty(std::chrono::milliseconds limit);

private:
  void leave(const std::string& address);

  const std::size_t total_max_;
  const std::size_t per_address_max_;
  gateway_probe& probe_;
  mutable std::mutex mutex_; ///< guards what follows; taken when a connection comes or goes
  std::condition_variable emptied_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, std::size_t> by_address_;
};

} // namespace troupe::gateway
