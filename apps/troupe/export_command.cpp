#include "apps/troupe/export_command.hpp"

#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/export_model_command.hpp"
#include "apps/troupe/import/stored_data_set.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/settings_options.hpp"
#include "gateway/json_writer.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

namespace troupe::apps {
namespace {

struct export_options {
  settings_options settings;
  std::string directory;
};

/// A file of lines that says when it could not be written.
class line_file {
public:
  explicit line_file(const std::filesystem::path& path)
      : name_(path.string()), file_(std::fopen(path.c_str(), "wb")) {}

  ~line_file() {
    if (file_ != nullptr)
      std::fclose(file_);
  }

  line_file(const line_file&) = delete;
  line_file& operator=(const line_file&) = delete;

  [[nodiscard]] result<void> write(std::string_view line) {
    if (file_ == nullptr || std::fwrite(line.data(), 1, line.size(), file_) != line.size())
      return broken();
    return {};
  }

  [[nodiscard]] result<void> close() {
    if (file_ == nullptr || std::fclose(std::exchange(file_, nullptr)) != 0)
      return broken();
    return {};
  }

private:
  [[nodiscard]] failure broken() const {
    return {errno == ENOSPC ? errc::out_of_space : errc::invalid_argument,
            fmt::format("{}: {}", name_, std::strerror(errno))};
  }

  std::string name_;
  std::FILE* file_;
};

/// Appends `what` as a line; `line` is reused.
template <class Record>
result<void> write_record(line_file& to, std::string& line, const Record& what) {
  line.clear();
  gateway::append_json(line, what);
  line += '\n';
  return to.write(line);
}

result<void> write_all(data_set& from, const std::filesystem::path& directory) {
  std::string line;
  std::uint64_t items = 0;
  std::uint64_t events = 0;
  line_file item_file{directory / "items.jsonl"};
  auto read = from.read_items([&](item&& what, file_position) {
    ++items;
    return write_record(item_file, line, what);
  });
  if (!read)
    return read;
  if (auto closed = item_file.close(); !closed)
    return closed;
  line_file event_file{directory / "events.jsonl"};
  read = from.read_events([&](event&& what, file_position) {
    ++events;
    return write_record(event_file, line, what);
  });
  if (!read)
    return read;
  if (auto closed = event_file.close(); !closed)
    return closed;
  fmt::print("items    {}\nevents   {}\n", items, events);
  return {};
}

int run_export(const export_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  std::error_code bad;
  std::filesystem::create_directories(options.directory, bad);
  if (bad)
    return report({errc::invalid_argument, fmt::format("{}: {}", options.directory, bad.message())},
                  exit_usage);
  auto store = open_store(settings->storage, store_use::existing);
  if (!store)
    return report(store.error());
  const auto from = stored_data_set(**store);
  const auto written = write_all(*from, options.directory);
  return written ? exit_ok : report(written.error());
}

} // namespace

void add_export_command(CLI::App& app) {
  auto* command = app.add_subcommand("export", "write the catalogue and the events as JSON lines");
  const auto options = std::make_shared<export_options>();
  command->add_option("directory", options->directory, "gets items.jsonl and events.jsonl")
      ->type_name("DIR");
  add_settings_options(*command, options->settings);
  command->footer("troupe import DIR reads them back. Users' properties and deleted items are not\n"
                  "in them; events keep their ids and times, and get new numbers of arrival.");
  add_export_model_command(*command);
  command->callback([command, options] {
    if (!command->get_subcommands().empty())
      return;
    if (options->directory.empty())
      throw CLI::RequiredError{"directory"};
    finish(run_export(*options));
  });
}

} // namespace troupe::apps
