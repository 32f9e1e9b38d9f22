#include "tests/integration/gateway/fake_node.hpp"

#include "actors/metrics_reader.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

namespace {

/// A directory that keeps a counter per user and pushes a slate after every event.
class fake_directory {
public:
  using handle = actors::user_directory_actor;
  static constexpr const char* name = "fake-directory";

  fake_directory(handle::pointer self, std::shared_ptr<fake_control> control)
      : self_(self), control_(std::move(control)) {}

  handle::behavior_type make_behavior() {
    using namespace actors;
    return {
        [this](ingest& what) -> caf::result<ingest_ack> {
          return or_else<ingest_ack>([&] { return take(what.what); });
        },
        [this](const record_impression& what) -> caf::result<ingest_ack> {
          return or_else<ingest_ack>([&] {
            users_[what.user.value].seq += what.positions.size();
            return ingest_ack{users_[what.user.value].seq, false};
          });
        },
        [this](const recommend& what) -> caf::result<slate_ptr> {
          return or_else<slate_ptr>([&] { return make_slate(what.user, what.how.surface); });
        },
        [this](const recommend_anonymous& what) -> caf::result<slate_ptr> {
          return or_else<slate_ptr>([&] { return make_slate(user_id{}, what.how.surface); });
        },
        [this](const subscribe& what) -> caf::result<slate_ptr> {
          return or_else<slate_ptr>([&] { return start(what); });
        },
        [this](const unsubscribe& what) -> caf::result<done> {
          std::erase_if(users_[what.user.value].subscriptions, [&](const subscribe& s) {
            return s.connection == what.connection
                   && (what.surface.empty() || s.how.surface == what.surface);
          });
          count();
          return done{};
        },
        [this](const read_profile& what) -> caf::result<profile_view> {
          return or_else<profile_view>([&] { return view(what.user); });
        },
        [this](const read_events& what) -> caf::result<event_page> {
          return or_else<event_page>([&] { return page(what); });
        },
        [this](put_user& what) -> caf::result<done> {
          users_[what.user.value].properties = std::move(what.properties);
          return done{};
        },
        [this](const erase_user& what) -> caf::result<done> {
          for (const auto& entry : users_[what.user.value].subscriptions)
            self_->send(entry.sink, push_end{entry.connection, errc::not_found});
          users_.erase(what.user.value);
          count();
          return done{};
        },
        [](const items_changed&) {},
        [](const read_directory_stats&) -> caf::result<directory_stats> {
          return directory_stats{};
        },
        [](const drain&) -> caf::result<done> { return done{}; },
    };
  }

private:
  struct user_state {
    std::uint64_t seq = 0;
    std::map<std::string, std::uint64_t> known;
    std::vector<stored_event> events;
    std::vector<actors::subscribe> subscriptions;
    std::map<std::string, property_value> properties;
  };

  template <class Reply, class Make>
  caf::result<Reply> or_else(Make make) {
    if (const auto why = control_->refuse.load(); why != errc::none)
      return caf::make_error(why, std::string{"refused by the test"});
    if (control_->hang)
      return self_->make_response_promise<Reply>();
    return make();
  }

  actors::ingest_ack take(event& what) {
    auto& user = users_[what.user.value];
    const auto [at, added] = user.known.try_emplace(what.id.value, user.seq + 1);
    if (!added)
      return {at->second, true};
    stored_event stored;
    stored.seq = ++user.seq;
    stored.received = what.time;
    stored.what = std::move(what);
    const auto who = stored.what.user;
    user.events.push_back(std::move(stored));
    ++control_->ingested;
    for (const auto& entry : user.subscriptions) {
      self_->send(entry.sink,
                  actors::push_slate{entry.connection, make_slate(who, entry.how.surface)});
      ++control_->pushed;
    }
    return {user.seq, false};
  }

  slate_ptr start(const actors::subscribe& what) {
    auto& list = users_[what.user.value].subscriptions;
    std::erase_if(list, [&](const actors::subscribe& s) {
      return s.connection == what.connection && s.how.surface == what.how.surface;
    });
    list.push_back(what);
    count();
    return make_slate(what.user, what.how.surface);
  }

  void count() {
    std::set<actors::connection_id> connections;
    for (const auto& [name_of, user] : users_)
      for (const auto& entry : user.subscriptions)
        connections.insert(entry.connection);
    control_->subscribed = connections.size();
  }

  /// Items "0", "1" ... rotated by the user's seq, so that every event changes the slate.
  slate_ptr make_slate(const user_id& who, const std::string& surface) {
    auto out = std::make_shared<slate>();
    const auto seq = who.empty() ? 0 : users_[who.value].seq;
    out->id = slate_id{"s-" + std::to_string(seq)};
    out->user = who;
    out->surface = surface;
    out->profile_seq = seq;
    out->model_version = 1;
    const auto size = control_->slate_items.load();
    for (std::size_t i = 0; i < size; ++i) {
      slate_item entry;
      entry.what = catalogue((i + seq) % (size + 2));
      entry.score = static_cast<float>(size - i);
      entry.why.shares.push_back({signal::popularity, entry.score});
      out->items.push_back(std::move(entry));
    }
    return out;
  }

  item_ptr catalogue(std::size_t number) {
    auto& slot = items_[number];
    if (!slot) {
      auto made = std::make_shared<item>();
      made->id = item_id{std::to_string(number)};
      made->title = std::string(control_->title_bytes, 't');
      slot = std::move(made);
    }
    return slot;
  }

  actors::profile_view view(const user_id& who) {
    const auto& user = users_[who.value];
    actors::profile_view out;
    out.user = who;
    out.seq = user.seq;
    out.properties = user.properties;
    out.counts.emplace_back("click", user.seq);
    return out;
  }

  actors::event_page page(const actors::read_events& what) {
    const auto& events = users_[what.user.value].events;
    actors::event_page out;
    for (auto at = events.rbegin(); at != events.rend(); ++at) {
      if (what.before != 0 && at->seq >= what.before)
        continue;
      if (out.events.size() == what.limit) {
        out.next_before = out.events.back().seq;
        break;
      }
      out.events.push_back(*at);
    }
    return out;
  }

  handle::pointer self_;
  std::shared_ptr<fake_control> control_;
  std::map<std::string, user_state> users_;
  std::map<std::size_t, item_ptr> items_;
};

/// A catalogue in a map.
class fake_catalog {
public:
  using handle = actors::item_catalog_actor;
  static constexpr const char* name = "fake-catalog";

  fake_catalog(handle::pointer self, std::shared_ptr<fake_control> control)
      : self_(self), control_(std::move(control)) {}

  handle::behavior_type make_behavior() {
    using namespace actors;
    return {
        [this](upsert_items& what) -> caf::result<items_ack> {
          if (control_->hang)
            return self_->make_response_promise<items_ack>();
          for (auto& entry : what.items)
            items_[entry.id.value] = std::make_shared<const item>(entry);
          return items_ack{what.items.size()};
        },
        [this](const patch_item& what) -> caf::result<item_ptr> {
          const auto at = items_.find(what.id.value);
          if (at == items_.end())
            return missing();
          auto next = *at->second;
          next.title = what.title.value_or(next.title);
          next.hidden = what.hidden.value_or(next.hidden);
          at->second = std::make_shared<const item>(next);
          return at->second;
        },
        [this](const read_item& what) -> caf::result<item_ptr> {
          const auto at = items_.find(what.id.value);
          if (at == items_.end())
            return missing();
          return at->second;
        },
        [this](const remove_item& what) -> caf::result<done> {
          if (items_.erase(what.id.value) == 0)
            return missing();
          return done{};
        },
        [this](const read_items& what) -> caf::result<item_page> {
          item_page out;
          for (auto at = items_.upper_bound(what.after.value);
               at != items_.end() && out.items.size() < what.limit; ++at)
            out.items.push_back(at->second);
          if (!out.items.empty() && out.items.back() != items_.rbegin()->second)
            out.next_after = out.items.back()->id;
          return out;
        },
        [this](const read_similar& what) -> caf::result<scored_items> {
          if (items_.count(what.id.value) == 0)
            return missing();
          return scored_items{};
        },
        [](const read_popular& what) -> caf::result<scored_items> {
          scored_items out;
          out.partial = what.half_life == 0;
          return out;
        },
        [](const read_catalog_stats&) -> caf::result<catalog_stats> { return catalog_stats{}; },
    };
  }

private:
  static caf::error missing() {
    return caf::make_error(errc::not_found, std::string{"there is no such item"});
  }

  handle::pointer self_;
  std::shared_ptr<fake_control> control_;
  std::map<std::string, item_ptr> items_;
};

class fake_models {
public:
  using handle = actors::model_registry_actor;
  static constexpr const char* name = "fake-models";

  explicit fake_models(handle::pointer self) : self_(self) {}

  handle::behavior_type make_behavior() {
    return {[this](const actors::read_snapshots&) -> caf::result<actors::snapshot_list> {
              return actors::snapshot_list{{info_of(0), info_of(7)}};
            },
            [this](const actors::activate_snapshot& what) -> caf::result<actors::snapshot_info> {
              if (what.version == 9) // takes long
                return self_->make_response_promise<actors::snapshot_info>();
              if (what.version != 0 && what.version != 7)
                return actors::to_error({errc::not_found, "there is no such snapshot"});
              active_ = what.version;
              return info_of(active_);
            },
            [this](const actors::rollback_snapshot&) -> caf::result<actors::snapshot_info> {
              active_ = 0;
              return info_of(active_);
            },
            [](const actors::publish_snapshot&) -> caf::result<actors::snapshot_info> {
              return actors::to_error({errc::internal, "no door publishes"});
            }};
  }

private:
  [[nodiscard]] actors::snapshot_info info_of(std::uint64_t version) const {
    actors::snapshot_info made;
    made.version = version;
    made.encoder = version == 0 ? "none" : "recurrent";
    made.created = from_millis(static_cast<std::int64_t>(version) * 1000);
    made.items = version * 10;
    if (version != 0)
      made.metrics = {{"loss", 1.5}};
    made.active = version == active_;
    return made;
  }

  handle::pointer self_;
  std::uint64_t active_ = 0;
};

} // namespace

actors::node_handles fake_node(caf::actor_system& system, const metrics& series,
                               const std::shared_ptr<fake_control>& control) {
  actors::node_handles node;
  node.directories = {actors::spawn_state<fake_directory>(system, control)};
  node.catalog = actors::spawn_state<fake_catalog>(system, control);
  node.models = actors::spawn_state<fake_models>(system);
  node.metrics_reader =
      actors::spawn_state<actors::metrics_reader_state>(system, std::cref(series));
  return node;
}

} // namespace troupe::test
