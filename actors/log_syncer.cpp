#include "actors/log_syncer.hpp"

#include "base/log.hpp"

#include <cstdlib>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

void end_process(const failure& why) {
  TROUPE_LOG(error, "event_log.sync_failed", "error=\"{}\" action=abort", why.context);
  std::abort();
}

} // namespace

log_syncer_probe log_syncer_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_log_syncer_";
  log_syncer_probe probe;
  probe.seconds = where.make_histogram(
      stem + "sync_seconds", "Making durable what fast writes left to the operating system.",
      metrics::latency_buckets());
  probe.failed = where.make_counter(stem + "failed_total", "Syncs that failed.");
  return probe;
}

log_syncer_state::log_syncer_state(handle::pointer self, storage::store& into, const clock& time,
                                   log_syncer_probe probe, options opts)
    : self_(self), into_(into), time_(time), probe_(probe), options_(std::move(opts)) {
  if (!options_.on_fatal)
    options_.on_fatal = end_process;
}

log_syncer_state::handle::behavior_type log_syncer_state::make_behavior() {
  self_->delayed_send(self_, options_.interval, sync_round{});
  return {[this](const sync_round&) {
    // First, so that the time of the sync does not add to the interval.
    self_->delayed_send(self_, options_.interval, sync_round{});
    sync();
  }};
}

void log_syncer_state::sync() {
  const auto begin = time_.steady();
  const auto synced = into_.sync();
  probe_.seconds.observe(std::chrono::duration<double>(time_.steady() - begin).count());
  if (synced)
    return;
  probe_.failed.add();
  const auto code = synced.error().code;
  if (code != errc::out_of_space && code != errc::unavailable)
    return options_.on_fatal(synced.error());
  TROUPE_LOG(warn, "event_log.sync_put_off", "error=\"{}\"", synced.error().context);
}

} // namespace troupe::actors
