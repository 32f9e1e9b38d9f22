#include "actors/model_registry.hpp"

#include "actors/model_files.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::string_view choice_name = "active-model";
constexpr std::chrono::seconds adopt_timeout{60};

/// "<active>" or "<active> <previous>".
std::string to_text(const model_choice& from) {
  return from.has_previous ? fmt::format("{} {}", from.active, from.previous)
                           : fmt::format("{}", from.active);
}

std::optional<model_choice> to_choice(std::string_view text) {
  model_choice made;
  const auto* const end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, made.active);
  if (read.ec != std::errc{})
    return std::nullopt;
  if (read.ptr == end)
    return made;
  made.has_previous = true;
  if (*read.ptr != ' ')
    return std::nullopt;
  read = std::from_chars(read.ptr + 1, end, made.previous);
  return read.ec == std::errc{} && read.ptr == end ? std::optional{made} : std::nullopt;
}

snapshot_info signals_alone() {
  snapshot_info made;
  made.encoder = "none";
  return made;
}

snapshot_info to_info(const storage::snapshot_entry& from) {
  snapshot_info made;
  made.version = from.version;
  if (!from.manifest) {
    made.damage = from.manifest.error().context;
    return made;
  }
  const auto& facts = from.manifest->facts;
  made.encoder = facts.encoder;
  made.created = facts.created;
  made.parent = facts.parent;
  made.items = facts.items;
  made.event_position = facts.event_position;
  made.metrics = facts.metrics;
  return made;
}

/// The newest version that can be loaded, with no version named; null: none.
model::sequence_model_ptr newest_model(const std::filesystem::path& root,
                                       const model::fold_rules& rules) {
  const auto directory =
      storage::snapshot_directory::open({.root = root, .create = false, .limits = {}});
  const auto all = directory ? directory->list()
                             : result<std::vector<storage::snapshot_entry>>{directory.error()};
  if (!all) {
    if (all.error().code != errc::not_found)
      TROUPE_LOG(warn, "model.directory_refused", "error=\"{}\"", all.error().context);
    return nullptr;
  }
  for (auto at = all->rbegin(); at != all->rend(); ++at) {
    auto made = load_model(root, at->version, rules);
    if (made)
      return std::move(*made);
    TROUPE_LOG(error, "model.refused", "version={} error=\"{}\"", at->version,
               made.error().context);
  }
  return nullptr;
}

} // namespace

model_registry_probe model_registry_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_model_registry_";
  model_registry_probe probe;
  probe.active = where.make_gauge(stem + "active_version",
                                  "Version of the model that slates are made with; 0: none.");
  probe.switches = where.make_counter(stem + "switches_total", "Switches to another version.");
  probe.refused =
      where.make_counter(stem + "refused_total", "Activations refused; what was active stayed so.");
  probe.published = where.make_counter(stem + "published_total", "Snapshots written.");
  probe.seconds = where.make_histogram(stem + "switch_seconds",
                                       "From the request until slates are made with the version.",
                                       metrics::latency_buckets());
  return probe;
}

std::filesystem::path models_directory(const config::settings& settings) {
  return settings.models.directory.empty()
             ? std::filesystem::path{settings.storage.directory + ".models"}
             : std::filesystem::path{settings.models.directory};
}

result<starting_model> load_starting_model(storage::store& from, const std::filesystem::path& root,
                                           const model::fold_rules& rules) {
  starting_model made;
  const auto text = from.models().load(choice_name);
  if (!text)
    return text.error();
  const auto choice = *text ? to_choice(**text) : std::nullopt;
  if (choice) {
    made.choice = *choice;
    if (choice->active == 0)
      return made;
    auto active = load_model(root, choice->active, rules);
    if (active) {
      made.what = std::move(*active);
      return made;
    }
    TROUPE_LOG(error, "model.refused", "version={} error=\"{}\"", choice->active,
               active.error().context);
  }
  made.what = newest_model(root, rules);
  made.choice = {made.what ? made.what->version() : 0, 0, false};
  return made;
}

model_registry_state::model_registry_state(handle::pointer self, storage::store& store,
                                           const clock& time,
                                           std::shared_ptr<const model::fold_rules> rules,
                                           std::vector<item_shard_actor> shards,
                                           std::shared_ptr<model_slot> slot, starting_model begin,
                                           model_registry_probe probe, options opts)
    : self_(self), store_(store), time_(time), rules_(std::move(rules)), shards_(std::move(shards)),
      slot_(std::move(slot)), choice_(begin.choice), active_(std::move(begin.what)), probe_(probe),
      options_(std::move(opts)) {
  probe_.active.set(static_cast<double>(choice_.active));
}

model_registry_actor::behavior_type model_registry_state::make_behavior() {
  return {
      [this](const read_snapshots&) -> caf::result<snapshot_list> {
        auto all = known();
        if (!all)
          return to_error(all.error());
        return snapshot_list{std::move(*all)};
      },
      [this](const activate_snapshot& what) -> caf::result<snapshot_info> {
        auto answer = self_->make_response_promise<snapshot_info>();
        activate(what.version, answer);
        return answer;
      },
      [this](const rollback_snapshot&) -> caf::result<snapshot_info> {
        auto answer = self_->make_response_promise<snapshot_info>();
        if (!choice_.has_previous)
          refuse(choice_.active, {errc::not_found, "no version was active before"}, answer);
        else
          activate(choice_.previous, answer);
        return answer;
      },
      [this](const publish_snapshot& what) { return publish(what); },
  };
}

result<std::vector<snapshot_info>> model_registry_state::known() const {
  std::vector<snapshot_info> made{signals_alone()};
  const auto directory =
      storage::snapshot_directory::open({.root = options_.root, .create = false, .limits = {}});
  const auto all = directory ? directory->list()
                             : result<std::vector<storage::snapshot_entry>>{directory.error()};
  if (all)
    for (const auto& one : *all)
      made.push_back(to_info(one));
  else if (all.error().code != errc::not_found) // nothing was trained yet: there is no directory
    return all.error();
  for (auto& one : made) {
    one.active = one.version == choice_.active;
    one.previous = choice_.has_previous && one.version == choice_.previous;
  }
  return made;
}

result<snapshot_info> model_registry_state::info_of(std::uint64_t version) const {
  auto all = known();
  if (!all)
    return all.error();
  for (auto& one : *all)
    if (one.version == version)
      return std::move(one);
  return failure{errc::not_found, fmt::format("there is no snapshot {}", version)};
}

result<model::sequence_model_ptr> model_registry_state::load(std::uint64_t version) const {
  if (version == 0)
    return model::sequence_model_ptr{};
  for (const auto& held : {active_, previous_})
    if (held && held->version() == version)
      return held;
  return load_model(options_.root, version, *rules_);
}

void model_registry_state::refuse(std::uint64_t version, const failure& why, info_promise& answer) {
  probe_.refused.add();
  TROUPE_LOG(error, "model.refused", "version={} error=\"{}\"", version, why.context);
  answer.deliver(to_error(why));
}

void model_registry_state::activate(std::uint64_t version, info_promise answer) {
  if (under_way_) {
    if (under_way_->version == version)
      return under_way_->answers.push_back(std::move(answer));
    return refuse(version, {errc::unavailable, "another activation is under way, try again"},
                  answer);
  }
  const auto begin = time_.steady();
  auto what = load(version);
  if (!what)
    return refuse(version, what.error(), answer);
  under_way_ = std::make_unique<switching>();
  under_way_->version = version;
  under_way_->what = std::move(*what);
  under_way_->answers.push_back(std::move(answer));
  under_way_->begin = begin;
  if (!under_way_->what || shards_.empty())
    return switch_over();
  under_way_->open = shards_.size();
  for (const auto& shard : shards_)
    self_->request(shard, adopt_timeout, adopt_model{under_way_->what})
        .then([this](const done&) { settle(std::nullopt); },
              [this](const caf::error& why) { settle(to_failure(why)); });
}

void model_registry_state::settle(std::optional<failure> why) {
  if (why)
    under_way_->why = std::move(why);
  if (--under_way_->open > 0)
    return;
  if (!under_way_->why)
    return switch_over();
  const auto failed = std::move(under_way_);
  for (auto& answer : failed->answers)
    refuse(failed->version, *failed->why, answer);
}

void model_registry_state::switch_over() {
  const auto now = std::move(under_way_);
  if (now->version != choice_.active) {
    choice_ = {now->version, choice_.active, true};
    previous_ = std::exchange(active_, now->what);
  }
  slot_->store(now->what);
  probe_.active.set(static_cast<double>(choice_.active));
  probe_.switches.add();
  const auto took = std::chrono::duration<double>(time_.steady() - now->begin).count();
  probe_.seconds.observe(took);
  TROUPE_LOG(info, "model.active", "version={} seconds={:.3f}", choice_.active, took);
  // After a failure here the node serves the version asked for until its next start.
  if (auto saved = store_.models().save(choice_name, to_text(choice_)); !saved)
    TROUPE_LOG(error, "model.choice_not_saved", "version={} error=\"{}\"", choice_.active,
               saved.error().context);
  const auto info = info_of(choice_.active);
  for (auto& answer : now->answers) {
    if (info)
      answer.deliver(*info);
    else
      answer.deliver(to_error(info.error()));
  }
}

caf::result<snapshot_info> model_registry_state::publish(const publish_snapshot& what) {
  auto answer = self_->make_response_promise<snapshot_info>();
  const auto directory = storage::snapshot_directory::open({.root = options_.root, .limits = {}});
  const auto written = directory ? directory->publish(what.facts, *what.files)
                                 : result<storage::snapshot_manifest>{directory.error()};
  if (!written) {
    refuse(0, written.error(), answer);
    return answer;
  }
  probe_.published.add();
  TROUPE_LOG(info, "model.published", "version={}", written->version);
  const std::array held{choice_.active, choice_.previous};
  if (const auto removed = directory->remove_all_but(options_.keep, held); !removed)
    TROUPE_LOG(warn, "model.not_removed", "error=\"{}\"", removed.error().context);
  if (what.activate && what.only_after.value_or(choice_.active) == choice_.active) {
    activate(written->version, answer);
    return answer;
  }
  const auto info = info_of(written->version);
  if (info)
    answer.deliver(*info);
  else
    answer.deliver(to_error(info.error()));
  return answer;
}

} // namespace troupe::actors
