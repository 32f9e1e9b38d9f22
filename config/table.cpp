#include "config/table.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace troupe::config {
namespace {

constexpr double million = 1e6;
constexpr double thread_max = 256;
constexpr double kib = 1024;
constexpr double mib = 1024 * kib;
constexpr double gib = 1024 * mib;
constexpr double second = 1000; // durations are bounded in milliseconds
constexpr double day = 86400 * second;

field_limits between(double least, double most) {
  return {.least = least, .most = most, .choices = {}, .bytes = false};
}

field_limits bytes_between(double least, double most) {
  return {.least = least, .most = most, .choices = {}, .bytes = true};
}

field_limits one_of(std::vector<std::string_view> choices) {
  return {.least = 0, .most = 0, .choices = std::move(choices), .bytes = false};
}

section node_section(node_settings& s) {
  return {"node",
          "The process: its name, threads and shutdown.",
          {
              {"node.name", &s.name, between(1, 64), "Name of this node, stable over restarts."},
              {"node.actor_threads", &s.actor_threads, between(0, thread_max),
               "Threads that run the other actors. 0: a core each that io_threads leave."},
              {"node.io_threads", &s.io_threads, between(0, thread_max),
               "Threads that serve connections and the actors these wake. 0: 1 up to 4 cores, else "
               "a quarter of them."},
              {"node.shutdown_timeout", &s.shutdown_timeout, between(second, 600 * second),
               "How long a stop may drain connections and write profiles before it exits "
               "anyway."},
          }};
}

section log_section(log_settings& s) {
  return {"log",
          "What is written to standard error.",
          {
              {"log.level", &s.level, one_of({"debug", "info", "warn", "error"}),
               "The least important records that are written."},
              {"log.format", &s.format, one_of({"text", "json"}),
               "One line of key=value, or one JSON object, a record."},
          }};
}

section storage_section(storage_settings& s) {
  return {"storage",
          "The embedded store: one directory, one process.",
          {
              {"storage.directory", &s.directory, between(1, 4096),
               "Where everything is kept; made if it is not there."},
              {"storage.durability", &s.durability, one_of({"durable", "fast"}),
               "durable: an acknowledged event survives power loss. fast: it survives kill -9, "
               "but a power loss takes what came since the last fast_sync_interval."},
              {"storage.fast_sync_interval", &s.fast_sync_interval, between(10, 3600 * second),
               "With durability fast: how often what was written is synced to disk."},
              {"storage.shards", &s.shards, between(1, 256),
               "Item shards the catalogue is cut into.", takes_effect::at_creation},
              {"storage.block_cache_bytes", &s.block_cache_bytes, bytes_between(mib, 1024 * gib),
               "Memory for blocks read from disk."},
              {"storage.write_buffer_bytes", &s.write_buffer_bytes, bytes_between(mib, 4 * gib),
               "Memory for writes before they become a file."},
              {"storage.append_batch_max", &s.append_batch_max, between(1, 65536),
               "Events that share one commit to disk."},
              {"storage.writes_pending_max", &s.writes_pending_max, between(1, 16 * million),
               "Events of all users waiting for the disk and to be learnt; beyond it they are "
               "refused."},
              {"storage.reader_threads", &s.reader_threads, between(1, 64),
               "Threads that read profiles and events from disk."},
              {"storage.checkpoint_interval", &s.checkpoint_interval, between(second, day),
               "How often the shards' signals are saved, so that a start has less to replay."},
          }};
}

section users_section(users_settings& s) {
  return {"users",
          "Profiles and live sessions.",
          {
              {"users.history_max", &s.history_max, between(1, 10000),
               "Events in a profile's history; the oldest leave."},
              {"users.seen_max", &s.seen_max, between(1, million),
               "Items remembered as seen; the oldest leave."},
              {"users.recent_events_max", &s.recent_events_max, between(1, million),
               "Event ids remembered, so that sending one again changes nothing."},
              {"users.affinities_max", &s.affinities_max, between(1, 4096),
               "Categories with an affinity per profile; the weakest leave."},
              {"users.affinity_half_life_days", &s.affinity_half_life_days, between(0.01, 36500),
               "Days after which an affinity counts half."},
              {"users.sessions_max", &s.sessions_max, between(1, 100 * million),
               "Users held in memory; beyond it the longest idle one is put to sleep."},
              {"users.idle_timeout", &s.idle_timeout, between(second, day),
               "After this long without a message a user without connections is put to sleep."},
              {"users.sweep_interval", &s.sweep_interval, between(second, 3600 * second),
               "How often idle users are looked for."},
              {"users.snapshot_events", &s.snapshot_events, between(1, million),
               "Events after which a profile is saved; fewer make waking cheaper."},
              {"users.writes_pending_max", &s.writes_pending_max, between(1, 65536),
               "Unacknowledged events of one user; beyond it they are refused."},
              {"users.waiting_max", &s.waiting_max, between(1, million),
               "Messages held for a user that is waking or going to sleep."},
              {"users.subscribers_max", &s.subscribers_max, between(1, 1024),
               "Connections of one user at the same time."},
              {"users.surfaces_max", &s.surfaces_max, between(1, 256),
               "Surfaces with a current slate, per user."},
          }};
}

section signals_section(signals_settings& s) {
  return {
      "signals",
      "What events mean, and what items are recommended for.",
      {
          {"signals.other_event_affinity", &s.other_event_affinity, between(-100, 100),
           "Affinity weight of an event type that no rule names."},
          {"signals.window", &s.window, between(1, 10000),
           "Events back in a user's sequence that count as near for co-occurrence."},
          {"signals.direction", &s.direction, one_of({"both", "forward"}),
           "Whether what came later also points back to what came before."},
          {"signals.query_items", &s.query_items, between(1, 1000),
           "Last items of the history that ask for their neighbours."},
          {"signals.query_decay", &s.query_decay, between(0.01, 1),
           "Weight of each step back in the history."},
          {"signals.neighbours_max", &s.neighbours_max, between(1, 65535),
           "Neighbours kept per item and shard; the weakest leave."},
          {"signals.neighbour_half_life_events", &s.neighbour_half_life_events, between(0, 1e9),
           "Events of an item after which what it stood near before counts half; a quarter of "
           "all its events where that is more. 0: never."},
          {"signals.new_item_companions", &s.new_item_companions, between(0, 256),
           "Items that an item stood near last, kept to estimate its vector while the model has "
           "not learnt it; 12 bytes each. 0: none."},
          {"signals.popularity_half_lives_hours", &s.popularity_half_lives_hours,
           between(0.01, 876000), "Half-lives of the popularity counters, shortest first."},
          {"signals.novelty_half_life_days", &s.novelty_half_life_days, between(0.01, 36500),
           "Days after which a new item's novelty counts half."},
          {"signals.content_terms_max", &s.content_terms_max, between(1, 4096),
           "Categories, tags and words kept per item."},
          {"signals.candidates_max", &s.candidates_max, between(1, 10000),
           "Items one shard proposes for a slate."},
          {"signals.unknown_items_max", &s.unknown_items_max, between(1, 16000000),
           "Items that are in events but not in the catalogue whose counts one shard keeps; "
           "events of further ones are kept, but teach it nothing."},
          {"signals.events", &s.events, between(0, 256),
           "What an event of a type means; the first match counts. match: a type, or a type "
           "with a bound on its value; affinity: weight in the profile; sequence: weight in "
           "co-occurrence and popularity; history: enters the history; seen: marks the item "
           "as seen."},
      }};
}

section blend_section(blend_settings& s) {
  return {"blend",
          "How signals become one score, and the rules for a slate.",
          {
              {"blend.co_occurrence", &s.co_occurrence, between(0, 1000),
               "Weight of what stands near the user's last items in other histories."},
              {"blend.popularity", &s.popularity, between(0, 1000), "Weight of popularity."},
              {"blend.content", &s.content, between(0, 1000),
               "Weight of shared categories, tags and words."},
              {"blend.novelty", &s.novelty, between(0, 1000), "Weight of being new."},
              {"blend.sequence", &s.sequence, between(0, 1000),
               "Times the weight that was fitted when the encoder was trained. 0: it has no say."},
              {"blend.diversity", &s.diversity, between(0, 1),
               "0: relevance alone, 1: diversity alone."},
              {"blend.seen", &s.seen, one_of({"exclude", "demote", "allow"}),
               "What happens to items the user has seen."},
              {"blend.seen_demotion", &s.seen_demotion, between(0, 1),
               "Factor on a seen item's score with seen = \"demote\"."},
              {"blend.own_items", &s.own_items, one_of({"exclude", "allow"}),
               "What happens to items whose owner_id is the user."},
              {"blend.category_cap", &s.category_cap, between(0, 10000),
               "Items of one main category in a slate. 0: no cap."},
              {"blend.learn",
               &s.learn,
               {},
               "Whether the weights move with what users do with the items they are shown: "
               "logistic regression on impressions and what followed."},
              {"blend.factor_max", &s.factor_max, between(1, 100),
               "How many times more or less than configured a weight can be learnt to be."},
              {"blend.outcome_window", &s.outcome_window, between(second, 7 * day),
               "Time after an impression in which acting on the item counts as wanting it. Weights "
               "learn from an impression when it is over."},
              {"blend.position_bias", &s.position_bias, between(0, 2),
               "How much less the lower positions of a slate are looked at: an impression at "
               "position n, from 1, was looked at n to the power of minus this. 0: all alike."},
          }};
}

section models_section(models_settings& s) {
  return {"models",
          "Snapshots of the trained model: see troupe train and troupe admin model.",
          {
              {"models.directory", &s.directory, between(0, 4096),
               "Where they are kept. Empty: storage.directory with .models behind it."},
              {"models.keep", &s.keep, between(1, 900),
               "Newest versions that stay when one is published; the active one and the one "
               "before it stay in any case."},
          }};
}

section trainer_section(trainer_settings& s) {
  return {"trainer",
          "Learning from the event stream while the node serves.",
          {
              {"trainer.interval", &s.interval, between(0, day),
               "Between rounds of training on new events. 0: the model stays as it is."},
              {"trainer.cpu_share", &s.cpu_share, between(0.01, 1),
               "Of one processor, at most, while a round runs; it has the lowest priority, too."},
              {"trainer.events_max", &s.events_max, between(1000, 100000000),
               "Newest events that are learnt from."},
              {"trainer.users_max", &s.users_max, between(100, 100000000),
               "Users whose events are kept for learning, those seen last."},
              {"trainer.first_events", &s.first_events, between(100, 100000000),
               "Events in the log before a first model is trained."},
          }};
}

section slates_section(slates_settings& s) {
  return {"slates",
          "What may be asked of a slate, and how long it may take.",
          {
              {"slates.k_default", &s.k_default, between(1, 10000), "Items of a slate."},
              {"slates.k_max", &s.k_max, between(1, 10000), "Items a request may ask for."},
              {"slates.deadline", &s.deadline, between(1, 10 * second),
               "A shard that takes longer is left out and the slate says partial."},
              {"slates.request_timeout", &s.request_timeout, between(10, 60 * second),
               "The longest a client waits for any answer."},
              {"slates.filter_bytes_max", &s.filter_bytes_max, bytes_between(16, 64 * kib),
               "Length of a filter expression."},
              {"slates.exclude_max", &s.exclude_max, between(1, 100000),
               "Items a request may exclude, or pin."},
          }};
}

std::vector<field> gateway_limits(gateway_settings& s) {
  return {
      {"gateway.connections_max", &s.connections_max, between(1, million),
       "Open connections; beyond it they are refused."},
      {"gateway.connections_per_address_max", &s.connections_per_address_max, between(1, million),
       "Open connections from one address."},
      {"gateway.header_bytes_max", &s.header_bytes_max, bytes_between(1024, mib),
       "Size of a request's header."},
      {"gateway.body_bytes_max", &s.body_bytes_max, bytes_between(1024, gib),
       "Size of a request's body."},
      {"gateway.message_bytes_max", &s.message_bytes_max, bytes_between(256, 16 * mib),
       "Size of one WebSocket message."},
      {"gateway.bulk_max", &s.bulk_max, between(1, million), "Events or items in one request."},
      {"gateway.json_depth_max", &s.json_depth_max, between(4, 1024),
       "Levels of nesting in JSON from outside."},
      {"gateway.header_timeout", &s.header_timeout, between(second, 600 * second),
       "How long a request's header may take to arrive."},
      {"gateway.body_timeout", &s.body_timeout, between(second, 3600 * second),
       "How long a request's body may take to arrive."},
      {"gateway.keep_alive_timeout", &s.keep_alive_timeout, between(second, 3600 * second),
       "How long a connection may wait between requests."},
      {"gateway.idle_timeout", &s.idle_timeout, between(2 * second, 3600 * second),
       "How long a WebSocket may be silent; pings go out at half of it."},
      {"gateway.write_timeout", &s.write_timeout, between(second, 600 * second),
       "How long a client may not read before it is disconnected."},
      {"gateway.in_flight_max", &s.in_flight_max, between(1, million),
       "Requests in work per gateway thread; beyond it they are refused."},
      {"gateway.events_per_second_max", &s.events_per_second_max, between(0, million),
       "Messages a second one WebSocket may send. 0: any."},
      {"gateway.events_burst", &s.events_burst, between(1, million),
       "Messages one WebSocket may send at once before that rate counts."},
  };
}

section gateway_section(gateway_settings& s) {
  section out{"gateway",
              "The HTTP and WebSocket server.",
              {
                  {"gateway.host", &s.host, between(1, 255), "Address to listen on."},
                  {"gateway.port", &s.port, between(0, 65535),
                   "Port to listen on. 0: any free one, which is printed and logged."},
              }};
  for (auto& each : gateway_limits(s))
    out.fields.push_back(std::move(each));
  out.fields.push_back({"gateway.api_key", &s.api_key, between(0, 1024),
                        "Key that clients send as Authorization: Bearer. Empty: no check.",
                        takes_effect::at_start, true});
  out.fields.push_back({"gateway.allowed_origins", &s.allowed_origins, between(0, 4096),
                        "Origins whose pages may call, separated by commas; * for all. Empty: "
                        "the same origin."});
  out.fields.push_back({"gateway.console_directory", &s.console_directory, between(0, 4096),
                        "Files of the live page. Empty: beside the binary or the source tree."});
  return out;
}

std::string number_text(double value) {
  // Shortest text that reads back; from 1e16 on fmt would switch to exponents.
  return fmt::format("{}", value);
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string rules_text(const std::vector<event_rule>& rules) {
  std::string out = "[\n";
  for (const auto& rule : rules)
    out +=
        fmt::format("  {{match = {}, affinity = {}, sequence = {}, history = {}, seen = {}}},\n",
                    toml_text(rule.match), rule.affinity, rule.sequence, rule.history, rule.seen);
  return out + "]";
}

struct value_printer {
  const field& of;

  std::string operator()(const std::string* v) const {
    return of.secret && !v->empty() ? "\"***\"" : toml_text(*v);
  }

  std::string operator()(const bool* v) const { return *v ? "true" : "false"; }

  std::string operator()(const double* v) const { return number_text(*v); }

  std::string operator()(const std::uint16_t* v) const { return std::to_string(*v); }

  std::string operator()(const std::uint32_t* v) const { return std::to_string(*v); }

  std::string operator()(const std::size_t* v) const {
    return of.limits.bytes ? toml_text(bytes_text(*v)) : std::to_string(*v);
  }

  std::string operator()(const std::chrono::seconds* v) const {
    return toml_text(duration_text(*v));
  }

  std::string operator()(const std::chrono::milliseconds* v) const {
    return toml_text(duration_text(*v));
  }

  std::string operator()(const std::vector<double>* v) const {
    return fmt::format("[{}]", fmt::join(*v, ", "));
  }

  std::string operator()(const std::vector<event_rule>* v) const { return rules_text(*v); }
};

std::string bound_text(const field& of, double bound) {
  const auto whole = static_cast<std::size_t>(bound < 0 ? 0 : bound);
  if (of.limits.bytes)
    return bytes_text(whole);
  if (std::holds_alternative<std::chrono::seconds*>(of.where)
      || std::holds_alternative<std::chrono::milliseconds*>(of.where))
    return duration_text(std::chrono::milliseconds{static_cast<std::int64_t>(bound)});
  if (std::holds_alternative<double*>(of.where)
      || std::holds_alternative<std::vector<double>*>(of.where))
    return number_text(bound);
  return std::to_string(whole);
}

} // namespace

std::vector<section> table_of(settings& of) {
  return {node_section(of.node),      log_section(of.log),         storage_section(of.storage),
          users_section(of.users),    signals_section(of.signals), blend_section(of.blend),
          models_section(of.models),  trainer_section(of.trainer), slates_section(of.slates),
          gateway_section(of.gateway)};
}

std::string allowed_text(const field& what) {
  if (!what.limits.choices.empty())
    return fmt::format("one of {}", fmt::join(what.limits.choices, ", "));
  if (std::holds_alternative<bool*>(what.where))
    return "true or false";
  auto span = bound_text(what, what.limits.least) + " to " + bound_text(what, what.limits.most);
  if (std::holds_alternative<std::string*>(what.where))
    return "a text of " + span + " bytes";
  if (std::holds_alternative<std::vector<double>*>(what.where))
    return "a list of 1 to 8 numbers, each " + span;
  if (std::holds_alternative<std::vector<event_rule>*>(what.where))
    return "a list of " + span + " rules";
  return span;
}

std::string value_text(const field& what) {
  return std::visit(value_printer{what}, what.where);
}

bool is_event_match(std::string_view match) {
  std::size_t end = 0;
  while (end < match.size()
         && (std::string_view{"_.-"}.find(match[end]) != std::string_view::npos
             || (match[end] >= 'a' && match[end] <= 'z')
             || (match[end] >= '0' && match[end] <= '9')))
    ++end;
  if (end == 0 || end > 64)
    return false;
  auto rest = match.substr(end);
  if (rest.empty())
    return true;
  for (const std::string_view bound : {">=", "<=", "==", ">", "<"})
    if (rest.starts_with(bound)) {
      rest.remove_prefix(bound.size());
      double number = 0;
      const auto [stop, bad] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      return bad == std::errc{} && stop == rest.data() + rest.size();
    }
  return false;
}

} // namespace troupe::config
