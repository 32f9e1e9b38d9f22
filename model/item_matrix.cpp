#include "model/item_matrix.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace troupe::model {

namespace {

struct place {
  std::size_t chunk;
  std::size_t block; ///< in its chunk
  std::size_t lane;  ///< in its block
};

place place_of(std::size_t row) noexcept {
  const auto in_chunk = row % item_matrix::chunk_rows;
  return {row / item_matrix::chunk_rows, in_chunk / item_matrix::block_rows,
          in_chunk % item_matrix::block_rows};
}

} // namespace

float quantise(std::span<const float> values, std::span<std::int8_t> codes) {
  assert(values.size() == codes.size());
  float largest = 0;
  for (const float value : values)
    largest = std::max(largest, std::abs(value));
  const float scale = largest / 127;
  if (scale == 0) { // zeros, or too small for a scale to stand for
    std::fill(codes.begin(), codes.end(), std::int8_t{0});
    return 0;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    codes[i] =
        static_cast<std::int8_t>(std::clamp(std::nearbyint(values[i] / scale), -127.0F, 127.0F));
  return scale;
}

template <class Value>
item_matrix::aligned_array<Value> item_matrix::make_array(std::size_t count) {
  auto* bytes = ::operator new (count * sizeof(Value), std::align_val_t{64});
  auto* values = static_cast<Value*>(bytes);
  std::uninitialized_fill_n(values, count, Value{});
  return aligned_array<Value>{values};
}

item_matrix::item_matrix(std::size_t dimensions) : dimensions_(dimensions) {
  assert(dimensions >= 1 && dimensions <= dimensions_max);
}

std::size_t item_matrix::heap_bytes() const noexcept {
  return chunks_.capacity() * sizeof(chunk_storage)
         + chunks_.size() * chunk_rows
               * (dimensions_ * sizeof(float) + quads() * 4 * sizeof(std::int8_t)
                  + 2 * sizeof(float));
}

std::uint32_t item_matrix::append(std::span<const float> values) {
  assert(rows_ < UINT32_MAX);
  if (rows_ == chunks_.size() * chunk_rows)
    chunks_.push_back({make_array<float>(chunk_rows * dimensions_),
                       make_array<std::int8_t>(chunk_rows * quads() * 4),
                       make_array<float>(chunk_rows), make_array<float>(chunk_rows)});
  const auto row = static_cast<std::uint32_t>(rows_++);
  replace(row, values);
  return row;
}

void item_matrix::replace(std::uint32_t row, std::span<const float> values) {
  assert(row < rows_ && values.size() == dimensions_);
  const auto at = place_of(row);
  auto& chunk = chunks_[at.chunk];
  std::array<std::int8_t, dimensions_max> codes;
  const std::span used{codes.data(), coded()};
  const auto in_chunk = at.block * block_rows + at.lane;
  chunk.scales[in_chunk] = quantise(values.first(coded()), used);
  chunk.lasts[in_chunk] = values.back();
  float* to = chunk.values.get() + at.block * dimensions_ * block_rows + at.lane;
  for (std::size_t d = 0; d < dimensions_; ++d)
    to[d * block_rows] = values[d];
  std::int8_t* coded_to = chunk.codes.get() + at.block * quads() * 4 * block_rows + at.lane * 4;
  for (std::size_t d = 0; d < used.size(); ++d)
    coded_to[d / 4 * 4 * block_rows + d % 4] = used[d];
}

void item_matrix::remove_last() {
  assert(rows_ > 0);
  const std::vector<float> zeros(dimensions_, 0.0F);
  replace(static_cast<std::uint32_t>(rows_ - 1), zeros);
  --rows_;
  // One empty chunk stays, so that a matrix at the edge does not allocate at every turn.
  if (chunks_.size() * chunk_rows >= rows_ + 2 * chunk_rows)
    chunks_.pop_back();
}

const float* item_matrix::values_of(std::uint32_t row) const noexcept {
  const auto at = place_of(row);
  return chunks_[at.chunk].values.get() + at.block * dimensions_ * block_rows + at.lane;
}

std::vector<float> item_matrix::row(std::uint32_t row) const {
  assert(row < rows_);
  const float* from = values_of(row);
  std::vector<float> values(dimensions_);
  for (std::size_t d = 0; d < dimensions_; ++d)
    values[d] = from[d * block_rows];
  return values;
}

std::size_t item_matrix::chunk_count() const noexcept {
  return (rows_ + chunk_rows - 1) / chunk_rows;
}

item_matrix::chunk_view item_matrix::chunk(std::size_t index) const noexcept {
  assert(index < chunk_count());
  const auto rows = std::min(chunk_rows, rows_ - index * chunk_rows);
  const auto& from = chunks_[index];
  return {from.values.get(), from.codes.get(), from.scales.get(), from.lasts.get(),
          (rows + block_rows - 1) / block_rows};
}

} // namespace troupe::model
