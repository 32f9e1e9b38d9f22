#include "model/exported_model.hpp"

#include "base/ids.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace troupe::model {

namespace {

/// The ids of a million items are tens of megabytes.
constexpr safetensors_limits limits{.header_bytes_max = std::size_t{100} << 20};

/// Rows of vectors, biases and the ids they are of.
struct item_table {
  std::vector<float> vectors;
  std::vector<float> biases;
  nlohmann::json ids = nlohmann::json::array();

  void add(const item_id& id, std::vector<float> vector, float bias, std::size_t dimensions) {
    vector.resize(dimensions);
    vectors.insert(vectors.end(), vector.begin(), vector.end());
    biases.push_back(bias);
    ids.push_back(id.value);
  }
};

item_table make_table(const trained_encoder& from, const item_vectors& by,
                      std::span<const item> records) {
  boost::unordered_flat_map<item_key, const item*, std::hash<item_key>> known;
  for (const auto& record : records)
    known.emplace(key_of(record.id), &record);
  item_table made;
  for (const auto& id : from.words.items()) {
    const auto key = key_of(id);
    const auto record = known.find(key);
    made.add(id, by.vector_of(key, record == known.end() ? nullptr : record->second),
             by.bias_of(key), by.dimensions());
  }
  for (const auto& record : records) {
    const auto key = key_of(record.id);
    if (from.words.find_item(key))
      continue;
    if (auto vector = by.vector_of(key, &record); !vector.empty())
      made.add(record.id, std::move(vector), by.bias_of(key), by.dimensions());
  }
  return made;
}

} // namespace

result<std::string> export_model(const trained_encoder& from, std::span<const item> records,
                                 safetensors_metadata about) {
  const auto vectors = item_vectors::make(from);
  if (!vectors)
    return vectors.error();
  auto table = make_table(from, *vectors, records);
  auto tensors = from.weights;
  for (const auto* inner : {"item.id", "item.bias", "label", "content.weight"})
    tensors.erase(inner);
  const auto rows = table.biases.size();
  tensors["item.vector"] = {{rows, vectors->dimensions()}, std::move(table.vectors)};
  tensors["item.bias"] = {{rows}, std::move(table.biases)};
  about["format"] = "troupe-model";
  about["format_version"] = "1";
  about["encoder"] = "recurrent";
  about["dimensions"] = std::to_string(from.shape.dimensions);
  about["blocks"] = std::to_string(from.shape.blocks);
  about["states"] = std::to_string(from.shape.states);
  about["hidden"] = std::to_string(from.shape.hidden);
  about["items"] = table.ids.dump();
  about["kinds"] = nlohmann::json(from.words.kinds()).dump();
  if (auto fine = check_safetensors(tensors, about, limits); !fine)
    return fine.error();
  return write_safetensors(tensors, about);
}

} // namespace troupe::model
