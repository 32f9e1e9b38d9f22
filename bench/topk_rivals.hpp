#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::bench {

/// Another library's exact top-k over the same vectors, on one thread.
class rival {
public:
  virtual ~rival() = default;

  /// "torch 1.13.1", with its version.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Rows of the k largest inner products, k for each query, best first.
  virtual std::vector<std::uint32_t> top_k(std::span<const float> queries, std::size_t count,
                                           std::size_t k) = 0;
};

/// LibTorch's matmul and topk; null where the bench was built without it.
std::unique_ptr<rival> make_torch(std::span<const float> items, std::size_t dimensions);

/// FAISS IndexFlatIP; null where the bench was built without it.
std::unique_ptr<rival> make_faiss(std::span<const float> items, std::size_t dimensions);

} // namespace troupe::bench
