#pragma once

#include "config/settings.hpp"
#include "model/fit_blend.hpp"
#include "model/item_matrix.hpp"
#include "model/rank_slices.hpp"
#include "model/ranker.hpp"
#include "model/sequence_model.hpp"

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
  std::function<void(const blend_fit&)> on_fit;
};

/// The recurrent sequence encoder by itself, and "served": the blend with it, by the code that
/// serves. Trained once on what was learnt before the first target, then frozen, with histories
/// and the other signals that go on.
class encoder_ranker final : public ranker {
public:
  /// REQUIRES: wanted are some of all_names(); shards >= 1.
  encoder_ranker(std::shared_ptr<const fold_rules> rules, const config::blend_settings& blend,
                 std::uint32_t shards, encoder_ranker_options options,
                 std::span<const std::string> wanted);

  [[nodiscard]] static std::vector<std::string> all_names() { return {"served", "recurrent"}; }

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void learn(const lesson& what) override;
  [[nodiscard]] result<void> prepare() override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

private:
  /// A user's state after the first `events` of the history.
  struct user_state {
    sequence_state state;
    std::size_t events = 0;
  };

  void move_on(user_state& user, std::span<const past_event> history) const;
  void rank_alone(const ranking_query& query, std::span<const float> asked, ranked_items& to) const;

  std::shared_ptr<const fold_rules> rules_;
  config::blend_settings blend_;
  encoder_ranker_options options_;
  std::vector<std::string> names_;
  std::vector<item_ptr> records_;  ///< by item number
  std::vector<stored_event> seen_; ///< until prepare
  sequence_model_ptr model_;
  std::unique_ptr<slice_ranker> slices_; ///< if "served" is wanted
  std::unique_ptr<item_matrix> rows_;    ///< by item number
  std::vector<user_state> users_;        ///< by user number
};

} // namespace troupe::model
