#pragma once

#include "gateway/http_session.hpp"
#include "gateway/io_worker.hpp"
#include "gateway/live_codec.hpp"
#include "gateway/resume_token.hpp"
#include "gateway/token_bucket.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::gateway {

/// One WebSocket connection of the live protocol (docs/protocol.md, section 3). Reads one message
/// at a time, asks the actors, writes answers in the order they come, and for each surface
/// at most the newest slate (promise P4). What it holds is bounded: one message being read, one
/// being written, `unanswered_max` answers, one slate a surface.
class live_session final : public connection, public std::enable_shared_from_this<live_session> {
public:
  /// Takes the connection over; `request` is the handshake.
  static void start(io_worker& worker, tcp_socket socket, admission::ticket place,
                    const http_request& request, bool proto, bool authorised);

  live_session(io_worker& worker, tcp_socket socket, admission::ticket place, bool proto,
               bool authorised);
  ~live_session() override;

  void push(slate_ptr what);
  void end(errc why);
  /// Writes what has been collected.
  void flush();

  void sweep(steady_point now) override;
  void drain() override;
  void abort() override;

private:
  enum class phase { opening, greeting, live, closing, over };

  struct surface_state {
    std::string name;
    slate_parts parts;
    slate_ptr pending;            ///< newest one not written yet
    slate_ptr sent;               ///< what the client has
    std::optional<slate_id> skip; ///< what a resuming client has already
  };

  /// An event whose slate is being waited for, for the latency metric.
  struct timed_event {
    std::uint64_t seq = 0; ///< 0: not acknowledged yet
    steady_point received{};
  };

  void accept(const http_request& request);
  void read_next();
  void on_read(error_code error);
  void dispatch(std::string_view frame);
  void on_message(hello_message& what);
  void on_message(event_message& what);
  void on_message(impression_message& what);
  void on_message(subscribe_message& what);
  void on_message(unsubscribe_message& what);
  void on_message(ping_message& what);
  void subscribe(slate_options how, std::string_view resume, bool greeting);
  void on_subscribed(const std::string& surface, bool greeting, const result<slate_ptr>& answer);
  void welcome(const surface_state& surface, bool resumed);

  void send_ack(const ack_message& what);
  void send_error(const problem& what, std::string_view to, std::string_view event_id);
  void answered();
  void show_depth(std::size_t unanswered, std::size_t slates);
  void mark();
  void write_frame();
  void on_written(error_code error);
  bool next_frame();
  void note_push(std::uint64_t profile_seq);
  void note_ack(std::uint64_t seq, steady_point received);

  void on_control(beast::websocket::frame_type kind);
  void close(unsigned code, std::string_view reason);
  void fail_slow();
  void over();
  surface_state* find(std::string_view surface) noexcept;

  io_worker& worker_;
  const live_codec& codec_;
  beast::websocket::stream<tcp_socket, false> stream_;
  admission::ticket place_;
  std::list<connection*>::iterator registered_;
  const actors::connection_id id_;
  beast::flat_buffer in_;
  std::string out_;                 ///< the frame being written
  std::deque<std::string> answers_; ///< frames to be written, before slates
  std::vector<surface_state> surfaces_;
  std::vector<timed_event> timed_;
  std::size_t timed_next_ = 0;
  user_id user_;
  event_defaults defaults_;
  token_bucket event_rate_;
  token_bucket errors_;
  token_bucket controls_;
  steady_point received_;                   ///< when the last bytes came
  std::optional<steady_point> write_since_; ///< when the write under way began
  std::optional<steady_point> close_by_;
  std::uint64_t pushed_seq_ = 0; ///< profile_seq of the last slate written
  steady_point pushed_at_{};
  std::uint64_t written_seq_ = 0; ///< profile_seq of the slate being written; 0: none
  std::size_t unanswered_ = 0;
  std::size_t unanswered_shown_ = 0; ///< of this connection in the gauge, and slates likewise
  std::size_t slates_shown_ = 0;
  phase phase_ = phase::opening;
  bool patch_ = false;
  bool authorised_;
  bool reading_ = false;
  bool writing_ = false;
  bool marked_ = false;
  bool pinged_ = false;
  unsigned close_code_ = 1006;
};

} // namespace troupe::gateway
