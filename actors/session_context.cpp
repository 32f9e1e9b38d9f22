#include "actors/session_context.hpp"

#include <string>

namespace troupe::actors {

session_probe session_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_user_session_";
  const auto refused = [&](const char* bound) {
    return where.make_counter(stem + "refused_total", "Messages refused at a bound.",
                              {{"bound", bound}});
  };
  session_probe probe;
  probe.events = where.make_counter(stem + "events_total", "Events taken in.");
  probe.duplicates =
      where.make_counter(stem + "duplicates_total", "Events whose id was known already.");
  probe.refused_user = refused("user_writes_pending");
  probe.refused_node = refused("node_writes_pending");
  probe.refused_waiting = refused("waiting");
  probe.refused_subscribers = refused("subscribers");
  probe.refused_surfaces = refused("surfaces");
  probe.waiting =
      where.make_gauge(stem + "waiting_messages", "Messages held for users that are waking.");
  probe.traits_late = where.make_counter(
      stem + "traits_late_total", "Events folded without their item's traits: the shard was late.");
  probe.encoder_late = where.make_counter(stem + "encoder_late_total",
                                          "Slates made without the encoder: its answer was late.");
  probe.rebuilds = where.make_counter(stem + "encoder_rebuilds_total",
                                      "Encoder states made anew from a user's history.");
  probe.slates = where.make_counter(stem + "slates_total", "Slates computed.");
  probe.slates_partial =
      where.make_counter(stem + "slates_partial_total", "Slates that a shard came too late for.");
  probe.slates_missed = where.make_counter(
      stem + "slates_missed_total",
      "Slates no shard answered in time for: the one before stays, a request fails.");
  probe.slates_unchanged = where.make_counter(stem + "slates_unchanged_total",
                                              "Slates not pushed: same items, same order.");
  probe.pushes = where.make_counter(stem + "pushes_total", "Slates sent to connections.");
  probe.recoveries = where.make_counter(stem + "recoveries_total",
                                        "Profiles reloaded after an append had failed.");
  probe.slate_seconds = where.make_histogram(
      stem + "slate_seconds", "From the query to the composed slate.", metrics::latency_buckets());
  probe.wake_seconds = where.make_histogram(
      stem + "wake_seconds", "From a user's first message to awake.", metrics::latency_buckets());
  return probe;
}

} // namespace troupe::actors
