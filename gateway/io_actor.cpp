#include "gateway/io_actor.hpp"

#include <caf/detail/sync_request_bouncer.hpp>

namespace troupe::gateway {

io_actor::io_actor(caf::actor_config& config, std::shared_ptr<asio::io_context> io, options how)
    : base(config), io_(std::move(io)), options_(how), unit_(system(), [this] {
        asio::post(io_->get_executor(),
                   [this, keep = caf::strong_actor_ptr{ctrl()}] { unit_.turn(); });
      }) {}

void io_actor::launch(caf::execution_unit*, bool, bool hide) {
  if (!hide)
    register_at_system();
  context(&unit_);
  initialize();
}

io_actor::behavior_type io_actor::make_behavior() {
  return {[this](actors::push_slate& what) { on_slate(what); },
          [this](const actors::push_end& what) { on_end(what); }};
}

void io_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  auto* raw = what.release();
  auto* head = inbox_.load(std::memory_order_relaxed);
  do
    raw->next = head;
  while (!inbox_.compare_exchange_weak(head, raw, std::memory_order_release,
                                       std::memory_order_relaxed));
  if (head == nullptr) // the first one of a batch wakes the thread
    asio::post(io_->get_executor(), [this, keep = caf::strong_actor_ptr{ctrl()}] { drain(); });
}

void io_actor::enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message content,
                       caf::execution_unit* unit) {
  enqueue(caf::make_mailbox_element(std::move(from), id, {}, std::move(content)), unit);
}

void io_actor::drain() {
  auto* newest = inbox_.exchange(nullptr, std::memory_order_acquire);
  caf::mailbox_element* oldest = nullptr;
  while (newest != nullptr) {
    auto* next = static_cast<caf::mailbox_element*>(newest->next);
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    caf::mailbox_element_ptr what{oldest};
    oldest = static_cast<caf::mailbox_element*>(oldest->next);
    what->next = nullptr;
    handle(*what);
  }
  if (on_idle)
    on_idle();
}

void io_actor::handle(caf::mailbox_element& what) {
  auto& content = what.content();
  if (what.mid.is_response()) {
    if (const auto found = take(what.mid.integer_value()))
      found->answer(content);
    return;
  }
  if (!closed_ && content.match_elements<actors::push_slate>()) {
    auto push = content.get_as<actors::push_slate>(0);
    on_slate(push);
    return;
  }
  if (!closed_ && content.match_elements<actors::push_end>()) {
    on_end(content.get_as<actors::push_end>(0));
    return;
  }
  if (getf(is_terminated_flag)) {
    if (what.mid.is_request()) {
      caf::detail::sync_request_bouncer bounce{caf::exit_reason::user_shutdown};
      bounce(what);
    }
    return;
  }
  (void)activate(&unit_, what);
}

std::unique_ptr<io_actor::waiter_base> io_actor::take(std::uint64_t key) {
  const auto at = waiting_.find(key);
  if (at == waiting_.end())
    return nullptr; // it came after its deadline
  auto out = std::move(at->second);
  waiting_.erase(at);
  return out;
}

failure io_actor::refusal() {
  if (closed_)
    return {errc::unavailable, "the server is going down"};
  if (waiting_.size() < options_.in_flight_max)
    return {errc::unavailable, "the part that answers this is not there"};
  ++refused_;
  return {errc::overloaded, "too many requests are being worked on"};
}

void io_actor::expire(time_point now) {
  while (!deadlines_.empty() && deadlines_.front().at <= now) {
    const auto key = deadlines_.front().key;
    deadlines_.pop_front();
    if (const auto found = take(key)) {
      ++expired_;
      found->fail({errc::timeout, "no answer in time"});
    }
  }
}

void io_actor::close() {
  closed_ = true;
  deadlines_.clear();
  while (!waiting_.empty())
    if (const auto found = take(waiting_.begin()->first))
      found->fail({errc::unavailable, "the server is going down"});
  unit_.close();
  quit();
}

} // namespace troupe::gateway
