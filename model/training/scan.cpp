#include "model/training/scan.hpp"

#include <algorithm>

namespace troupe::model::training {

namespace {

/// Where the numbers of one step begin.
struct layout {
  std::int64_t sequences;
  std::int64_t steps;
  std::int64_t states;

  explicit layout(const torch::Tensor& of)
      : sequences(of.size(0)), steps(of.size(1)), states(of.size(2) / 2) {}

  [[nodiscard]] std::int64_t at(std::int64_t sequence, std::int64_t step) const {
    return (sequence * steps + step) * 2 * states;
  }
};

} // namespace

torch::Tensor recurrence::forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                                  const torch::Tensor& real, const torch::Tensor& imaginary) {
  const auto in = x.contiguous();
  auto out = torch::empty_like(in);
  const layout place{in};
  const auto s = place.states;
  const auto* a = real.data_ptr<float>();
  const auto* b = imaginary.data_ptr<float>();
  for (std::int64_t n = 0; n < place.sequences; ++n)
    for (std::int64_t t = 0; t < place.steps; ++t) {
      const auto* from = in.data_ptr<float>() + place.at(n, t);
      auto* to = out.data_ptr<float>() + place.at(n, t);
      if (t == 0) {
        std::copy(from, from + 2 * s, to);
        continue;
      }
      const auto* before = to - 2 * s;
      for (std::int64_t i = 0; i < s; ++i) {
        to[i] = a[i] * before[i] - b[i] * before[s + i] + from[i];
        to[s + i] = a[i] * before[s + i] + b[i] * before[i] + from[s + i];
      }
    }
  context->save_for_backward({out, real, imaginary});
  return out;
}

torch::autograd::variable_list recurrence::backward(torch::autograd::AutogradContext* context,
                                                    torch::autograd::variable_list from_above) {
  const auto saved = context->get_saved_variables();
  const auto& out = saved[0];
  const auto above = from_above[0].contiguous();
  auto below = torch::empty_like(above); // by x
  auto by_real = torch::zeros_like(saved[1]);
  auto by_imaginary = torch::zeros_like(saved[2]);
  const layout place{out};
  const auto s = place.states;
  const auto* a = saved[1].data_ptr<float>();
  const auto* b = saved[2].data_ptr<float>();
  auto* da = by_real.data_ptr<float>();
  auto* db = by_imaginary.data_ptr<float>();
  for (std::int64_t n = 0; n < place.sequences; ++n)
    for (auto t = place.steps - 1; t >= 0; --t) {
      const auto* given = above.data_ptr<float>() + place.at(n, t);
      auto* d = below.data_ptr<float>() + place.at(n, t);
      std::copy(given, given + 2 * s, d);
      if (t + 1 < place.steps) {
        const auto* after = d + 2 * s;
        for (std::int64_t i = 0; i < s; ++i) {
          d[i] += a[i] * after[i] + b[i] * after[s + i];
          d[s + i] += a[i] * after[s + i] - b[i] * after[i];
        }
      }
      if (t == 0)
        continue;
      const auto* before = out.data_ptr<float>() + place.at(n, t - 1);
      for (std::int64_t i = 0; i < s; ++i) {
        da[i] += d[i] * before[i] + d[s + i] * before[s + i];
        db[i] += d[s + i] * before[i] - d[i] * before[s + i];
      }
    }
  return {below, by_real, by_imaginary};
}

} // namespace troupe::model::training
