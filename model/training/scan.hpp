#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace troupe::model::training {

/// The linear recurrence h_t = lambda h_{t-1} + x_t over whole sequences, with its gradient.
/// `x` is [sequences, steps, 2s], real parts before imaginary ones, as is what it gives;
/// `real` and `imaginary` are lambda's, [s]. One loop over the time in plain float32: on a
/// processor with few cores that is faster than a parallel scan, and than a step of LibTorch
/// each.
struct recurrence : torch::autograd::Function<recurrence> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& real, const torch::Tensor& imaginary);

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list from_above);
};

} // namespace troupe::model::training
