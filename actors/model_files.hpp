#pragma once

#include "model/int8_rows.hpp"
#include "model/sequence_model.hpp"
#include "storage/snapshot_directory.hpp"

#include <cstdint>
#include <filesystem>

/// What stands in a snapshot of the trained model: `weights.safetensors`, `vocabulary.bin`, and in
/// the manifest's parameters the encoder's sizes and its weight in the blend
/// (docs/storage-format.md). Storage knows the files as bytes and the model knows no files; here
/// they meet.
namespace troupe::actors {

/// What is published: facts and files of one snapshot.
struct model_files {
  storage::snapshot_facts facts;
  storage::snapshot_files files;
};

/// Errors: invalid_argument, naming a tensor that could not be read again.
[[nodiscard]] result<model_files>
to_files(const model::trained_encoder& from, double blend_weight, std::uint64_t parent,
         std::uint64_t event_position, timestamp now,
         model::vector_storage vectors = model::vector_storage::float32);

/// The trained encoder of a snapshot, checked as far as bytes can be.
/// Errors: corrupt_data, unsupported_format (another kind of encoder), each naming what is wrong.
[[nodiscard]] result<model::trained_encoder> to_encoder(const storage::snapshot& from);

/// The snapshot as it serves. Errors: as to_encoder and sequence_model::make.
[[nodiscard]] result<model::sequence_model_ptr> to_model(const storage::snapshot& from,
                                                         const model::fold_rules& rules);

/// Reads a version from a directory of snapshots, every byte of it checked. Blocking.
/// Errors: as snapshot_directory::load and to_model.
[[nodiscard]] result<model::sequence_model_ptr> load_model(const std::filesystem::path& root,
                                                           std::uint64_t version,
                                                           const model::fold_rules& rules);

} // namespace troupe::actors
