#pragma once

#include "actors/interfaces.hpp"
#include "actors/session_context.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// What the directories of a node show together.
struct user_directory_probe {
  gauge live;
  gauge subscribed;
  gauge leaving;   ///< sessions told to leave and not gone yet
  gauge anonymous; ///< anonymous requests in work
  gauge waiting;   ///< messages held for users that go to sleep or are erased
  counter activations;
  counter passivations; ///< put to sleep in good order
  counter crashes;      ///< sessions that died
  counter evictions;    ///< put to sleep because there were too many
  counter erasures;
  counter refused_waiting; ///< waiting_max behind a session that is going down
  counter refused_full;    ///< too many live sessions, and none of them leaves fast enough
  counter refused_anonymous;

  [[nodiscard]] static user_directory_probe make(metrics& where);
};

/// Routes what is addressed to a user of its slots to the user's live session, waking one if
/// there is none. A sleeping user takes no memory here.
///
/// One timer sweeps: sessions idle for idle_timeout are put to sleep, those with subscribers
/// stay; beyond sessions_max the longest idle one goes, subscribers or not, and its connections
/// are told. While a session is going down, messages for its user wait (bounded) and wake it
/// again when it is gone. A session that dies is counted and forgotten; what waited wakes it.
///
/// It keeps the sessions' deadlines, on a grid of `reminder_step`: CAF's clock wakes a thread for
/// every timer that is set, which costs more than most messages; here a step has one.
///
/// Invariant: at most one session of a user lives at a time. Blocking: none.
class user_directory_state {
public:
  using handle =
      user_directory_actor::extend<caf::reacts_to<session_report>, caf::reacts_to<remind_at>,
                                   caf::reacts_to<check_deadlines>, caf::reacts_to<sweep_sessions>>;
  static constexpr const char* name = "user-directory";

  /// How late a reminder may be.
  static constexpr std::chrono::milliseconds reminder_step{5};

  struct options {
    std::size_t sessions_max = 200'000; ///< of this directory
    /// Sessions told to leave and not gone yet, at a time: each has a snapshot in the writer's
    /// mailbox.
    std::size_t leaving_max = 1000;
    std::size_t anonymous_max = 1000; ///< transient sessions at a time
  };

  user_directory_state(handle::pointer self, std::shared_ptr<const session_context> context,
                       user_directory_probe probe, options opts);
  ~user_directory_state();
  user_directory_state(const user_directory_state&) = delete;
  user_directory_state& operator=(const user_directory_state&) = delete;

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  using time_point = caf::actor_clock::time_point;
  struct entry;
  /// Called with null to go to the session that is there again, with a failure to refuse.
  using waiting_message = std::function<void(const failure*)>;

  /// Entries in the order of their last use, oldest first; intrusive, so that a session costs
  /// two pointers.
  struct use_list {
    entry* oldest = nullptr;
    entry* newest = nullptr;
    void push_newest(entry& one) noexcept;
    void remove(entry& one) noexcept;
  };

  struct entry {
    const user_id* user = nullptr;
    user_session_actor session; ///< null: the user is being erased while asleep
    time_point used;
    entry* older = nullptr;
    entry* newer = nullptr;
    std::unique_ptr<std::deque<waiting_message>> waiting;
    std::uint32_t subscribers = 0; ///< as the session last reported
    std::uint32_t subscribing = 0; ///< subscribe messages on their way to it
    bool leaving = false;

    [[nodiscard]] bool watched() const noexcept { return subscribers + subscribing > 0; }
  };

  template <class Reply, class Message>
  caf::result<Reply> route(Message& what);
  template <class Reply, class Message>
  caf::result<Reply> wait(entry& whom, Message& what);
  template <class Message>
  void expect(entry& whom); ///< a message of this kind goes to the session
  caf::result<slate_ptr> serve_anonymous(recommend_anonymous& what);
  caf::result<done> erase(erase_user& what);
  caf::result<done> erase_asleep(erase_user& what);
  void fan_out(const items_changed& what);
  void on_report(const session_report& what);
  void keep_reminder(const remind_at& what);
  void remind();
  void arm_reminders();
  void on_down(const caf::down_msg& what);
  void sweep();
  caf::result<done> begin_drain();
  void continue_drain();

  entry* find(const user_id& user);
  entry& activate(const user_id& user);
  void spawn_session(entry& one);
  void touch(entry& one);
  void refuse_waiting(entry& one, const failure& why);
  void count_leaving(int by);
  void count_anonymous(int by);
  void watch(entry& one, std::uint32_t subscribers, std::uint32_t subscribing);
  void put_to_sleep(entry& one);
  void make_room();
  /// Its session has ended, or its erasure: forgotten, or woken again for what waits.
  void settle(entry& one);
  [[nodiscard]] use_list& list_of(const entry& one) noexcept;

  [[nodiscard]] time_point now() const { return self_->clock().now(); }

  handle::pointer self_;
  std::shared_ptr<const session_context> context_;
  user_directory_probe probe_;
  options options_;
  std::unordered_map<user_id, entry> table_;
  std::unordered_map<caf::actor_id, entry*> by_actor_; ///< null: a transient session
  use_list idle_;                                      ///< live, nobody subscribed
  use_list watched_;                                   ///< live, with subscribers
  std::size_t live_ = 0;
  std::size_t leaving_ = 0;
  std::size_t anonymous_ = 0;
  std::uint64_t activations_ = 0;
  std::uint64_t passivations_ = 0;
  std::map<time_point, std::vector<deadline_keeper_actor>> reminders_; ///< by step
  time_point reminder_due_ = time_point::max();                        ///< of the timer set
  std::vector<caf::typed_response_promise<done>> drained_;
  bool draining_ = false;
};

} // namespace troupe::actors
