#include "gateway/json_codec.hpp"
#include "gateway/json_reader.hpp"

#include <fmt/format.h>

namespace troupe::gateway {

namespace {

using json::element;
using json::object_reader;

enum item_field : unsigned {
  f_item_id,
  f_title,
  f_categories,
  f_tags,
  f_properties,
  f_hidden,
  f_created_at,
  f_vector,
};

bool read_field(object_reader& in, std::string_view key, element value, item& out) {
  if (key == "item_id")
    return in.first_time(f_item_id, key) && in.text(value, key, out.id.value);
  if (key == "title")
    return in.first_time(f_title, key) && in.text(value, key, out.title);
  if (key == "categories")
    return in.first_time(f_categories, key)
           && in.texts(value, key, item_limits::labels_max, out.categories);
  if (key == "tags")
    return in.first_time(f_tags, key) && in.texts(value, key, item_limits::labels_max, out.tags);
  if (key == "properties")
    return in.first_time(f_properties, key) && in.properties(value, key, out.properties);
  if (key == "hidden")
    return in.first_time(f_hidden, key) && in.boolean(value, key, out.hidden);
  if (key == "created_at")
    return in.first_time(f_created_at, key) && in.time(value, key, out.created);
  if (key == "vector")
    return in.first_time(f_vector, key)
           && in.floats(value, key, item_limits::vector_values_max, out.vector);
  return true;
}

result<item> read_item(element value, std::string_view where, timestamp now, std::string_view id,
                       std::string* id_read = nullptr) {
  object_reader in{where};
  simdjson::dom::object fields;
  if (value.get_object().get(fields) != simdjson::SUCCESS) {
    in.wrong_type(value, {}, "an object");
    return in.error();
  }
  item out;
  out.created = now;
  out.updated = now;
  bool fine = true;
  for (auto field = fields.begin(); fine && field != fields.end(); ++field)
    fine = read_field(in, field.key(), field.value(), out);
  if (fine && !in.has(f_item_id)) {
    out.id.value.assign(id);
    fine = !id.empty() || in.fail("item_id", "missing");
  }
  if (fine && !id.empty() && out.id.value != id)
    fine = in.fail("item_id", "is not the item of this path");
  if (id_read != nullptr)
    *id_read = out.id.value;
  if (!fine)
    return in.error();
  if (auto ok = check_item(out); !ok)
    return failure{ok.error().code, fmt::format("{}: {}", where, ok.error().context)};
  return out;
}

bulk_entry<item> read_entry(element value, std::size_t index, timestamp now) {
  bulk_entry<item> out;
  out.what = read_item(value, fmt::format("items[{}]", index), now, {}, &out.id);
  return out;
}

result<bulk_body<item>> read_lines(std::string_view body, timestamp now,
                                   const json_limits& limits) {
  bulk_body<item> out;
  const auto read = [&](std::string_view line, std::size_t index) {
    if (const auto root = json::parse_document(line, limits.depth_max); root)
      out.entries.push_back(read_entry(*root, index, now));
    else
      out.entries.push_back(
          {failure{root.error().code, fmt::format("items[{}]: {}", index, root.error().context)},
           {}});
  };
  if (auto ok = json::each_line(body, limits.bulk_max, "items", read); !ok)
    return ok.error();
  return out;
}

/// The element as an object, or why not.
result<simdjson::dom::object> object_of(std::string_view text, std::string_view where,
                                        const json_limits& limits) {
  const auto root = json::parse_document(text, limits.depth_max);
  if (!root)
    return root.error();
  simdjson::dom::object fields;
  if (root->get_object().get(fields) == simdjson::SUCCESS)
    return fields;
  object_reader in{where};
  in.wrong_type(*root, {}, "an object");
  return in.error();
}

bool read_patched_properties(object_reader& in, element value, actors::patch_item& out) {
  simdjson::dom::object fields;
  if (value.get_object().get(fields) != simdjson::SUCCESS)
    return in.wrong_type(value, "properties", "an object");
  for (const auto field : fields) {
    const auto path = fmt::format("properties.{}", json::beginning_of(field.key, 80));
    if (out.properties.size() == item_limits::properties_max)
      return in.fail("properties",
                     fmt::format("at most {} properties are allowed", item_limits::properties_max));
    const auto [at, added] = out.properties.try_emplace(std::string{field.key});
    if (!added)
      return in.fail(path, "given twice");
    if (!field.value.is_null() && !in.property(field.value, path, at->second.emplace()))
      return false;
  }
  return true;
}

/// As a merge patch has it: null removes.
bool read_patched_vector(object_reader& in, element value, std::vector<float>& out) {
  return value.is_null() || in.floats(value, "vector", item_limits::vector_values_max, out);
}

bool read_patch_field(object_reader& in, std::string_view key, element value,
                      actors::patch_item& out) {
  if (key == "title")
    return in.first_time(f_title, key) && in.text(value, key, out.title.emplace());
  if (key == "categories")
    return in.first_time(f_categories, key)
           && in.texts(value, key, item_limits::labels_max, out.categories.emplace());
  if (key == "tags")
    return in.first_time(f_tags, key)
           && in.texts(value, key, item_limits::labels_max, out.tags.emplace());
  if (key == "hidden")
    return in.first_time(f_hidden, key) && in.boolean(value, key, out.hidden.emplace());
  if (key == "properties")
    return in.first_time(f_properties, key) && read_patched_properties(in, value, out);
  if (key == "vector")
    return in.first_time(f_vector, key) && read_patched_vector(in, value, out.vector.emplace());
  return true;
}

/// The patch laid over an empty item must hold every limit of an item.
result<void> check_patch(const actors::patch_item& what) {
  item shape;
  shape.id = what.id;
  shape.title = what.title.value_or("");
  shape.categories = what.categories.value_or(std::vector<std::string>{});
  shape.tags = what.tags.value_or(std::vector<std::string>{});
  for (const auto& [name, value] : what.properties)
    shape.properties.emplace(name, value.value_or(property_value{false}));
  shape.vector = what.vector.value_or(std::vector<float>{});
  return check_item(shape);
}

} // namespace

result<item> parse_item(std::string_view text, timestamp now, const json_limits& limits,
                        std::string_view id) {
  const auto root = json::parse_document(text, limits.depth_max);
  if (!root)
    return root.error();
  return read_item(*root, "item", now, id);
}

result<bulk_body<item>> parse_items(std::string_view body, body_format format, timestamp now,
                                    const json_limits& limits) {
  if (format == body_format::ndjson)
    return read_lines(body, now, limits);
  const auto root = json::parse_document(body, limits.depth_max);
  if (!root)
    return root.error();
  element list = *root;
  bulk_body<item> out;
  if (root->is_object() && root->at_key("items").get(list) != simdjson::SUCCESS) {
    out.single = true;
    out.entries.emplace_back();
    out.entries[0].what = read_item(*root, "item", now, {}, &out.entries[0].id);
    return out;
  }
  simdjson::dom::array items;
  if (list.get_array().get(items) != simdjson::SUCCESS)
    return failure{
        errc::invalid_argument,
        fmt::format("expected an item, an array of items or {{\"items\": [...]}}, found {}",
                    json::kind_of(list))};
  for (const auto value : items) {
    if (out.entries.size() == limits.bulk_max)
      return failure{errc::too_large,
                     fmt::format("items: at most {} are taken in one request", limits.bulk_max)};
    out.entries.push_back(read_entry(value, out.entries.size(), now));
  }
  return out;
}

result<actors::patch_item> parse_patch(std::string_view text, const item_id& id,
                                       const json_limits& limits) {
  const auto fields = object_of(text, "patch", limits);
  if (!fields)
    return fields.error();
  object_reader in{"patch"};
  actors::patch_item out;
  out.id = id;
  for (const auto field : *fields)
    if (!read_patch_field(in, field.key, field.value, out))
      return in.error();
  if (auto ok = check_patch(out); !ok)
    return failure{ok.error().code, fmt::format("patch: {}", ok.error().context)};
  return out;
}

result<actors::put_user> parse_user(std::string_view text, const user_id& user,
                                    const json_limits& limits) {
  const auto fields = object_of(text, "user", limits);
  if (!fields)
    return fields.error();
  object_reader in{"user"};
  actors::put_user out;
  out.user = user;
  for (const auto field : *fields)
    if (field.key == "properties"
        && !(in.first_time(f_properties, field.key)
             && in.properties(field.value, field.key, out.properties)))
      return in.error();
  item shape; // a user's properties are held to the limits of an item's
  shape.id.value = "user";
  shape.properties = out.properties;
  if (auto ok = check_item(shape); !ok)
    return failure{ok.error().code, fmt::format("user: {}", ok.error().context)};
  return out;
}

} // namespace troupe::gateway
