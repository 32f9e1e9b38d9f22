#pragma once

#include "model/item_matrix.hpp"
#include "model/rank_encoder.hpp"
#include "model/ranker.hpp"
#include "model/transformer_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// The causal transformer by itself: trained once on what was learnt before the first target, then
/// frozen, with histories that go on and are computed anew for every question.
class transformer_ranker final : public ranker {
public:
  transformer_ranker(std::shared_ptr<const fold_rules> rules, encoder_ranker_options options);

  [[nodiscard]] static std::vector<std::string> all_names() {
    return {name_of(encoder_architecture::transformer)};
  }

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void learn(const lesson& what) override;
  [[nodiscard]] result<void> prepare() override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

private:
  void add_row(const item_ptr& record);

  std::shared_ptr<const fold_rules> rules_;
  encoder_ranker_options options_;
  std::vector<std::string> names_ = all_names();
  std::vector<item_ptr> records_;  ///< by item number
  std::vector<stored_event> seen_; ///< until prepare
  std::unique_ptr<const trained_encoder> trained_;
  std::unique_ptr<const item_vectors> vectors_;
  std::shared_ptr<const transformer_encoder> encoder_;
  std::vector<float> plain_;          ///< items' vectors, by item number
  std::unique_ptr<item_matrix> rows_; ///< the same with the bias behind
};

} // namespace troupe::model
