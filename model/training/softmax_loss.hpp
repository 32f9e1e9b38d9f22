#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace troupe::model::training {

/// What a loss takes of a network: `queries` [n, d], `candidates` [k, d], `offsets` [k] (added to
/// the candidates' scores) and `own` [n] (the targets' scores) or, if those are among the
/// candidates', [0].
struct loss_inputs {
  torch::Tensor queries, candidates, offsets, own;
};

/// A teacher's answers to the same, without gradients, and what they count.
struct soft_targets {
  loss_inputs by;
  float share = 0; ///< of the loss, 0 to 1
};

/// The mean cross entropy of telling targets from candidates, with its gradient found on the way: a
/// few hundred queries at a time, so that their scores stay in the second cache and no matrix of
/// all scores is ever made.
///
/// Of `queries` [n, d], `candidates` [k, d], `offsets` [k] (added to the candidates' scores),
/// `columns` [n] (where the target is among the candidates; -1: nowhere) and `own` [n] or
/// undefined. Without `own` a target's score is its column's. With it the score is in `own`, the
/// column is passed over, and the offsets hold what corrects for how candidates were drawn: the sum
/// over all items is estimated by importance sampling (Bengio and Senécal, "Adaptive importance
/// sampling to accelerate training of a neural probabilistic language model", 2008), in which the
/// target itself is certain and so is not corrected.
///
/// With a `teacher` the target is not one item alone: what the teacher gives the candidates, by a
/// softmax of its own scores, has `share` of it (Hinton, Vinyals and Dean, "Distilling the
/// knowledge in a neural network", 2015, at temperature 1, so that one softmax serves both parts).
struct softmax_loss : torch::autograd::Function<softmax_loss> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& queries, const torch::Tensor& candidates,
                               const torch::Tensor& offsets, const torch::Tensor& columns,
                               const torch::Tensor& own, const soft_targets* teacher);

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list from_above);
};

} // namespace troupe::model::training
