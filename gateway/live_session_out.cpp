// The other half of live_session: what it writes, and how it ends.
#include "base/log.hpp"
#include "gateway/live_session.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>

namespace troupe::gateway {

namespace {

namespace websocket = beast::websocket;

constexpr std::chrono::seconds close_grace{2};
constexpr std::size_t out_capacity_kept = std::size_t{64} << 10U;

} // namespace

void live_session::send_ack(const ack_message& what) {
  if (phase_ == phase::over)
    return;
  codec_.write(answers_.emplace_back(), what);
  mark();
}

void live_session::send_error(const problem& what, std::string_view to, std::string_view event_id) {
  if (phase_ == phase::closing || phase_ == phase::over)
    return;
  worker_.shared().probe.errors_sent.add();
  // What the server cannot do at the moment is not the client's flood.
  if (what.status < 500 && !errors_.take(worker_.now())) {
    close(4000, "flood: too many messages that had to be refused");
    return;
  }
  codec_.write(answers_.emplace_back(), what, to, event_id);
  mark();
}

void live_session::push(slate_ptr what) {
  auto* state = find(what->surface);
  if (state == nullptr || phase_ == phase::closing || phase_ == phase::over)
    return;
  if (state->pending)
    worker_.shared().probe.slates_conflated.add();
  state->pending = std::move(what);
  mark();
}

void live_session::end(errc) {
  close(4005, "ended: the subscription is over");
}

void live_session::mark() {
  if (marked_ || writing_)
    return;
  marked_ = true;
  worker_.mark(weak_from_this());
}

void live_session::flush() {
  marked_ = false;
  if (!writing_ && phase_ != phase::closing && phase_ != phase::over && next_frame())
    write_frame();
}

bool live_session::next_frame() {
  out_.clear();
  written_seq_ = 0;
  if (!answers_.empty()) {
    out_.swap(answers_.front());
    answers_.pop_front();
    return true;
  }
  if (phase_ != phase::live)
    return false;
  for (auto& state : surfaces_) {
    if (!state.pending)
      continue;
    auto what = std::exchange(state.pending, nullptr);
    const auto token = make_resume_token(user_, state.name, what->id);
    if (patch_ && state.sent)
      codec_.write_patch(out_, *state.sent, *what, state.parts, token);
    else
      codec_.write(out_, *what, state.parts, token);
    written_seq_ = what->profile_seq;
    worker_.shared().probe.slates_pushed.add();
    state.sent = std::move(what);
    return true;
  }
  return false;
}

void live_session::write_frame() {
  writing_ = true;
  write_since_ = worker_.now();
  worker_.shared().probe.messages_sent.add();
  stream_.async_write(
      asio::buffer(out_),
      [self = shared_from_this()](error_code error, std::size_t) { self->on_written(error); });
}

void live_session::on_written(error_code error) {
  writing_ = false;
  write_since_.reset();
  if (error || phase_ == phase::over) {
    over();
    return;
  }
  if (written_seq_ > 0)
    note_push(written_seq_);
  if (out_.capacity() > out_capacity_kept)
    std::string{}.swap(out_);
  flush();
  read_next();
}

void live_session::note_ack(std::uint64_t seq, steady_point received) {
  worker_.shared().probe.event_to_ack.observe(
      std::chrono::duration<double>(worker_.now() - received).count());
  if (pushed_seq_ >= seq) // its slate overtook it
    worker_.shared().probe.event_to_push.observe(
        std::max(0.0, std::chrono::duration<double>(pushed_at_ - received).count()));
  else
    timed_[timed_next_++ % timed_.size()] = {seq, received};
}

void live_session::note_push(std::uint64_t profile_seq) {
  pushed_seq_ = profile_seq;
  pushed_at_ = worker_.now();
  timed_event* newest = nullptr;
  for (auto& entry : timed_)
    if (entry.seq != 0 && entry.seq <= profile_seq
        && (newest == nullptr || entry.seq > newest->seq))
      newest = &entry;
  if (newest == nullptr)
    return;
  worker_.shared().probe.event_to_push.observe(
      std::chrono::duration<double>(pushed_at_ - newest->received).count());
  for (auto& entry : timed_)
    if (entry.seq <= profile_seq)
      entry.seq = 0;
}

void live_session::on_control(websocket::frame_type kind) {
  received_ = worker_.now();
  pinged_ = false;
  if (kind == websocket::frame_type::close || controls_.take(received_))
    return;
  // Beast is in the middle of a read here: close when it is done.
  asio::post(worker_.io().get_executor(),
             [self = shared_from_this()] { self->close(4000, "flood: too many control frames"); });
}

void live_session::show_depth(std::size_t unanswered, std::size_t slates) {
  // Here and not at every message: a gauge that all threads write to costs more than a message.
  auto& probe = worker_.shared().probe;
  probe.unanswered.add(static_cast<double>(unanswered) - static_cast<double>(unanswered_shown_));
  probe.slates_waiting.add(static_cast<double>(slates) - static_cast<double>(slates_shown_));
  unanswered_shown_ = unanswered;
  slates_shown_ = slates;
}

void live_session::sweep(steady_point now) {
  const auto& limits = worker_.shared().settings.gateway;
  show_depth(unanswered_ + answers_.size(),
             static_cast<std::size_t>(
                 std::count_if(surfaces_.begin(), surfaces_.end(),
                               [](const surface_state& one) { return one.pending != nullptr; })));
  if (phase_ == phase::over)
    return;
  if (close_by_ && now >= *close_by_) {
    over();
    return;
  }
  if (phase_ == phase::closing)
    return;
  if (write_since_ && now - *write_since_ >= limits.write_timeout) {
    fail_slow();
    return;
  }
  const auto quiet = now - received_;
  if (phase_ == phase::opening && quiet >= limits.header_timeout) {
    close(4002, "no hello in time");
  } else if (quiet >= limits.idle_timeout) {
    close(4004, "idle: nothing was received");
  } else if (quiet >= limits.idle_timeout / 2 && !pinged_ && phase_ == phase::live) {
    pinged_ = true;
    stream_.async_ping({}, [self = shared_from_this()](error_code) {});
  }
}

void live_session::fail_slow() {
  // A frame is half written: a close frame cannot go between, so the connection is cut.
  worker_.shared().probe.slow_readers.add();
  close_code_ = 4003;
  error_code ignored; // with the connection goes what the kernel holds for it
  stream_.next_layer().set_option(asio::socket_base::linger{true, 0}, ignored);
  TROUPE_LOG(info, "gateway.slow_reader", "user={}", log_hash(user_.value));
  over();
}

void live_session::drain() {
  const auto grace = 1 + static_cast<unsigned>(static_cast<std::uint64_t>(id_) % 5);
  close(1001, fmt::format("draining; retry after {} s", grace));
}

void live_session::abort() {
  over();
}

void live_session::close(unsigned code, std::string_view reason) {
  if (phase_ == phase::closing || phase_ == phase::over)
    return;
  phase_ = phase::closing;
  close_code_ = code;
  close_by_ = worker_.now() + close_grace;
  answers_.clear();
  if (!stream_.is_open()) {
    over();
    return;
  }
  websocket::close_reason why;
  why.code = static_cast<std::uint16_t>(code);
  why.reason.assign(reason.data(), std::min(reason.size(), std::size_t{120}));
  stream_.async_close(why, [self = shared_from_this()](error_code) { self->over(); });
}

void live_session::over() {
  if (phase_ == phase::over)
    return;
  phase_ = phase::over;
  worker_.remove_live(id_);
  if (!surfaces_.empty()) {
    actors::unsubscribe bye{user_, id_, {}};
    worker_.actors().tell(worker_.shared().node.directory_of(user_), std::move(bye));
  }
  surfaces_.clear();
  answers_.clear();
  worker_.shared().probe.closed(close_code_);
  error_code ignored;
  auto& socket = stream_.next_layer();
  if (close_code_ != 4003)
    socket.shutdown(asio::socket_base::shutdown_both, ignored);
  socket.close(ignored);
  // In Beast 1.81 a read that finds a broken frame while a close waits for that read leaves the
  // two waiting for each other, each holding this session: they go with the stream.
  asio::post(worker_.io().get_executor(), [last = std::move(stream_)] {});
}

} // namespace troupe::gateway
