#pragma once

#include "base/error.hpp"
#include "base/item.hpp"
#include "model/safetensors.hpp"
#include "model/trained_encoder.hpp"

#include <span>
#include <string>

namespace troupe::model {

/// A trained model as one file for use elsewhere (docs/model-format.md): the items' vectors as they
/// stand in the shards, id and content added up, their biases, the encoder, and what its numbers
/// mean. The items are those of the vocabulary and, behind them, those of `records` of which
/// something is known; `about` is added to the metadata.
/// Errors: invalid_argument (a tensor that does not fit), too_large.
[[nodiscard]] result<std::string> export_model(const trained_encoder& from,
                                               std::span<const item> records,
                                               safetensors_metadata about);

} // namespace troupe::model
