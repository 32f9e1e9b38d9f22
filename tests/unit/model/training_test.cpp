#include "model/encoder.hpp"
#include "model/sequences.hpp"
#include "model/training_module.hpp"
#include "model/transformer_encoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

constexpr std::size_t items = 40;

/// Users who walk through the items in steps of one, each from a place of their own.
sequence_data walks(std::size_t users) {
  sequence_data made;
  made.items = items;
  made.kinds = 3;
  made.labels = 4;
  for (std::size_t user = 0; user < users; ++user) {
    for (std::size_t i = 0; i < 12; ++i)
      made.steps.push_back({static_cast<std::uint32_t>((user * 7 + i) % items),
                            static_cast<std::uint16_t>(i % 3),
                            static_cast<std::int64_t>(i * i * 5000)});
    made.ends.push_back(made.steps.size());
  }
  for (std::size_t i = 0; i < items; ++i) {
    made.item_labels.push_back(static_cast<std::uint32_t>(i % 4));
    if (i % 3 == 0)
      made.item_labels.push_back(static_cast<std::uint32_t>((i + 1) % 4));
    if (i % 5 == 0)
      made.item_labels.pop_back();
    made.item_label_ends.push_back(made.item_labels.size());
  }
  return made;
}

constexpr std::size_t content_size = 6;

/// Gives two of three items a vector of their own, near one of two directions in turn.
void add_contents(sequence_data& to) {
  std::mt19937 random{4};
  std::normal_distribution<float> noise{0, 0.1F};
  to.content_size = content_size;
  for (std::uint32_t i = 0; i < items; ++i) {
    if (i % 3 == 2)
      continue;
    item one;
    one.vector.resize(content_size);
    one.vector[i % 2] = 1;
    for (auto& value : one.vector)
      value += noise(random);
    const auto content = content_vector(one, content_size);
    to.content_items.push_back(i);
    to.contents.insert(to.contents.end(), content.begin(), content.end());
  }
}

/// Users who stay with items of even numbers or with those of odd ones, without labels.
sequence_data two_tastes(std::size_t users) {
  std::mt19937 random{9};
  sequence_data made;
  made.items = items;
  for (std::size_t user = 0; user < users; ++user) {
    for (std::int64_t i = 0; i < 10; ++i)
      made.steps.push_back(
          {static_cast<std::uint32_t>(random() % (items / 2) * 2 + user % 2), 0, i * 60'000});
    made.ends.push_back(made.steps.size());
  }
  return made;
}

/// The projection's column: what an item of this direction alone has as its vector.
std::vector<float> projected(const tensor_map& weights, std::size_t direction) {
  const auto& [shape, values] = weights.find("content.weight")->second;
  std::vector<float> made;
  for (std::size_t i = 0; i < shape[0]; ++i)
    made.push_back(values[i * shape[1] + direction]);
  return made;
}

/// The mean of these items' rows.
std::vector<float> mean_of(const tensor_map& weights, const std::vector<std::size_t>& of) {
  const auto& [shape, values] = weights.find("item.id")->second;
  std::vector<float> made(shape[1]);
  for (const auto item : of)
    for (std::size_t i = 0; i < made.size(); ++i)
      made[i] += values[item * shape[1] + i] / static_cast<float>(of.size());
  return made;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double product = 0;
  double of_a = 0;
  double of_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    of_a += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    of_b += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return product / std::sqrt(of_a * of_b);
}

training_options quick() {
  training_options made;
  made.dimensions = 16;
  made.dropout = 0.1;
  made.item_dropout = 0;
  made.learning_rate = 1e-2;
  made.batch_steps = 256;
  made.length_max = 10;
  return made;
}

std::unique_ptr<sequence_trainer> trainer_for(const sequence_data& data,
                                              const training_options& options) {
  auto made = make_trainer(TROUPE_TRAINING_MODULE, data, options);
  REQUIRE_MESSAGE(made.has_value(), (made ? std::string{} : made.error().context));
  return std::move(*made);
}

/// An item's vector as the doc comment of sequence_trainer::weights has it.
std::vector<float> vector_of(const sequence_data& data, const tensor_map& weights,
                             std::size_t item) {
  const auto& ids = weights.find("item.id")->second;
  const auto& labels = weights.find("label")->second;
  const auto d = ids.shape[1];
  std::vector<float> made(&ids.values[item * d], &ids.values[item * d] + d);
  const auto begin = item == 0 ? 0 : data.item_label_ends[item - 1];
  const auto end = data.item_label_ends[item];
  for (auto at = begin; at < end; ++at)
    for (std::size_t i = 0; i < d; ++i)
      made[i] +=
          labels.values[data.item_labels[at] * d + i] / std::sqrt(static_cast<float>(end - begin));
  const auto& having = data.content_items;
  const auto found = std::find(having.begin(), having.end(), item);
  if (found == having.end())
    return made;
  const auto row = static_cast<std::size_t>(found - having.begin());
  const auto& weight = weights.find("content.weight")->second.values;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t k = 0; k < content_size; ++k)
      made[i] += weight[i * content_size + k] * data.contents[row * content_size + k];
  return made;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return most;
}

} // namespace

TEST_SUITE("model.training") {

  TEST_CASE("a walk is learnt, with all items and with a sample of them") {
    const auto data = walks(80);
    for (const std::size_t negatives : {0U, 20U}) {
      auto options = quick();
      options.negatives = negatives;
      const auto trainer = trainer_for(data, options);
      const auto first = trainer->run_epoch({});
      CHECK(first.steps == 6 * 80 * 10); // a pass has so few batches that it is made six times
      auto last = first;
      for (int i = 0; i < 12; ++i)
        last = trainer->run_epoch({});
      CHECK(last.loss < first.loss);
      CHECK(last.ndcg > 0.9);
      CHECK(last.recall >= last.ndcg);
    }
  }

  TEST_CASE("the same seed gives the same weights, another one others") {
    const auto data = walks(20);
    const auto weights_by = [&data](std::uint64_t seed) {
      auto options = quick();
      options.seed = seed;
      const auto trainer = trainer_for(data, options);
      trainer->run_epoch({});
      return trainer->weights();
    };
    const auto first = weights_by(1);
    CHECK(first == weights_by(1));
    CHECK(first != weights_by(2));
  }

  TEST_CASE("directions that people keep apart are kept apart by the projection") {
    auto data = two_tastes(60);
    add_contents(data);
    for (const std::size_t negatives : {0U, 20U}) {
      CAPTURE(negatives);
      auto options = quick();
      options.negatives = negatives;
      const auto trainer = trainer_for(data, options);
      for (int i = 0; i < 6; ++i)
        trainer->run_epoch({});
      const auto weights = trainer->weights();
      CHECK(weights.at("content.weight").shape == std::vector<std::size_t>{16, content_size});
      const auto even = projected(weights, 0);
      const auto odd = projected(weights, 1);
      CHECK(cosine(even, odd) < -0.3);
      // Every third item is known by its id alone; those of one taste lie where it points.
      const auto without = mean_of(weights, {2, 8, 14, 20, 26, 32, 38});
      CHECK(cosine(without, even) > 0.2);
      CHECK(cosine(without, odd) < -0.3);
      const auto again = trainer_for(data, options);
      REQUIRE(again->restore(trainer->state()).has_value());
      CHECK(again->weights() == weights);
    }
  }

  TEST_CASE("a projection is trained though no item has a vector, and taken on by its shape") {
    auto data = walks(20);
    data.content_size = content_size;
    for (const std::size_t negatives : {0U, 15U}) {
      auto options = quick();
      options.negatives = negatives;
      const auto trainer = trainer_for(data, options);
      CHECK(std::isfinite(trainer->run_epoch({}).loss));
      auto weights = trainer->weights();
      CHECK(trainer->set_weights(weights).has_value());
      weights["content.weight"] = {{16, 2}, std::vector<float>(32)};
      CHECK(trainer->set_weights(weights).error().context
            == "tensor \"content.weight\" is missing or has another shape");
    }
  }

  TEST_CASE("serving step by step gives what training computes over the whole history") {
    auto data = walks(30);
    add_contents(data);
    const auto trainer = trainer_for(data, quick());
    trainer->run_epoch({});
    const auto weights = trainer->weights();
    const auto encoder = *recurrent_encoder::make(trainer->shape(), weights);
    std::vector<float> state(encoder->shape().state_size());
    std::vector<sequence_step> history;
    for (std::size_t i = 0; i < 12; ++i) {
      const auto& step = data.steps[36 + i];
      const auto vector = vector_of(data, weights, step.item);
      const auto gap = i == 0 ? -1 : step.millis - history.back().millis;
      const encoder_event event{vector, step.kind, gap_bucket(gap)};
      const std::span<float> one{state};
      encoder->step({&one, 1}, {&event, 1});
      history.push_back(step);
      std::vector<float> query(encoder->shape().dimensions);
      encoder->query(state, gap_bucket(60'000), query);
      CHECK(distance(query, trainer->query_after(history, gap_bucket(60'000))) < 1e-4);
    }
  }

  TEST_CASE("the transformer serves what training computes over the window") {
    auto data = walks(30);
    add_contents(data);
    auto options = quick();
    options.architecture = encoder_architecture::transformer;
    const auto trainer = trainer_for(data, options);
    trainer->run_epoch({});
    const auto shape = trainer->shape();
    CHECK(shape.window == 10);
    CHECK(shape.heads == 2);
    const auto weights = trainer->weights();
    const auto encoder = *transformer_encoder::make(shape, weights);
    std::vector<std::vector<float>> vectors;
    std::vector<encoder_event> events;
    std::vector<sequence_step> history;
    for (std::size_t i = 0; i < 12; ++i)
      vectors.push_back(vector_of(data, weights, data.steps[36 + i].item));
    for (std::size_t i = 0; i < 12; ++i) {
      const auto& step = data.steps[36 + i];
      const auto gap = i == 0 ? -1 : step.millis - history.back().millis;
      events.push_back({vectors[i], step.kind, gap_bucket(gap)});
      history.push_back(step);
      if (history.size() > shape.window)
        break;
      std::vector<float> query(shape.dimensions);
      encoder->encode(events, query);
      encoder->query(query, gap_bucket(60'000), query);
      CHECK(distance(query, trainer->query_after(history, gap_bucket(60'000))) < 1e-4);
    }
    REQUIRE(events.size() == shape.window + 1);
    std::vector<float> all(shape.dimensions);
    auto newest = all;
    encoder->encode(events, all);
    encoder->encode(std::span{events}.last(shape.window), newest);
    CHECK(all == newest);
  }

  TEST_CASE("an encoder of the other architecture is refused") {
    const auto data = walks(30);
    const auto trainer = trainer_for(data, quick());
    const auto refused = transformer_encoder::make(trainer->shape(), trainer->weights());
    REQUIRE(refused.has_error());
    CHECK(refused.error().context == "the encoder is a recurrent one, not a transformer");
    auto shape = trainer->shape();
    shape.architecture = encoder_architecture::transformer;
    CHECK(recurrent_encoder::make(shape, trainer->weights()).has_error());
    shape.heads = 3;
    shape.window = 5;
    CHECK(transformer_encoder::make(shape, trainer->weights()).error().context.find("3 heads")
          != std::string::npos);
    shape.heads = 2;
    CHECK(transformer_encoder::make(shape, trainer->weights()).error().context
          == "the encoder's tensor \"block.0.qkv.weight\" is missing");
  }

  TEST_CASE("the transformer learns a walk too") {
    const auto data = walks(80);
    auto options = quick();
    options.architecture = encoder_architecture::transformer;
    const auto trainer = trainer_for(data, options);
    auto last = trainer->run_epoch({});
    for (int i = 0; i < 12; ++i)
      last = trainer->run_epoch({});
    CHECK(last.ndcg > 0.9);
  }

  TEST_CASE("a trainer goes on from another one's state as that one does, bit for bit") {
    auto data = walks(40);
    add_contents(data);
    for (const std::size_t negatives : {0U, 15U}) {
      auto options = quick();
      options.negatives = negatives;
      options.item_dropout = 0.2;
      const auto first = trainer_for(data, options);
      first->run_epoch({});
      const auto kept = first->state();
      const auto second = trainer_for(data, options);
      REQUIRE(second->restore(kept).has_value());
      CHECK(second->weights() == first->weights());
      const auto report = first->run_epoch({});
      const auto again = second->run_epoch({});
      CHECK(again.epoch == report.epoch);
      CHECK(again.loss == report.loss);
      CHECK(again.ndcg == report.ndcg);
      first->run_refit(0.5, 0, {});
      second->run_refit(0.5, 0, {});
      CHECK(second->weights() == first->weights());
      auto broken = kept;
      broken.tensors.erase("first.item.id");
      const auto refused = second->restore(broken);
      REQUIRE(refused.has_error());
      CHECK(refused.error().context
            == "the state's tensor \"first.item.id\" is missing or has another shape");
    }
  }

  TEST_CASE("a teacher without a share changes nothing, bit for bit") {
    const auto data = walks(20);
    auto options = quick();
    options.architecture = encoder_architecture::transformer;
    const auto teacher = trainer_for(data, options);
    for (const std::size_t negatives : {0U, 15U}) {
      options = quick();
      options.negatives = negatives;
      const auto alone = trainer_for(data, options);
      const auto taught = trainer_for(data, options);
      REQUIRE(taught->set_teacher(teacher->shape(), teacher->weights()).has_value());
      const auto report = alone->run_epoch({});
      CHECK(taught->run_epoch({}).loss == report.loss);
      CHECK(taught->weights() == alone->weights());
    }
    auto lacking = teacher->weights();
    lacking.erase("norm.bias");
    CHECK(trainer_for(data, quick())->set_teacher(teacher->shape(), lacking).error().context
          == "tensor \"norm.bias\" is missing or has another shape");
  }

  TEST_CASE("a student that hears the teacher alone ranks as it does, on histories without sense") {
    auto options = quick();
    options.architecture = encoder_architecture::transformer;
    const auto walked = walks(80);
    const auto teacher = trainer_for(walked, options);
    for (int i = 0; i < 8; ++i)
      teacher->run_epoch({});
    auto data = walked;
    std::mt19937 random{3};
    for (auto& step : data.steps)
      step.item = static_cast<std::uint32_t>(random() % items);
    const auto best_of = [&](sequence_trainer& by, std::size_t user) {
      const auto query = by.query_after({&data.steps[user * 12], &data.steps[user * 12 + 6]}, 1);
      const auto weights = by.weights();
      std::vector<float> scores;
      for (std::size_t item = 0; item < items; ++item) {
        const auto vector = vector_of(data, weights, item);
        scores.push_back(std::inner_product(query.begin(), query.end(), vector.begin(),
                                            weights.at("item.bias").values[item]));
      }
      return std::max_element(scores.begin(), scores.end()) - scores.begin();
    };
    const auto agreement_by = [&](double share, std::size_t negatives) {
      options = quick();
      options.negatives = negatives;
      options.teacher_share = share;
      const auto student = trainer_for(data, options);
      REQUIRE(student->set_teacher(teacher->shape(), teacher->weights()).has_value());
      for (int i = 0; i < 8; ++i)
        student->run_epoch({});
      int same = 0;
      for (std::size_t user = 0; user < 40; ++user)
        same += best_of(*student, user) == best_of(*teacher, user) ? 1 : 0;
      return same;
    };
    for (const std::size_t negatives : {0U, 20U}) {
      CHECK(agreement_by(1, negatives) > 30);
      CHECK(agreement_by(0, negatives) < 10);
    }
  }

  TEST_CASE("held-out events are not learnt until the refit") {
    auto data = walks(20);
    const auto weights_after = [](const sequence_data& of, bool refit) {
      const auto trainer = trainer_for(of, quick());
      if (refit)
        trainer->run_refit(1, 1, {});
      else
        trainer->run_epoch({});
      return trainer->weights();
    };
    const auto before = weights_after(data, false);
    const auto refitted = weights_after(data, true);
    for (const auto end : data.ends)
      data.steps[end - 1].item = (data.steps[end - 1].item + 3) % static_cast<std::uint32_t>(items);
    CHECK(weights_after(data, false) == before);
    CHECK(weights_after(data, true) != refitted);
    CHECK(held_out_steps(2, 3) == 0);
    CHECK(held_out_steps(3, 3) == 1);
    CHECK(held_out_steps(17, 3) == 2);
    CHECK(held_out_steps(1000, 3) == 3);
  }

  TEST_CASE("what is no target is neither learnt nor judged, and still an input") {
    auto data = walks(30);
    for (std::size_t i = 0; i < data.steps.size(); i += 2)
      data.steps[i].item = data.steps[i / 12 * 12].item; // everybody comes back after each step
    auto options = quick();
    const auto all = trainer_for(data, options)->run_epoch({});
    leave_out_repeats(data);
    for (const auto negatives : {std::size_t{0}, std::size_t{8}}) {
      options.negatives = negatives;
      const auto made = trainer_for(data, options)->run_epoch({});
      CHECK(made.judged == 30); // the last of 12 is new
      CHECK(made.steps * 2 == all.steps);
      auto none = data;
      for (auto& step : none.steps)
        step.is_target = false;
      const auto nothing = trainer_for(none, options)->run_epoch({});
      CHECK(nothing.judged + nothing.steps == 0);
      CHECK(nothing.loss == 0);
    }
  }

  TEST_CASE("a pass that is told to stop ends after the batch and is not judged") {
    const auto data = walks(80);
    const auto trainer = trainer_for(data, quick());
    int asked = 0;
    const auto report = trainer->run_epoch([&asked] { return ++asked == 2; });
    CHECK(asked == 2);
    CHECK(report.steps < 80 * 10);
    CHECK(report.recall == 0);
  }

  TEST_CASE("wrong options and a missing module are refused with the reason") {
    const auto data = walks(3);
    auto options = quick();
    options.dropout = 1;
    const auto refused = make_trainer(TROUPE_TRAINING_MODULE, data, options);
    REQUIRE(refused.has_error());
    CHECK(refused.error().context == "dropout is 1; it takes 0 to 0.9");
    options = quick();
    options.architecture = encoder_architecture::transformer;
    options.heads = 3;
    CHECK(make_trainer(TROUPE_TRAINING_MODULE, data, options).error().context
          == "16 dimensions cannot be shared by 3 heads in even parts");
    const auto missing = make_trainer("/nowhere/libtroupe_training.so", data, quick());
    REQUIRE(missing.has_error());
    CHECK(missing.error().code == errc::unavailable);
    CHECK(missing.error().context.find("/nowhere/libtroupe_training.so") != std::string::npos);
    CHECK(load_training_module(TROUPE_TRAINING_MODULE).has_value());
    CHECK(load_training_module("/nowhere/it.so").error().code == errc::unavailable);
  }

} // TEST_SUITE
