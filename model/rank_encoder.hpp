#pragma once

#include "model/encoder.hpp"
#include "model/item_matrix.hpp"
#include "model/ranker.hpp"
#include "model/trained_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// What the encoder is trained with in an evaluation.
struct encoder_ranker_options {
  std::filesystem::path module; ///< training_module_path()
  training_plan plan;
  std::function<void(const epoch_report&)> on_epoch;
};

/// The recurrent sequence encoder by itself: trained once on what was learnt before the first
/// target, then frozen, with histories that go on.
class encoder_ranker final : public ranker {
public:
  encoder_ranker(std::shared_ptr<const fold_rules> rules, encoder_ranker_options options);

  [[nodiscard]] static std::vector<std::string> all_names() { return {"recurrent"}; }

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void learn(const lesson& what) override;
  [[nodiscard]] result<void> prepare() override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

private:
  /// A user's state after the first `events` of the history.
  struct user_state {
    std::vector<float> state;
    std::size_t events = 0;
    timestamp last{};
  };

  void add_row(const item_ptr& record);
  void move_on(user_state& user, std::span<const past_event> history);

  std::shared_ptr<const fold_rules> rules_;
  encoder_ranker_options options_;
  std::vector<std::string> names_ = all_names();
  std::vector<item_ptr> records_;  ///< by item number
  std::vector<stored_event> seen_; ///< until prepare
  std::unique_ptr<const trained_encoder> trained_;
  std::unique_ptr<const item_vectors> vectors_;
  std::shared_ptr<const recurrent_encoder> encoder_;
  std::unique_ptr<item_matrix> rows_; ///< by item number; the bias is the last dimension
  std::vector<user_state> users_;     ///< by user number
};

} // namespace troupe::model
