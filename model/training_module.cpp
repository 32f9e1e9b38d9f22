#include "model/training_module.hpp"

#include "model/sequences.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <system_error>

namespace troupe::model {

std::filesystem::path training_module_path() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "lib" / "libtroupe_training.so";
}

namespace {

result<make_sequence_trainer*> load(const std::filesystem::path& file) {
  auto* const module = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr)
    return failure{errc::unavailable,
                   fmt::format("cannot load the training module: {}", dlerror())};
  auto* const version = static_cast<const char* const*>(dlsym(module, "troupe_training_version"));
  auto* const make =
      reinterpret_cast<make_sequence_trainer*>(dlsym(module, "troupe_make_sequence_trainer"));
  if (version == nullptr || make == nullptr || std::string_view{*version} != training_interface)
    return failure{errc::unavailable,
                   fmt::format("{} is of version {}, this program of {}; install them together",
                               file.string(), version == nullptr ? "unknown" : *version,
                               training_interface)};
  return make;
}

} // namespace

result<void> load_training_module(const std::filesystem::path& file) {
  if (auto made = load(file); !made)
    return made.error();
  return {};
}

result<std::unique_ptr<sequence_trainer>> make_trainer(const std::filesystem::path& file,
                                                       const sequence_data& data,
                                                       const training_options& options) {
  if (auto fine = check_training(data, options); !fine)
    return fine.error();
  const auto make = load(file);
  if (!make)
    return make.error();
  return std::unique_ptr<sequence_trainer>{(*make)(data, options)};
}

} // namespace troupe::model
