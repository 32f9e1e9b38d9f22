#include "model/sequence_trainer.hpp"
#include "model/training/batches.hpp"
#include "model/training/network.hpp"

#include <ATen/Parallel.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace troupe::model::training {

namespace {

constexpr std::size_t judged_max = 5000;  // users whose last event is held out for judging
constexpr std::int64_t judged_rows = 256; // of them that are scored together
constexpr double gradient_norm_max = 5;
constexpr int warmup_batches = 50; // until the learning rate is reached
constexpr std::size_t cutoff = 10; // of the metrics

} // namespace

/// Trains a network by AdamW (Loshchilov and Hutter, 2019) to tell the next item from all others
/// or, in large catalogues, from a sample by popularity that a batch shares, with the sampling
/// corrected (Bengio and Senécal, 2008; Klenitskiy and Vasilev, RecSys 2023).
class recurrent_trainer final : public sequence_trainer {
public:
  recurrent_trainer(const sequence_data& data, const training_options& options)
      : data_(data), options_(options), shape_(shape_of(data, options)),
        negatives_(negatives_for(data, options)), maker_(data, options),
        network_(seeded(data, options)),
        optimiser_(
            network_->parameters(),
            torch::optim::AdamWOptions(options.learning_rate).weight_decay(options.weight_decay)) {
    if (negatives_ > 0)
      count_items();
  }

  epoch_report run_epoch(const std::function<bool()>& stop) override {
    at::set_num_threads(static_cast<int>(options_.threads));
    network_->train(true);
    epoch_report made;
    made.epoch = ++epoch_;
    double loss = 0;
    for (const auto& each : maker_.epoch(made.epoch)) {
      loss += learn(maker_.make(each)) * static_cast<double>(each.targets);
      made.steps += each.targets;
      if (stop && stop())
        return made;
    }
    made.loss = loss / static_cast<double>(std::max<std::size_t>(1, made.steps));
    judge(made);
    return made;
  }

  void scale_learning_rate(double factor) override { rate_factor_ = factor; }

  [[nodiscard]] encoder_shape shape() const override { return shape_; }

  [[nodiscard]] tensor_map weights() const override {
    tensor_map made;
    for (const auto& [name, each] : network_->tensors()) {
      const auto values = each.detach().contiguous();
      tensor one;
      for (const auto size : values.sizes())
        one.shape.push_back(static_cast<std::size_t>(size));
      one.values.assign(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
      made.emplace(name, std::move(one));
    }
    return made;
  }

  [[nodiscard]] std::vector<float> query_after(const std::vector<sequence_step>& history,
                                               std::uint32_t gap) override {
    const torch::NoGradGuard no_gradient;
    network_->train(false);
    const auto one = maker_.whole(history);
    const auto out = network_->encode(padded_vectors(), one.items, one.kinds, one.gaps);
    const auto last = out.select(1, out.size(1) - 1);
    const auto made =
        network_->query(last, torch::full({1}, static_cast<std::int64_t>(gap), torch::kLong))
            .contiguous();
    return {made.data_ptr<float>(), made.data_ptr<float>() + made.numel()};
  }

private:
  static encoder_shape shape_of(const sequence_data& data, const training_options& options) {
    encoder_shape made;
    made.dimensions = options.dimensions;
    made.blocks = options.blocks;
    made.states = options.dimensions;
    made.hidden = 2 * options.dimensions;
    made.kinds = data.kinds;
    return made;
  }

  std::shared_ptr<network> seeded(const sequence_data& data, const training_options& options) {
    at::manual_seed(options.seed);
    return std::make_shared<network>(shape_, data, options.dropout);
  }

  /// Items' vectors and a row of zeros, which padding points at.
  [[nodiscard]] torch::Tensor padded_vectors() const {
    return torch::constant_pad_nd(network_->item_vectors(), {0, 0, 0, 1});
  }

  /// How often each item is a target, for the sample and its correction.
  void count_items() {
    auto counts = torch::ones({static_cast<std::int64_t>(data_.items)}); // nothing is impossible
    auto* at = counts.data_ptr<float>();
    for (const auto& step : data_.steps)
      ++at[step.item];
    shares_ = counts / counts.sum();
    log_expected_ = torch::log(shares_ * static_cast<double>(negatives_));
  }

  double learn(const batch& what) {
    const auto vectors = padded_vectors();
    const auto out = network_->encode(vectors, what.items, what.kinds, what.gaps);
    const auto rows = out.flatten(0, 1).index_select(0, what.places);
    const auto queries = network_->query(rows, what.query_gaps);
    auto loss = negatives_ > 0 ? sampled_loss(vectors, queries, what.targets)
                               : full_loss(vectors, queries, what.targets);
    optimiser_.zero_grad();
    loss.backward();
    torch::nn::utils::clip_grad_norm_(network_->parameters(), gradient_norm_max);
    ++batches_;
    const auto warmth = std::min(1.0, static_cast<double>(batches_) / warmup_batches);
    for (auto& group : optimiser_.param_groups())
      group.options().set_lr(options_.learning_rate * rate_factor_ * warmth);
    optimiser_.step();
    return loss.item<double>();
  }

  torch::Tensor full_loss(const torch::Tensor& vectors, const torch::Tensor& queries,
                          const torch::Tensor& targets) const {
    return torch::cross_entropy_loss(logits(vectors, queries), targets);
  }

  [[nodiscard]] torch::Tensor logits(const torch::Tensor& vectors,
                                     const torch::Tensor& queries) const {
    const auto items = vectors.slice(0, 0, static_cast<std::int64_t>(data_.items));
    return torch::addmm(network_->item_bias(), queries, items.t());
  }

  torch::Tensor sampled_loss(const torch::Tensor& vectors, const torch::Tensor& queries,
                             const torch::Tensor& targets) const {
    const auto sample = torch::multinomial(shares_, static_cast<std::int64_t>(negatives_), true);
    const auto& bias = network_->item_bias();
    auto wrong = torch::addmm(bias.index_select(0, sample) - log_expected_.index_select(0, sample),
                              queries, vectors.index_select(0, sample).t());
    wrong = wrong.masked_fill(sample.unsqueeze(0) == targets.unsqueeze(1), -1e9);
    const auto right = (queries * vectors.index_select(0, targets)).sum(1)
                       + bias.index_select(0, targets) - log_expected_.index_select(0, targets);
    return torch::cross_entropy_loss(torch::cat({right.unsqueeze(1), wrong}, 1),
                                     torch::zeros({queries.size(0)}, torch::kLong));
  }

  /// Ranks each held-out event among all items its user has not seen before.
  void judge(epoch_report& into) {
    const torch::NoGradGuard no_gradient;
    network_->train(false);
    const auto vectors = padded_vectors();
    std::size_t judged = 0;
    for (const auto& each : maker_.held_out(judged_max, judged_rows)) {
      const auto out = network_->encode(vectors, each.items, each.kinds, each.gaps);
      const auto rows = out.flatten(0, 1).index_select(0, each.places);
      auto scores = logits(vectors, network_->query(rows, each.query_gaps)).contiguous();
      const auto* targets = each.targets.data_ptr<std::int64_t>();
      for (std::int64_t n = 0; n < scores.size(0); ++n) {
        const auto rank = rank_of(scores.data_ptr<float>() + n * scores.size(1), targets[n],
                                  maker_.seen_before_last(each.users[static_cast<std::size_t>(n)]));
        ++judged;
        if (rank <= cutoff) {
          into.recall += 1;
          into.ndcg += 1 / std::log2(static_cast<double>(rank) + 1);
        }
      }
    }
    const auto each = 1 / static_cast<double>(std::max<std::size_t>(1, judged));
    into.recall *= each;
    into.ndcg *= each;
  }

  /// From 1; of items with the same score the target comes last, so that ties flatter nobody.
  [[nodiscard]] std::size_t rank_of(float* scores, std::int64_t target,
                                    const std::vector<std::uint32_t>& seen) const {
    const auto own = scores[target];
    for (const auto item : seen)
      scores[item] = -std::numeric_limits<float>::infinity();
    scores[target] = own;
    const auto before =
        std::count_if(scores, scores + data_.items, [own](float other) { return other >= own; });
    return static_cast<std::size_t>(before);
  }

  const sequence_data& data_;
  training_options options_;
  encoder_shape shape_;
  std::size_t negatives_; // 0: full softmax
  batch_maker maker_;
  std::shared_ptr<network> network_;
  torch::optim::AdamW optimiser_;
  torch::Tensor shares_;
  torch::Tensor log_expected_; // of an item in the sample
  double rate_factor_ = 1;
  std::size_t epoch_ = 0;
  std::uint64_t batches_ = 0;
};

} // namespace troupe::model::training

extern "C" {

[[gnu::visibility("default")]] extern const char* const troupe_training_version;
const char* const troupe_training_version = troupe::model::training_interface;

[[gnu::visibility("default")]] troupe::model::sequence_trainer*
troupe_make_sequence_trainer(const troupe::model::sequence_data& data,
                             const troupe::model::training_options& options) {
  return new troupe::model::training::recurrent_trainer{data, options};
}
}
