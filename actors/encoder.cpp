#include "actors/encoder.hpp"

#include "actors/error_bridge.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace troupe::actors {

encoder_probe encoder_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_encoder_";
  encoder_probe probe;
  probe.events = where.make_counter(stem + "events_total", "Events that states were moved by.");
  probe.batch_size =
      where.make_histogram(stem + "batch_size", "States moved together.", {1, 2, 4, 8, 16, 32});
  probe.waiting = where.make_gauge(stem + "waiting", "Requests that wait for an encoder.");
  return probe;
}

encoder_state::encoder_state(handle::pointer self, encoder_probe probe)
    : self_(self), probe_(probe) {}

encoder_state::~encoder_state() {
  for (auto& one : waiting_)
    one.answer.deliver(to_error({errc::unavailable, "the encoder ended"}));
}

encoder_state::handle::behavior_type encoder_state::make_behavior() {
  return {
      [this](encode& what) { return take(what); },
      [this](const run_batch&) { run(); },
  };
}

caf::result<encoded> encoder_state::take(encode& what) {
  auto answer = self_->make_response_promise<encoded>();
  if (waiting_.empty())
    self_->send(self_, run_batch{});
  waiting_.push_back({std::move(what), 0, answer});
  probe_.waiting.add(1);
  return answer;
}

void encoder_state::run() {
  const auto count = std::min(batch_max, waiting_.size());
  std::vector<job> batch;
  for (std::size_t i = 0; i < count; ++i) {
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  std::vector<bool> is_done(count);
  for (std::size_t first = 0; first < count; ++first) {
    if (is_done[first])
      continue;
    // During a switch there are two versions; each has its own pass.
    std::vector<model::sequence_advance> together;
    for (auto at = first; at < count; ++at) {
      auto& one = batch[at];
      if (is_done[at] || one.what.by != batch[first].what.by)
        continue;
      is_done[at] = true;
      const auto part = std::min(part_events, one.what.events.size() - one.done);
      together.push_back({&one.what.state, std::span{one.what.events}.subspan(one.done, part)});
      one.done += part;
      probe_.events.add(static_cast<double>(part));
    }
    model::advance(*batch[first].what.by, together);
    probe_.batch_size.observe(static_cast<double>(together.size()));
  }
  for (auto& one : batch) {
    if (one.done < one.what.events.size()) {
      waiting_.push_back(std::move(one));
      continue;
    }
    probe_.waiting.add(-1);
    one.answer.deliver(encoded{std::move(one.what.state)});
  }
  if (!waiting_.empty())
    self_->send(self_, run_batch{});
}

} // namespace troupe::actors
