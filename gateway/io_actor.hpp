#pragma once

#include "actors/interfaces.hpp"
#include "gateway/asio_types.hpp"
#include "gateway/error_map.hpp"
#include "gateway/io_execution_unit.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

namespace troupe::gateway {

/// Where a gateway thread meets the actors: one per io_context, the only such place. It is an
/// actor whose scheduler is the io_context. What actors send (answers and pushes) goes to a
/// lock-free inbox and is handled on the gateway's thread, many messages a wake-up; what the
/// gateway asks is sent from there, and wakes actors there (io_execution_unit). No thread ever
/// waits for the other.
///
/// Requests bypass CAF's response handlers, because in 0.17.6 the timer of an answered request
/// is kept until it expires; deadlines are a queue here, checked by `expire`.
/// Thread safety: only `enqueue` may be called from any thread.
class io_actor final : public actors::push_sink_actor::base {
public:
  using base = actors::push_sink_actor::base;
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    std::size_t in_flight_max = 1024;
    std::chrono::milliseconds timeout{2000};
  };

  io_actor(caf::actor_config& config, std::shared_ptr<asio::io_context> io, options how);

  const char* name() const override { return "gateway-io"; }

  /// Where pushes are handled; set before the first subscription.
  std::function<void(actors::push_slate&)> on_slate;
  std::function<void(const actors::push_end&)> on_end;
  /// Called when a wake-up's messages have all been handled.
  std::function<void()> on_idle;

  void launch(caf::execution_unit* unit, bool lazy, bool hide) override;

  using base::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* unit) override;
  void enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message content,
               caf::execution_unit* unit) override;

  /// Asks `whom`; `then(result<Reply>)` is called once, on this thread and never from within
  /// this call. Errors: overloaded at `in_flight_max`, timeout, unavailable, or the actor's.
  template <class Reply, class Handle, class Request, class Then>
  void ask(const Handle& whom, Request what, time_point now, Then then) {
    if (!whom || closed_ || waiting_.size() >= options_.in_flight_max) {
      auto why = refusal();
      asio::post(io_->get_executor(), [then = std::move(then), why = std::move(why)]() mutable {
        then(result<Reply>{std::move(why)});
      });
      return;
    }
    const auto id = new_request_id(caf::message_priority::normal);
    const auto key = id.response_id().integer_value();
    waiting_.emplace(key, std::make_unique<waiter<Reply, Then>>(std::move(then)));
    deadlines_.push_back({now + options_.timeout, key});
    caf::actor_cast<caf::abstract_actor*>(whom)->eq_impl(id, caf::strong_actor_ptr{ctrl()}, &unit_,
                                                         std::move(what));
  }

  /// The same for coroutines: `auto answer = co_await bridge.ask<R>(whom, what, now)`.
  template <class Reply, class Handle, class Request>
  awaitable<result<Reply>> ask(Handle whom, Request what, time_point now) {
    constexpr auto token = asio::use_awaitable_t<executor>{};
    co_return co_await asio::async_initiate<decltype(token), void(result<Reply>)>(
        [this, now](auto handler, Handle to, Request request) {
          this->template ask<Reply>(to, std::move(request), now, std::move(handler));
        },
        token, std::move(whom), std::move(what));
  }

  /// Sends without waiting for what the answer is.
  template <class Handle, class Request>
  void tell(const Handle& whom, Request what) {
    if (whom && !closed_)
      caf::actor_cast<caf::abstract_actor*>(whom)->eq_impl(caf::make_message_id(), nullptr, &unit_,
                                                           std::move(what));
  }

  /// Fails requests whose deadline has passed.
  void expire(time_point now);

  /// Fails every request, and takes no more.
  void close();

  [[nodiscard]] std::size_t in_flight() const noexcept { return waiting_.size(); }

  /// Requests refused at `in_flight_max` so far.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

  /// Requests failed at their deadline so far.
  [[nodiscard]] std::uint64_t expired() const noexcept { return expired_; }

protected:
  behavior_type make_behavior() override;

private:
  struct waiter_base {
    virtual ~waiter_base() = default;
    virtual void answer(caf::type_erased_tuple& content) = 0;
    virtual void fail(failure why) = 0;
  };

  template <class Reply, class Then>
  struct waiter final : waiter_base {
    explicit waiter(Then&& what) : then(std::move(what)) {}

    void answer(caf::type_erased_tuple& content) override {
      if (content.match_elements<Reply>())
        std::move(then)(result<Reply>{content.get_as<Reply>(0)});
      else if (content.match_elements<caf::error>())
        fail(failure_of(content.get_as<caf::error>(0)));
      else
        fail({errc::internal, "an answer of the wrong type"});
    }

    void fail(failure why) override { std::move(then)(result<Reply>{std::move(why)}); }

    Then then;
  };

  struct deadline {
    time_point at;
    std::uint64_t key;
  };

  failure refusal();
  void drain();
  void handle(caf::mailbox_element& what);
  std::unique_ptr<waiter_base> take(std::uint64_t key);

  std::shared_ptr<asio::io_context> io_;
  options options_;
  io_execution_unit unit_;
  std::unordered_map<std::uint64_t, std::unique_ptr<waiter_base>> waiting_;
  std::deque<deadline> deadlines_; ///< in order, for all have the same timeout
  std::uint64_t refused_ = 0;
  std::uint64_t expired_ = 0;
  bool closed_ = false;
  std::atomic<caf::mailbox_element*> inbox_{nullptr}; ///< newest first
};

} // namespace troupe::gateway
