#pragma once

#include "apps/troupe/client/address.hpp"
#include "apps/troupe/client/rest_connection.hpp"
#include "apps/troupe/replay/live_user.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::apps {

/// How events are replayed.
struct replay_settings {
  address server;
  bool measure = false;
  bool put_items = true;             ///< each before its first event
  double warmup = 0.3;               ///< share of the events that are not scored
  std::size_t k = 10;                ///< of the slates, and of Recall@k and NDCG@k
  double rate = 0;                   ///< events per second; 0: as fast as they are answered
  std::size_t connections_max = 500; ///< users connected at a time; beyond it the least recent goes
  std::size_t unanswered_max = 256;  ///< events on their way when nothing is measured
  std::chrono::milliseconds timeout{10'000}; ///< for any answer
  std::chrono::milliseconds push_wait{20};   ///< then an unchanged slate is asked for
};

/// What a measured replay found. Means over the scored events; their standard errors are about
/// sqrt(recall (1 - recall) / scored).
struct replay_scores {
  std::uint64_t sent = 0;
  std::uint64_t scored = 0;
  std::uint64_t asked = 0; ///< slates that were not pushed, for they had not changed
  double recall = 0;
  double ndcg = 0;
};

/// Plays events through a running server over WebSockets, one connection a user, in the given
/// order. When measuring it is the prequential protocol ("test, then learn": Vinagre, Jorge,
/// Gama: Evaluation of recommender systems in streaming environments, 2015) as the user sees
/// it: before each event of a user with a history after the warm-up, the slate last pushed to
/// that user is scored on the event's item; an event is sent when the one before it is
/// acknowledged. Items are put into the catalogue when they first occur, after the scoring, so
/// that the catalogue is always what was seen so far.
class replayer {
public:
  /// `time` outlives it.
  replayer(replay_settings settings, const clock& time);
  ~replayer();

  /// Plays `events`; `catalogue` has the items' records by id; one that is missing is put with
  /// its id alone.
  /// Errors: unavailable when the server ends a connection, timeout when it does not answer,
  /// invalid_argument when it refuses something.
  [[nodiscard]] result<replay_scores> run(std::span<const event> events,
                                          const std::unordered_map<std::string, item>& catalogue);

private:
  struct player {
    std::unique_ptr<live_user> live;
    std::uint64_t events = 0; ///< acknowledged ones of this run
    std::list<std::string>::iterator place;
  };

  [[nodiscard]] result<player*> player_of(const user_id& who);
  [[nodiscard]] result<void> put_item(const item_id& id,
                                      const std::unordered_map<std::string, item>& catalogue);
  [[nodiscard]] result<void> await_slate(player& who);
  [[nodiscard]] result<void> await_ack(player& who);
  [[nodiscard]] result<void> await_room(player& who);
  [[nodiscard]] result<void> pace(std::size_t index);
  void score(const player& who, const event& next);

  replay_settings settings_;
  const clock& time_;
  boost::asio::io_context io_{1};
  std::shared_ptr<rest_connection> rest_;
  std::unordered_map<std::string, player> players_;
  std::list<std::string> recent_; ///< connected users, most recent first
  std::unordered_set<std::string> put_;
  std::chrono::steady_clock::time_point begin_;
  replay_scores scores_;
};

} // namespace troupe::apps
