#pragma once

#include "base/event.hpp"
#include "base/ids.hpp"
#include "base/item.hpp"
#include "model/profile.hpp"
#include "model/sequences.hpp"
#include "model/trained_encoder.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

namespace troupe::model {

/// What learning on the stream learns from: the newest events of the users seen last, and which of
/// them came in since the last round. Items have the rows of the model that is trained on; new
/// ones come behind them.
/// Memory: 16 bytes an event and about 200 a user, within the limits. Thread safety: none.
class history_buffer {
public:
  struct limits {
    std::size_t users_max = 100'000;
    std::size_t user_events_max = 200; ///< of one user; the oldest go
  };

  /// `known` is the vocabulary of the model that is trained on.
  history_buffer(std::shared_ptr<const fold_rules> rules, const sequence_vocabulary& known,
                 limits most);

  /// Takes an event in, in the order of arrival; one without a weight in sequences is passed over.
  /// Its user is fresh from then on, unless the event was learnt already.
  void add(const event& what, bool is_learnt = false);

  /// Forgets a user.
  void erase(const user_id& user);

  /// Users with events since the last round.
  [[nodiscard]] std::size_t fresh_users() const noexcept { return fresh_; }

  [[nodiscard]] std::size_t users() const noexcept { return users_.size(); }

  [[nodiscard]] std::size_t events() const noexcept { return events_; }

  /// What one round learns from: histories of users with fresh events, and for each of these one
  /// of a user without, drawn by `seed`, as far as `events_max` goes. No user is fresh
  /// afterwards. describe_round says what the items are.
  /// Errors: invalid_argument if fewer than two users have three events.
  [[nodiscard]] result<sequence_corpus> take_round(std::size_t events_max, std::uint64_t seed);

private:
  struct step {
    std::uint32_t item = 0;
    std::uint16_t kind = 0;
    std::int64_t millis = 0;
  };

  struct history {
    user_id user;
    std::vector<step> steps;
    bool is_fresh = false;
  };

  using history_list = std::list<history>; ///< seen longest ago first

  [[nodiscard]] std::vector<const history*> choose(std::size_t events_max, std::uint64_t seed);

  std::shared_ptr<const fold_rules> rules_;
  sequence_vocabulary words_;
  std::vector<std::uint16_t> kinds_; ///< by rule
  limits limits_;
  history_list order_;
  boost::unordered_flat_map<user_id, history_list::iterator, std::hash<user_id>> users_;
  std::size_t events_ = 0;
  std::size_t fresh_ = 0;
};

/// Completes a round for `parent`, the model that is trained on: labels are those it knows, vectors
/// of the items' own those it can take, from the records in `items`. A model that takes none learns
/// to when a tenth of the items have vectors of one size.
void describe_round(sequence_corpus& round, const trained_encoder& parent,
                    std::span<const item> items, const corpus_options& options);

} // namespace troupe::model
