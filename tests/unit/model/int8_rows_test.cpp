#include "model/int8_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

tensor_map sample() {
  tensor_map made;
  tensor items{{50, 7}, {}};
  for (std::size_t i = 0; i < 350; ++i)
    items.values.push_back(std::sin(static_cast<float>(i) * 1.7F) * static_cast<float>(i / 7));
  made["item.id"] = std::move(items);
  made["item.bias"] = {{50}, std::vector<float>(50, 0.25F)};
  made["label"] = {{2, 7}, std::vector<float>(14, -3)};
  made["norm.weight"] = {{7}, std::vector<float>(7, 1)};
  return made;
}

std::string refusal(safetensors from) {
  const auto read = dequantise_rows(std::move(from));
  REQUIRE(read.has_error());
  CHECK(read.error().code == errc::corrupt_data);
  return read.error().context;
}

} // namespace

TEST_SUITE("model.int8_rows") {

  TEST_CASE("a value is off by half a scale at most, and what is no vector not at all") {
    const auto from = sample();
    const auto stored = quantise_items(from);
    CHECK(stored.int8_tensors.size() == 2);
    CHECK(stored.tensors.at("item.id.scale").shape == std::vector<std::size_t>{50});
    CHECK_FALSE(stored.tensors.contains("item.id"));
    const auto read = dequantise_rows(stored);
    REQUIRE(read.has_value());
    CHECK(read->size() == from.size());
    CHECK(read->at("item.bias") == from.at("item.bias"));
    CHECK(read->at("norm.weight") == from.at("norm.weight"));
    const auto& before = from.at("item.id").values;
    const auto& after = read->at("item.id").values;
    for (std::size_t row = 0; row < 50; ++row) {
      float largest = 0;
      for (std::size_t i = row * 7; i < row * 7 + 7; ++i)
        largest = std::max(largest, std::abs(before[i]));
      for (std::size_t i = row * 7; i < row * 7 + 7; ++i)
        CHECK(std::abs(after[i] - before[i]) <= largest / 254 * 1.0001F);
    }
    CHECK(quantise_items(*read).int8_tensors == stored.int8_tensors);
  }

  TEST_CASE("the file is a quarter as large and is read as it was written") {
    tensor_map large{{"item.id", {{1000, 64}, std::vector<float>(64'000, 0.5F)}}};
    const auto plain = write_weights(large, vector_storage::float32);
    const auto small = write_weights(large, vector_storage::int8);
    CHECK(static_cast<double>(small.size()) < 0.27 * static_cast<double>(plain.size()));
    CHECK(read_safetensors(plain)->tensors == large);
    const auto read = dequantise_rows(*read_safetensors(small));
    REQUIRE(read.has_value());
    CHECK(read->at("item.id").shape == large.at("item.id").shape);
    CHECK(read->at("item.id").values[63'999] == doctest::Approx(0.5));
  }

  TEST_CASE("codes without the scales of their rows are refused") {
    auto none = quantise_items(sample());
    none.tensors.erase("label.scale");
    CHECK(refusal(none).find("\"label\" is no matrix with a tensor \"label.scale\"")
          != std::string::npos);
    auto fewer = quantise_items(sample());
    fewer.tensors["item.id.scale"] = {{49}, std::vector<float>(49, 1)};
    CHECK(refusal(fewer).find("\"item.id\"") != std::string::npos);
    auto flat = quantise_items(sample());
    flat.int8_tensors["label"].shape = {14};
    CHECK(refusal(flat).find("\"label\"") != std::string::npos);
    auto far = quantise_items(sample());
    far.tensors["label.scale"].values[1] = std::numeric_limits<float>::max();
    CHECK(refusal(far).find("in row 1, too large") != std::string::npos);
  }

  TEST_CASE("a file without int8 tensors is read as it is") {
    const auto from = sample();
    const auto read = dequantise_rows({from, {}, {}});
    REQUIRE(read.has_value());
    CHECK(*read == from);
    CHECK(dequantise_rows(quantise_items({})).value().empty());
  }

} // TEST_SUITE
