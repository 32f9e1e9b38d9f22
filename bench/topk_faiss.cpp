#include "bench/topk_rivals.hpp"

#if TROUPE_BENCH_FAISS

#include <faiss/IndexFlat.h>
#include <omp.h>

#define TROUPE_TEXT_OF(x) #x
#define TROUPE_TEXT(x) TROUPE_TEXT_OF(x)

namespace troupe::bench {

namespace {

class faiss_rival final : public rival {
public:
  faiss_rival(std::span<const float> items, std::size_t dimensions)
      : index_(static_cast<faiss::Index::idx_t>(dimensions)) {
    omp_set_num_threads(1);
    index_.add(static_cast<faiss::Index::idx_t>(items.size() / dimensions), items.data());
  }

  std::string name() const override {
    return "faiss " TROUPE_TEXT(FAISS_VERSION_MAJOR) "." TROUPE_TEXT(
        FAISS_VERSION_MINOR) "." TROUPE_TEXT(FAISS_VERSION_PATCH) " IndexFlatIP";
  }

  std::vector<std::uint32_t> top_k(std::span<const float> queries, std::size_t count,
                                   std::size_t k) override {
    std::vector<float> scores(count * k);
    std::vector<faiss::Index::idx_t> rows(count * k);
    index_.search(static_cast<faiss::Index::idx_t>(count), queries.data(),
                  static_cast<faiss::Index::idx_t>(k), scores.data(), rows.data());
    std::vector<std::uint32_t> out(rows.size());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint32_t>(rows[i]);
    return out;
  }

private:
  faiss::IndexFlatIP index_;
};

} // namespace

std::unique_ptr<rival> make_faiss(std::span<const float> items, std::size_t dimensions) {
  return std::make_unique<faiss_rival>(items, dimensions);
}

} // namespace troupe::bench

#else

namespace troupe::bench {

std::unique_ptr<rival> make_faiss(std::span<const float> /*items*/, std::size_t /*dimensions*/) {
  return nullptr;
}

} // namespace troupe::bench

#endif
