#include "storage/codec.hpp"

#include "storage/record_frame.hpp"
#include "troupe/v1/storage.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <utility>

namespace troupe::storage {

namespace {

// -- parts ---------------------------------------------------------------------------------

template <class Strings>
void copy_strings(const std::vector<std::string>& from, Strings& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const auto& text : from)
    to.Add(std::string{text});
}

template <class Strings>
std::vector<std::string> to_strings(const Strings& from) {
  return {from.begin(), from.end()};
}

v1::Property to_message(const property_value& value) {
  v1::Property out;
  if (const auto* truth = std::get_if<bool>(&value))
    out.set_truth(*truth);
  else if (const auto* number = std::get_if<double>(&value))
    out.set_number(*number);
  else if (const auto* text = std::get_if<std::string>(&value))
    out.set_text(*text);
  else
    copy_strings(std::get<std::vector<std::string>>(value), *out.mutable_texts()->mutable_values());
  return out;
}

result<property_value> from_message(const v1::Property& value) {
  switch (value.kind_case()) {
  case v1::Property::kTruth:
    return property_value{value.truth()};
  case v1::Property::kNumber:
    return property_value{value.number()};
  case v1::Property::kText:
    return property_value{value.text()};
  case v1::Property::kTexts:
    return property_value{to_strings(value.texts().values())};
  case v1::Property::KIND_NOT_SET:
    break;
  }
  return failure{errc::corrupt_data, "a property has no value of a known kind"};
}

template <class Map>
void copy_properties(const std::map<std::string, property_value>& from, Map& to) {
  for (const auto& [name, value] : from)
    to[name] = to_message(value);
}

template <class Map>
result<std::map<std::string, property_value>> to_properties(const Map& from) {
  std::map<std::string, property_value> out;
  for (const auto& [name, value] : from) {
    auto read = from_message(value);
    if (!read)
      return read.error();
    out.emplace(name, std::move(*read));
  }
  return out;
}

template <class Key, class Numbers>
void copy_keys(const std::vector<Key>& from, Numbers& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const auto key : from)
    to.Add(static_cast<std::uint64_t>(key));
}

template <class Key, class Numbers>
std::vector<Key> to_keys(const Numbers& from) {
  std::vector<Key> out;
  out.reserve(static_cast<std::size_t>(from.size()));
  for (const auto number : from)
    out.push_back(Key{number});
  return out;
}

} // namespace

// -- records -------------------------------------------------------------------------------

std::string encode_event(const stored_event& what) {
  v1::Event out;
  out.set_event_id(what.what.id.value);
  out.set_item_id(what.what.item.value);
  out.set_type(what.what.type);
  if (what.what.value)
    out.set_value(*what.what.value);
  out.set_time_ms(to_millis(what.what.time));
  out.set_session_id(what.what.session_id);
  out.set_slate_id(what.what.slate);
  out.set_context(what.what.context);
  out.set_arrival(what.arrival);
  out.set_received_ms(to_millis(what.received));
  if (what.shown) {
    auto& shown = *out.mutable_shown();
    shown.set_position(what.shown->position);
    for (const auto signal : what.shown->signals)
      shown.add_signals(signal);
  }
  return pack(out);
}

result<stored_event> decode_event(std::string_view bytes) {
  v1::Event in;
  if (auto read = unpack(bytes, "event", in); !read)
    return read.error();
  stored_event out;
  out.what.id.value = std::move(*in.mutable_event_id());
  out.what.item.value = std::move(*in.mutable_item_id());
  out.what.type = std::move(*in.mutable_type());
  if (in.has_value())
    out.what.value = in.value();
  out.what.time = from_millis(in.time_ms());
  out.what.session_id = std::move(*in.mutable_session_id());
  out.what.slate = std::move(*in.mutable_slate_id());
  out.what.context = std::move(*in.mutable_context());
  out.arrival = in.arrival();
  out.received = from_millis(in.received_ms());
  if (in.has_shown()) {
    auto& shown = out.shown.emplace();
    shown.position = in.shown().position();
    // A later program may know more signals, an earlier one fewer.
    const auto known = std::min(static_cast<int>(signal_count), in.shown().signals_size());
    for (int i = 0; i < known; ++i)
      shown.signals[static_cast<std::size_t>(i)] = in.shown().signals(i);
  }
  return out;
}

std::string encode_item(const item& what) {
  v1::Item out;
  out.set_item_id(what.id.value);
  out.set_title(what.title);
  copy_strings(what.categories, *out.mutable_categories());
  copy_strings(what.tags, *out.mutable_tags());
  copy_properties(what.properties, *out.mutable_properties());
  out.set_hidden(what.hidden);
  out.set_created_ms(to_millis(what.created));
  out.set_updated_ms(to_millis(what.updated));
  out.mutable_vector()->Add(what.vector.begin(), what.vector.end());
  return pack(out);
}

result<item> decode_item(std::string_view bytes) {
  v1::Item in;
  if (auto read = unpack(bytes, "item", in); !read)
    return read.error();
  auto properties = to_properties(in.properties());
  if (!properties)
    return properties.error();
  item out;
  out.id.value = std::move(*in.mutable_item_id());
  out.title = std::move(*in.mutable_title());
  out.categories = to_strings(in.categories());
  out.tags = to_strings(in.tags());
  out.properties = std::move(*properties);
  out.hidden = in.hidden();
  out.created = from_millis(in.created_ms());
  out.updated = from_millis(in.updated_ms());
  out.vector.assign(in.vector().begin(), in.vector().end());
  return out;
}

std::string encode_profile(const profile_record& what) {
  v1::Profile out;
  out.set_user_id(what.user.value);
  out.set_seq(what.seq);
  out.set_fold_version(what.fold_version);
  out.mutable_history()->Reserve(static_cast<int>(what.history.size()));
  for (const auto& from : what.history) {
    auto& entry = *out.add_history();
    entry.set_item_id(from.item.value);
    entry.set_type(from.type);
    if (from.has_value)
      entry.set_value(from.value);
    entry.set_time_ms(to_millis(from.time));
    entry.set_traits_known(from.traits_known);
  }
  copy_keys(what.recent_events, *out.mutable_recent_events());
  copy_keys(what.seen, *out.mutable_seen());
  for (const auto& [label, weight] : what.affinities)
    (*out.mutable_affinities())[label] = weight;
  out.set_affinity_time_ms(to_millis(what.affinity_time));
  for (const auto& [type, count] : what.counts)
    (*out.mutable_counts())[type] = count;
  out.set_first_event_ms(to_millis(what.first_event));
  out.set_last_event_ms(to_millis(what.last_event));
  return pack(out);
}

result<profile_record> decode_profile(std::string_view bytes) {
  v1::Profile in;
  if (auto read = unpack(bytes, "profile", in); !read)
    return read.error();
  profile_record out;
  out.user.value = std::move(*in.mutable_user_id());
  out.seq = in.seq();
  out.fold_version = in.fold_version();
  out.history.reserve(static_cast<std::size_t>(in.history_size()));
  for (auto& entry : *in.mutable_history()) {
    auto& to = out.history.emplace_back();
    to.item.value = std::move(*entry.mutable_item_id());
    to.type = std::move(*entry.mutable_type());
    to.has_value = entry.has_value();
    to.value = entry.value();
    to.time = from_millis(entry.time_ms());
    to.traits_known = entry.traits_known();
  }
  out.recent_events = to_keys<event_key>(in.recent_events());
  out.seen = to_keys<item_key>(in.seen());
  out.affinities.insert(in.affinities().begin(), in.affinities().end());
  out.affinity_time = from_millis(in.affinity_time_ms());
  out.counts.insert(in.counts().begin(), in.counts().end());
  out.first_event = from_millis(in.first_event_ms());
  out.last_event = from_millis(in.last_event_ms());
  return out;
}

std::string encode_user(const user_record& what) {
  v1::User out;
  out.set_user_id(what.user.value);
  copy_properties(what.properties, *out.mutable_properties());
  out.set_updated_ms(to_millis(what.updated));
  return pack(out);
}

result<user_record> decode_user(std::string_view bytes) {
  v1::User in;
  if (auto read = unpack(bytes, "user", in); !read)
    return read.error();
  auto properties = to_properties(in.properties());
  if (!properties)
    return properties.error();
  user_record out;
  out.user.value = std::move(*in.mutable_user_id());
  out.properties = std::move(*properties);
  out.updated = from_millis(in.updated_ms());
  return out;
}

std::string encode_checkpoint_header(const checkpoint_header& what) {
  v1::CheckpointHeader out;
  out.set_generation(what.generation);
  out.set_bytes(what.bytes);
  out.set_chunks(what.chunks);
  out.set_hash(what.hash);
  return pack(out);
}

result<checkpoint_header> decode_checkpoint_header(std::string_view bytes) {
  v1::CheckpointHeader in;
  if (auto read = unpack(bytes, "checkpoint header", in); !read)
    return read.error();
  return checkpoint_header{in.generation(), in.bytes(), in.chunks(), in.hash()};
}

std::string encode_layout(const layout_record& what) {
  v1::Layout out;
  out.set_format_version(what.layout.format_version);
  out.set_shards(what.layout.shards);
  out.set_store_id(what.store_id);
  out.set_created_ms(to_millis(what.created));
  return pack(out);
}

result<layout_record> decode_layout(std::string_view bytes) {
  v1::Layout in;
  if (auto read = unpack(bytes, "layout", in); !read)
    return read.error();
  layout_record out;
  out.layout.format_version = in.format_version();
  out.layout.shards = in.shards();
  out.store_id = std::move(*in.mutable_store_id());
  out.created = from_millis(in.created_ms());
  return out;
}

} // namespace troupe::storage
