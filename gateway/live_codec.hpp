#pragma once

#include "base/slate.hpp"
#include "gateway/error_map.hpp"
#include "gateway/json_codec.hpp"
#include "gateway/json_writer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::gateway {

/// What `welcome` says.
struct welcome_message {
  std::string_view user;
  std::string_view surface;
  bool resumed = false;
  timestamp server_time{};
  std::chrono::milliseconds idle_timeout{};
  std::size_t message_bytes_max = 0;
  std::string_view resume;
};

/// What `ack` says; what is empty is left out.
struct ack_message {
  std::string_view to; ///< empty: an event
  std::string_view event_id;
  std::string_view surface;
  std::string_view slate_id;
  std::uint64_t seq = 0;
  bool duplicate = false;
};

/// How the messages of the live protocol look on the wire: one implementation per subprotocol.
/// Writers append one whole message to `out`.
/// Thread safety: any thread, objects have no state.
class live_codec {
public:
  virtual ~live_codec() = default;

  /// Whether frames are text.
  [[nodiscard]] virtual bool text() const noexcept = 0;

  [[nodiscard]] virtual live_result read(std::string_view frame, const event_defaults& defaults,
                                         const json_limits& limits) const = 0;

  virtual void write(std::string& out, const welcome_message& what) const = 0;
  virtual void write(std::string& out, const ack_message& what) const = 0;
  virtual void write(std::string& out, const problem& what, std::string_view to,
                     std::string_view event_id) const = 0;
  virtual void write_pong(std::string& out, std::string_view nonce) const = 0;
  virtual void write(std::string& out, const slate& what, slate_parts parts,
                     std::string_view resume) const = 0;
  /// `base` is what the client has.
  virtual void write_patch(std::string& out, const slate& base, const slate& what,
                           slate_parts parts, std::string_view resume) const = 0;
};

[[nodiscard]] const live_codec& json_live_codec();
[[nodiscard]] const live_codec& proto_live_codec();

/// Has what libprotobuf would print on standard error written to the log as `protobuf.message`:
/// at debug, for whoever called it gets an error and says what to do about it; a client could
/// fill the log otherwise, with a line for every frame that is not UTF-8. What it dies of goes
/// there at error. For the whole process. Thread safety: none; call it before threads start.
void route_protobuf_log();

/// For each item of `next`, its position in `base` if it stands there unchanged, else -1.
[[nodiscard]] std::vector<int> patch_positions(const slate& base, const slate& next);

} // namespace troupe::gateway
