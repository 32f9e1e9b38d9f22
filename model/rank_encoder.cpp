#include "model/rank_encoder.hpp"

#include "model/query.hpp"
#include "model/topk.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::string_view alone_name = "recurrent";
constexpr std::size_t round_events_max = 500'000;

} // namespace

encoder_ranker::encoder_ranker(std::shared_ptr<const fold_rules> rules,
                               const config::blend_settings& blend, std::uint32_t shards,
                               encoder_ranker_options options, std::span<const std::string> wanted)
    : rules_(std::move(rules)), blend_(blend), options_(std::move(options)),
      names_(wanted.begin(), wanted.end()), companions_(rules_->signals()) {
  const std::array served{std::string{slice_ranker::blend_name}};
  if (std::any_of(names_.begin(), names_.end(),
                  [](const auto& name) { return name != alone_name; }))
    slices_ = std::make_unique<slice_ranker>(rules_, blend_, shards, served);
}

void encoder_ranker::enter(item_number number, const item_ptr& record) {
  records_.push_back(record);
  companions_.add_item();
  if (rows_)
    rows_->append(key_of(record->id), record.get(), {});
  if (slices_)
    slices_->enter(number, record);
}

void encoder_ranker::hide(const item_ptr& record) {
  if (slices_)
    slices_->hide(record);
}

void encoder_ranker::learn(const lesson& what) {
  if (slices_)
    slices_->learn(what);
  learn_companions(what);
  if (model_) {
    if (options_.publish_every == 0)
      return;
    buffer_->add(*what.now.what);
  }
  stored_event copy;
  copy.what = *what.now.what;
  seen_.push_back(std::move(copy));
  if (model_ && ++since_round_ >= options_.publish_every)
    learn_on();
}

void encoder_ranker::learn_companions(const lesson& what) {
  const auto seen = observe(what.before, *what.now.what, *rules_);
  const auto number = what.now.item;
  const auto key = key_of(records_[number]->id);
  if (seen && companions_.learn(number, key, seen->weight, seen->near) && rows_)
    rows_->move(number, key, records_[number].get(), companions_.of(number));
}

std::vector<item> encoder_ranker::catalogue() const {
  std::vector<item> made;
  for (const auto& record : records_)
    made.push_back(*record);
  return made;
}

result<void> encoder_ranker::prepare() {
  const auto items = catalogue();
  auto seen = std::exchange(seen_, {});
  learnt_ = seen.size();
  if (!options_.first)
    options_.first = std::make_shared<std::optional<trained_encoder>>();
  if (!*options_.first) {
    const auto corpus = make_corpus(seen, items, *rules_, options_.corpus);
    if (!corpus)
      return corpus.error();
    auto trained = train_encoder(*corpus, options_.module, options_.plan, options_.on_epoch, {});
    if (!trained)
      return trained.error();
    *options_.first = std::move(*trained);
  }
  const auto& trained = **options_.first;
  if (slices_) {
    const auto fit = fit_sequence_weight(seen, items, *rules_, blend_, trained);
    if (!fit)
      return fit.error();
    weight_ = fit->weight;
    if (options_.on_fit)
      options_.on_fit(*fit);
  }
  if (options_.publish_every > 0) {
    buffer_ = std::make_unique<history_buffer>(rules_, trained.words, history_buffer::limits{});
    for (const auto& one : seen)
      buffer_->add(one.what, true);
    seen_ = std::move(seen);
    trained_ = std::make_unique<const trained_encoder>(trained);
  }
  return serve(trained);
}

result<void> encoder_ranker::serve(trained_encoder what) {
  auto model = sequence_model::make(rounds_ + 1, std::move(what), weight_, *rules_);
  if (!model)
    return model.error();
  model_ = std::move(*model);
  users_.clear(); // states belong to a version
  rows_ = std::make_unique<slice_vectors>(model_);
  for (item_number number = 0; number < records_.size(); ++number)
    rows_->append(key_of(records_[number]->id), records_[number].get(), companions_.of(number));
  if (slices_)
    slices_->adopt(model_);
  return {};
}

void encoder_ranker::fit_weight(std::span<const item> items) {
  const auto first = std::exchange(learnt_, seen_.size());
  auto fit = weight_fit::make(items, *rules_, blend_, *trained_, seen_.size() - first);
  if (!fit)
    return;
  const std::span all{seen_};
  for (const auto& one : all.first(first))
    fit->learn(one.what);
  for (const auto& one : all.subspan(first))
    fit->ask(one.what);
  if (const auto best = fit->best()) {
    weight_ = best->weight;
    if (options_.on_fit)
      options_.on_fit(*best);
  }
}

void encoder_ranker::learn_on() {
  since_round_ = 0;
  const auto items = catalogue();
  ++rounds_;
  if (slices_)
    fit_weight(items);
  auto corpus = buffer_->take_round(round_events_max, rounds_);
  if (corpus)
    describe_round(*corpus, *trained_, items, options_.corpus);
  // Too few users with new events, an error, or the gate: as in a node, the encoder stays.
  auto made = corpus
                  ? continue_training(*trained_, *corpus, options_.module, options_.continued, {})
                  : result<continued_encoder>{corpus.error()};
  if (made && options_.on_round)
    options_.on_round(*made);
  if (made && made->is_accepted)
    trained_ = std::make_unique<const trained_encoder>(std::move(made->now));
  if (const auto served = serve(*trained_); !served)
    options_.publish_every = 0;
}

void encoder_ranker::move_on(user_state& user, std::span<const past_event> history) const {
  if (user.events > history.size())
    user = {};
  std::vector<sequence_event> events;
  for (; user.events < history.size(); ++user.events) {
    const auto& past = history[user.events];
    if (!(past.weight > 0))
      continue; // as in training
    const auto& record = records_[past.item];
    events.push_back(
        {rows_->input(past.item, key_of(record->id), record.get(), companions_.of(past.item)),
         model_->kind_of(rules_->meaning_of(*past.what).rule), past.what->time});
  }
  const sequence_advance one{&user.state, events};
  advance(*model_, {&one, 1});
}

void encoder_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  for (auto& found : to)
    found.clear();
  if (!model_)
    return;
  if (query.user >= users_.size())
    users_.resize(query.user + 1);
  auto& user = users_[query.user];
  move_on(user, query.history);
  const auto asked = model_->query(user.state, query.now);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == alone_name)
      rank_alone(query, asked, to[i]);
    else
      slices_->rank_with(asked, model_->version(), query, to.subspan(i, 1));
  }
}

void encoder_ranker::rank_alone(const ranking_query& query, std::span<const float> asked,
                                ranked_items& to) const {
  top_k_options options;
  options.k = query.k;
  options.accept = [&query](std::size_t, std::uint32_t row) { return query.barred[row] == 0; };
  const auto best = top_k(rows_->rows(), asked, options);
  for (const auto& one : best.front())
    to.push_back(one.row);
}

} // namespace troupe::model
