#pragma once

#include "actors/interfaces.hpp"
#include "base/clock.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "base/slate.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Writers of the JSON of docs/protocol.md. They append to a string that callers reuse, and
/// take time in the order of the bytes written.
namespace troupe::gateway {

/// A JSON string with its quotes. `text` is valid UTF-8.
void append_text(std::string& out, std::string_view text);

void append_number(std::string& out, double number);
void append_number(std::string& out, float number);
void append_number(std::string& out, std::uint64_t number);
void append_number(std::string& out, std::int64_t number);

/// "2026-01-31T12:00:00.000Z" with its quotes.
void append_time(std::string& out, timestamp time);

void append_json(std::string& out, const property_value& value);
void append_json(std::string& out, const std::map<std::string, property_value>& properties);

/// What parts of an item are written.
struct item_parts {
  bool vector = true; ///< if it has one
};

/// The item as docs/protocol.md 2.3 has it.
void append_json(std::string& out, const item& what, item_parts parts = {});

void append_json(std::string& out, const event& what);
void append_json(std::string& out, const stored_event& what);

/// What parts of a slate's items are written.
struct slate_parts {
  bool properties = true; ///< title, categories, tags, properties
  bool reason = true;
};

void append_json(std::string& out, const slate_item& what, slate_parts parts);

/// The slate as docs/protocol.md 2.2 has it. `resume`, if not empty, is added as a field.
void append_json(std::string& out, const slate& what, slate_parts parts,
                 std::string_view resume = {});

void append_json(std::string& out, const actors::profile_view& who);

/// `profile_view` in short: GET /v1/users/{id}.
void append_user_json(std::string& out, const actors::profile_view& who);

void append_json(std::string& out, const actors::snapshot_info& model);
void append_json(std::string& out, const actors::snapshot_list& models);

/// The sentence a person reads: "Because you rated Heat (1995)".
[[nodiscard]] std::string reason_text(const reason& why);

} // namespace troupe::gateway
