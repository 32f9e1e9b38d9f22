#pragma once

#include "actors/event_log_writer.hpp"
#include "actors/item_catalog.hpp"
#include "actors/user_directory.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fakes/gates.hpp"
#include "tests/support/fakes/memory_store.hpp"
#include "tests/support/manual_clock.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::test {

/// The real actors of one node with gates between them, on the test's thread and clock.
/// Call `begin` once the settings are as the test wants them.
struct troupe_fixture : actor_fixture {
  ~troupe_fixture() { end(); }

  void begin();
  void end();

  /// Moves both clocks and runs what came due.
  void advance(std::chrono::milliseconds by);

  void add_items(int count, int first = 0);

  /// Slates are made with this model from now on; null: with the signals alone.
  void use_model(const model::sequence_model_ptr& what);

  [[nodiscard]] static item film(const std::string& id, const std::string& category);

  [[nodiscard]] event happened(const std::string& user, const std::string& on, int number,
                               const std::string& type = "click") const;

  /// Sends an event and runs; gives the answer.
  result<actors::ingest_ack> take(const std::string& user, const std::string& on, int number,
                                  const std::string& type = "click");

  result<slate_ptr> slate_for(const std::string& user, actors::slate_request how = {});

  result<slate_ptr> connect(const std::string& user, std::uint64_t connection,
                            actors::slate_request how = {});

  [[nodiscard]] actors::directory_stats stats();

  /// The value of a counter or gauge as `expose` prints it; 0 if it is not there.
  [[nodiscard]] double number(const std::string& series) const;

  config::settings settings;
  manual_clock time;
  metrics numbers;
  memory_store store;
  gate appends;
  std::vector<std::unique_ptr<shard_gates>> fronts;
  gate encodes;
  std::shared_ptr<actors::model_slot> models = std::make_shared<actors::model_slot>();
  pushed got;
  std::optional<failure> fatal;
  actors::user_directory_state::options routing;
  std::shared_ptr<actors::session_context> context = std::make_shared<actors::session_context>();
  actors::blend_learner_actor blend_learner;
  actors::event_log_writer_actor log; ///< the real one; context->log is its gate
  actors::store_reader_actor reader;
  actors::user_directory_actor directory;
  actors::item_catalog_actor catalog;
  actors::push_sink_actor sink;
};

/// Ids of a slate's items, in order.
[[nodiscard]] std::vector<std::string> ids_of(const slate& made);

/// Begun, with f0 to f19.
struct twenty_films : troupe_fixture {
  twenty_films() {
    begin();
    add_items(20);
  }
};

} // namespace troupe::test
