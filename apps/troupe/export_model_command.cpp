#include "apps/troupe/export_model_command.hpp"

#include "actors/model_files.hpp"
#include "actors/model_registry.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/import/stored_data_set.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/settings_options.hpp"
#include "model/exported_model.hpp"
#include "storage/snapshot_directory.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

struct export_model_options {
  settings_options settings;
  std::string file;
  std::string snapshots;     ///< directory; empty: the configured one
  std::uint64_t version = 0; ///< 0: the newest
};

result<storage::snapshot> load_snapshot(const std::filesystem::path& root, std::uint64_t version) {
  const auto directory =
      storage::snapshot_directory::open({.root = root, .create = false, .limits = {}});
  if (!directory)
    return directory.error();
  if (version == 0) {
    const auto all = directory->list();
    if (!all)
      return all.error();
    if (all->empty())
      return failure{errc::not_found,
                     fmt::format("{}: no snapshot; troupe train makes one", root.string())};
    version = all->back().version;
  }
  return directory->load(version);
}

result<std::vector<item>> read_catalogue(const config::storage_settings& from) {
  auto store = open_store(from, store_use::read);
  if (!store)
    return store.error();
  std::vector<item> made;
  const auto read = stored_data_set(**store)->read_items([&](item&& what, file_position) {
    made.push_back(std::move(what));
    return result<void>{};
  });
  if (!read)
    return read.error();
  return made;
}

result<void> write_file(const std::string& path, const std::string& content) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written =
      file != nullptr && std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (!written || !closed)
    return failure{errno == ENOSPC ? errc::out_of_space : errc::invalid_argument,
                   fmt::format("{}: {}", path, std::strerror(errno))};
  return {};
}

int run_export_model(const export_model_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  const auto root = options.snapshots.empty() ? actors::models_directory(*settings)
                                              : std::filesystem::path{options.snapshots};
  const auto snapshot = load_snapshot(root, options.version);
  if (!snapshot)
    return report(snapshot.error());
  const auto encoder = actors::to_encoder(*snapshot);
  if (!encoder)
    return report(encoder.error());
  const auto catalogue = read_catalogue(settings->storage);
  if (!catalogue)
    return report(catalogue.error());
  model::safetensors_metadata about{{"model_version", std::to_string(snapshot->manifest.version)}};
  const auto& parameters = snapshot->manifest.facts.parameters;
  if (const auto weight = parameters.find("blend_weight"); weight != parameters.end())
    about["blend_weight"] = weight->second;
  const auto content = model::export_model(*encoder, *catalogue, std::move(about));
  if (!content)
    return report(content.error());
  if (const auto written = write_file(options.file, *content); !written)
    return report(written.error());
  fmt::print("snapshot {} is in {}, {} bytes\n", snapshot->manifest.version, options.file,
             content->size());
  return exit_ok;
}

} // namespace

void add_export_model_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "model", "write a snapshot of the trained model as one file for use elsewhere");
  const auto options = std::make_shared<export_model_options>();
  command->add_option("file", options->file, "safetensors, as docs/model-format.md says")
      ->required()
      ->type_name("FILE");
  command->add_option("--version", options->version, "which snapshot, instead of the newest")
      ->type_name("N");
  command
      ->add_option("--snapshots", options->snapshots,
                   "where the snapshots are, instead of models.directory")
      ->type_name("DIR");
  add_settings_options(*command, options->settings);
  command->footer("clients/python/troupe_model.py reads it.");
  command->callback([options] { finish(run_export_model(*options)); });
}

} // namespace troupe::apps
