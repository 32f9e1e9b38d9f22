#pragma once

#include "config/settings.hpp"
#include "model/companions.hpp"
#include "model/continue_training.hpp"
#include "model/fit_blend.hpp"
#include "model/history_buffer.hpp"
#include "model/rank_slices.hpp"
#include "model/ranker.hpp"
#include "model/sequence_model.hpp"
#include "model/slice_vectors.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// What the encoder is trained with in an evaluation.
struct encoder_ranker_options {
  std::filesystem::path module; ///< training_module_path()
  corpus_options corpus;
  training_plan plan;
  std::function<void(const epoch_report&)> on_epoch;
  std::function<void(const blend_fit&)> on_fit;
  /// Events after which the encoder has learnt those that came in since, and is published if the
  /// gate accepts it; 0: it stays as it was trained first.
  std::size_t publish_every = 0;
  continued_plan continued;
  std::function<void(const continued_encoder&)> on_round;
  /// What was trained first, for all that share it: the same data and plan give the same. May be
  /// null.
  std::shared_ptr<std::optional<trained_encoder>> first;
};

/// The recurrent sequence encoder by itself, and "served": the blend with it, by the code that
/// serves. Trained once on what was learnt before the first target, then frozen, with histories
/// and the other signals that go on; or learning on, as the trainer of a node does.
class encoder_ranker final : public ranker {
public:
  /// A name other than "recurrent" is one for "served". REQUIRES: shards >= 1.
  encoder_ranker(std::shared_ptr<const fold_rules> rules, const config::blend_settings& blend,
                 std::uint32_t shards, encoder_ranker_options options,
                 std::span<const std::string> wanted);

  [[nodiscard]] static std::vector<std::string> all_names() { return {"served", "recurrent"}; }

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void hide(const item_ptr& record) override;
  void learn(const lesson& what) override;
  [[nodiscard]] result<void> prepare() override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

private:
  /// A user's state after the first `events` of the history.
  struct user_state {
    sequence_state state;
    std::size_t events = 0;
  };

  [[nodiscard]] std::vector<item> catalogue() const;
  [[nodiscard]] result<void> serve(trained_encoder what);
  void learn_on();
  void fit_weight(std::span<const item> items);
  void learn_companions(const lesson& what);
  void move_on(user_state& user, std::span<const past_event> history) const;
  void rank_alone(const ranking_query& query, std::span<const float> asked, ranked_items& to) const;

  std::shared_ptr<const fold_rules> rules_;
  config::blend_settings blend_;
  encoder_ranker_options options_;
  std::vector<std::string> names_;
  std::vector<item_ptr> records_;  ///< by item number
  std::size_t learnt_ = 0;         ///< of `seen_`, by the encoder
  std::vector<stored_event> seen_; ///< until prepare, or all when it goes on learning
  std::unique_ptr<const trained_encoder> trained_; ///< what a round goes on from
  std::unique_ptr<history_buffer> buffer_;
  std::size_t since_round_ = 0; ///< events
  std::uint64_t rounds_ = 0;
  double weight_ = 0;
  sequence_model_ptr model_;
  std::unique_ptr<slice_ranker> slices_; ///< if "served" is wanted
  companion_lists companions_;           ///< by item number, as the rows
  std::unique_ptr<slice_vectors> rows_;
  std::vector<user_state> users_; ///< by user number
};

} // namespace troupe::model
