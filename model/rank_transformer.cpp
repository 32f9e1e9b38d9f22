#include "model/rank_transformer.hpp"

#include "model/topk.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

transformer_ranker::transformer_ranker(std::shared_ptr<const fold_rules> rules,
                                       encoder_ranker_options options)
    : rules_(std::move(rules)), options_(std::move(options)) {
  options_.plan.options.architecture = encoder_architecture::transformer;
}

void transformer_ranker::enter(item_number /*number*/, const item_ptr& record) {
  records_.push_back(record);
  if (rows_)
    add_row(record);
}

void transformer_ranker::learn(const lesson& what) {
  if (encoder_)
    return;
  stored_event copy;
  copy.what = *what.now.what;
  seen_.push_back(std::move(copy));
}

result<void> transformer_ranker::prepare() {
  std::vector<item> items;
  for (const auto& record : records_)
    items.push_back(*record);
  const auto corpus = make_corpus(std::exchange(seen_, {}), items, *rules_, options_.corpus);
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
  auto encoder = transformer_encoder::make(trained_->shape, trained_->weights);
  if (!encoder)
    return encoder.error();
  encoder_ = std::move(*encoder);
  rows_ = std::make_unique<item_matrix>(vectors_->dimensions() + 1);
  for (const auto& record : records_)
    add_row(record);
  return {};
}

void transformer_ranker::add_row(const item_ptr& record) {
  const auto key = key_of(record->id);
  auto row = vectors_->vector_of(key, record.get());
  row.resize(vectors_->dimensions());
  plain_.insert(plain_.end(), row.begin(), row.end());
  row.push_back(vectors_->bias_of(key));
  rows_->append(row);
}

void transformer_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  auto& found = to.front();
  found.clear();
  if (!encoder_)
    return;
  const auto d = vectors_->dimensions();
  std::vector<encoder_event> events;
  timestamp last{};
  for (const auto& past : query.history) {
    if (!(past.weight > 0))
      continue; // as in training
    const auto gap = events.empty()
                         ? -1
                         : std::max<std::int64_t>(0, to_millis(past.what->time) - to_millis(last));
    events.push_back({std::span<const float>{plain_}.subspan(past.item * d, d),
                      rules_->meaning_of(*past.what).rule, gap_bucket(gap)});
    last = past.what->time;
  }
  if (events.empty())
    return;
  const auto passed = std::max<std::int64_t>(0, to_millis(query.now) - to_millis(last));
  std::vector<float> asked(d);
  encoder_->encode(events, asked);
  encoder_->query(asked, gap_bucket(passed), asked);
  asked.push_back(1); // times the bias
  top_k_options options;
  options.k = query.k;
  options.accept = [&query](std::size_t, std::uint32_t row) { return query.barred[row] == 0; };
  const auto best = top_k(*rows_, asked, options);
  for (const auto& one : best.front())
    found.push_back(one.row);
}

} // namespace troupe::model
