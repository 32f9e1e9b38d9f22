#include "model/rank_encoder.hpp"

#include "model/topk.hpp"

#include <utility>

namespace troupe::model {

encoder_ranker::encoder_ranker(std::shared_ptr<const fold_rules> rules,
                               encoder_ranker_options options)
    : rules_(std::move(rules)), options_(std::move(options)) {}

void encoder_ranker::enter(item_number /*number*/, const item_ptr& record) {
  records_.push_back(record);
  if (rows_)
    add_row(record);
}

void encoder_ranker::learn(const lesson& what) {
  if (encoder_)
    return;
  stored_event copy;
  copy.what = *what.now.what;
  seen_.push_back(std::move(copy));
}

result<void> encoder_ranker::prepare() {
  std::vector<item> items;
  for (const auto& record : records_)
    items.push_back(*record);
  const auto corpus = make_corpus(std::exchange(seen_, {}), items, *rules_, {});
  if (!corpus)
    return corpus.error();
  auto trained = train_encoder(*corpus, options_.module, options_.plan, options_.on_epoch, {});
  if (!trained)
    return trained.error();
  trained_ = std::make_unique<const trained_encoder>(std::move(*trained));
  auto vectors = item_vectors::make(*trained_);
  if (!vectors)
    return vectors.error();
  vectors_ = std::make_unique<const item_vectors>(*vectors);
  auto encoder = recurrent_encoder::make(trained_->shape, trained_->weights);
  if (!encoder)
    return encoder.error();
  encoder_ = std::move(*encoder);
  rows_ = std::make_unique<item_matrix>(vectors_->dimensions() + 1);
  for (const auto& record : records_)
    add_row(record);
  return {};
}

void encoder_ranker::add_row(const item_ptr& record) {
  const auto key = key_of(record->id);
  auto row = vectors_->vector_of(key, record.get());
  row.resize(vectors_->dimensions());
  row.push_back(vectors_->bias_of(key));
  rows_->append(row);
}

void encoder_ranker::move_on(user_state& user, std::span<const past_event> history) {
  if (user.state.empty() || user.events > history.size()) {
    user = {};
    user.state.assign(encoder_->shape().state_size(), 0);
  }
  for (; user.events < history.size(); ++user.events) {
    const auto& past = history[user.events];
    if (!(past.weight > 0))
      continue; // as in training
    const auto gap =
        user.last == timestamp{}
            ? -1
            : std::max<std::int64_t>(0, to_millis(past.what->time) - to_millis(user.last));
    auto row = rows_->row(past.item);
    row.pop_back();
    const encoder_event event{row, rules_->meaning_of(*past.what).rule, gap_bucket(gap)};
    const std::span<float> one{user.state};
    encoder_->step({&one, 1}, {&event, 1});
    user.last = past.what->time;
  }
}

void encoder_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  auto& found = to.front();
  found.clear();
  if (!encoder_)
    return;
  if (query.user >= users_.size())
    users_.resize(query.user + 1);
  auto& user = users_[query.user];
  move_on(user, query.history);
  const auto passed = user.last == timestamp{}
                          ? 0
                          : std::max<std::int64_t>(0, to_millis(query.now) - to_millis(user.last));
  std::vector<float> asked(vectors_->dimensions());
  encoder_->query(user.state, gap_bucket(passed), asked);
  asked.push_back(1); // times the bias
  top_k_options options;
  options.k = query.k;
  options.accept = [&query](std::size_t, std::uint32_t row) { return query.barred[row] == 0; };
  const auto best = top_k(*rows_, asked, options);
  for (const auto& one : best.front())
    found.push_back(one.row);
}

} // namespace troupe::model
