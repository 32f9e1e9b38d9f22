#pragma once

#include "model/ranker.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// Plays events to one ranker as `evaluate` does, for tests that find its scores by hand.
namespace troupe::model_test {

class stage {
public:
  /// Items a, b, c ... get the numbers 0, 1, 2 ...
  stage(model::ranker& who, int items) : who_(&who) {
    for (int i = 0; i < items; ++i) {
      auto record = std::make_shared<item>();
      record->id = item_id{std::string(1, static_cast<char>('a' + i))};
      who_->enter(static_cast<model::item_number>(i), record);
    }
  }

  /// A user's next event; minutes count from the stage's beginning.
  const event& note(model::user_number user, char of, std::int64_t minutes,
                    const std::string& session = {}) {
    auto& made = events_.emplace_back();
    made.item = item_id{std::string(1, of)};
    made.type = "click";
    made.time = from_millis(minutes * 60'000);
    made.session_id = session;
    if (user >= histories_.size())
      histories_.resize(user + std::size_t{1});
    histories_[user].push_back({&made, static_cast<model::item_number>(of - 'a'), 1.0F});
    return made;
  }

  /// The same, learnt.
  void learn(model::user_number user, char of, std::int64_t minutes,
             const std::string& session = {}) {
    note(user, of, minutes, session);
    const auto& history = histories_[user];
    const std::span<const model::past_event> before{history.data(), history.size() - 1};
    who_->learn({user, history.back(), profile_, before});
  }

  /// Learns one item after the other, a minute apart.
  void learn_all(model::user_number user, const std::string& items, std::int64_t minutes = 0) {
    for (const auto one : items)
      learn(user, one, minutes++);
  }

  [[nodiscard]] std::span<const model::past_event> history(model::user_number user) const {
    return histories_[user];
  }

  /// The rankings for a user, as letters, with the items in `barred` left out.
  [[nodiscard]] std::vector<std::string> rank(model::user_number user, std::size_t items,
                                              const std::string& barred, std::size_t k = 20) {
    std::vector<std::uint8_t> marks(items);
    for (const auto one : barred)
      marks[static_cast<std::size_t>(one - 'a')] = 1;
    std::vector<model::ranked_items> lists(who_->names().size());
    who_->rank({user, profile_, history(user), timestamp{}, marks, k}, lists);
    std::vector<std::string> made;
    for (const auto& list : lists) {
      made.emplace_back();
      for (const auto number : list)
        made.back().push_back(static_cast<char>('a' + static_cast<int>(number)));
    }
    return made;
  }

private:
  model::ranker* who_;
  model::profile profile_;
  std::deque<event> events_;
  std::vector<std::vector<model::past_event>> histories_;
};

} // namespace troupe::model_test
