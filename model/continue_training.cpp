#include "model/continue_training.hpp"

#include "model/training_module.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::model {

namespace {

/// The parent's tensors with zeros for the items it does not know, and for items' own vectors where
/// it knows none: it scores as before.
tensor_map grown(const trained_encoder& from, const sequence_data& data) {
  auto made = from.weights;
  for (const auto* name : {"item.id", "item.bias"}) {
    auto& table = made[name];
    const auto width = table.shape.size() > 1 ? table.shape[1] : 1;
    table.shape[0] = data.items;
    table.values.resize(data.items * width);
  }
  if (data.content_size > 0 && content_size_of(from) == 0)
    made[content_tensor] = {{from.shape.dimensions, data.content_size},
                            std::vector<float>(from.shape.dimensions * data.content_size)};
  return made;
}

result<void> check_vocabulary(const trained_encoder& parent, const sequence_corpus& corpus) {
  const auto& known = parent.words;
  const auto& now = corpus.words;
  const bool fits = now.kinds() == known.kinds() && now.labels() == known.labels()
                    && now.items().size() >= known.items().size()
                    && std::equal(known.items().begin(), known.items().end(), now.items().begin());
  if (!fits)
    return failure{errc::invalid_argument,
                   "the histories' vocabulary does not begin with the encoder's"};
  const auto content_size = content_size_of(parent);
  if (content_size != 0 && corpus.data.content_size != content_size)
    return failure{errc::invalid_argument,
                   fmt::format("the histories' items have vectors of {} values, the encoder takes "
                               "{}",
                               corpus.data.content_size, content_size)};
  return {};
}

} // namespace

result<continued_encoder> continue_training(const trained_encoder& parent,
                                            const sequence_corpus& corpus,
                                            const std::filesystem::path& module,
                                            const continued_plan& plan,
                                            const std::function<bool()>& stop) {
  if (auto fits = check_vocabulary(parent, corpus); !fits)
    return fits.error();
  auto how = plan.plan;
  how.refit_rate *= plan.rate;
  auto& options = how.options;
  options.dimensions = parent.shape.dimensions;
  options.blocks = parent.shape.blocks;
  options.hidden = parent.shape.hidden;
  options.states = parent.shape.states;
  options.architecture = parent.shape.architecture;
  auto trainer = make_trainer(module, corpus.data, options);
  if (!trainer)
    return trainer.error();
  auto& by = **trainer;
  if (auto fine = by.set_weights(grown(parent, corpus.data)); !fine)
    return fine.error();
  bool stopped = false;
  const auto looked = [&stopped, &stop] {
    stopped = stopped || (stop && stop());
    return stopped;
  };
  const auto before = by.judge(looked);
  by.scale_learning_rate(plan.rate);
  auto now = run_training(corpus, by, how, {}, looked);
  if (stopped)
    return failure{errc::unavailable, "the round was stopped"};
  if (!now)
    return now.error();
  const auto after = now->judged;
  const bool is_accepted =
      after.judged >= plan.users_least && after.ndcg >= before.ndcg * (1 - plan.tolerance);
  return continued_encoder{std::move(*now), before, after, is_accepted};
}

} // namespace troupe::model
