#include "apps/troupe/import_command.hpp"

#include "actors/learning_replay.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/import/format.hpp"
#include "apps/troupe/import/store_writer.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/settings_options.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>

namespace troupe::apps {
namespace {

struct import_options {
  settings_options settings;
  format_options format;
  reject_log::options rejects;
  bool items_only = false;
};

double seconds_since(std::chrono::steady_clock::time_point start, const clock& time) {
  return std::chrono::duration<double>(time.steady() - start).count();
}

/// Writes "100,000 of 100,836 events" on standard error about once a second.
class progress {
public:
  progress(std::uint64_t expected, const clock& time)
      : expected_(expected), time_(time), next_(time.steady() + std::chrono::seconds{1}) {}

  void step() {
    ++done_;
    if (done_ % 4096 != 0 || time_.steady() < next_)
      return;
    next_ = time_.steady() + std::chrono::seconds{1};
    if (expected_ > 0)
      fmt::print(stderr, "import: {} of {} events\n", done_, expected_);
    else
      fmt::print(stderr, "import: {} events\n", done_);
  }

private:
  std::uint64_t expected_;
  const clock& time_;
  std::chrono::steady_clock::time_point next_;
  std::uint64_t done_ = 0;
};

/// A record over a limit is a reject; anything else ends the import.
template <class Record>
result<void> put(store_writer& writer, reject_log& rejects, Record&& what, file_position where) {
  auto added = writer.add(std::forward<Record>(what));
  if (!added && added.error().code == errc::invalid_argument)
    return rejects.add(where, added.error().context);
  return added;
}

/// What an import did, for its last lines.
struct import_report {
  double item_seconds = 0;
  double event_seconds = 0; ///< with the final sync
};

result<import_report> write_all(const import_options& options, data_set& from, reject_log& rejects,
                                store_writer& writer, const clock& time) {
  import_report out;
  const auto begin = time.steady();
  auto items = from.read_items([&](item&& what, file_position where) {
    return put(writer, rejects, std::move(what), where);
  });
  if (!items)
    return items.error();
  out.item_seconds = seconds_since(begin, time);
  if (!options.items_only) {
    progress shown{from.events_expected(), time};
    auto events = from.read_events([&](event&& what, file_position where) {
      shown.step();
      return put(writer, rejects, std::move(what), where);
    });
    if (!events)
      return events.error();
  }
  if (auto finished = writer.finish(); !finished)
    return finished.error();
  out.event_seconds = seconds_since(begin, time) - out.item_seconds;
  return out;
}

void print(const store_writer::tally& counts, const reject_log& rejects,
           const import_report& took) {
  fmt::print("items    {} written in {:.2f} s\n", counts.items, took.item_seconds);
  fmt::print("events   {} written in {:.2f} s, {:.0f} a second; {} already there\n", counts.events,
             took.event_seconds, static_cast<double>(counts.events) / took.event_seconds,
             counts.duplicates);
  fmt::print("rejected {}\n", rejects.count());
}

int run_import(const import_options& options) {
  const clock& time = system_clock();
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  auto rejects = reject_log::open(options.rejects);
  if (!rejects)
    return report(rejects.error(), exit_usage);
  const auto from = open_data_set(options.format, *rejects, time);
  if (!from)
    return report(from.error(), exit_usage);
  auto store = open_store(settings->storage, store_use::create);
  if (!store)
    return report(store.error());
  store_writer writer{**store, time};
  const auto took = write_all(options, **from, *rejects, writer, time);
  if (!took)
    return report(took.error());
  const auto& counts = writer.counts();
  print(counts, *rejects, *took);
  const auto begin = time.steady();
  const auto built = actors::build_checkpoints(**store, *settings);
  if (!built)
    return report(built.error());
  fmt::print("signals  learnt from {} events in {:.2f} s\n", built->events,
             seconds_since(begin, time));
  const bool nothing = counts.items + counts.events + counts.duplicates == 0;
  return nothing && rejects->count() > 0 ? exit_failed : exit_ok;
}

} // namespace

void add_import_command(CLI::App& app) {
  auto* command = app.add_subcommand("import", "put a catalogue and its history into the store");
  const auto options = std::make_shared<import_options>();
  command->add_option("path", options->format.path, "a file or a directory, plain or .gz")
      ->required()
      ->type_name("PATH");
  add_settings_options(*command, options->settings);
  add_format_options(*command, options->format);
  command->add_flag("--strict", options->rejects.strict, "stop at the first line not taken");
  command->add_option("--rejects", options->rejects.write, "write all lines not taken there")
      ->type_name("FILE");
  command->add_option("--rejects-shown", options->rejects.shown_max, "show so many of them")
      ->capture_default_str();
  command->add_flag("--items-only", options->items_only, "leave the events out");
  command->footer("Importing the same files again adds nothing: an event whose event_id its user\n"
                  "has in the store is left out.");
  command->callback([options] { finish(run_import(*options)); });
}

} // namespace troupe::apps
