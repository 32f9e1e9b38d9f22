#include "model/training/softmax_loss.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::model::training {

namespace {

constexpr std::int64_t scores_at_once = 256 * 1024; // 1 MiB of them
constexpr float no_score = -1e30F;                  // e^this is 0, and 0 times this is

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
      scores[column] = no_score;
    made.target = *own;
  } else {
    made.target = scores[column];
  }
  made.most = std::max(made.target, *std::max_element(scores, scores + count));
  return made;
}

/// Scores of some queries, each less the highest of its row.
struct scored_rows {
  torch::Tensor scores;       ///< [count, k]
  std::vector<float> targets; ///< [count]
};

/// Of the rows from `first` on, as many as `into` [count, k] has; the scores are put there.
scored_rows score(const loss_inputs& by, const torch::Tensor& columns, std::int64_t first,
                  torch::Tensor into) {
  const auto count = into.size(0);
  const auto k = into.size(1);
  const auto* column = columns.data_ptr<std::int64_t>() + first;
  const auto* own = by.own.numel() > 0 ? by.own.data_ptr<float>() + first : nullptr;
  torch::addmm_out(into, by.offsets, by.queries.slice(0, first, first + count), by.candidates.t());
  auto most = torch::empty({count, 1});
  std::vector<float> targets(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto ends =
        prepare(into.data_ptr<float>() + i * k, k, column[i], own != nullptr ? own + i : nullptr);
    most.data_ptr<float>()[i] = ends.most;
    targets[static_cast<std::size_t>(i)] = ends.target - ends.most;
  }
  return {into.sub_(most), std::move(targets)};
}

/// Makes probabilities of scores: those of the candidates in place, those of targets that stand
/// apart in `targets`, which are zeros else.
void make_probabilities(scored_rows& of, bool apart) {
  auto sums = of.scores.exp_().sum(1);
  auto* sum = sums.data_ptr<float>();
  for (std::size_t i = 0; i < of.targets.size(); ++i) {
    const auto weight = apart ? std::exp(of.targets[i]) : 0.0F;
    sum[i] = 1 / (sum[i] + weight);
    of.targets[i] = weight * sum[i];
  }
  of.scores.mul_(sums.unsqueeze(1));
}

/// What a teacher says of some rows, and how well the student's scores agree.
struct taught_rows {
  scored_rows likely;        ///< probabilities
  std::vector<float> agreed; ///< [count]: the student's mean score by these
};

taught_rows teach(const soft_targets& teacher, const torch::Tensor& columns, std::int64_t first,
                  const scored_rows& student) {
  taught_rows made;
  made.likely = score(teacher.by, columns, first, torch::empty_like(student.scores));
  make_probabilities(made.likely, teacher.by.own.numel() > 0);
  const auto means = (made.likely.scores * student.scores).sum(1);
  const auto* mean = means.data_ptr<float>();
  for (std::size_t i = 0; i < student.targets.size(); ++i)
    made.agreed.push_back(mean[i] + made.likely.targets[i] * student.targets[i]);
  return made;
}

} // namespace

torch::Tensor softmax_loss::forward(torch::autograd::AutogradContext* context,
                                    const torch::Tensor& queries, const torch::Tensor& candidates,
                                    const torch::Tensor& offsets, const torch::Tensor& columns,
                                    const torch::Tensor& own, const soft_targets* teacher) {
  const auto n = queries.size(0);
  const auto k = candidates.size(0);
  const auto apart = own.numel() > 0; // the target's score is not among the candidates'
  const auto soft = teacher != nullptr ? teacher->share : 0.0F;
  const auto hard = 1 - soft;
  auto by_queries = torch::empty_like(queries);
  auto by_candidates = torch::zeros_like(candidates);
  auto by_offsets = torch::zeros_like(offsets);
  auto by_own = torch::empty_like(own);
  const auto rows_at_once =
      std::clamp<std::int64_t>(scores_at_once / k, 16, std::max<std::int64_t>(16, n));
  auto scores = torch::empty({std::min(rows_at_once, n), k});
  const auto* column = columns.data_ptr<std::int64_t>();
  const auto share = 1 / static_cast<float>(n);
  double loss = 0;
  for (std::int64_t first = 0; first < n; first += rows_at_once) {
    const auto count = std::min(rows_at_once, n - first);
    auto rows =
        score({queries, candidates, offsets, own}, columns, first, scores.slice(0, 0, count));
    auto& part = rows.scores;
    const auto taught = teacher != nullptr ? teach(*teacher, columns, first, rows) : taught_rows{};
    part.exp_();
    auto sums = part.sum(1);
    auto* sum = sums.data_ptr<float>();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto target = rows.targets[at];
      const auto weight = apart ? std::exp(target) : 0.0F;
      const auto all = sum[i] + weight;
      const auto likely = teacher != nullptr ? soft * taught.likely.targets[at] : 0.0F;
      const auto agreed = teacher != nullptr ? soft * taught.agreed[at] : 0.0F;
      loss += static_cast<double>(std::log(all) - (hard * target + agreed));
      if (apart)
        by_own.data_ptr<float>()[first + i] = (weight / all - hard - likely) * share;
      sum[i] = share / all;
    }
    part.mul_(sums.unsqueeze(1));
    if (teacher != nullptr)
      part.sub_(taught.likely.scores, soft * share);
    if (!apart)
      for (std::int64_t i = 0; i < count; ++i)
        part.data_ptr<float>()[i * k + column[first + i]] -= hard * share;
    auto below = by_queries.slice(0, first, first + count);
    torch::mm_out(below, part, candidates);
    by_candidates.addmm_(part.t(), queries.slice(0, first, first + count));
    by_offsets.add_(part.sum(0));
  }
  context->save_for_backward({by_queries, by_candidates, by_offsets, by_own});
  return torch::tensor(static_cast<float>(loss / static_cast<double>(n)));
}

torch::autograd::variable_list softmax_loss::backward(torch::autograd::AutogradContext* context,
                                                      torch::autograd::variable_list from_above) {
  const auto saved = context->get_saved_variables();
  const auto& scale = from_above[0];
  return {saved[0] * scale, saved[1] * scale, saved[2] * scale,
          torch::Tensor{},  saved[3] * scale, torch::Tensor{}};
}

} // namespace troupe::model::training
