#pragma once

#include "actors/interfaces.hpp"
#include "tests/support/fakes/gates.hpp"

#include <caf/send.hpp>

#include <utility>

/// Actors that stand before real ones and hold messages back until the test lets them through.
/// For the test coordinator's one thread only.
namespace troupe::test {

/// Holds back `append_event`; everything else goes straight to the real writer.
class gated_writer {
public:
  using handle = actors::event_log_writer_actor::extend<caf::reacts_to<actors::done>>;
  static constexpr const char* name = "gated-writer";

  gated_writer(handle::pointer self, actors::event_log_writer_actor real, gate& at)
      : self_(self), real_(std::move(real)), at_(at) {}

  handle::behavior_type make_behavior() {
    using namespace actors;
    at_.wake = [this] { caf::anon_send(handle{self_}, done{}); };
    return {
        [this](append_event& what) -> caf::result<appended> {
          if (!at_.closed && at_.held.empty()) // in order, whatever happens
            return self_->delegate(real_, std::move(what));
          auto answer = self_->make_response_promise<appended>();
          at_.held.push_back([this, answer, what = std::move(what)]() mutable {
            answer.delegate(real_, std::move(what));
          });
          return answer;
        },
        [this](save_profile& what) { return pass<done>(what); },
        [this](save_user& what) { return pass<done>(what); },
        [this](write_items& what) { return pass<written_items>(what); },
        [this](write_patch& what) { return pass<item_ptr>(what); },
        [this](erase_item& what) { return pass<done>(what); },
        [this](erase_stored_user& what) { return pass<done>(what); },
        [this](begin_teaching& what) { return pass<teaching_begun>(what); },
        [this](drain& what) { return pass<done>(what); },
        [this](const done&) { at_.pass(); },
    };
  }

private:
  template <class Reply, class Message>
  caf::result<Reply> pass(Message& what) {
    return self_->delegate(real_, std::move(what));
  }

  handle::pointer self_;
  actors::event_log_writer_actor real_;
  gate& at_;
};

/// Holds back `score_request`, `read_traits` and `learn`, each at its own gate.
class gated_shard {
public:
  using handle = actors::item_shard_actor::extend<caf::reacts_to<actors::done>>;
  static constexpr const char* name = "gated-shard";

  gated_shard(handle::pointer self, actors::item_shard_actor real, shard_gates& at)
      : self_(self), real_(std::move(real)), at_(at) {}

  handle::behavior_type make_behavior() {
    using namespace actors;
    at_.scores.wake = at_.traits.wake =
        at_.lessons.wake = [this] { caf::anon_send(handle{self_}, done{}); };
    return {
        [this](score_request& what) { return hold<scored_candidates>(at_.scores, what); },
        [this](read_traits& what) { return hold<traits_list>(at_.traits, what); },
        [this](learn& what) { teach(what); },
        [this](shard_upsert& what) { return pass<done>(what); },
        [this](shard_remove& what) { return pass<done>(what); },
        [this](shard_find& what) { return pass<item_ptr>(what); },
        [this](shard_similar& what) { return hold<scored_candidates>(at_.scores, what); },
        [this](shard_popular& what) { return hold<scored_candidates>(at_.scores, what); },
        [this](read_slice_stats& what) { return pass<model::slice_stats>(what); },
        [this](adopt_model& what) { return pass<done>(what); },
        [this](make_checkpoint& what) { return pass<checkpoint_bytes>(what); },
        [this](const done&) {
          at_.scores.pass();
          at_.traits.pass();
          at_.lessons.pass();
        },
    };
  }

private:
  template <class Reply, class Message>
  caf::result<Reply> pass(Message& what) {
    return self_->delegate(real_, std::move(what));
  }

  template <class Reply, class Message>
  caf::result<Reply> hold(gate& at, Message& what) {
    if (!at.closed && at.held.empty())
      return pass<Reply>(what);
    auto answer = self_->make_response_promise<Reply>();
    at.held.push_back([this, answer, what = std::move(what)]() mutable {
      answer.delegate(real_, std::move(what));
    });
    return answer;
  }

  void teach(actors::learn& what) {
    if (!at_.lessons.closed && at_.lessons.held.empty())
      return self_->send(real_, std::move(what));
    at_.lessons.held.push_back([this, what] { self_->send(real_, what); });
  }

  handle::pointer self_;
  actors::item_shard_actor real_;
  shard_gates& at_;
};

/// A gateway thread that writes down what it is told to push.
class recording_sink {
public:
  using handle = actors::push_sink_actor;
  static constexpr const char* name = "recording-sink";

  recording_sink(handle::pointer, pushed& into) : into_(into) {}

  handle::behavior_type make_behavior() {
    return {[this](const actors::push_slate& what) { into_.slates.push_back(what); },
            [this](const actors::push_end& what) { into_.ends.push_back(what); }};
  }

private:
  pushed& into_;
};

/// Holds what goes to an encoder while its gate is closed.
class gated_encoder {
public:
  using handle = actors::encoder_actor::extend<caf::reacts_to<actors::done>>;
  static constexpr const char* name = "gated-encoder";

  gated_encoder(handle::pointer self, actors::encoder_actor real, gate& at)
      : self_(self), real_(std::move(real)), at_(at) {}

  handle::behavior_type make_behavior() {
    at_.wake = [this] { caf::anon_send(handle{self_}, actors::done{}); };
    return {
        [this](actors::encode& what) -> caf::result<actors::encoded> {
          if (!at_.closed && at_.held.empty())
            return self_->delegate(real_, std::move(what));
          auto answer = self_->make_response_promise<actors::encoded>();
          at_.held.push_back([this, answer, what = std::move(what)]() mutable {
            answer.delegate(real_, std::move(what));
          });
          return answer;
        },
        [this](const actors::done&) { at_.pass(); },
    };
  }

private:
  handle::pointer self_;
  actors::encoder_actor real_;
  gate& at_;
};

} // namespace troupe::test
