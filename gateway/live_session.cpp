#include "gateway/live_session.hpp"

#include "base/log.hpp"
#include "gateway/routes.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace troupe::gateway {

namespace {

namespace websocket = beast::websocket;

constexpr double errors_per_second = 10;
constexpr double errors_burst = 100;
constexpr double controls_burst = 200;
constexpr int send_buffer_bytes = 128 << 10;
constexpr std::size_t timed_max = 64;
constexpr std::size_t in_capacity_kept = std::size_t{16} << 10U;

std::string_view view_of(const beast::flat_buffer& buffer) {
  const auto data = buffer.data();
  return {static_cast<const char*>(data.data()), data.size()};
}

} // namespace

void live_session::start(io_worker& worker, tcp_socket socket, admission::ticket place,
                         const http_request& request, bool proto, bool authorised) {
  std::make_shared<live_session>(worker, std::move(socket), std::move(place), proto, authorised)
      ->accept(request);
}

live_session::live_session(io_worker& worker, tcp_socket socket, admission::ticket place,
                           bool proto, bool authorised)
    : worker_(worker), codec_(proto ? proto_live_codec() : json_live_codec()),
      stream_(std::move(socket)), place_(std::move(place)), registered_(worker.add(this)),
      id_(worker.next_connection()),
      event_rate_(worker.shared().settings.gateway.events_per_second_max,
                  worker.shared().settings.gateway.events_burst, worker.now()),
      errors_(errors_per_second, errors_burst, worker.now()),
      controls_(errors_per_second, controls_burst, worker.now()), received_(worker.now()),
      authorised_(authorised) {
  worker_.add_live(id_, this);
  worker_.shared().probe.connections_live.add(1);
  defaults_.make_id = [&from = worker_] { return from.make_id("srv-"); };
  timed_.resize(timed_max);
}

live_session::~live_session() {
  over();
  show_depth(0, 0);
  worker_.remove(registered_);
  worker_.shared().probe.connections_live.add(-1);
}

void live_session::accept(const http_request& request) {
  const auto& limits = worker_.shared().settings.gateway;
  // The kernel would let a stalled reader's queue grow to megabytes.
  error_code ignored;
  stream_.next_layer().set_option(asio::socket_base::send_buffer_size{send_buffer_bytes}, ignored);
  stream_.read_message_max(limits.message_bytes_max);
  stream_.auto_fragment(false);
  stream_.write_buffer_bytes(64); // never used: frames are not masked or cut here
  stream_.text(codec_.text());
  // Named only to who offered it: a client fails the connection over one it does not know.
  const char* const spoken = codec_.text() ? "troupe.v1+json" : "troupe.v1+proto";
  const bool offered =
      beast::http::token_list{request[beast::http::field::sec_websocket_protocol]}.exists(spoken);
  stream_.set_option(
      websocket::stream_base::decorator([spoken, offered](websocket::response_type& answer) {
        answer.set(beast::http::field::server, "troupe");
        if (offered)
          answer.set(beast::http::field::sec_websocket_protocol, spoken);
      }));
  stream_.control_callback(
      [this](websocket::frame_type kind, beast::string_view) { on_control(kind); });
  stream_.async_accept(request, [self = shared_from_this()](error_code error) {
    if (error)
      self->over();
    else
      self->read_next();
  });
}

void live_session::read_next() {
  if (reading_ || phase_ == phase::greeting || phase_ == phase::closing || phase_ == phase::over)
    return;
  if (unanswered_ + answers_.size() >= unanswered_max) {
    worker_.shared().probe.reads_paused.add();
    return; // answered() or on_written() goes on
  }
  reading_ = true;
  stream_.async_read(
      in_, [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
}

void live_session::on_read(error_code error) {
  reading_ = false;
  if (phase_ == phase::over)
    return; // the stream is gone
  if (error) {
    if (error == websocket::error::message_too_big)
      worker_.shared().probe.message_refused.add();
    if (phase_ != phase::closing)
      close_code_ =
          error == websocket::error::closed            ? stream_.reason().code
          : error == websocket::error::message_too_big ? 1009
          : error == websocket::error::bad_frame_payload
              ? 1007
              : (error.category() == websocket::make_error_code(websocket::error::closed).category()
                     ? 1002
                     : 1006);
    over();
    return;
  }
  if (phase_ == phase::closing)
    return;
  received_ = worker_.now();
  pinged_ = false;
  worker_.shared().probe.messages_received.add();
  if (stream_.got_text() != codec_.text()) {
    close(1003, codec_.text() ? "binary frame on troupe.v1+json" : "text frame on troupe.v1+proto");
    return;
  }
  dispatch(view_of(in_));
  in_.consume(in_.size());
  if (in_.capacity() > in_capacity_kept)
    in_.shrink_to_fit();
  flush();
  read_next();
}

void live_session::dispatch(std::string_view frame) {
  defaults_.now = worker_.shared().time.now();
  defaults_.user = user_.value;
  auto read = codec_.read(frame, defaults_, worker_.shared().json);
  if (!read) {
    const auto& wrong = read.error();
    send_error(problem_of(wrong.why), wrong.to, wrong.event_id);
    return;
  }
  if (phase_ == phase::opening && !std::holds_alternative<hello_message>(*read)) {
    send_error(problem_of(http_fault::bad_request, "the first message must be hello"), {}, {});
    return;
  }
  std::visit([this](auto& what) { on_message(what); }, *read);
}

void live_session::on_message(hello_message& what) {
  if (phase_ != phase::opening) {
    send_error(problem_of(http_fault::bad_request, "hello was said already"), "hello", {});
    return;
  }
  const auto& key = worker_.shared().settings.gateway.api_key;
  if (!authorised_ && !same_secret(what.api_key, key)) {
    close(4001, "unauthenticated: hello needs api_key");
    return;
  }
  const auto point = read_resume_token(what.resume);
  if (what.user.empty() && !point) {
    send_error(
        problem_of(http_fault::bad_request, "hello.user_id: missing, and resume is no token"),
        "hello", {});
    return;
  }
  if (what.user.empty())
    what.user = point->user;
  if (!what.surface_given && point && point->user == what.user)
    what.how.request.surface = point->surface;
  user_ = what.user;
  patch_ = what.patch;
  phase_ = phase::greeting;
  subscribe(std::move(what.how), what.resume, true);
}

void live_session::subscribe(slate_options how, std::string_view resume, bool greeting) {
  auto* state = find(how.request.surface);
  if (state == nullptr) {
    if (surfaces_.size() >= worker_.shared().settings.users.surfaces_max) {
      worker_.shared().probe.surfaces_refused.add();
      send_error(problem_of(failure{errc::overloaded, "this connection has too many surfaces"}),
                 greeting ? "hello" : "subscribe", {});
      return;
    }
    state = &surfaces_.emplace_back();
    state->name = how.request.surface;
  }
  state->parts = {how.properties, how.request.explain};
  state->pending.reset();
  state->sent.reset();
  state->skip.reset();
  if (auto point = read_resume_token(resume);
      point && point->user == user_ && point->surface == state->name && !point->slate.empty())
    state->skip = std::move(point->slate);
  ++unanswered_;
  actors::subscribe ask{user_, id_, worker_.sink(), std::move(how.request),
                        state->skip.value_or(slate_id{})};
  worker_.actors().ask<slate_ptr>(
      worker_.shared().node.directory_of(user_), std::move(ask), worker_.now(),
      [self = shared_from_this(), surface = state->name, greeting](
          const result<slate_ptr>& answer) { self->on_subscribed(surface, greeting, answer); });
}

void live_session::on_subscribed(const std::string& surface, bool greeting,
                                 const result<slate_ptr>& answer) {
  answered();
  if (phase_ == phase::closing || phase_ == phase::over)
    return;
  if (!answer) {
    std::erase_if(surfaces_, [&](const surface_state& s) { return s.name == surface; });
    if (greeting)
      phase_ = phase::opening;
    send_error(problem_of(answer.error()), greeting ? "hello" : "subscribe", {});
    mark();
    read_next();
    return;
  }
  auto* state = find(surface);
  if (state == nullptr)
    return; // unsubscribed in the meantime
  const bool resumed = state->skip && *answer && state->skip == (*answer)->id;
  if (greeting) {
    phase_ = phase::live;
    welcome(*state, resumed);
  } else {
    ack_message ack;
    ack.to = "subscribe";
    ack.surface = surface;
    send_ack(ack);
  }
  if (resumed)
    state->sent = *answer;
  else if (*answer)
    push(*answer);
  state->skip.reset();
  mark();
  read_next();
}

void live_session::welcome(const surface_state& surface, bool resumed) {
  const auto& limits = worker_.shared().settings.gateway;
  const auto token =
      make_resume_token(user_, surface.name, resumed && surface.skip ? *surface.skip : slate_id{});
  welcome_message what;
  what.user = user_.value;
  what.surface = surface.name;
  what.resumed = resumed;
  what.server_time = worker_.shared().time.now();
  what.idle_timeout = limits.idle_timeout;
  what.message_bytes_max = limits.message_bytes_max;
  what.resume = token;
  codec_.write(answers_.emplace_back(), what);
}

void live_session::on_message(event_message& what) {
  const auto received = received_;
  if (!event_rate_.take(received)) {
    worker_.shared().probe.events_rate_refused.add();
    send_error(problem_of(http_fault::rate_limited, "events come too fast"), "event",
               what.what.id.value);
    return;
  }
  worker_.shared().probe.events.add();
  ++unanswered_;
  actors::ingest ask{std::move(what.what)};
  std::string event_id = ask.what.id.value;
  worker_.actors().ask<actors::ingest_ack>(
      worker_.shared().node.directory_of(user_), std::move(ask), received,
      [self = shared_from_this(), event_id = std::move(event_id),
       received](result<actors::ingest_ack> answer) {
        self->answered();
        if (answer) {
          if (!answer->duplicate)
            self->note_ack(answer->seq, received);
          ack_message ack;
          ack.event_id = event_id;
          ack.seq = answer->seq;
          ack.duplicate = answer->duplicate;
          self->send_ack(ack);
        } else {
          self->send_error(problem_of(answer.error()), "event", event_id);
        }
        self->read_next();
      });
}

void live_session::on_message(impression_message& what) {
  ++unanswered_;
  std::string slate = what.slate.value;
  actors::record_impression ask{user_, std::move(what.slate), std::move(what.positions)};
  worker_.actors().ask<actors::ingest_ack>(
      worker_.shared().node.directory_of(user_), std::move(ask), received_,
      [self = shared_from_this(), slate = std::move(slate)](result<actors::ingest_ack> answer) {
        self->answered();
        if (answer) {
          ack_message ack;
          ack.to = "impression";
          ack.slate_id = slate;
          ack.seq = answer->seq;
          self->send_ack(ack);
        } else {
          self->send_error(problem_of(answer.error()), "impression", {});
        }
        self->read_next();
      });
}

void live_session::on_message(subscribe_message& what) {
  subscribe(std::move(what.how), what.resume, false);
}

void live_session::on_message(unsubscribe_message& what) {
  std::erase_if(surfaces_, [&](const surface_state& s) { return s.name == what.surface; });
  ++unanswered_;
  std::string surface = what.surface;
  actors::unsubscribe ask{user_, id_, std::move(what.surface)};
  worker_.actors().ask<actors::done>(
      worker_.shared().node.directory_of(user_), std::move(ask), received_,
      [self = shared_from_this(),
       surface = std::move(surface)](const result<actors::done>& answer) {
        self->answered();
        ack_message ack;
        ack.to = "unsubscribe";
        ack.surface = surface;
        if (answer)
          self->send_ack(ack);
        else
          self->send_error(problem_of(answer.error()), "unsubscribe", {});
        self->read_next();
      });
}

void live_session::on_message(ping_message& what) {
  codec_.write_pong(answers_.emplace_back(), what.nonce);
}

live_session::surface_state* live_session::find(std::string_view surface) noexcept {
  for (auto& state : surfaces_)
    if (state.name == surface)
      return &state;
  return nullptr;
}

void live_session::answered() {
  --unanswered_;
}

} // namespace troupe::gateway
