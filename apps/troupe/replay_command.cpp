#include "apps/troupe/replay_command.hpp"

#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/import/format.hpp"
#include "apps/troupe/import/stored_data_set.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/replay/replayer.hpp"
#include "apps/troupe/settings_options.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace troupe::apps {
namespace {

struct replay_options {
  settings_options settings;
  format_options files;
  replay_settings how;
  std::string url = "ws://127.0.0.1:8080";
  std::string rate = "max";
  bool json = false;
  std::size_t limit = 0;
};

struct loaded {
  std::unordered_map<std::string, item> catalogue;
  std::vector<event> events;
};

result<loaded> read_all(data_set& from, const replay_options& options) {
  loaded out;
  auto read = from.read_items([&out](item&& what, file_position) -> result<void> {
    out.catalogue.emplace(what.id.value, std::move(what));
    return {};
  });
  if (!read)
    return read.error();
  read = from.read_events([&out](event&& what, file_position) -> result<void> {
    out.events.push_back(std::move(what));
    return {};
  });
  if (!read)
    return read.error();
  if (options.limit > 0 && out.events.size() > options.limit)
    out.events.resize(options.limit);
  return out;
}

/// From the files if a path is given, else from the store of the settings.
result<loaded> load(const replay_options& options) {
  if (!options.files.path.empty()) {
    auto rejects = reject_log::open({});
    if (!rejects)
      return rejects.error();
    const auto from = open_data_set(options.files, *rejects, system_clock());
    return from ? read_all(**from, options) : from.error();
  }
  const auto settings = load_settings(options.settings);
  if (!settings)
    return settings.error();
  auto store = open_store(settings->storage, store_use::read);
  if (!store)
    return store.error();
  return read_all(*stored_data_set(**store), options);
}

void print(const replay_options& options, const replay_scores& scores, double seconds) {
  if (options.json) {
    nlohmann::ordered_json out{{"events", scores.sent}, {"seconds", seconds}};
    if (options.how.measure) {
      out["scored"] = scores.scored;
      out["asked"] = scores.asked;
      out["k"] = options.how.k;
      out["recall"] = scores.recall;
      out["ndcg"] = scores.ndcg;
    }
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("events   {} sent and acknowledged in {:.1f} s\n", scores.sent, seconds);
  if (!options.how.measure)
    return;
  fmt::print("scored   {} pushed slates, {} of them unchanged and asked for\n", scores.scored,
             scores.asked);
  fmt::print("Recall@{} {:.4f}\nNDCG@{}   {:.4f}\n", options.how.k, scores.recall, options.how.k,
             scores.ndcg);
}

int run_replay(const replay_options& options) {
  const clock& time = system_clock();
  auto how = options.how;
  const auto server = parse_address(options.url);
  if (!server)
    return report(server.error(), exit_usage);
  how.server = *server;
  if (options.rate != "max") {
    const auto rate = parse_number(options.rate);
    if (!rate || *rate <= 0)
      return report({errc::invalid_argument,
                     fmt::format("--rate {}: give events per second, or max", options.rate)},
                    exit_usage);
    how.rate = *rate;
  }
  const auto data = load(options);
  if (!data)
    return report(data.error());
  if (data->events.empty())
    return report({errc::not_found, "there are no events to replay"});
  const auto begin = time.steady();
  replayer player{how, time};
  const auto scores = player.run(data->events, data->catalogue);
  if (!scores)
    return report(scores.error());
  print(options, *scores, std::chrono::duration<double>(time.steady() - begin).count());
  return exit_ok;
}

} // namespace

void add_replay_command(CLI::App& app) {
  auto* command = app.add_subcommand("replay", "send a data set's events through a running server");
  const auto options = std::make_shared<replay_options>();
  command->add_option("--url", options->url, "the server")->capture_default_str();
  command->add_option("--events", options->files.path, "files of a data set; else --data's store")
      ->type_name("PATH");
  add_settings_options(*command, options->settings);
  add_format_options(*command, options->files);
  command->add_flag("--measure", options->how.measure,
                    "score each pushed slate on the user's next event");
  command->add_option("--warmup", options->how.warmup, "share of the events that are not scored")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--k", options->how.k, "of Recall@k and NDCG@k")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  command->add_option("--rate", options->rate, "events per second, or max")->capture_default_str();
  command->add_option("--limit", options->limit, "only the first so many events; 0: all")
      ->capture_default_str();
  command->add_flag("!--keep-items", options->how.put_items,
                    "do not put items before their first event: the server has them");
  command->add_flag("--json", options->json, "print one JSON object");
  command->footer("For --measure start the server on an empty directory, without a limit on a\n"
                  "connection's rate: troupe serve --data /tmp/empty --set "
                  "gateway.events_per_second_max=0\n--set storage.durability=fast");
  command->callback([options] { finish(run_replay(*options)); });
}

} // namespace troupe::apps
