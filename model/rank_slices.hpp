#pragma once

#include "config/settings.hpp"
#include "model/blend_learner.hpp"
#include "model/catalogue_slice.hpp"
#include "model/ranker.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// What is served, by the code that serves it: slices of the catalogue, composed. As configured
/// ("blend"), with weights that are learnt from its own slates as if each had been looked at
/// ("blend_learnt"), each signal alone, and popularity with one half-life: a week, and a century,
/// which is of all time.
class slice_ranker final : public ranker {
public:
  static constexpr std::string_view blend_name = "blend";
  static constexpr std::string_view learnt_name = "blend_learnt";

  /// Everything it can be asked for, the blend first.
  [[nodiscard]] static std::vector<std::string> all_names();

  /// REQUIRES: wanted are some of all_names(); shards >= 1.
  slice_ranker(std::shared_ptr<const fold_rules> rules, const config::blend_settings& blend,
               std::uint32_t shards, std::span<const std::string> wanted);
  ~slice_ranker() override;

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void hide(const item_ptr& record) override;
  void learn(const lesson& what) override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

  /// All slices hold this model from now on.
  void adopt(const sequence_model_ptr& model);

  /// `rank` with the encoder's query, of a model that was adopted; empty: without it.
  void rank_with(std::vector<float> sequence, std::uint64_t version, const ranking_query& query,
                 std::span<ranked_items> to);

private:
  using slice_group = std::vector<catalogue_slice>;

  /// Weights, and which group of slices they ask.
  struct contender {
    std::shared_ptr<const config::blend_settings> blend;
    std::size_t group = 0;
    bool learns = false;
  };

  /// An item of the last slate that a user got with the learnt weights.
  struct shown_entry {
    item_number item = no_item;
    shown_item how;
  };

  void learn_weights(const lesson& what);
  std::size_t add_group(const config::signals_settings& signals);
  [[nodiscard]] std::size_t served_group();

  std::shared_ptr<const fold_rules> rules_;
  std::uint32_t shards_;
  std::vector<std::string> names_;
  std::vector<contender> contenders_; ///< by name
  std::vector<slice_group> groups_;
  std::size_t served_; ///< the group with the configured signals, when there is one
  boost::unordered_flat_map<item_key, item_number, std::hash<item_key>> numbers_;
  std::vector<candidate_list> answers_;
  blend_learner learner_;
  boost::unordered_flat_map<user_number, std::vector<shown_entry>> shown_;
};

} // namespace troupe::model
