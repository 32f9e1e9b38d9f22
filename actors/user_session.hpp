#pragma once

#include "actors/interfaces.hpp"
#include "actors/session_context.hpp"
#include "actors/slate_desk.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// The one owner of one user's profile. Its user_directory spawns it on the user's first
/// message and puts it to sleep; with an empty user id it serves one `recommend_anonymous`,
/// keeps nothing and ends.
///
/// waking: loads snapshot and log tail, asks the shards what the tail's items are, folds;
/// messages wait. awake: an event is numbered, sent to the log and, side by side, folded as soon
/// as its item's traits are there; then each feed gets one computation, and one more if events
/// came meanwhile. recovering: an append failed; waits for what is on its way, forgets the
/// profile, wakes again. leaving, erasing: the last steps.
///
/// Invariants: events are folded in the order of their numbers; a slate leaves the session only
/// after the newest event it reflects was acknowledged; acks of the log come in order.
/// Bounds: writes_pending_max, waiting_max, subscribers_max, surfaces_max and the node's
/// write_credit. Deadlines: one timer for all that is on its way. Blocking: none.
/// Memory: what is used rarely is behind pointers, for sessions are many.
class user_session_state {
public:
  using handle =
      user_session_actor::extend<caf::reacts_to<check_deadlines>, caf::reacts_to<leave_now>>;
  static constexpr const char* name = "user-session";

  user_session_state(handle::pointer self, user_id user,
                     std::shared_ptr<const session_context> context, session_host_actor host);
  ~user_session_state();
  user_session_state(const user_session_state&) = delete;
  user_session_state& operator=(const user_session_state&) = delete;

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  enum class phase : std::uint8_t { waking, awake, recovering, leaving, erasing };
  using time_point = caf::actor_clock::time_point;
  template <class T>
  using promise = caf::typed_response_promise<T>;
  /// Called with null to go on, with a failure to refuse.
  using waiting_message = std::function<void(const failure*)>;
  using event_reply = std::function<void(const result<ingest_ack>&)>;

  /// An event between its number and the last of: folded, acknowledged.
  struct flight {
    stored_event what;
    event_key key{};
    model::item_traits traits;
    std::vector<float> vector;        ///< the item's, for the encoder
    std::uint64_t vector_version = 0; ///< of the model that was asked
    std::vector<event_reply> replies; ///< the first copy's, then those of duplicates
    time_point due;
    bool traits_here = false;
    bool folded = false;
    bool answered = false; ///< by the log: acknowledged, or refused
  };

  /// Events from the store while their items' traits are being asked for.
  struct tail_gather {
    std::vector<stored_event> events;
    bool more = false;
    std::vector<item_key> recheck; ///< unknown when the snapshot was made
    std::unordered_map<item_key, model::item_traits> traits;
    std::size_t outstanding = 0;
    std::uint32_t token = 0;
    time_point due;
  };

  /// The user as the active model's encoder sees them, and events on their way to it.
  struct sequence_track {
    enum class stage : std::uint8_t { gathering, encoding, ready };

    std::uint64_t version = 0; ///< of the model; not the model, which old sessions would keep alive
    model::sequence_state state;
    std::vector<model::sequence_event> events; ///< folded, not encoded; oldest first
    std::size_t outstanding = 0;               ///< shards asked for vectors
    time_point due;
    std::uint32_t token = 0;
    stage at = stage::ready;
    bool is_late = false; ///< slates go without it until it is there
  };

  // -- doors (user_session.cpp)
  template <class Reply, class Message>
  caf::result<Reply> enter(Message& what,
                           void (user_session_state::*handle_it)(Message&, promise<Reply>));
  void run_waiting();
  void refuse_waiting(const failure& why);

  void take(ingest& what, promise<ingest_ack> answer);
  void impress(record_impression& what, promise<ingest_ack> answer);
  void show(read_profile& what, promise<profile_view> answer);
  void put(put_user& what, promise<done> answer);
  void erase(erase_user& what, promise<done> answer);

  // -- events (user_session_events.cpp)
  /// Answers a known id; true if it was one.
  bool answer_duplicate(event_key key, event_reply& reply);
  void take_in(event what, event_reply reply);
  /// How the item stood in the slate that an impression is of, if that is still known.
  [[nodiscard]] std::optional<shown_item> shown_in(const event& what) const;
  [[nodiscard]] std::shared_ptr<model::observation> lesson_of(const stored_event& what);
  void append(const flight& what, std::shared_ptr<model::observation> teaches);
  void ask_traits(const flight& what);
  [[nodiscard]] flight* find_flight(std::uint64_t seq) noexcept;
  void on_appended(std::uint64_t seq);
  void on_append_failed(std::uint64_t seq, const failure& why);
  void fold_ready();
  void drop_settled();
  void save_if_due();
  /// Nothing waits for the log's answer any more.
  [[nodiscard]] bool is_quiet() const noexcept;

  // -- waking (user_session_waking.cpp)
  void wake(bool pass_over_snapshot);
  void on_loaded(loaded_user& what);
  void on_load_failed(const failure& why);
  void gather(std::vector<stored_event> events, bool more, std::vector<item_key> recheck);
  void on_gathered();
  void become_awake();

  // -- the encoder's view (user_session_model.cpp)
  /// Whether a slate can be made now with this model: the state reflects all that is folded, or
  /// takes too long.
  [[nodiscard]] bool catch_up(const model::sequence_model_ptr& by);
  void begin_track(const model::sequence_model_ptr& by);
  void encode_events(const model::sequence_model_ptr& by);
  void track_on(std::uint32_t token);
  void note_event(flight& what);
  /// The sequence part of a query; empty: the encoder has no say.
  [[nodiscard]] std::vector<float> sequence_query(const model::sequence_model& by,
                                                  timestamp time) const;

  // -- slates (user_session_slates.cpp)
  void answer(recommend& what, promise<slate_ptr> answer);
  void answer_anonymous(recommend_anonymous& what, promise<slate_ptr> answer);
  void add_subscriber(subscribe& what, promise<slate_ptr> answer);
  void remove_subscriber(unsubscribe& what, promise<done> answer);
  void on_items_changed(const items_changed& what);
  slate_desk& desk();
  void queue_job(const slate_request& how, promise<slate_ptr> answer);
  void start_ready();
  void scatter(slate_job& job, std::shared_ptr<const model::taste> who);
  void on_candidates(std::uint64_t token, std::size_t shard, model::candidate_list* list);
  /// A pushed slate that no shard answered for: kept from the connections, tried again later.
  [[nodiscard]] bool put_off(slate_job& job);
  void finish(slate_job& job);
  void release_held();
  void publish(slate_feed& feed, const slate_ptr& made);
  void end_feeds(errc why);
  void end_jobs(const failure& why);
  void restart_slates();
  void report(std::uint32_t handled);

  // -- time and the end (user_session.cpp)
  /// What every step ends with: fold, release, compute, save, leave, as far as each may go.
  void move_on();
  void on_deadline();
  void arm(time_point due);
  void arm_next();
  void recover();
  void finish_erasure();
  void leave();

  [[nodiscard]] time_point now() const { return self_->clock().now(); }

  handle::pointer self_;
  std::shared_ptr<const session_context> context_;
  session_host_actor host_;
  user_id user_;
  model::profile profile_;
  std::uint64_t last_seq_ = 0;                   ///< last number given
  std::uint64_t acked_seq_ = 0;                  ///< last number the log has
  std::uint64_t saved_seq_ = 0;                  ///< of the snapshot in the store
  std::unique_ptr<std::vector<flight>> flights_; ///< consecutive numbers; null: none
  std::unique_ptr<model::profile> ahead_;        ///< with the unfolded events, traits unknown
  std::unique_ptr<tail_gather> tail_;
  std::unique_ptr<sequence_track> track_;
  timestamp received_{}; ///< of the newest event folded; timestamp{}: not known
  std::unique_ptr<slate_desk> desk_;
  std::unique_ptr<std::deque<waiting_message>> waiting_;
  std::unique_ptr<std::map<std::string, property_value>> properties_;
  std::unique_ptr<promise<done>> erased_;
  time_point woken_;                         ///< when waking began
  time_point timer_due_ = time_point::max(); ///< of the earliest timer on its way
  phase phase_ = phase::waking;
  std::uint32_t gathers_ = 0; ///< tells answers to an earlier gathering apart
  bool registered_ = false;   ///< the store has a user record
  bool leave_asked_ = false;
  bool saving_ = false;
  bool refolded_ = false; ///< the snapshot was passed over once already
};

} // namespace troupe::actors
