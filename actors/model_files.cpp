#include "actors/model_files.hpp"

#include "model/safetensors.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::string_view encoder_kind = "recurrent";
constexpr const char* weights_file = "weights.safetensors";
constexpr const char* vocabulary_file = "vocabulary.bin";

failure wrong(std::uint64_t version, std::string_view what) {
  return {errc::corrupt_data, fmt::format("snapshot {}: {}", version, what)};
}

/// Reads numbers out of a manifest's parameters; the first that is none is the failure.
class parameter_reader {
public:
  explicit parameter_reader(const storage::snapshot_manifest& from) : from_(from) {}

  template <class Number>
  Number take(const std::string& name) {
    Number value{};
    const auto& all = from_.facts.parameters;
    const auto found = all.find(name);
    const auto* const text = found == all.end() ? nullptr : &found->second;
    const auto read = text == nullptr
                          ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                          : std::from_chars(text->data(), text->data() + text->size(), value);
    if (!why_ && (read.ec != std::errc{} || read.ptr != text->data() + text->size()))
      why_ = wrong(from_.version,
                   fmt::format("its manifest's parameter \"{}\" is {}, not a number", name,
                               text == nullptr ? "missing" : "\"" + *text + "\""));
    return value;
  }

  [[nodiscard]] const std::optional<failure>& why() const noexcept { return why_; }

private:
  const storage::snapshot_manifest& from_;
  std::optional<failure> why_;
};

result<std::string_view> file_of(const storage::snapshot& from, const char* name) {
  const auto found = from.files.find(name);
  if (found == from.files.end())
    return wrong(from.manifest.version, fmt::format("it has no file {}", name));
  return std::string_view{found->second};
}

} // namespace

result<model_files> to_files(const model::trained_encoder& from, double blend_weight,
                             std::uint64_t parent, std::uint64_t event_position, timestamp now,
                             model::vector_storage vectors) {
  if (auto fine = model::check_safetensors(from.weights, {}); !fine)
    return fine.error();
  model_files made;
  auto& facts = made.facts;
  facts.parent = parent;
  facts.created = now;
  facts.encoder = model::name_of(from.shape.architecture);
  facts.items = from.words.items().size();
  facts.event_position = event_position;
  facts.metrics = {{"held_out_recall_at_10", from.judged.recall},
                   {"held_out_ndcg_at_10", from.judged.ndcg},
                   {"loss", from.judged.loss},
                   {"epoch", static_cast<double>(from.judged.epoch)}};
  facts.parameters = {{"dimensions", std::to_string(from.shape.dimensions)},
                      {"blocks", std::to_string(from.shape.blocks)},
                      {"states", std::to_string(from.shape.states)},
                      {"hidden", std::to_string(from.shape.hidden)},
                      {"kinds", std::to_string(from.shape.kinds)},
                      {"blend_weight", fmt::format("{}", blend_weight)}};
  if (from.shape.architecture == model::encoder_architecture::transformer) {
    facts.parameters["heads"] = std::to_string(from.shape.heads);
    facts.parameters["window"] = std::to_string(from.shape.window);
  }
  made.files = {{weights_file, model::write_weights(from.weights, vectors)},
                {vocabulary_file, model::write_vocabulary(from.words)}};
  return made;
}

result<model::trained_encoder> to_encoder(const storage::snapshot& from) {
  if (from.manifest.facts.encoder != encoder_kind)
    return failure{errc::unsupported_format,
                   fmt::format("snapshot {}: its encoder is \"{}\"; this program serves \"{}\"",
                               from.manifest.version, from.manifest.facts.encoder, encoder_kind)};
  parameter_reader numbers{from.manifest};
  model::encoder_shape shape;
  shape.dimensions = numbers.take<std::size_t>("dimensions");
  shape.blocks = numbers.take<std::size_t>("blocks");
  shape.states = numbers.take<std::size_t>("states");
  shape.hidden = numbers.take<std::size_t>("hidden");
  shape.kinds = numbers.take<std::size_t>("kinds");
  if (numbers.why())
    return *numbers.why();
  const auto weights = file_of(from, weights_file);
  if (!weights)
    return weights.error();
  const auto vocabulary = file_of(from, vocabulary_file);
  if (!vocabulary)
    return vocabulary.error();
  auto stored = model::read_safetensors(*weights);
  if (!stored)
    return wrong(from.manifest.version, stored.error().context);
  auto tensors = model::dequantise_rows(std::move(*stored));
  if (!tensors)
    return wrong(from.manifest.version, tensors.error().context);
  auto words = model::read_vocabulary(*vocabulary);
  if (!words)
    return wrong(from.manifest.version, words.error().context);
  if (words->kinds().size() != shape.kinds)
    return wrong(from.manifest.version,
                 fmt::format("its vocabulary has {} kinds of events, its encoder {}",
                             words->kinds().size(), shape.kinds));
  return model::trained_encoder{shape, std::move(*tensors), std::move(*words), {}};
}

result<model::sequence_model_ptr> to_model(const storage::snapshot& from,
                                           const model::fold_rules& rules) {
  auto trained = to_encoder(from);
  if (!trained)
    return trained.error();
  parameter_reader numbers{from.manifest};
  const auto weight = numbers.take<double>("blend_weight");
  if (numbers.why())
    return *numbers.why();
  auto made =
      model::sequence_model::make(from.manifest.version, std::move(*trained), weight, rules);
  if (!made)
    return failure{made.error().code,
                   fmt::format("snapshot {}: {}", from.manifest.version, made.error().context)};
  return made;
}

result<model::sequence_model_ptr> load_model(const std::filesystem::path& root,
                                             std::uint64_t version,
                                             const model::fold_rules& rules) {
  const auto directory =
      storage::snapshot_directory::open({.root = root, .create = false, .limits = {}});
  if (!directory)
    return directory.error();
  const auto snapshot = directory->load(version);
  if (!snapshot)
    return snapshot.error();
  return to_model(*snapshot, rules);
}

} // namespace troupe::actors
