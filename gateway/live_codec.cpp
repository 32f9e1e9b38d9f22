#include "gateway/live_codec.hpp"

namespace troupe::gateway {

namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{')
    out += ',';
  out += '"';
  out += name;
  out += R"(":)";
  append_text(out, value);
}

void append_optional(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty())
    append_field(out, name, value);
}

class json_codec final : public live_codec {
public:
  bool text() const noexcept override { return true; }

  live_result read(std::string_view frame, const event_defaults& defaults,
                   const json_limits& limits) const override {
    return parse_live_json(frame, defaults, limits);
  }

  void write(std::string& out, const welcome_message& what) const override {
    out += R"({"welcome":{)";
    append_field(out, "user_id", what.user);
    append_field(out, "surface", what.surface);
    out +=
        what.resumed ? R"(,"resumed":true,"server_time":)" : R"(,"resumed":false,"server_time":)";
    append_time(out, what.server_time);
    out += R"(,"idle_timeout_ms":)";
    append_number(out, std::int64_t{what.idle_timeout.count()});
    out += R"(,"message_bytes_max":)";
    append_number(out, std::uint64_t{what.message_bytes_max});
    append_field(out, "resume", what.resume);
    out += "}}";
  }

  void write(std::string& out, const ack_message& what) const override {
    out += R"({"ack":{)";
    append_optional(out, "to", what.to);
    append_optional(out, "event_id", what.event_id);
    append_optional(out, "surface", what.surface);
    append_optional(out, "slate_id", what.slate_id);
    if (what.seq > 0) {
      out += R"(,"seq":)";
      append_number(out, what.seq);
    }
    if (what.to.empty())
      out += what.duplicate ? R"(,"duplicate":true)" : R"(,"duplicate":false)";
    out += "}}";
  }

  void write(std::string& out, const problem& what, std::string_view to,
             std::string_view event_id) const override {
    out += R"({"error":{)";
    append_optional(out, "to", to);
    append_optional(out, "event_id", event_id);
    out += out.back() == '{' ? R"("problem":)" : R"(,"problem":)";
    append_json(out, what, {});
    out += "}}";
  }

  void write_pong(std::string& out, std::string_view nonce) const override {
    out += R"({"pong":{)";
    append_optional(out, "nonce", nonce);
    out += "}}";
  }

  void write(std::string& out, const slate& what, slate_parts parts,
             std::string_view resume) const override {
    out += R"({"slate":)";
    append_json(out, what, parts, resume);
    out += '}';
  }

  void write_patch(std::string& out, const slate& base, const slate& what, slate_parts parts,
                   std::string_view resume) const override {
    out += R"({"patch":{)";
    append_field(out, "surface", what.surface);
    append_field(out, "base_slate_id", base.id.value);
    append_field(out, "slate_id", what.id.value);
    out += R"(,"profile_seq":)";
    append_number(out, what.profile_seq);
    out += R"(,"model_version":)";
    append_number(out, what.model_version);
    out += what.partial ? R"(,"partial":true,"created_at":)" : R"(,"partial":false,"created_at":)";
    append_time(out, what.created);
    append_field(out, "resume", resume);
    out += R"(,"items":[)";
    const auto positions = patch_positions(base, what);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (i > 0)
        out += ',';
      if (positions[i] >= 0)
        append_number(out, std::int64_t{positions[i]});
      else
        append_json(out, what.items[i], parts);
    }
    out += "]}}";
  }
};

} // namespace

const live_codec& json_live_codec() {
  static const json_codec codec;
  return codec;
}

std::vector<int> patch_positions(const slate& base, const slate& next) {
  std::vector<int> out(next.items.size(), -1);
  for (std::size_t i = 0; i < next.items.size(); ++i)
    for (std::size_t j = 0; j < base.items.size(); ++j)
      if (next.items[i].what == base.items[j].what) {
        out[i] = static_cast<int>(j);
        break;
      }
  return out;
}

} // namespace troupe::gateway
