#include "bench/drawn_weights.hpp"
#include "bench/rounds.hpp"
#include "model/encoder.hpp"
#include "model/transformer_encoder.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

// What an event costs in the sequence encoder: one step of one state, of 32 states in a call,
// and each event of a history that is taken in anew; after histories of 10, 100 and 10,000
// events, for the cost must not depend on them. Beside it the transformer, which takes in the whole
// history for each event. CPU time of one thread, contestants in turns.

namespace {

using namespace troupe;

constexpr std::size_t batch = 32;
constexpr std::size_t steps = 64;     ///< of one turn
constexpr std::size_t histories = 16; ///< of one turn

struct settings {
  std::size_t rounds = 60;
  std::size_t items = 20'000;
  model::encoder_shape shape{
      .dimensions = 64, .blocks = 2, .states = 64, .hidden = 128, .kinds = 8};
  std::string json;
};

settings parse(int count, char** arguments) {
  settings made;
  CLI::App app{"CPU time of the sequence encoder's steps"};
  app.add_option("--rounds", made.rounds)->capture_default_str();
  app.add_option("--dimensions", made.shape.dimensions)->capture_default_str();
  app.add_option("--blocks", made.shape.blocks)->capture_default_str();
  app.add_option("--states", made.shape.states)->capture_default_str();
  app.add_option("--hidden", made.shape.hidden)->capture_default_str();
  app.add_option("--json", made.json, "write the results to this file");
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return made;
}

/// What is compared, and what keeps it alive.
struct contest {
  settings how;
  bench::drawer draw;
  std::vector<float> vectors = draw(how.items * how.shape.dimensions, 0.1F);
  std::shared_ptr<const model::recurrent_encoder> encoder =
      model::recurrent_encoder::make(how.shape, bench::draw_weights(how.shape, draw)).value();
  model::encoder_shape other{.dimensions = how.shape.dimensions,
                             .blocks = how.shape.blocks,
                             .states = 0,
                             .hidden = how.shape.hidden,
                             .kinds = how.shape.kinds,
                             .architecture = model::encoder_architecture::transformer,
                             .heads = 2,
                             .window = 200};
  std::shared_ptr<const model::transformer_encoder> transformer =
      model::transformer_encoder::make(other, bench::draw_weights(other, draw)).value();
  std::vector<std::vector<float>> states;
  float kept = 0; ///< so that no result is optimised away
  bench::rounds turns;

  explicit contest(settings given) : how(std::move(given)) {}

  [[nodiscard]] model::encoder_event next_event() {
    const auto d = how.shape.dimensions;
    return {std::span{vectors}.subspan(draw.below(how.items) * d, d),
            static_cast<std::uint32_t>(draw.below(how.shape.kinds)),
            static_cast<std::uint32_t>(draw.below(model::gap_buckets))};
  }

  [[nodiscard]] std::vector<model::encoder_event> next_events(std::size_t count) {
    std::vector<model::encoder_event> made;
    for (std::size_t i = 0; i < count; ++i)
      made.push_back(next_event());
    return made;
  }

  /// States of as many users as are moved together, each after `length` events.
  std::size_t add_users(std::size_t length) {
    const auto first = states.size();
    for (std::size_t user = 0; user < batch; ++user) {
      states.emplace_back(how.shape.state_size());
      encoder->encode(next_events(length), states.back());
    }
    return first;
  }

  void step_alone(std::size_t first, const std::vector<model::encoder_event>& events) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::span<float> state{states[first + i % batch]};
      encoder->step({&state, 1}, {&events[i], 1});
    }
    kept += states[first].back();
  }

  void step_together(std::size_t first, const std::vector<model::encoder_event>& events) {
    std::vector<std::span<float>> all;
    for (std::size_t user = 0; user < batch; ++user)
      all.emplace_back(states[first + user]);
    for (std::size_t i = 0; i + batch <= events.size(); i += batch)
      encoder->step(all, std::span{events}.subspan(i, batch));
    kept += states[first].back();
  }

  void add_all() {
    for (const std::size_t length : {10U, 100U, 10'000U}) {
      const auto first = add_users(length);
      turns.add(fmt::format("step alone, {} events before", length), steps,
                [this, first] { step_alone(first, next_events(steps)); });
      turns.add(fmt::format("step in a batch of 32, {} events before", length), steps * batch,
                [this, first] { step_together(first, next_events(steps * batch)); });
    }
    for (const std::size_t length : {10U, 100U, 200U}) {
      turns.add(fmt::format("recurrent, history of {} events anew", length), histories,
                [this, length] {
                  for (std::size_t i = 0; i < histories; ++i) {
                    std::vector<float> state(how.shape.state_size());
                    encoder->encode(next_events(length), state);
                    kept += state.back();
                  }
                });
      turns.add(fmt::format("transformer, history of {} events anew", length), histories,
                [this, length] {
                  for (std::size_t i = 0; i < histories; ++i) {
                    std::vector<float> last(other.dimensions);
                    transformer->encode(next_events(length), last);
                    kept += last.back();
                  }
                });
    }
  }
};

nlohmann::json results_of(const contest& done) {
  const auto& turns = done.turns;
  nlohmann::json cost;
  for (const auto& name : turns.names()) {
    const auto spent = turns.cost(name);
    cost[name] = bench::to_json({spent.median * 1e6, spent.low * 1e6, spent.high * 1e6});
  }
  const auto& shape = done.how.shape;
  return {{"bench", "step-cost"},
          {"processor", bench::processor_name()},
          {"dimensions", shape.dimensions},
          {"blocks", shape.blocks},
          {"states", shape.states},
          {"hidden", shape.hidden},
          {"rounds", done.how.rounds},
          {"cpu_microseconds", cost},
          {"ratios",
           {{"alone, 10,000 events before to 10",
             bench::to_json(
                 turns.ratio("step alone, 10000 events before", "step alone, 10 events before"))},
            {"in a batch, 10,000 events before to 10",
             bench::to_json(turns.ratio("step in a batch of 32, 10000 events before",
                                        "step in a batch of 32, 10 events before"))}}}};
}

void print(const nlohmann::json& results) {
  fmt::print("{} dimensions, {} blocks, {} rounds, {}\n\nCPU microseconds (median, low, high); of "
             "steps: an event\n",
             results["dimensions"].get<std::size_t>(), results["blocks"].get<std::size_t>(),
             results["rounds"].get<std::size_t>(), results["processor"].get<std::string>());
  bench::print_spreads(results["cpu_microseconds"]);
  fmt::print("\nratios, taken round by round\n");
  bench::print_spreads(results["ratios"]);
}

} // namespace

int main(int count, char** arguments) {
  contest run{parse(count, arguments)};
  run.add_all();
  run.turns.run(run.how.rounds);
  const auto results = results_of(run);
  print(results);
  if (!run.how.json.empty())
    std::ofstream{run.how.json} << results.dump(2) << '\n';
  return 0;
}
