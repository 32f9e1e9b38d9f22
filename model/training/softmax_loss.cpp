#include "model/training/softmax_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::model::training {

namespace {

constexpr std::int64_t scores_at_once = 256 * 1024; // 1 MiB of them

/// What is left to do with one row of scores.
struct row_ends {
  float most;   ///< the highest score of the row
  float target; ///< the target's
};

/// Reads the target's score out of a row, or takes the target out of it if its score is elsewhere.
row_ends prepare(float* scores, std::int64_t count, std::int64_t column, const float* own) {
  row_ends made{};
  if (own != nullptr) {
    if (column >= 0)
      scores[column] = -std::numeric_limits<float>::infinity();
    made.target = *own;
  } else {
    made.target = scores[column];
  }
  made.most = std::max(made.target, *std::max_element(scores, scores + count));
  return made;
}

} // namespace

torch::Tensor softmax_loss::forward(torch::autograd::AutogradContext* context,
                                    const torch::Tensor& queries, const torch::Tensor& candidates,
                                    const torch::Tensor& offsets, const torch::Tensor& columns,
                                    const torch::Tensor& own) {
  const auto n = queries.size(0);
  const auto k = candidates.size(0);
  const auto apart = own.numel() > 0; // the target's score is not among the candidates'
  auto by_queries = torch::empty_like(queries);
  auto by_candidates = torch::zeros_like(candidates);
  auto by_offsets = torch::zeros_like(offsets);
  auto by_own = torch::empty_like(own);
  const auto rows_at_once =
      std::clamp<std::int64_t>(scores_at_once / k, 16, std::max<std::int64_t>(16, n));
  auto scores = torch::empty({std::min(rows_at_once, n), k});
  const auto transposed = candidates.t();
  const auto* column = columns.data_ptr<std::int64_t>();
  const auto share = 1 / static_cast<float>(n);
  double loss = 0;
  for (std::int64_t first = 0; first < n; first += rows_at_once) {
    const auto count = std::min(rows_at_once, n - first);
    const auto some = queries.slice(0, first, first + count);
    auto part = scores.slice(0, 0, count);
    torch::addmm_out(part, offsets, some, transposed);
    auto most = torch::empty({count, 1});
    std::vector<float> targets(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      const auto ends = prepare(part.data_ptr<float>() + i * k, k, column[first + i],
                                apart ? own.data_ptr<float>() + first + i : nullptr);
      most.data_ptr<float>()[i] = ends.most;
      targets[static_cast<std::size_t>(i)] = ends.target - ends.most;
    }
    part.sub_(most).exp_();
    auto sums = part.sum(1);
    auto* sum = sums.data_ptr<float>();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto target = targets[static_cast<std::size_t>(i)];
      const auto weight = apart ? std::exp(target) : 0.0F;
      const auto all = sum[i] + weight;
      loss += static_cast<double>(std::log(all) - target);
      if (apart)
        by_own.data_ptr<float>()[first + i] = (weight / all - 1) * share;
      sum[i] = share / all;
    }
    part.mul_(sums.unsqueeze(1));
    if (!apart)
      for (std::int64_t i = 0; i < count; ++i)
        part.data_ptr<float>()[i * k + column[first + i]] -= share;
    auto below = by_queries.slice(0, first, first + count);
    torch::mm_out(below, part, candidates);
    by_candidates.addmm_(part.t(), some);
    by_offsets.add_(part.sum(0));
  }
  context->save_for_backward({by_queries, by_candidates, by_offsets, by_own});
  return torch::tensor(static_cast<float>(loss / static_cast<double>(n)));
}

torch::autograd::variable_list softmax_loss::backward(torch::autograd::AutogradContext* context,
                                                      torch::autograd::variable_list from_above) {
  const auto saved = context->get_saved_variables();
  const auto& scale = from_above[0];
  return {saved[0] * scale, saved[1] * scale, saved[2] * scale, torch::Tensor{}, saved[3] * scale};
}

} // namespace troupe::model::training
