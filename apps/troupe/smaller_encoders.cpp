#include "apps/troupe/smaller_encoders.hpp"

#include "model/encoder_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

namespace troupe::apps {

namespace {

using model::encoder_architecture;
using model::encoder_figures;
using model::trained_encoder;
using model::vector_storage;

std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

/// Of a block, before and after.
std::string sizes(const model::encoder_shape& from, const model::encoder_shape& to) {
  auto made = fmt::format("{} -> {} hidden units", from.hidden, to.hidden);
  if (from.architecture == encoder_architecture::recurrent)
    made += fmt::format(", {} -> {} states", from.states, to.states);
  return made;
}

/// Quality and cost, before and after.
void print_change(const char* what, const encoder_figures& from, const encoder_figures& to) {
  constexpr double kib = 1024;
  fmt::print("{}: NDCG@10 {:.4f} -> {:.4f}, Recall@10 {:.4f} -> {:.4f}; an event {:.1f} -> {:.1f} "
             "us, all items {:.1f} -> {:.1f} us; weights {:.0f} -> {:.0f} KiB\n",
             what, from.ndcg, to.ndcg, from.recall, to.recall, from.event_micros, to.event_micros,
             from.catalogue_micros, to.catalogue_micros,
             static_cast<double>(from.weight_bytes) / kib,
             static_cast<double>(to.weight_bytes) / kib);
  std::fflush(stdout);
}

result<void> report_change(const char* what, const trained_encoder& from, const trained_encoder& to,
                           vector_storage vectors = vector_storage::float32) {
  const auto before = model::measure_encoder(from, vector_storage::float32, thread_cpu_time);
  if (!before)
    return before.error();
  const auto after = model::measure_encoder(to, vectors, thread_cpu_time);
  if (!after)
    return after.error();
  print_change(what, *before, *after);
  return {};
}

result<trained_encoder> prune(const encoder_training& how, double share, trained_encoder from,
                              const model::training_checkpoints& checkpoints) {
  if (how.stop()) {
    fmt::print("prune: left out, for the training was stopped\n");
    return from;
  }
  const auto shape = model::plan_pruning(from.shape, share);
  if (!shape)
    return shape.error();
  fmt::print("prune: {} in each block; passes to recover\n", sizes(from.shape, *shape));
  model::prune_plan plan{.share = share};
  plan.epochs_max = std::min(plan.epochs_max, how.plan.epochs_max);
  auto made = model::prune_encoder(how.corpus, how.module, how.plan, plan, from, how.on_epoch,
                                   how.stop, checkpoints);
  if (!made && how.stop()) {
    fmt::print("prune: left out, for it was stopped\n");
    return from;
  }
  if (!made)
    return made.error();
  if (auto fine = report_change("prune", from, *made); !fine)
    return fine.error();
  return made;
}

} // namespace

void add_smaller_options(CLI::App& to, smaller_options& into) {
  to.add_flag("--distill", into.distill,
              "train a transformer first and learn from it what else could have come next");
  to.add_option("--teacher-share", into.teacher_share,
                "of what --distill learns, the part that is the teacher's word")
      ->capture_default_str()
      ->type_name("SHARE");
  to.add_option("--prune", into.prune,
                "share of hidden units and states to take away, the least ones")
      ->type_name("SHARE");
  to.add_flag("--quantize", into.quantize, "keep the items' and labels' vectors in int8");
}

result<void> check_smaller(const smaller_options& what, const model::training_options& options) {
  const auto is_transformer = options.architecture == encoder_architecture::transformer;
  if (what.distill && is_transformer)
    return failure{errc::invalid_argument,
                   "--distill trains a recurrent encoder by a transformer; it takes no --encoder "
                   "transformer"};
  if (!(what.teacher_share > 0 && what.teacher_share <= 1))
    return failure{
        errc::invalid_argument,
        fmt::format("--teacher-share is {}; it takes more than 0, to 1", what.teacher_share)};
  if (!what.prune)
    return {};
  if (auto shape = model::plan_pruning(model::trained_shape(options, 1), *what.prune); !shape)
    return failure{shape.error().code, "--prune: " + shape.error().context};
  return {};
}

result<void> train_teacher(encoder_training& how, const smaller_options& what,
                           const model::training_checkpoints& checkpoints) {
  fmt::print("distill: the teacher, a transformer\n");
  auto teacher = model::train_encoder(how.corpus, how.module, model::teacher_plan(how.plan),
                                      how.on_epoch, how.stop, checkpoints);
  if (!teacher)
    return teacher.error();
  if (how.stop())
    return failure{errc::unavailable, "training was stopped before there was a student; --resume "
                                      "goes on with its teacher"};
  how.plan.teacher = std::make_shared<const trained_encoder>(std::move(*teacher));
  how.plan.options.teacher_share = what.teacher_share;
  fmt::print("distill: the student, a recurrent encoder\n");
  return {};
}

result<trained_encoder> make_smaller(const encoder_training& how, const smaller_options& what,
                                     trained_encoder from,
                                     const model::training_checkpoints& pruning) {
  if (how.plan.teacher)
    if (auto fine = report_change("distill", *how.plan.teacher, from); !fine)
      return fine.error();
  if (what.prune) {
    auto pruned = prune(how, *what.prune, std::move(from), pruning);
    if (!pruned)
      return pruned;
    from = std::move(*pruned);
  }
  if (!what.quantize)
    return from;
  auto rounded = model::quantise_encoder(how.corpus, how.module, how.plan, from);
  if (!rounded)
    return rounded;
  if (auto fine = report_change("quantize", from, *rounded, vector_storage::int8); !fine)
    return fine.error();
  return rounded;
}

} // namespace troupe::apps
