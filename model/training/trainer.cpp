#include "model/sequence_trainer.hpp"
#include "model/training/batches.hpp"
#include "model/training/conversions.hpp"
#include "model/training/network.hpp"
#include "model/training/operation_watch.hpp"
#include "model/training/optimiser.hpp"
#include "model/training/softmax_loss.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

namespace troupe::model::training {

namespace {

constexpr std::size_t judged_max = 6000; // held-out events that are judged
constexpr double gradient_norm_max = 5;
constexpr std::size_t warmup_batches = 50;     // until the learning rate is reached
constexpr std::size_t cutoff = 10;             // of the metrics
constexpr std::size_t pass_batches_least = 32; // small data are gone over several times an epoch

// Batches are as large as is fast, but a pass has enough of them to get somewhere.
constexpr std::size_t batches_least = 256;
constexpr std::size_t batch_steps_least = 1024;
constexpr std::size_t batch_steps_most = 8192;

training_options completed(const sequence_data& data, training_options from) {
  if (from.batch_steps == 0)
    from.batch_steps =
        std::clamp(data.steps.size() / batches_least, batch_steps_least, batch_steps_most);
  return from;
}

/// The place of the target among its scores, from 1; of items with the same score the target comes
/// last, so that ties flatter nobody.
std::size_t rank_of(const float* scores, std::int64_t count, float own) {
  std::int64_t before = 0;
  for (std::int64_t i = 0; i < count; ++i)
    before += scores[i] >= own ? 1 : 0;
  return static_cast<std::size_t>(before);
}

/// Whether these are all tensors of a network.
result<void> check_weights(const network& of, const tensor_map& from) {
  for (const auto& [name, each] : of.tensors()) {
    const auto found = from.find(name);
    if (found == from.end() || found->second.shape != copy_of(each).shape)
      return failure{errc::invalid_argument,
                     fmt::format("tensor \"{}\" is missing or has another shape", name)};
  }
  return {};
}

} // namespace

/// Trains a network by AdamW to tell the next item from all others or, in large catalogues, from a
/// sample by popularity that a batch shares (Klenitskiy and Vasilev, "Turning dross into gold loss:
/// is BERT4Rec really better than SASRec?", RecSys 2023, measure what that is worth).
class network_trainer final : public sequence_trainer {
public:
  network_trainer(const sequence_data& data, const training_options& options)
      : data_(data), options_(completed(data, options)), shape_(trained_shape(options, data.kinds)),
        is_sampled_(negatives_for(data, options) > 0), maker_(data, options_),
        network_(seeded(data, options)),
        optimiser_(options.weight_decay, mean_horizon(data, options_)) {
    for (const auto& [name, each] : network_->tensors())
      optimiser_.add(name, each);
  }

  epoch_report run_epoch(const std::function<bool()>& stop) override {
    const operation_watch watch{stop};
    epoch_report made;
    if (pass(made, false, rate_factor_, rate_factor_, watch))
      judge(made, watch);
    return made;
  }

  epoch_report run_refit(double from, double to, const std::function<bool()>& stop) override {
    const operation_watch watch{stop};
    epoch_report made;
    made.refit = true;
    pass(made, true, from, to, watch);
    return made;
  }

  epoch_report judge(const std::function<bool()>& stop) override {
    at::set_num_threads(static_cast<int>(options_.threads));
    const operation_watch watch{stop};
    epoch_report made;
    made.epoch = epoch_;
    judge(made, watch);
    return made;
  }

  void scale_learning_rate(double factor) override { rate_factor_ = factor; }

  [[nodiscard]] encoder_shape shape() const override { return shape_; }

  [[nodiscard]] tensor_map weights() const override {
    tensor_map made;
    for (const auto& [name, each] : network_->tensors())
      made.emplace(name, copy_of(optimiser_.mean(name)));
    return made;
  }

  result<void> set_weights(const tensor_map& from) override {
    if (auto fits = check_weights(*network_, from); !fits)
      return fits;
    for (const auto& [name, each] : network_->tensors())
      optimiser_.assign(name, torch::tensor(from.find(name)->second.values).view(each.sizes()));
    return {};
  }

  result<void> set_teacher(const encoder_shape& shape, const tensor_map& from) override {
    const torch::NoGradGuard no_gradient;
    auto made = network::make(shape, data_, 0);
    if (auto fits = check_weights(*made, from); !fits)
      return fits;
    for (const auto& [name, each] : made->tensors())
      torch::Tensor{each}.copy_(torch::tensor(from.find(name)->second.values).view(each.sizes()));
    teacher_ = std::move(made);
    if (!is_sampled_)
      teacher_items_ = teacher_->all_items();
    return {};
  }

  [[nodiscard]] trainer_state state() const override {
    trainer_state made;
    optimiser_.save(made);
    made.numbers["epoch"] = static_cast<double>(epoch_);
    made.numbers["rate_factor"] = rate_factor_;
    return made;
  }

  result<void> restore(const trainer_state& from) override {
    const auto epoch = from.numbers.find("epoch");
    const auto factor = from.numbers.find("rate_factor");
    if (epoch == from.numbers.end() || factor == from.numbers.end())
      return failure{errc::invalid_argument,
                     "the state has no number \"epoch\" or \"rate_factor\""};
    if (auto fine = optimiser_.load(from); !fine)
      return fine.error();
    epoch_ = static_cast<std::size_t>(epoch->second);
    rate_factor_ = factor->second;
    return {};
  }

  [[nodiscard]] std::vector<float> query_after(const std::vector<sequence_step>& history,
                                               std::uint32_t gap) override {
    const torch::NoGradGuard no_gradient;
    const mean_weights guard{*this};
    const auto one = maker_.whole(history);
    const auto out = network_->encode(network_->all_items().padded, one.items, one.kinds, one.gaps);
    const auto last = out.select(1, out.size(1) - 1);
    const auto made =
        network_->query(last, torch::full({1}, static_cast<std::int64_t>(gap), torch::kLong))
            .contiguous();
    return {made.data_ptr<float>(), made.data_ptr<float>() + made.numel()};
  }

private:
  /// While it lives, the network computes with the means of its weights, and without dropout.
  class mean_weights {
  public:
    explicit mean_weights(network_trainer& of) : of_(of) {
      of.network_->rest();
      exchange();
    }

    ~mean_weights() { exchange(); }

    mean_weights(const mean_weights&) = delete;
    mean_weights& operator=(const mean_weights&) = delete;

  private:
    void exchange() {
      for (const auto& [name, each] : of_.network_->tensors()) {
        auto* const values = each.data_ptr<float>();
        std::swap_ranges(values, values + each.numel(),
                         of_.optimiser_.mean(name).data_ptr<float>());
      }
    }

    network_trainer& of_;
  };

  /// A pass over the data, or two of the smallest ones.
  static double mean_horizon(const sequence_data& data, const training_options& options) {
    return static_cast<double>(std::max<std::size_t>(20, data.steps.size() / options.batch_steps));
  }

  std::unique_ptr<network> seeded(const sequence_data& data, const training_options& options) {
    at::manual_seed(options.seed);
    return network::make(shape_, data, options.dropout);
  }

  /// Returns whether it came to its end.
  bool pass(epoch_report& into, bool to_the_end, double from, double to,
            const operation_watch& watch) {
    at::set_num_threads(static_cast<int>(options_.threads));
    into.epoch = ++epoch_;
    network_->train(options_.seed * 1'000'003 + into.epoch);
    const auto plans = plans_of(into.epoch, to_the_end);
    double loss = 0;
    std::size_t batches = 0;
    for (const auto& each : plans) {
      const auto way = static_cast<double>(batches) / static_cast<double>(plans.size());
      loss +=
          learn(maker_.make(each), from + (to - from) * way) * static_cast<double>(each.targets);
      into.steps += each.targets;
      ++batches;
      if (watch.is_stopped()) {
        optimiser_.settle();
        return false;
      }
    }
    optimiser_.settle();
    into.loss = loss / static_cast<double>(std::max<std::size_t>(1, into.steps));
    return true;
  }

  /// All data, as often as makes enough batches to get somewhere between two judgements.
  std::vector<batch_maker::plan> plans_of(std::size_t epoch, bool to_the_end) {
    auto made = maker_.epoch(epoch, to_the_end);
    const auto times =
        (pass_batches_least + made.size() - 1) / std::max<std::size_t>(1, made.size());
    for (std::size_t again = 1; again < times && !made.empty(); ++again) {
      auto more = maker_.epoch(epoch + again * epochs_apart, to_the_end);
      std::move(more.begin(), more.end(), std::back_inserter(made));
    }
    return made;
  }

  double learn(const batch& what, double factor) {
    if (is_sampled_)
      for (const auto* table : {"item.id", "item.bias"})
        optimiser_.refresh(table, what.rows);
    const auto items = is_sampled_ ? network_->some_items(what.rows) : network_->all_items();
    const auto [queries, candidates, offsets, own] = inputs_of(*network_, items, what);
    const auto told = teacher_ ? taught(what) : soft_targets{};
    const auto loss =
        softmax_loss::apply(queries, candidates, offsets, is_sampled_ ? what.columns : what.targets,
                            own, teacher_ ? &told : nullptr);
    loss.backward();
    std::map<std::string, row_gradient> by_rows;
    if (is_sampled_) {
      by_rows["item.id"] = {what.rows, items.ids.grad()};
      by_rows["item.bias"] = {what.rows, items.bias.grad()};
    }
    const auto warmth = std::min(1.0, static_cast<double>(optimiser_.steps() + 1)
                                          / static_cast<double>(warmup_batches));
    optimiser_.step(options_.learning_rate * factor * warmth, by_rows, gradient_norm_max);
    return static_cast<double>(loss.item<float>());
  }

  /// What the loss takes of the student or the teacher, which sees the same items.
  [[nodiscard]] loss_inputs inputs_of(network& by, const item_view& items,
                                      const batch& what) const {
    const auto out = by.encode(items.padded, what.items, what.kinds, what.gaps);
    const auto rows = out.flatten(0, 1).index_select(0, what.places);
    const auto queries = by.query(rows, what.query_gaps);
    if (!is_sampled_)
      return {queries, items.vectors, items.bias, torch::empty({0})};
    const auto own = (queries * items.vectors.index_select(0, what.targets)).sum(1)
                     + items.bias.index_select(0, what.targets);
    return {queries, items.vectors.index_select(0, what.sample),
            items.bias.index_select(0, what.sample) + what.sample_offsets, own};
  }

  [[nodiscard]] soft_targets taught(const batch& what) {
    const torch::NoGradGuard no_gradient;
    return {
        inputs_of(*teacher_, is_sampled_ ? teacher_->some_items(what.rows) : teacher_items_, what),
        static_cast<float>(options_.teacher_share)};
  }

  /// Ranks each held-out event among all items its user has not seen before.
  void judge(epoch_report& into, const operation_watch& watch) {
    const torch::NoGradGuard no_gradient;
    const mean_weights guard{*this};
    const auto items = network_->all_items();
    std::size_t judged = 0;
    for (const auto& each : maker_.held_out(judged_max)) {
      const auto out = network_->encode(items.padded, each.items, each.kinds, each.gaps);
      const auto rows = out.flatten(0, 1).index_select(0, each.places);
      const auto queries = network_->query(rows, each.query_gaps);
      const auto count = rows.size(0);
      for (std::int64_t first = 0; first < count; first += judged_rows) {
        const auto last = std::min(count, first + judged_rows);
        auto scores = torch::addmm(items.bias, queries.slice(0, first, last), items.vectors.t());
        const auto sums = scores.logsumexp(1);
        into.held_out_loss += static_cast<double>(
            (sums - scores.gather(1, each.targets.slice(0, first, last).unsqueeze(1)).squeeze(1))
                .sum()
                .item<float>());
        for (auto i = first; i < last; ++i)
          judge_one(into, scores.data_ptr<float>() + (i - first) * scores.size(1),
                    each.users[static_cast<std::size_t>(i)], each.at[static_cast<std::size_t>(i)]);
        judged += static_cast<std::size_t>(last - first);
        if (watch.is_stopped())
          return;
      }
    }
    into.judged = judged;
    const auto each = 1 / static_cast<double>(std::max<std::size_t>(1, judged));
    into.recall *= each;
    into.ndcg *= each;
    into.held_out_loss *= each;
  }

  void judge_one(epoch_report& into, float* scores, std::size_t user, std::size_t at) const {
    const auto count = static_cast<std::int64_t>(data_.items);
    const auto own = scores[data_.steps[at].item];
    for (auto i = maker_.begin_of(user); i < at; ++i)
      scores[data_.steps[i].item] = -std::numeric_limits<float>::infinity();
    scores[data_.steps[at].item] = own;
    const auto rank = rank_of(scores, count, own);
    if (rank <= cutoff) {
      into.recall += 1;
      into.ndcg += 1 / std::log2(static_cast<double>(rank) + 1);
    }
  }

  static constexpr std::int64_t judged_rows = 128;       // scored together
  static constexpr std::size_t epochs_apart = 1'000'000; // seeds of the passes of one epoch

  const sequence_data& data_;
  training_options options_;
  encoder_shape shape_;
  bool is_sampled_; // not the full softmax
  batch_maker maker_;
  std::unique_ptr<network> network_;
  optimiser optimiser_;
  std::unique_ptr<network> teacher_; // or nobody
  item_view teacher_items_;          // all of them, if targets are told from all
  double rate_factor_ = 1;
  std::size_t epoch_ = 0;
};

} // namespace troupe::model::training

extern "C" {

[[gnu::visibility("default")]] extern const char* const troupe_training_version;
const char* const troupe_training_version = troupe::model::training_interface;

[[gnu::visibility("default")]] troupe::model::sequence_trainer*
troupe_make_sequence_trainer(const troupe::model::sequence_data& data,
                             const troupe::model::training_options& options) {
  return new troupe::model::training::network_trainer{data, options};
}
}
