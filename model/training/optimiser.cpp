#include "model/training/optimiser.hpp"

#include "model/training/conversions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace troupe::model::training {

namespace {

constexpr double keep_first = 0.9; // of the mean gradient
constexpr double keep_second = 0.999;
constexpr float least = 1e-8F;

/// One step's numbers, the same for all values of a tensor.
struct step_numbers {
  float scale;   ///< of the gradients
  float rate;    ///< divided by the correction of the first moment
  float correct; ///< of the second moment
  float fade;    ///< of the weights
  float follow;  ///< share of the way that the mean goes to the weights
};

void step_values(float* p, const float* g, float* first, float* second, float* mean,
                 std::int64_t count, const step_numbers& by) {
  constexpr auto b1 = static_cast<float>(keep_first);
  constexpr auto b2 = static_cast<float>(keep_second);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto gradient = g[i] * by.scale;
    first[i] = b1 * first[i] + (1 - b1) * gradient;
    second[i] = b2 * second[i] + (1 - b2) * gradient * gradient;
    p[i] = p[i] * by.fade - by.rate * first[i] / (std::sqrt(second[i] * by.correct) + least);
    mean[i] += by.follow * (p[i] - mean[i]);
  }
}

std::int64_t row_size(const torch::Tensor& of) {
  return of.numel() / std::max<std::int64_t>(1, of.size(0));
}

} // namespace

optimiser::optimiser(double weight_decay, double horizon)
    : weight_decay_(weight_decay), horizon_(horizon) {}

void optimiser::add(const std::string& name, const torch::Tensor& parameter) {
  const auto values = parameter.detach();
  entry made;
  made.parameter = parameter;
  made.first = torch::zeros_like(values);
  made.second = torch::zeros_like(values);
  made.mean = values.clone();
  made.decays = values.dim() > 1;
  made.touched.resize(static_cast<std::size_t>(values.size(0)));
  entries_.emplace(name, std::move(made));
}

void optimiser::step(double rate, const std::map<std::string, row_gradient>& rows,
                     double norm_max) {
  std::vector<std::pair<entry*, row_gradient>> all;
  double squares = 0;
  for (auto& [name, each] : entries_) {
    const auto found = rows.find(name);
    auto by = found != rows.end() ? found->second : row_gradient{{}, each.parameter.grad()};
    if (!by.values.defined())
      continue;
    by.values = by.values.contiguous();
    squares += std::pow(by.values.norm().item<double>(), 2);
    all.emplace_back(&each, std::move(by));
  }
  const auto norm = std::sqrt(squares);
  ++steps_;
  rate_ = rate;
  for (auto& [each, by] : all) {
    step_entry(*each, by, rate, norm > norm_max ? norm_max / norm : 1);
    each->parameter.mutable_grad() = torch::Tensor{};
  }
}

void optimiser::step_entry(entry& of, const row_gradient& by, double rate, double scale) {
  const auto steps = static_cast<double>(steps_);
  const step_numbers numbers{static_cast<float>(scale),
                             static_cast<float>(rate / (1 - std::pow(keep_first, steps))),
                             static_cast<float>(1 / (1 - std::pow(keep_second, steps))),
                             static_cast<float>(of.decays ? 1 - rate * weight_decay_ : 1),
                             static_cast<float>(1 / std::min(horizon_, (steps + 9) / 9))};
  const auto width = row_size(of.parameter);
  const auto at = [&](const torch::Tensor& in, std::int64_t row) {
    return in.data_ptr<float>() + row * width;
  };
  const auto run = [&](std::int64_t row, std::int64_t count, std::int64_t from) {
    step_values(at(of.parameter, row), at(by.values, from), at(of.first, row), at(of.second, row),
                at(of.mean, row), count * width, numbers);
  };
  if (!by.rows.defined()) {
    run(0, of.parameter.size(0), 0);
    std::fill(of.touched.begin(), of.touched.end(), steps_);
    return;
  }
  const auto* rows = by.rows.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < by.rows.numel(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    catch_up(of, row, steps_ - 1);
    run(rows[i], 1, i);
    of.touched[row] = steps_;
  }
}

void optimiser::catch_up(entry& of, std::size_t row, std::uint64_t to) {
  const auto missed = to - of.touched[row];
  if (missed == 0)
    return;
  of.touched[row] = to;
  const auto by = static_cast<double>(missed);
  const auto steps = static_cast<double>(to);
  const auto first_faded = std::pow(keep_first, by);
  const auto way = rate_ / (1 - std::pow(keep_first, steps)) * keep_first * (1 - first_faded)
                   / (1 - keep_first); // what momentum goes in all
  const auto first = static_cast<float>(first_faded);
  const auto second = static_cast<float>(std::pow(keep_second, by));
  const auto correct = static_cast<float>(1 / (1 - std::pow(keep_second, steps)));
  const auto behind = static_cast<float>(std::pow(1 - 1 / horizon_, by)); // what the mean lags
  const auto width = row_size(of.parameter);
  const auto at = [&](const torch::Tensor& in) {
    return in.data_ptr<float>() + static_cast<std::int64_t>(row) * width;
  };
  auto* p = at(of.parameter);
  auto* m = at(of.first);
  auto* v = at(of.second);
  auto* mean = at(of.mean);
  for (std::int64_t i = 0; i < width; ++i) {
    p[i] -= static_cast<float>(way) * m[i] / (std::sqrt(v[i] * correct) + least);
    m[i] *= first;
    v[i] *= second;
    mean[i] = p[i] + (mean[i] - p[i]) * behind;
  }
}

void optimiser::refresh(const std::string& name, const torch::Tensor& rows) {
  auto& found = entries_.find(name)->second;
  for (std::int64_t i = 0; i < rows.numel(); ++i)
    catch_up(found, static_cast<std::size_t>(rows.data_ptr<std::int64_t>()[i]), steps_);
}

void optimiser::settle() {
  for (auto& [name, each] : entries_)
    for (std::size_t row = 0; row < each.touched.size(); ++row)
      catch_up(each, row, steps_);
}

const torch::Tensor& optimiser::mean(const std::string& name) const {
  return entries_.find(name)->second.mean;
}

void optimiser::assign(const std::string& name, const torch::Tensor& to) {
  auto& found = entries_.find(name)->second;
  const torch::NoGradGuard no_gradient;
  found.parameter.copy_(to);
  found.mean.copy_(to);
}

void optimiser::save(trainer_state& to) const {
  for (const auto& [name, each] : entries_) {
    to.tensors["weight." + name] = copy_of(each.parameter);
    to.tensors["first." + name] = copy_of(each.first);
    to.tensors["second." + name] = copy_of(each.second);
    to.tensors["mean." + name] = copy_of(each.mean);
  }
  to.numbers["optimiser.steps"] = static_cast<double>(steps_);
  to.numbers["optimiser.rate"] = rate_;
}

result<void> optimiser::load(const trainer_state& from) {
  const auto steps = from.numbers.find("optimiser.steps");
  const auto rate = from.numbers.find("optimiser.rate");
  if (steps == from.numbers.end() || rate == from.numbers.end())
    return failure{errc::invalid_argument, "the state does not have the optimiser's numbers"};
  for (auto& [name, each] : entries_)
    for (const auto& [part, into] :
         {std::pair{"weight.", each.parameter}, std::pair{"first.", each.first},
          std::pair{"second.", each.second}, std::pair{"mean.", each.mean}}) {
      const auto found = from.tensors.find(part + name);
      if (found == from.tensors.end() || found->second.shape != copy_of(into).shape)
        return failure{
            errc::invalid_argument,
            fmt::format("the state's tensor \"{}{}\" is missing or has another shape", part, name)};
      std::copy(found->second.values.begin(), found->second.values.end(), into.data_ptr<float>());
    }
  steps_ = static_cast<std::uint64_t>(steps->second);
  rate_ = rate->second;
  for (auto& [name, each] : entries_)
    std::fill(each.touched.begin(), each.touched.end(), steps_);
  return {};
}

} // namespace troupe::model::training
