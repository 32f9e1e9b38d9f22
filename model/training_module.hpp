#pragma once

#include "base/error.hpp"
#include "model/sequence_trainer.hpp"

#include <filesystem>
#include <memory>

namespace troupe::model {

/// Where the module lies that goes with this program: `lib/libtroupe_training.so` beside the
/// folder of the executable.
[[nodiscard]] std::filesystem::path training_module_path();

/// Loads the module in `file`, and LibTorch with it, which takes half a second the first time; they
/// stay loaded until the process ends. Errors: unavailable (the module or a library it needs cannot
/// be loaded, or it is of another version).
[[nodiscard]] result<void> load_training_module(const std::filesystem::path& file);

/// Makes a trainer by the module in `file`, which is loaded if it is not yet. `data` must outlive
/// the trainer.
/// Errors: invalid_argument (check_training refuses); as load_training_module.
[[nodiscard]] result<std::unique_ptr<sequence_trainer>>
make_trainer(const std::filesystem::path& file, const sequence_data& data,
             const training_options& options);

} // namespace troupe::model
