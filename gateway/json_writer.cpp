#include "gateway/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace troupe::gateway {

namespace {

bool needs_escape(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20U || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    out += "\\u00";
    out += hex[static_cast<unsigned char>(c) >> 4U];
    out += hex[static_cast<unsigned char>(c) & 0xfU];
  }
}

template <class Number>
void append_chars(std::string& out, Number number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

void append_scientific(std::string& out, double number) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific)
          .ptr;
  out.append(text.data(), end);
}

template <class Value, class Append>
void append_array(std::string& out, const std::vector<Value>& values, Append append) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0)
      out += ',';
    append(out, values[i]);
  }
  out += ']';
}

void append_numbers(std::string& out, const std::vector<float>& values) {
  append_array(out, values, [](std::string& to, float value) { append_number(to, value); });
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  append_array(out, texts, [](std::string& to, const std::string& text) { append_text(to, text); });
}

void append_time_or_null(std::string& out, timestamp time) {
  if (time == timestamp{})
    out += "null";
  else
    append_time(out, time);
}

/// The verb of "Because you ... X", for the event types people know.
std::string_view verb_of(std::string_view type) noexcept {
  struct verb {
    std::string_view type;
    std::string_view text;
  };

  constexpr std::array<verb, 6> verbs{{{"rating", "rated"},
                                       {"like", "liked"},
                                       {"purchase", "bought"},
                                       {"click", "looked at"},
                                       {"view", "viewed"},
                                       {"play", "played"}}};
  for (const auto& known : verbs)
    if (known.type == type)
      return known.text;
  return "chose";
}

void append_signal_text(std::string& out, const reason& why) {
  const auto top = why.shares.empty() ? signal::popularity : why.shares.front().which;
  switch (top) {
  case signal::co_occurrence:
    out += "Goes with what you chose";
    return;
  case signal::popularity:
    out += "Popular now";
    return;
  case signal::content:
    out += "Like what you enjoy";
    return;
  case signal::novelty:
    out += "New here";
    return;
  case signal::sequence:
    out += "Fits your visit";
    return;
  }
}

void append_reason_text(std::string& out, const reason& why) {
  if (why.pinned) {
    out += "Picked by hand";
  } else if (!why.because_of.empty()) {
    out += "Because you ";
    out += verb_of(why.because_type);
    out += ' ';
    out += why.because_title.empty() ? why.because_of.value : why.because_title;
  } else {
    append_signal_text(out, why);
  }
}

void append_reason(std::string& out, const reason& why) {
  thread_local std::string text;
  text.clear();
  append_reason_text(text, why);
  out += R"({"text":)";
  append_text(out, text);
  out += why.pinned ? R"(,"pinned":true)" : R"(,"pinned":false)";
  if (!why.because_of.empty()) {
    out += R"(,"because":{"item_id":)";
    append_text(out, why.because_of.value);
    if (!why.because_title.empty()) {
      out += R"(,"title":)";
      append_text(out, why.because_title);
    }
    if (!why.because_type.empty()) {
      out += R"(,"type":)";
      append_text(out, why.because_type);
    }
    out += '}';
  }
  out += R"(,"signals":[)";
  for (std::size_t i = 0; i < why.shares.size(); ++i) {
    out += i > 0 ? R"(,{"signal":")" : R"({"signal":")";
    out += to_string(why.shares[i].which);
    out += R"(","contribution":)";
    append_number(out, why.shares[i].contribution);
    out += '}';
  }
  out += "]}";
}

void append_event_fields(std::string& out, const event& what) {
  if (!what.id.empty()) {
    out += R"("event_id":)";
    append_text(out, what.id.value);
    out += ',';
  }
  out += R"("user_id":)";
  append_text(out, what.user.value);
  out += R"(,"item_id":)";
  append_text(out, what.item.value);
  out += R"(,"type":)";
  append_text(out, what.type);
  if (what.value) {
    out += R"(,"value":)";
    append_number(out, *what.value);
  }
  out += R"(,"timestamp":)";
  append_time(out, what.time);
  if (!what.session_id.empty()) {
    out += R"(,"session_id":)";
    append_text(out, what.session_id);
  }
  if (!what.slate.empty()) {
    out += R"(,"slate_id":)";
    append_text(out, what.slate);
  }
  if (!what.context.empty()) {
    out += R"(,"context":)";
    out += what.context; // JSON already
  }
}

void append_user_fields(std::string& out, const actors::profile_view& who) {
  out += R"({"user_id":)";
  append_text(out, who.user.value);
  out += R"(,"seq":)";
  append_number(out, who.seq);
  out += R"(,"properties":)";
  append_json(out, who.properties);
  out += R"(,"first_event_at":)";
  append_time_or_null(out, who.first_event);
  out += R"(,"last_event_at":)";
  append_time_or_null(out, who.last_event);
}

} // namespace

void append_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape(text[i]))
      continue;
    out.append(text.data() + begin, i - begin);
    append_escaped(out, text[i]);
    begin = i + 1;
  }
  out.append(text.data() + begin, text.size() - begin);
  out += '"';
}

void append_number(std::string& out, double number) {
  // Digits without a point or an exponent are an integer to a reader, ours too, and one beyond
  // 64 bits is none.
  constexpr double integer_end = 9223372036854775808.0; // 2^63
  if (!std::isfinite(number))
    out += "null"; // JSON has no such number; readers of ours refuse them on the way in
  else if (std::abs(number) < integer_end)
    append_chars(out, number);
  else
    append_scientific(out, number);
}

void append_number(std::string& out, float number) {
  if (std::isfinite(number))
    append_chars(out, number);
  else
    out += "null";
}

void append_number(std::string& out, std::uint64_t number) {
  append_chars(out, number);
}

void append_number(std::string& out, std::int64_t number) {
  append_chars(out, number);
}

void append_json(std::string& out, const property_value& value) {
  if (const auto* flag = std::get_if<bool>(&value))
    out += *flag ? "true" : "false";
  else if (const auto* number = std::get_if<double>(&value))
    append_number(out, *number);
  else if (const auto* text = std::get_if<std::string>(&value))
    append_text(out, *text);
  else if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    append_texts(out, *list);
}

void append_json(std::string& out, const std::map<std::string, property_value>& properties) {
  out += '{';
  bool first = true;
  for (const auto& [name, value] : properties) {
    if (!first)
      out += ',';
    first = false;
    append_text(out, name);
    out += ':';
    append_json(out, value);
  }
  out += '}';
}

void append_json(std::string& out, const item& what, item_parts parts) {
  out += R"({"item_id":)";
  append_text(out, what.id.value);
  out += R"(,"title":)";
  append_text(out, what.title);
  out += R"(,"categories":)";
  append_texts(out, what.categories);
  out += R"(,"tags":)";
  append_texts(out, what.tags);
  out += R"(,"properties":)";
  append_json(out, what.properties);
  out += what.hidden ? R"(,"hidden":true)" : R"(,"hidden":false)";
  out += R"(,"created_at":)";
  append_time(out, what.created);
  out += R"(,"updated_at":)";
  append_time(out, what.updated);
  if (parts.vector && !what.vector.empty()) {
    out += R"(,"vector":)";
    append_numbers(out, what.vector);
  }
  out += '}';
}

void append_json(std::string& out, const event& what) {
  out += '{';
  append_event_fields(out, what);
  out += '}';
}

void append_json(std::string& out, const stored_event& what) {
  out += '{';
  append_event_fields(out, what.what);
  out += R"(,"seq":)";
  append_number(out, what.seq);
  out += R"(,"received_at":)";
  append_time(out, what.received);
  out += '}';
}

void append_json(std::string& out, const slate_item& what, slate_parts parts) {
  out += R"({"item_id":)";
  append_text(out, what.what->id.value);
  out += R"(,"score":)";
  append_number(out, what.score);
  if (parts.properties) {
    out += R"(,"title":)";
    append_text(out, what.what->title);
    out += R"(,"categories":)";
    append_texts(out, what.what->categories);
    if (!what.what->tags.empty()) {
      out += R"(,"tags":)";
      append_texts(out, what.what->tags);
    }
    if (!what.what->properties.empty()) {
      out += R"(,"properties":)";
      append_json(out, what.what->properties);
    }
  }
  if (parts.reason) {
    out += R"(,"reason":)";
    append_reason(out, what.why);
  }
  out += '}';
}

void append_json(std::string& out, const slate& what, slate_parts parts, std::string_view resume) {
  out += R"({"slate_id":)";
  append_text(out, what.id.value);
  out += R"(,"user_id":)";
  append_text(out, what.user.value);
  out += R"(,"surface":)";
  append_text(out, what.surface);
  out += R"(,"profile_seq":)";
  append_number(out, what.profile_seq);
  out += R"(,"model_version":)";
  append_number(out, what.model_version);
  out += what.partial ? R"(,"partial":true)" : R"(,"partial":false)";
  out += R"(,"created_at":)";
  append_time(out, what.created);
  if (!resume.empty()) {
    out += R"(,"resume":)";
    append_text(out, resume);
  }
  out += R"(,"items":[)";
  for (std::size_t i = 0; i < what.items.size(); ++i) {
    if (i > 0)
      out += ',';
    append_json(out, what.items[i], parts);
  }
  out += "]}";
}

void append_user_json(std::string& out, const actors::profile_view& who) {
  append_user_fields(out, who);
  out += '}';
}

void append_json(std::string& out, const actors::profile_view& who) {
  append_user_fields(out, who);
  out += R"(,"affinities":[)";
  for (std::size_t i = 0; i < who.affinities.size(); ++i) {
    out += i > 0 ? R"(,{"label":)" : R"({"label":)";
    append_text(out, who.affinities[i].first);
    out += R"(,"weight":)";
    append_number(out, who.affinities[i].second);
    out += '}';
  }
  out += R"(],"counts":{)";
  for (std::size_t i = 0; i < who.counts.size(); ++i) {
    if (i > 0)
      out += ',';
    append_text(out, who.counts[i].first);
    out += ':';
    append_number(out, who.counts[i].second);
  }
  out += R"(},"seen":)";
  append_number(out, std::uint64_t{who.seen});
  out += R"(,"history":[)";
  for (std::size_t i = 0; i < who.history.size(); ++i) {
    if (i > 0)
      out += ',';
    append_json(out, who.history[i].what); // the profile keeps no numbers of its events
  }
  out += "]}";
}

void append_json(std::string& out, const actors::snapshot_info& model) {
  out += R"({"version":)";
  append_number(out, model.version);
  out += R"(,"encoder":)";
  append_text(out, model.encoder);
  if (model.created != timestamp{}) {
    out += R"(,"created_at":)";
    append_time(out, model.created);
  }
  if (model.parent != 0) {
    out += R"(,"parent_version":)";
    append_number(out, model.parent);
  }
  out += R"(,"items":)";
  append_number(out, model.items);
  out += R"(,"event_position":)";
  append_number(out, model.event_position);
  out += R"(,"metrics":{)";
  bool first = true;
  for (const auto& [name, value] : model.metrics) {
    if (!std::exchange(first, false))
      out += ',';
    append_text(out, name);
    out += ':';
    append_number(out, value);
  }
  out += model.active ? R"(},"active":true)" : R"(},"active":false)";
  out += model.previous ? R"(,"previous":true)" : R"(,"previous":false)";
  if (!model.damage.empty()) {
    out += R"(,"damage":)";
    append_text(out, model.damage);
  }
  out += '}';
}

void append_json(std::string& out, const actors::snapshot_list& models) {
  out += R"({"models":[)";
  for (std::size_t i = 0; i < models.snapshots.size(); ++i) {
    if (i > 0)
      out += ',';
    append_json(out, models.snapshots[i]);
  }
  out += "]}";
}

std::string reason_text(const reason& why) {
  std::string out;
  append_reason_text(out, why);
  return out;
}

} // namespace troupe::gateway
