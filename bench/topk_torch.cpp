#include "bench/topk_rivals.hpp"

#if TROUPE_BENCH_TORCH

#include <ATen/Parallel.h>
#include <torch/types.h>
#include <torch/version.h>

namespace troupe::bench {

namespace {

class torch_rival final : public rival {
public:
  torch_rival(std::span<const float> items, std::size_t dimensions)
      : dimensions_(static_cast<std::int64_t>(dimensions)) {
    at::set_num_threads(1);
    const auto rows = static_cast<std::int64_t>(items.size() / dimensions);
    items_ = torch::empty({rows, dimensions_});
    std::copy(items.begin(), items.end(), items_.data_ptr<float>());
  }

  std::string name() const override { return "torch " TORCH_VERSION; }

  std::vector<std::uint32_t> top_k(std::span<const float> queries, std::size_t count,
                                   std::size_t k) override {
    const c10::InferenceMode inference;
    auto asked = torch::empty({static_cast<std::int64_t>(count), dimensions_});
    std::copy(queries.begin(), queries.end(), asked.data_ptr<float>());
    const auto scores = torch::matmul(asked, items_.t());
    const auto best = std::get<1>(torch::topk(scores, static_cast<std::int64_t>(k))).contiguous();
    const auto* rows = best.data_ptr<std::int64_t>();
    std::vector<std::uint32_t> out(count * k);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint32_t>(rows[i]);
    return out;
  }

private:
  std::int64_t dimensions_;
  torch::Tensor items_;
};

} // namespace

std::unique_ptr<rival> make_torch(std::span<const float> items, std::size_t dimensions) {
  return std::make_unique<torch_rival>(items, dimensions);
}

} // namespace troupe::bench

#else

namespace troupe::bench {

std::unique_ptr<rival> make_torch(std::span<const float> /*items*/, std::size_t /*dimensions*/) {
  return nullptr;
}

} // namespace troupe::bench

#endif
