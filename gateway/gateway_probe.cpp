#include "gateway/gateway_probe.hpp"

#include <string>

namespace troupe::gateway {

namespace {

void set_limit(metrics& registry, const std::string& bound, double limit) {
  registry
      .make_gauge("troupe_gateway_" + bound + "_limit", "The configured limit of " + bound + ".")
      .set(limit);
}

constexpr std::array<const char*, outcome_count> outcome_names{"ok", "refused", "timeout",
                                                               "failed"};

constexpr std::array<const char*, http_wait_count> wait_names{"idle", "head", "body", "write"};

} // namespace

outcome outcome_of(unsigned status) noexcept {
  if (status == 504 || status == 408)
    return outcome::timeout;
  if (status == 429 || status == 503)
    return outcome::refused;
  return status >= 500 ? outcome::failed : outcome::ok;
}

gateway_probe::gateway_probe(metrics& registry, const config::settings& settings,
                             const std::vector<std::string_view>& routes)
    : registry_(registry) {
  const auto count = [&](const char* name, const char* help, const metric_labels& labels = {}) {
    return registry.make_counter(std::string{"troupe_gateway_"} + name, help, labels);
  };
  const auto level = [&](const char* name, const char* help, const metric_labels& labels = {}) {
    return registry.make_gauge(std::string{"troupe_gateway_"} + name, help, labels);
  };
  const auto* open = "Open connections.";
  connections_http = level("connections_depth", open, {{"kind", "http"}});
  connections_live = level("connections_depth", open, {{"kind", "live"}});
  const auto* refused = "Connections refused, by the limit they met.";
  connections_refused = count("connections_refused_total", refused, {{"limit", "total"}});
  connections_refused_address = count("connections_refused_total", refused, {{"limit", "address"}});
  in_flight = level("in_flight_depth", "Requests waiting for actors.");
  in_flight_refused = count("in_flight_refused_total", "Requests refused at the in-flight limit.");
  in_flight_expired =
      count("in_flight_expired_total", "Requests that no actor answered before their deadline.");
  events_rate_refused = count("events_rate_refused_total", "Events refused for their rate.");
  body_refused = count("body_bytes_refused_total", "Requests refused for the size of their body.");
  bulk_refused = count("bulk_refused_total", "Requests refused for the length of their list.");
  message_refused = count("message_bytes_refused_total", "Live messages over the size limit.");
  unanswered = level("unanswered_depth",
                     "Live messages whose answer is not written yet, at the last sweep.");
  reads_paused =
      count("reads_paused_total", "Times a connection was not read for its unanswered messages.");
  surfaces_refused = count("surfaces_refused_total",
                           "Subscriptions refused for the surfaces of their connection.");
  slates_waiting = level("slates_waiting_depth",
                         "Slates waiting for their connection's write, at the last sweep.");
  messages_received = count("messages_received_total", "Live messages received.");
  messages_sent = count("messages_sent_total", "Live messages written.");
  events = count("events_total", "Events received over all doors.");
  errors_sent = count("live_errors_total", "Errors answered on live connections.");
  slates_pushed = count("slates_pushed_total", "Slates and patches written to live connections.");
  slates_conflated =
      count("slates_conflated_total", "Slates replaced by a newer one before they were written.");
  slow_readers = count("slow_readers_closed_total", "Connections closed because a write stalled.");
  for (std::size_t i = 0; i < http_wait_count; ++i)
    timeouts[i] = count("timeouts_total", "HTTP connections ended because their client was slow.",
                        {{"waited_for", wait_names[i]}});
  malformed_requests = count("malformed_requests_total", "HTTP requests refused before routing.");
  event_to_push = registry.make_histogram(
      "troupe_gateway_event_to_push_seconds",
      "From the receipt of the newest event a pushed slate reflects to the end of its write.",
      metrics::latency_buckets());
  event_to_ack =
      registry.make_histogram("troupe_gateway_event_to_ack_seconds",
                              "From the receipt of an event to its answer being ready to write.",
                              metrics::latency_buckets());
  for (const auto route : routes) {
    auto& entry = requests_.emplace_back();
    for (std::size_t i = 0; i < outcome_count; ++i)
      entry[i] = registry.make_histogram(
          "troupe_gateway_request_seconds", "Duration of HTTP requests by route and outcome.",
          metrics::latency_buckets(),
          {{"route", std::string{route}}, {"outcome", outcome_names[i]}});
  }
  const auto& limits = settings.gateway;
  set_limit(registry, "connections", static_cast<double>(limits.connections_max));
  set_limit(registry, "connections_per_address",
            static_cast<double>(limits.connections_per_address_max));
  set_limit(registry, "in_flight", static_cast<double>(limits.in_flight_max));
  set_limit(registry, "events_rate", limits.events_per_second_max);
  set_limit(registry, "bulk", static_cast<double>(limits.bulk_max));
  set_limit(registry, "surfaces", static_cast<double>(settings.users.surfaces_max));
  set_limit(registry, "unanswered", static_cast<double>(unanswered_max));
  set_limit(registry, "body_bytes", static_cast<double>(limits.body_bytes_max));
  set_limit(registry, "message_bytes", static_cast<double>(limits.message_bytes_max));
}

void gateway_probe::request(std::size_t route, unsigned status, double seconds) noexcept {
  requests_[route][static_cast<std::size_t>(outcome_of(status))].observe(seconds);
}

void gateway_probe::closed(unsigned code) noexcept {
  // Peers choose codes too, and labels come from a closed set.
  const bool known = (code >= 1000 && code <= 1011) || (code >= 4000 && code <= 4005);
  const std::lock_guard lock{closes_mutex_};
  const auto [at, added] = closes_.try_emplace(known ? code : 0U);
  if (added)
    at->second = registry_.make_counter("troupe_gateway_closes_total",
                                        "Live connections ended, by close code.",
                                        {{"code", known ? std::to_string(code) : "other"}});
  at->second.add();
}

} // namespace troupe::gateway
