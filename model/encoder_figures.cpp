#include "model/encoder_figures.hpp"

#include "model/encoder.hpp"
#include "model/item_matrix.hpp"
#include "model/topk.hpp"
#include "model/transformer_encoder.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace troupe::model {

namespace {

constexpr std::size_t history = 200;
constexpr std::size_t answers = 100;
constexpr std::uint32_t gap = 7; // about a minute
constexpr std::size_t rounds = 9;
constexpr double round_least_micros = 2000;
constexpr std::size_t repetitions_max = 4096;

/// The time of one call, in microseconds.
double micros_of(const std::function<void()>& work, const cpu_clock& now) {
  const auto time = [&](std::size_t repetitions) {
    const auto begin = now();
    for (std::size_t i = 0; i < repetitions; ++i)
      work();
    return std::chrono::duration<double, std::micro>(now() - begin).count()
           / static_cast<double>(repetitions);
  };
  std::size_t repetitions = 1;
  while (repetitions < repetitions_max
         && time(repetitions) * static_cast<double>(repetitions) < round_least_micros)
    repetitions *= 2;
  auto best = std::numeric_limits<double>::infinity();
  for (std::size_t round = 0; round < rounds; ++round)
    best = std::min(best, time(repetitions));
  return best;
}

/// A history of items that all have a vector; views into `items`.
std::vector<encoder_event> history_of(const std::vector<float>& items, std::size_t dimensions) {
  const auto count = items.size() / dimensions;
  std::vector<encoder_event> made;
  for (std::size_t i = 0; i < history; ++i)
    made.push_back(
        {std::span{items}.subspan(i * 7 % count * dimensions, dimensions), 0, i == 0 ? 0 : gap});
  return made;
}

/// A query after the history is left in `query`.
result<double> time_event(const trained_encoder& of, const std::vector<encoder_event>& events,
                          std::span<float> query, const cpu_clock& now) {
  if (of.shape.architecture == encoder_architecture::transformer) {
    const auto encoder = transformer_encoder::make(of.shape, of.weights);
    if (!encoder)
      return encoder.error();
    std::vector<float> last(of.shape.dimensions);
    return micros_of(
        [&] {
          (*encoder)->encode(events, last);
          (*encoder)->query(last, gap, query);
        },
        now);
  }
  const auto encoder = recurrent_encoder::make(of.shape, of.weights);
  if (!encoder)
    return encoder.error();
  std::vector<float> state(of.shape.state_size());
  (*encoder)->encode(events, state);
  const std::array<std::span<float>, 1> states{state};
  return micros_of(
      [&] {
        (*encoder)->step(states, {&events.back(), 1});
        (*encoder)->query(state, gap, query);
      },
      now);
}

/// Ids' rows and biases, as shards have them but for the labels' part.
item_matrix catalogue_of(const std::vector<float>& items, const std::vector<float>& biases) {
  const auto dimensions = items.size() / biases.size();
  item_matrix made{dimensions + 1};
  std::vector<float> row(dimensions + 1);
  for (std::size_t i = 0; i < biases.size(); ++i) {
    std::copy_n(&items[i * dimensions], dimensions, row.begin());
    row.back() = biases[i];
    made.append(row);
  }
  return made;
}

} // namespace

result<encoder_figures> measure_encoder(const trained_encoder& of, vector_storage vectors,
                                        const cpu_clock& now) {
  if (const auto fits = item_vectors::make(of); !fits)
    return fits.error();
  const auto& items = of.weights.at("item.id").values;
  const auto& biases = of.weights.at("item.bias").values;
  if (biases.empty())
    return failure{errc::invalid_argument, "the encoder has no items"};
  encoder_figures made;
  made.ndcg = of.judged.ndcg;
  made.recall = of.judged.recall;
  made.weight_bytes = write_weights(of.weights, vectors).size();
  std::vector<float> query(of.shape.dimensions);
  const auto event = time_event(of, history_of(items, of.shape.dimensions), query, now);
  if (!event)
    return event.error();
  made.event_micros = *event;
  query.push_back(1); // times the bias
  const auto catalogue = catalogue_of(items, biases);
  top_k_options options;
  options.k = answers;
  options.precision =
      vectors == vector_storage::int8 ? scan_precision::int8 : scan_precision::float32;
  made.catalogue_micros =
      micros_of([&] { static_cast<void>(top_k(catalogue, query, options)); }, now);
  return made;
}

} // namespace troupe::model
