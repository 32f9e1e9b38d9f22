#include "base/log.hpp"
#include "gateway/live_codec.hpp"
#include "troupe/v1/live.pb.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <cmath>
#include <limits>

namespace troupe::gateway {

namespace {

namespace pb = troupe::v1;

constexpr std::size_t positions_max = 200;
constexpr std::size_t token_bytes_max = 2048;
constexpr std::size_t nonce_bytes_max = 64;

failure wrong(std::string context) {
  return {errc::invalid_argument, std::move(context)};
}

result<std::vector<item_id>> ids_of(const google::protobuf::RepeatedPtrField<std::string>& texts,
                                    std::string_view name, std::size_t max) {
  if (static_cast<std::size_t>(texts.size()) > max)
    return wrong(fmt::format("{}: at most {} entries are allowed", name, max));
  std::vector<item_id> out;
  out.reserve(static_cast<std::size_t>(texts.size()));
  for (const auto& text : texts) {
    if (auto ok = check_id(text, name); !ok)
      return ok.error();
    out.emplace_back(text);
  }
  return out;
}

result<slate_options> options_of(const pb::SlateOptions& in, const json_limits& limits) {
  slate_options out;
  auto& how = out.request;
  if (!in.surface().empty())
    how.surface = in.surface();
  how.k = in.k();
  how.filter = in.filter();
  auto exclude = ids_of(in.exclude(), "exclude", limits.exclude_max);
  if (!exclude)
    return exclude.error();
  how.exclude = std::move(*exclude);
  auto pin = ids_of(in.pin(), "pin", limits.exclude_max);
  if (!pin)
    return pin.error();
  how.pin = std::move(*pin);
  if (in.has_diversity())
    how.diversity = in.diversity();
  if (in.has_category_cap())
    how.category_cap = in.category_cap();
  how.explain = !in.has_explain() || in.explain();
  out.properties = !in.has_properties() || in.properties();
  if (auto ok = check_slate_options(out, limits); !ok)
    return ok.error();
  return out;
}

result<client_message> hello_of(const pb::Hello& in, const json_limits& limits) {
  auto how = options_of(in.slate(), limits);
  if (!how)
    return how.error();
  if (in.resume().size() > token_bytes_max || in.api_key().size() > token_bytes_max)
    return wrong("hello: resume or api_key is too long");
  if (in.user_id().empty() && in.resume().empty())
    return wrong("hello.user_id: missing");
  if (!in.user_id().empty())
    if (auto ok = check_id(in.user_id(), "hello.user_id"); !ok)
      return ok.error();
  hello_message out;
  out.user = user_id{in.user_id()};
  out.how = std::move(*how);
  out.surface_given = !in.slate().surface().empty();
  out.patch = in.patch();
  out.resume = in.resume();
  out.api_key = in.api_key();
  return client_message{std::move(out)};
}

result<client_message> event_of(const pb::LiveEvent& in, const event_defaults& defaults,
                                const json_limits& limits) {
  event out;
  out.id.value = in.event_id().empty() && defaults.make_id ? defaults.make_id() : in.event_id();
  out.user.value = in.user_id().empty() ? std::string{defaults.user} : in.user_id();
  if (!defaults.user.empty() && out.user.value != defaults.user)
    return wrong("event.user_id: is not the user of this connection");
  out.item.value = in.item_id();
  out.type = in.type();
  if (in.has_value()) {
    if (!(std::abs(in.value()) <= static_cast<double>(std::numeric_limits<float>::max())))
      return wrong("event.value: is not a finite 32-bit number");
    out.value = static_cast<float>(in.value());
  }
  constexpr std::int64_t millis_max = std::int64_t{1} << 53;
  if (in.has_timestamp_ms() && (in.timestamp_ms() > millis_max || in.timestamp_ms() < -millis_max))
    return wrong("event.timestamp_ms: lies beyond every calendar");
  out.time = in.has_timestamp_ms() ? from_millis(in.timestamp_ms()) : defaults.now;
  out.session_id = in.session_id();
  out.slate = in.slate_id();
  if (!in.context_json().empty()) {
    auto context = parse_context(in.context_json(), limits);
    if (!context)
      return context.error();
    out.context = std::move(*context);
  }
  if (auto ok = check_event(out, defaults.now); !ok)
    return failure{ok.error().code, fmt::format("event: {}", ok.error().context)};
  return client_message{event_message{std::move(out)}};
}

result<client_message> impression_of(const pb::Impression& in) {
  impression_message out;
  if (auto ok = check_id(in.slate_id(), "impression.slate_id"); !ok)
    return ok.error();
  if (in.positions().empty() || static_cast<std::size_t>(in.positions_size()) > positions_max)
    return wrong(fmt::format("impression.positions: expected 1 to {}", positions_max));
  out.slate = slate_id{in.slate_id()};
  for (const auto position : in.positions()) {
    if (position > std::numeric_limits<std::uint16_t>::max())
      return wrong("impression.positions: expected whole numbers from 0 to 65535");
    out.positions.push_back(position);
  }
  return client_message{std::move(out)};
}

result<client_message> read_message(const pb::ClientMessage& in, const event_defaults& defaults,
                                    const json_limits& limits) {
  switch (in.message_case()) {
  case pb::ClientMessage::kHello:
    return hello_of(in.hello(), limits);
  case pb::ClientMessage::kEvent:
    return event_of(in.event(), defaults, limits);
  case pb::ClientMessage::kImpression:
    return impression_of(in.impression());
  case pb::ClientMessage::kSubscribe: {
    auto how = options_of(in.subscribe().slate(), limits);
    if (!how)
      return how.error();
    if (in.subscribe().resume().size() > token_bytes_max)
      return wrong("subscribe.resume is too long");
    return client_message{subscribe_message{std::move(*how), in.subscribe().resume()}};
  }
  case pb::ClientMessage::kUnsubscribe:
    if (auto ok = check_id(in.unsubscribe().surface(), "unsubscribe.surface"); !ok)
      return ok.error();
    return client_message{unsubscribe_message{in.unsubscribe().surface()}};
  case pb::ClientMessage::kPing:
    if (in.ping().nonce().size() > nonce_bytes_max)
      return wrong("ping.nonce is too long");
    return client_message{ping_message{in.ping().nonce()}};
  case pb::ClientMessage::MESSAGE_NOT_SET:
    break;
  }
  return wrong("expected a ClientMessage with one message set");
}

std::string_view name_of(const pb::ClientMessage& in) noexcept {
  switch (in.message_case()) {
  case pb::ClientMessage::kHello:
    return "hello";
  case pb::ClientMessage::kEvent:
    return "event";
  case pb::ClientMessage::kImpression:
    return "impression";
  case pb::ClientMessage::kSubscribe:
    return "subscribe";
  case pb::ClientMessage::kUnsubscribe:
    return "unsubscribe";
  case pb::ClientMessage::kPing:
    return "ping";
  case pb::ClientMessage::MESSAGE_NOT_SET:
    break;
  }
  return {};
}

void fill(pb::PropertyValue& out, const property_value& value) {
  if (const auto* flag = std::get_if<bool>(&value))
    out.set_boolean(*flag);
  else if (const auto* number = std::get_if<double>(&value))
    out.set_number(*number);
  else if (const auto* text = std::get_if<std::string>(&value))
    out.set_text(*text);
  else if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    for (const auto& entry : *list)
      out.mutable_list()->add_values(entry);
}

void fill(pb::Reason& out, const reason& why) {
  out.set_text(reason_text(why));
  out.set_pinned(why.pinned);
  if (!why.because_of.empty()) {
    out.mutable_because()->set_item_id(why.because_of.value);
    out.mutable_because()->set_title(why.because_title);
    out.mutable_because()->set_type(why.because_type);
  }
  for (const auto& share : why.shares) {
    auto& entry = *out.add_signals();
    entry.set_signal(std::string{to_string(share.which)});
    entry.set_contribution(share.contribution);
  }
}

void fill(pb::SlateItem& out, const slate_item& what, slate_parts parts) {
  out.set_item_id(what.what->id.value);
  out.set_score(what.score);
  if (parts.properties) {
    out.set_title(what.what->title);
    for (const auto& category : what.what->categories)
      out.add_categories(category);
    for (const auto& tag : what.what->tags)
      out.add_tags(tag);
    for (const auto& [name, value] : what.what->properties)
      fill((*out.mutable_properties())[name], value);
  }
  if (parts.reason)
    fill(*out.mutable_reason(), what.why);
}

class proto_codec final : public live_codec {
public:
  bool text() const noexcept override { return false; }

  live_result read(std::string_view frame, const event_defaults& defaults,
                   const json_limits& limits) const override {
    pb::ClientMessage in;
    if (!in.ParseFromArray(frame.data(), static_cast<int>(frame.size())))
      return live_failure{wrong("not a troupe.v1.ClientMessage"), {}, {}};
    auto out = read_message(in, defaults, limits);
    if (out)
      return std::move(*out);
    return live_failure{out.error(), std::string{name_of(in)}, in.event().event_id()};
  }

  void write(std::string& out, const welcome_message& what) const override {
    pb::ServerMessage message;
    auto& body = *message.mutable_welcome();
    body.set_user_id(std::string{what.user});
    body.set_surface(std::string{what.surface});
    body.set_resumed(what.resumed);
    body.set_server_time_ms(to_millis(what.server_time));
    body.set_idle_timeout_ms(static_cast<std::uint32_t>(what.idle_timeout.count()));
    body.set_message_bytes_max(static_cast<std::uint32_t>(what.message_bytes_max));
    body.set_resume(std::string{what.resume});
    message.AppendToString(&out);
  }

  void write(std::string& out, const ack_message& what) const override {
    pb::ServerMessage message;
    auto& body = *message.mutable_ack();
    body.set_to(std::string{what.to});
    body.set_event_id(std::string{what.event_id});
    body.set_surface(std::string{what.surface});
    body.set_slate_id(std::string{what.slate_id});
    body.set_seq(what.seq);
    body.set_duplicate(what.duplicate);
    message.AppendToString(&out);
  }

  void write(std::string& out, const problem& what, std::string_view to,
             std::string_view event_id) const override {
    pb::ServerMessage message;
    auto& body = *message.mutable_error();
    body.set_to(std::string{to});
    body.set_event_id(std::string{event_id});
    auto& why = *body.mutable_problem();
    why.set_type(fmt::format("urn:troupe:problem:{}", what.code));
    why.set_title(std::string{what.title});
    why.set_status(what.status);
    why.set_detail(is_utf8(what.detail) ? what.detail : "(not UTF-8)");
    why.set_code(std::string{what.code});
    why.set_retry_after(what.retry_after);
    message.AppendToString(&out);
  }

  void write_pong(std::string& out, std::string_view nonce) const override {
    pb::ServerMessage message;
    message.mutable_pong()->set_nonce(std::string{nonce});
    message.AppendToString(&out);
  }

  void write(std::string& out, const slate& what, slate_parts parts,
             std::string_view resume) const override {
    pb::ServerMessage message;
    auto& body = *message.mutable_slate();
    body.set_slate_id(what.id.value);
    body.set_user_id(what.user.value);
    body.set_surface(what.surface);
    body.set_profile_seq(what.profile_seq);
    body.set_model_version(what.model_version);
    body.set_partial(what.partial);
    body.set_created_ms(to_millis(what.created));
    body.set_resume(std::string{resume});
    for (const auto& entry : what.items)
      fill(*body.add_items(), entry, parts);
    message.AppendToString(&out);
  }

  void write_patch(std::string& out, const slate& base, const slate& what, slate_parts parts,
                   std::string_view resume) const override {
    pb::ServerMessage message;
    auto& body = *message.mutable_patch();
    body.set_surface(what.surface);
    body.set_base_slate_id(base.id.value);
    body.set_slate_id(what.id.value);
    body.set_profile_seq(what.profile_seq);
    body.set_model_version(what.model_version);
    body.set_partial(what.partial);
    body.set_created_ms(to_millis(what.created));
    body.set_resume(std::string{resume});
    const auto positions = patch_positions(base, what);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      auto& entry = *body.add_items();
      if (positions[i] >= 0)
        entry.set_base_position(static_cast<std::uint32_t>(positions[i]));
      else
        fill(*entry.mutable_added(), what.items[i], parts);
    }
    message.AppendToString(&out);
  }
};

void to_log(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level == google::protobuf::LOGLEVEL_FATAL)
    TROUPE_LOG(error, "protobuf.message", "text=\"{}\"", message);
  else
    TROUPE_LOG(debug, "protobuf.message", "text=\"{}\"", message);
}

} // namespace

void route_protobuf_log() {
  google::protobuf::SetLogHandler(&to_log);
}

const live_codec& proto_live_codec() {
  static const proto_codec codec;
  return codec;
}

} // namespace troupe::gateway
