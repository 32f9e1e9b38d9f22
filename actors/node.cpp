#include "actors/node.hpp"

#include "actors/blend_learner.hpp"
#include "actors/checkpoint_keeper.hpp"
#include "actors/encoder.hpp"
#include "actors/event_log_writer.hpp"
#include "actors/item_catalog.hpp"
#include "actors/item_shard.hpp"
#include "actors/log_syncer.hpp"
#include "actors/metrics_reader.hpp"
#include "actors/model_registry.hpp"
#include "actors/store_reader.hpp"
#include "actors/trainer.hpp"
#include "actors/training_worker.hpp"
#include "actors/user_directory.hpp"
#include "base/log.hpp"
#include "config/threads.hpp"
#include "model/training_module.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>
#include <utility>

namespace troupe::actors {

namespace {

/// Events of the log's tail that are taught before the node starts; more go on behind it.
constexpr std::uint64_t replay_at_start_max = 20'000;
constexpr std::size_t directories_max = 8;
/// Messages an actor handles before its worker turns to the next one.
constexpr std::size_t turn_messages = 100;

struct system_config : caf::actor_system_config {
  explicit system_config(std::size_t threads) {
    add_message_types<caf::id_block::troupe_actors>();
    set("scheduler.max-threads", threads);
    set("scheduler.max-throughput", turn_messages);
    // CAF's defaults let a waking worker sleep in steps of 50 us first, which costs 100 us a
    // hop and a tenth of a core at light load (docs/adr/0010).
    set("work-stealing.moderate-poll-attempts", std::size_t{0});
    set("work-stealing.relaxed-sleep-duration", caf::timespan{std::chrono::milliseconds{1}});
  }
};

} // namespace

struct node::parts {
  parts(const config::settings& what, storage::store& into, const clock& clock_of)
      : settings(what), store(into), time(clock_of), config(config::threads_of(what.node).actors),
        system(config) {}

  result<void> spawn(metrics& where);
  result<void> teach_tail();
  result<void> load_model();
  void spawn_models(metrics& where);
  void spawn_users(metrics& where);
  void spawn_rest(metrics& where);
  void end_all();

  config::settings settings;
  storage::store& store;
  const clock& time;
  system_config config;
  caf::actor_system system;

  std::shared_ptr<const model::fold_rules> rules;
  std::vector<std::shared_ptr<model::catalogue_slice>> slices; ///< until the shards are spawned
  std::shared_ptr<model::blend_learner> blend;                 ///< likewise; null: nobody learns it
  std::shared_ptr<learning_replay> replay;
  std::shared_ptr<std::atomic<bool>> caught_up = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<write_credit> credit;
  starting_model model;
  std::shared_ptr<model_slot> slot = std::make_shared<model_slot>();

  std::vector<item_shard_actor> shards;
  blend_learner_actor blend_learner;
  event_log_writer_actor log;
  log_syncer_state::handle syncer;     ///< none if every write is synced anyway
  std::vector<encoder_actor> encoders; ///< one per worker
  std::shared_ptr<training_pace> pace; ///< none: nobody trains
  training_worker_actor worker;
  trainer_actor trainer;
  std::vector<store_reader_actor> readers; ///< the last one only scans
  checkpoint_keeper_actor keeper;
  log_replayer_state::handle replayer;
  node_handles doors;
  bool stopped = false;
};

result<void> node::parts::teach_tail() {
  auto made = learning_replay::make(store.events(), settings.users, settings.signals,
                                    learned_by_all(slices, blend.get()));
  if (!made)
    return made.error();
  replay = std::make_shared<learning_replay>(std::move(*made));
  const auto page = replay_at_start_max / 20;
  for (std::uint64_t taught = 0; taught < replay_at_start_max && !replay->at_end();
       taught += page) {
    auto lessons = replay->next(page);
    if (!lessons)
      return lessons.error();
    for (const auto& lesson : lessons->seen)
      for (const auto& slice : slices)
        slice->learn(lesson);
    if (!blend)
      continue;
    for (const auto& lesson : lessons->judged)
      blend->learn(lesson);
    blend->pass(replay->position());
  }
  *caught_up = replay->at_end();
  return {};
}

result<void> node::parts::spawn(metrics& where) {
  auto compiled = model::fold_rules::make(settings.users, settings.signals);
  if (!compiled)
    return compiled.error();
  rules = std::move(*compiled);
  auto loaded = load_slices(store, settings);
  if (!loaded)
    return loaded.error();
  slices = std::move(*loaded);
  if (settings.blend.learn) {
    auto remembered = load_blend(store, settings.blend);
    if (!remembered)
      return remembered.error();
    blend = std::move(*remembered);
  }
  std::vector<std::uint64_t> in_checkpoints;
  for (const auto& slice : slices)
    in_checkpoints.push_back(slice->learned_arrival());
  in_checkpoints.push_back(blend ? blend->learned_arrival() : 0);
  if (auto taught = teach_tail(); !taught)
    return taught.error();
  if (auto ready = load_model(); !ready)
    return ready.error();

  const auto shard_probe = item_shard_probe::make(where);
  for (auto& slice : std::exchange(slices, {}))
    shards.push_back(spawn_state<item_shard_state>(system, std::move(slice), shard_probe));
  if (blend)
    blend_learner = spawn_state<blend_learner_state>(system, std::move(blend), slot,
                                                     blend_learner_probe::make(where));
  credit = std::make_shared<write_credit>(
      settings.storage.writes_pending_max,
      where.make_gauge("troupe_actors_write_credit_out",
                       "Events that wait for the log, or for the shards to learn from them."));
  event_log_writer_state::options writing;
  writing.how = settings.storage.durability == "fast" ? storage::durability::fast
                                                      : storage::durability::durable;
  writing.batch_max = settings.storage.append_batch_max;
  writing.teaching = caught_up->load();
  log = spawn_detached_state<event_log_writer_state>(system, std::ref(store), std::cref(time),
                                                     shards, blend_learner, credit,
                                                     event_log_writer_probe::make(where), writing);
  const auto syncer_probe = log_syncer_probe::make(where);
  if (writing.how == storage::durability::fast) {
    log_syncer_state::options syncing;
    syncing.interval = settings.storage.fast_sync_interval;
    syncer = spawn_detached_state<log_syncer_state>(system, std::ref(store), std::cref(time),
                                                    syncer_probe, syncing);
  }
  for (std::size_t i = 0; i <= std::max<std::size_t>(1, settings.storage.reader_threads); ++i)
    readers.push_back(spawn_detached_state<store_reader_state>(system, std::ref(store)));
  checkpoint_keeper_state::options keeping;
  keeping.interval = settings.storage.checkpoint_interval;
  keeper = spawn_detached_state<checkpoint_keeper_state>(
      system, std::ref(store), std::cref(time), shards, blend_learner, std::move(in_checkpoints),
      checkpoint_probe::make(where), keeping);
  if (!*caught_up)
    replayer = spawn_detached_state<log_replayer_state>(system, replay, shards, blend_learner, log,
                                                        caught_up);
  else
    replay.reset();
  spawn_models(where);
  spawn_users(where);
  spawn_rest(where);
  doors.metrics_reader = spawn_detached_state<metrics_reader_state>(system, std::cref(where));
  return {};
}

result<void> node::parts::load_model() {
  auto found = load_starting_model(store, models_directory(settings), *rules);
  if (!found)
    return found.error();
  model = std::move(*found);
  if (!model.what)
    return {};
  std::vector<std::jthread> makers;
  for (const auto& slice : slices)
    makers.emplace_back([&slice, this] {
      slice->adopt(model.what);
      slice->adopt_rows(std::numeric_limits<std::size_t>::max());
    });
  makers.clear(); // waits for them
  slot->store(model.what);
  TROUPE_LOG(info, "model.loaded", "version={} items={}", model.what->version(),
             model.what->items());
  return {};
}

void node::parts::spawn_models(metrics& where) {
  model_registry_state::options keeping;
  keeping.root = models_directory(settings);
  keeping.keep = settings.models.keep;
  doors.models = spawn_detached_state<model_registry_state>(
      system, std::ref(store), std::cref(time), rules, shards, slot, std::move(model),
      model_registry_probe::make(where), keeping);
  const auto& how = settings.trainer;
  if (how.interval.count() == 0)
    return;
  pace = std::make_shared<training_pace>(how.cpu_share);
  training_worker_state::options work;
  work.events_max = how.events_max;
  work.module = model::training_module_path();
  work.first_run = keeping.root.string() + ".first";
  work.corpus = model::corpus_options_for(settings.blend);
  work.blend = settings.blend;
  worker = spawn_detached_state<training_worker_state>(system, std::ref(store), std::cref(time),
                                                       rules, pace, work);
  trainer_state::options training;
  training.interval = how.interval;
  training.events_max = how.events_max;
  training.users_max = how.users_max;
  training.first_events = how.first_events;
  training.root = keeping.root;
  training.cpu_share = how.cpu_share;
  trainer = spawn_detached_state<trainer_state>(
      system, std::ref(store), std::cref(time), rules, std::shared_ptr<const model_slot>{slot},
      doors.models, worker, trainer_probe::make(where), training);
}

void node::parts::spawn_users(metrics& where) {
  const auto encoder_series = encoder_probe::make(where);
  for (std::size_t i = 0; i < config::threads_of(settings.node).actors; ++i)
    encoders.push_back(spawn_state<encoder_state>(system, encoder_series));
  auto context = std::make_shared<session_context>();
  context->users = settings.users;
  context->slates = settings.slates;
  context->signals = settings.signals;
  context->blend = settings.blend;
  context->rules = rules;
  context->time = &time;
  context->shards = shards;
  context->encoders = encoders;
  context->models = slot;
  context->trainer = trainer;
  context->log = log;
  context->readers.assign(readers.begin(), std::prev(readers.end()));
  context->credit = credit;
  context->probe = session_probe::make(where);
  const auto count = std::min(directories_max, config::threads_of(settings.node).actors);
  user_directory_state::options routing;
  routing.sessions_max = std::max<std::size_t>(1, settings.users.sessions_max / count);
  const auto probe = user_directory_probe::make(where);
  for (std::size_t i = 0; i < count; ++i)
    doors.directories.push_back(spawn_state<user_directory_state>(
        system, std::shared_ptr<const session_context>{context}, probe, routing));
}

void node::parts::spawn_rest(metrics& where) {
  item_catalog_state::options options;
  options.slates = settings.slates;
  options.half_lives = settings.signals.popularity_half_lives_hours.size();
  doors.catalog =
      spawn_state<item_catalog_state>(system, std::cref(time), shards, doors.directories, log,
                                      readers.back(), item_catalog_probe::make(where), options);
}

void node::parts::end_all() {
  const auto end = [](const auto& whom) {
    if (whom)
      caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
  };
  for (const auto& directory : doors.directories)
    end(directory);
  end(doors.catalog);
  if (pace)
    pace->stop(); // a round under way ends at its next batch
  end(trainer);
  end(worker);
  end(doors.models);
  end(doors.metrics_reader);
  end(keeper);
  end(replayer);
  end(log);
  end(syncer);
  for (const auto& reader : readers)
    end(reader);
  for (const auto& encoder : encoders)
    end(encoder);
  for (const auto& shard : shards)
    end(shard);
  end(blend_learner);
  doors = node_handles{};
  keeper = checkpoint_keeper_actor{};
  replayer = log_replayer_state::handle{};
  log = event_log_writer_actor{};
  syncer = log_syncer_state::handle{};
  trainer = trainer_actor{};
  worker = training_worker_actor{};
  readers.clear();
  encoders.clear();
  shards.clear();
  blend_learner = blend_learner_actor{};
}

node::node(std::unique_ptr<parts> all) : all_(std::move(all)) {}

result<std::unique_ptr<node>> node::start(const config::settings& settings, storage::store& store,
                                          const clock& time, metrics& where) {
  const auto begin = time.steady();
  std::unique_ptr<node> made{new node{std::make_unique<parts>(settings, store, time)}};
  if (auto spawned = made->all_->spawn(where); !spawned) {
    made->all_->stopped = true;
    made->all_->end_all();
    return spawned.error();
  }
  TROUPE_LOG(info, "node.started", "name={} threads={} shards={} ready={} seconds={:.3f}",
             settings.node.name, config::threads_of(settings.node).actors,
             made->all_->shards.size(), made->ready(),
             std::chrono::duration<double>(time.steady() - begin).count());
  return made;
}

node::~node() {
  if (auto stopped = stop(); !stopped)
    TROUPE_LOG(warn, "node.stop_failed", "error=\"{}\"", stopped.error().context);
}

const node_handles& node::handles() const noexcept {
  return all_->doors;
}

caf::actor_system& node::system() noexcept {
  return all_->system;
}

bool node::ready() const noexcept {
  return all_->caught_up->load();
}

result<void> node::stop() {
  if (std::exchange(all_->stopped, true))
    return {};
  auto& time = all_->time;
  const auto deadline = time.steady() + all_->settings.node.shutdown_timeout;
  result<void> outcome;
  {
    caf::scoped_actor self{all_->system};
    const auto left = [&] {
      return std::max(
          std::chrono::milliseconds{1},
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - time.steady()));
    };
    const auto note = [&](const char* what, const caf::error& why) {
      auto found = to_failure(why);
      TROUPE_LOG(warn, "node.stop", "step={} error=\"{}\"", what, found.context);
      if (outcome)
        outcome = std::move(found);
    };
    // All directories at once; then the log, which may wait for the sessions' last snapshots.
    std::vector<decltype(self->request(all_->doors.directories[0], left(), drain{}))> draining;
    for (const auto& directory : all_->doors.directories)
      draining.push_back(self->request(directory, left(), drain{}));
    for (auto& one : draining)
      one.receive([](const done&) {}, [&](const caf::error& why) { note("drain", why); });
    self->request(all_->log, left(), drain{})
        .receive([](const done&) {}, [&](const caf::error& why) { note("flush", why); });
    self->request(all_->keeper, left(), write_checkpoints{})
        .receive([](const done&) {}, [&](const caf::error& why) { note("checkpoint", why); });
  }
  all_->end_all();
  TROUPE_LOG(info, "node.stopped", "ok={}", outcome.has_value());
  return outcome;
}

} // namespace troupe::actors
