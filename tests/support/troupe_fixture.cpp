#include "tests/support/troupe_fixture.hpp"

#include "actors/blend_learner.hpp"
#include "actors/encoder.hpp"
#include "actors/item_shard.hpp"
#include "actors/learning_replay.hpp"
#include "actors/store_reader.hpp"
#include "tests/support/fakes/gated_actors.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace troupe::test {

void troupe_fixture::begin() {
  auto slices = actors::load_slices(store, settings);
  REQUIRE(slices.has_value());
  for (auto& slice : *slices) {
    auto real = actors::spawn_state<actors::item_shard_state>(
        system, std::move(slice), actors::item_shard_probe::make(numbers));
    auto& front = fronts.emplace_back(std::make_unique<shard_gates>());
    context->shards.push_back(actors::spawn_state<gated_shard>(system, real, std::ref(*front)));
  }
  auto rules = model::fold_rules::make(settings.users, settings.signals);
  REQUIRE(rules.has_value());
  context->users = settings.users;
  context->slates = settings.slates;
  context->signals = settings.signals;
  context->blend = settings.blend;
  context->rules = *rules;
  context->time = &time;
  context->credit = std::make_shared<actors::write_credit>(settings.storage.writes_pending_max);
  actors::event_log_writer_state::options writing;
  writing.batch_max = settings.storage.append_batch_max;
  writing.on_fatal = [this](const failure& why) { fatal = why; };
  blend_learner = actors::spawn_state<actors::blend_learner_state>(
      system, std::make_shared<model::blend_learner>(settings.blend), models,
      actors::blend_learner_probe::make(numbers));
  log = actors::spawn_state<actors::event_log_writer_state>(
      system, std::ref(static_cast<storage::store&>(store)),
      std::cref(static_cast<const clock&>(time)), context->shards, blend_learner, context->credit,
      actors::event_log_writer_probe::make(numbers), writing);
  context->log = actors::spawn_state<gated_writer>(system, log, std::ref(appends));
  reader = actors::spawn_state<actors::store_reader_state>(
      system, std::ref(static_cast<storage::store&>(store)));
  context->readers = {reader};
  const auto encoder =
      actors::spawn_state<actors::encoder_state>(system, actors::encoder_probe::make(numbers));
  context->encoders = {actors::spawn_state<gated_encoder>(system, encoder, std::ref(encodes))};
  context->models = models;
  context->probe = actors::session_probe::make(numbers);
  directory = actors::spawn_state<actors::user_directory_state>(
      system, std::shared_ptr<const actors::session_context>{context},
      actors::user_directory_probe::make(numbers), routing);
  actors::item_catalog_state::options options;
  options.slates = settings.slates;
  catalog = actors::spawn_state<actors::item_catalog_state>(
      system, std::cref(static_cast<const clock&>(time)), context->shards,
      std::vector<actors::user_directory_actor>{directory}, context->log, reader,
      actors::item_catalog_probe::make(numbers), options);
  sink = actors::spawn_state<recording_sink>(system, std::ref(got));
  run();
}

void troupe_fixture::end() {
  const auto stop = [&](const auto& whom) {
    if (whom)
      caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
  };
  appends.held.clear();
  encodes.held.clear();
  stop(directory);
  stop(catalog);
  stop(context->log);
  stop(log);
  stop(reader);
  stop(sink);
  for (const auto& shard : context->shards)
    stop(shard);
  for (const auto& encoder : context->encoders)
    stop(encoder);
  stop(blend_learner);
  for (const auto& front : fronts) {
    front->scores.held.clear();
    front->traits.held.clear();
    front->lessons.held.clear();
  }
  run();
  *context = {};
}

void troupe_fixture::use_model(const model::sequence_model_ptr& what) {
  if (what)
    for (const auto& shard : context->shards)
      REQUIRE(ask<actors::done>(shard, actors::adopt_model{what}).has_value());
  models->store(what);
}

void troupe_fixture::advance(std::chrono::milliseconds by) {
  time.advance(by);
  scheduler.advance_time(by);
  run();
}

void troupe_fixture::add_items(int count, int first) {
  actors::upsert_items films;
  for (int i = first; i < first + count; ++i)
    films.items.push_back(film("f" + std::to_string(i), i % 2 == 0 ? "drama" : "comedy"));
  REQUIRE(ask<actors::items_ack>(catalog, films).has_value());
  advance(std::chrono::milliseconds{20});
}

item troupe_fixture::film(const std::string& id, const std::string& category) {
  item made;
  made.id = item_id{id};
  made.title = "Film " + id;
  made.categories = {category};
  return made;
}

event troupe_fixture::happened(const std::string& user, const std::string& on, int number,
                               const std::string& type) const {
  event made;
  made.id = event_id{"e" + std::to_string(number)};
  made.user = user_id{user};
  made.item = item_id{on};
  made.type = type;
  made.time = time.now();
  return made;
}

result<actors::ingest_ack> troupe_fixture::take(const std::string& user, const std::string& on,
                                                int number, const std::string& type) {
  return ask<actors::ingest_ack>(directory, actors::ingest{happened(user, on, number, type)});
}

result<slate_ptr> troupe_fixture::slate_for(const std::string& user, actors::slate_request how) {
  return ask<slate_ptr>(directory, actors::recommend{user_id{user}, std::move(how)});
}

result<slate_ptr> troupe_fixture::connect(const std::string& user, std::uint64_t connection,
                                          actors::slate_request how) {
  return ask<slate_ptr>(
      directory,
      actors::subscribe{user_id{user}, actors::connection_id{connection}, sink, std::move(how)});
}

actors::directory_stats troupe_fixture::stats() {
  auto found = ask<actors::directory_stats>(directory, actors::read_directory_stats{});
  REQUIRE(found.has_value());
  return *found;
}

double troupe_fixture::number(const std::string& series) const {
  const auto text = numbers.expose();
  const auto at = text.find("\n" + series + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
}

std::vector<std::string> ids_of(const slate& made) {
  std::vector<std::string> ids;
  for (const auto& one : made.items)
    ids.push_back(one.what->id.value);
  return ids;
}

} // namespace troupe::test
