#include "actors/training_worker.hpp"

#include "base/log.hpp"
#include "model/continue_training.hpp"
#include "model/fit_blend.hpp"
#include "model/history_buffer.hpp"
#include "model/training_module.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace troupe::actors {

namespace {

// Read between two rests.
constexpr std::size_t page_events = 100;
constexpr std::size_t page_items = 100;

failure stopped() {
  return {errc::unavailable, "the round was stopped"};
}

/// A first training between two epochs: the last arrival it is of, on a line of its own, and the
/// checkpoint.
struct first_run {
  std::uint64_t upto = 0;
  std::string checkpoint;
};

std::string to_bytes(std::uint64_t upto, std::string_view checkpoint) {
  return fmt::format("{}\n{}", upto, checkpoint);
}

result<first_run> to_first_run(std::string_view bytes) {
  first_run made;
  const auto* const end = bytes.data() + bytes.size();
  const auto read = std::from_chars(bytes.data(), end, made.upto);
  if (read.ec != std::errc{} || read.ptr == end || *read.ptr != '\n')
    return failure{errc::corrupt_data, "the kept run does not begin with an arrival"};
  made.checkpoint.assign(read.ptr + 1, end);
  return made;
}

} // namespace

training_worker_state::training_worker_state(handle::pointer /*self*/, storage::store& store,
                                             const clock& time,
                                             std::shared_ptr<const model::fold_rules> rules,
                                             std::shared_ptr<training_pace> pace, options opts)
    : store_(store), time_(time), rules_(std::move(rules)), pace_(std::move(pace)),
      options_(std::move(opts)) {
  if (!options_.first_run.empty())
    first_run_.emplace(options_.first_run, "first.checkpoint");
}

training_worker_state::handle::behavior_type training_worker_state::make_behavior() {
  // At the priority of the others: it cannot rest, and whoever stops the node waits for it.
  if (auto loaded = model::load_training_module(options_.module); !loaded)
    TROUPE_LOG(warn, "trainer.module", "error=\"{}\"", loaded.error().context);
  if (options_.at_idle_priority)
    run_when_idle();
  return {[this](const run_round& what) -> caf::result<round_result> {
    pace_->begin();
    const auto begin = time_.steady();
    auto made = run(what);
    if (!made)
      return to_error(made.error());
    made->seconds = std::chrono::duration<double>(time_.steady() - begin).count();
    return std::move(*made);
  }};
}

result<round_result> training_worker_state::run(const run_round& what) const {
  auto items = read_items();
  if (!items)
    return items.error();
  return what.parent ? next(what, std::move(*items)) : first(what, std::move(*items));
}

result<round_result> training_worker_state::first(const run_round& what,
                                                  std::vector<item> items) const {
  if (first_run_ && first_run_->exists()) {
    auto made = resume_first(items);
    if (made || made.error().code == errc::unavailable)
      return made;
    TROUPE_LOG(info, "trainer.first_run_anew", "why=\"{}\"", made.error().context);
  }
  return train_first(what.upto, items, {});
}

result<round_result> training_worker_state::resume_first(std::span<const item> items) const {
  const auto bytes = first_run_->load();
  if (!bytes)
    return bytes.error();
  auto kept = to_first_run(*bytes);
  if (!kept)
    return kept.error();
  TROUPE_LOG(info, "trainer.first_run_resumed", "event_position={}", kept->upto);
  return train_first(kept->upto, items, std::move(kept->checkpoint));
}

result<round_result> training_worker_state::train_first(std::uint64_t upto,
                                                        std::span<const item> items,
                                                        std::string resume) const {
  std::vector<stored_event> events;
  const auto keep = [&events](stored_event&& one) { events.push_back(std::move(one)); };
  if (auto read = each_event(upto, keep); !read)
    return read.error();
  const auto corpus = model::make_corpus(events, items, *rules_, options_.corpus);
  if (!corpus)
    return corpus.error();
  const auto hold = [this] { return pace_->hold(); };
  model::training_checkpoints checkpoints;
  checkpoints.resume = std::move(resume);
  if (first_run_)
    checkpoints.keep = [this, upto](const std::string& bytes) {
      return first_run_->keep(to_bytes(upto, bytes));
    };
  auto trained = model::train_encoder(*corpus, options_.module, {}, {}, hold, checkpoints);
  if (!trained)
    return trained.error();
  if (pace_->hold())
    return stopped();
  const auto fit =
      model::fit_sequence_weight(events, items, *rules_, options_.blend, *trained, hold);
  if (!fit)
    return fit.error();
  if (first_run_)
    first_run_->remove();
  round_result made;
  made.upto = upto;
  made.after = trained->judged;
  made.is_accepted = true;
  made.weight = fit->weight;
  made.now = std::make_shared<const model::trained_encoder>(std::move(*trained));
  return made;
}

result<round_result> training_worker_state::next(const run_round& what,
                                                 std::vector<item> items) const {
  model::describe_round(*what.corpus, *what.parent, items, options_.corpus);
  // The events have not been learnt yet: the weight that would have served them best is found
  // now, and goes out with the parent if what is trained on it is refused.
  const auto weight = fit_weight(what, items);
  if (!weight)
    return weight.error();
  items.clear();
  items.shrink_to_fit();
  auto trained = model::continue_training(*what.parent, *what.corpus, options_.module, {},
                                          [this] { return pace_->hold(); });
  if (!trained)
    return trained.error();
  if (first_run_)
    first_run_->remove(); // somebody else trained a first one
  round_result made;
  made.upto = what.upto;
  made.weight = *weight;
  made.before = trained->before;
  made.after = trained->after;
  made.is_accepted = trained->is_accepted;
  made.now = trained->is_accepted
                 ? std::make_shared<const model::trained_encoder>(std::move(trained->now))
                 : what.parent;
  return made;
}

result<double> training_worker_state::fit_weight(const run_round& what,
                                                 std::span<const item> items) const {
  auto fit = model::weight_fit::make(items, *rules_, options_.blend, *what.parent,
                                     what.upto - what.learnt);
  if (!fit)
    return what.weight;
  const auto take = [&](stored_event&& one) {
    if (pace_->hold())
      return; // each_event says so
    if (one.arrival > what.learnt)
      fit->ask(one.what);
    else
      fit->learn(one.what);
  };
  if (auto read = each_event(what.upto, take); !read)
    return read.error();
  const auto best = fit->best();
  return best ? best->weight : what.weight; // nobody was there before to be asked for
}

result<void>
training_worker_state::each_event(std::uint64_t upto,
                                  const std::function<void(stored_event&&)>& take) const {
  auto after = upto > options_.events_max ? upto - options_.events_max : 0;
  while (after < upto) {
    auto page = store_.events().read_arrivals(after, page_events);
    if (!page)
      return page.error();
    if (page->empty())
      break;
    after = page->back().arrival;
    for (auto& one : *page)
      if (one.arrival <= upto)
        take(std::move(one));
    if (pace_->hold())
      return stopped();
  }
  return {};
}

result<std::vector<item>> training_worker_state::read_items() const {
  std::vector<item> made;
  item_id after;
  while (true) {
    auto page = store_.items().scan(after, page_items);
    if (!page)
      return page.error();
    if (page->empty())
      return made;
    after = page->back().id;
    std::move(page->begin(), page->end(), std::back_inserter(made));
    if (pace_->hold())
      return stopped();
  }
}

} // namespace troupe::actors
