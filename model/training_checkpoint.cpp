#include "model/training_checkpoint.hpp"

#include "base/stable_hash.hpp"
#include "model/safetensors.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <utility>

namespace troupe::model {

namespace {

using nlohmann::json;

constexpr int format_version = 1;
constexpr const char* numbers_key = "training";

/// Mixes numbers in, one after another.
class fingerprint {
public:
  void add(std::uint64_t value) noexcept { sum_ = mix_bits(sum_ ^ value); }

  void add(double value) noexcept { add(std::bit_cast<std::uint64_t>(value)); }

  template <class Range>
  void add_all(const Range& values) noexcept {
    add(static_cast<std::uint64_t>(values.size()));
    for (const auto value : values)
      add(static_cast<std::uint64_t>(value));
  }

  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

private:
  std::uint64_t sum_ = 0;
};

void put(tensor_map& to, std::string_view prefix, const tensor_map& from) {
  for (const auto& [name, one] : from)
    to.emplace(fmt::format("{}.{}", prefix, name), one);
}

/// The tensors whose names begin with the prefix and a dot, without it.
tensor_map take(tensor_map& from, std::string_view prefix) {
  tensor_map made;
  for (auto& [name, one] : from)
    if (name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] == '.')
      made.emplace(name.substr(prefix.size() + 1), std::move(one));
  return made;
}

json numbers_of(const epoch_report& from) {
  return {{"epoch", from.epoch},   {"steps", from.steps}, {"loss", from.loss},
          {"recall", from.recall}, {"ndcg", from.ndcg},   {"held_out_loss", from.held_out_loss}};
}

/// REQUIRES: `from` has all of them; what is missing throws json::exception.
epoch_report report_of(const json& from) {
  epoch_report made;
  made.epoch = from.at("epoch").get<std::size_t>();
  made.steps = from.at("steps").get<std::size_t>();
  made.loss = from.at("loss").get<double>();
  made.recall = from.at("recall").get<double>();
  made.ndcg = from.at("ndcg").get<double>();
  made.held_out_loss = from.at("held_out_loss").get<double>();
  return made;
}

} // namespace

std::uint64_t training_fingerprint(const sequence_data& data, const training_options& options) {
  fingerprint made;
  for (const auto number :
       {data.items, data.kinds, data.labels, options.dimensions, options.blocks, options.heads,
        options.batch_steps, options.length_max, options.held_out_max, options.negatives,
        options.hidden, options.states})
    made.add(static_cast<std::uint64_t>(number));
  made.add(options.seed);
  made.add(static_cast<std::uint64_t>(options.architecture));
  for (const auto number : {options.dropout, options.item_dropout, options.learning_rate,
                            options.weight_decay, options.now_share, options.teacher_share})
    made.add(number);
  for (const auto& step : data.steps) {
    made.add(static_cast<std::uint64_t>(!step.is_target) << 48U
             | static_cast<std::uint64_t>(step.item) << 16U | step.kind);
    made.add(static_cast<std::uint64_t>(step.millis));
  }
  made.add_all(data.ends);
  made.add_all(data.item_labels);
  made.add_all(data.item_label_ends);
  made.add(static_cast<std::uint64_t>(data.content_size));
  made.add_all(data.content_items);
  for (const auto value : data.contents)
    made.add(static_cast<std::uint64_t>(std::bit_cast<std::uint32_t>(value)));
  return made.sum();
}

std::string write_checkpoint(const training_checkpoint& from) {
  tensor_map tensors;
  put(tensors, "trainer", from.trainer.tensors);
  put(tensors, "best", from.best_weights);
  put(tensors, "refitted", from.refitted);
  const json numbers{{"version", format_version},      {"fingerprint", from.fingerprint},
                     {"best", numbers_of(from.best)},  {"since_best", from.since_best},
                     {"settled", from.settled},        {"refits", from.refits},
                     {"trainer", from.trainer.numbers}};
  return write_safetensors(tensors, {{numbers_key, numbers.dump()}});
}

result<training_checkpoint> read_checkpoint(std::string_view bytes) {
  auto read = read_safetensors(bytes);
  if (!read)
    return read.error();
  const auto found = read->metadata.find(numbers_key);
  const auto numbers =
      json::parse(found == read->metadata.end() ? "" : found->second, nullptr, false);
  if (!numbers.is_object())
    return failure{errc::corrupt_data, "the checkpoint's numbers are not a JSON object"};
  training_checkpoint made;
  try {
    if (const auto version = numbers.at("version").get<int>(); version != format_version)
      return failure{
          errc::unsupported_format,
          fmt::format("the checkpoint is of version {}, not {}", version, format_version)};
    made.fingerprint = numbers.at("fingerprint").get<std::uint64_t>();
    made.best = report_of(numbers.at("best"));
    made.since_best = numbers.at("since_best").get<std::size_t>();
    made.settled = numbers.at("settled").get<bool>();
    made.refits = numbers.at("refits").get<std::size_t>();
    made.trainer.numbers = numbers.at("trainer").get<std::map<std::string, double>>();
  } catch (const json::exception& wrong) {
    return failure{errc::corrupt_data, fmt::format("the checkpoint's numbers: {}", wrong.what())};
  }
  made.trainer.tensors = take(read->tensors, "trainer");
  made.best_weights = take(read->tensors, "best");
  made.refitted = take(read->tensors, "refitted");
  return made;
}

} // namespace troupe::model
