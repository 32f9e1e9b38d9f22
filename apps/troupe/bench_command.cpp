#include "apps/troupe/bench_command.hpp"

#include "apps/troupe/bench/bench_report.hpp"
#include "apps/troupe/client/rest_connection.hpp"
#include "apps/troupe/client/wait.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "config/units.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace troupe::apps {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t items_max = 20'000; // ranks beyond it would hardly be drawn
constexpr int sync_probes = 200;

struct bench_options {
  load_plan plan;
  std::string url = "ws://127.0.0.1:8080";
  std::string mode = "live";
  double rate = 1000;
  std::string duration = "30s";
  std::string warmup = "5s";
  std::string step = "5s";
  bool saturate = false;
  double overload = 0;
  std::string overload_duration = "60s";
  int server_pid = 0;
  std::string echo_url;
  int echo_pid = 0;
  std::string sync_directory;
  std::string json;
};

struct lengths {
  milliseconds duration{};
  milliseconds warmup{};
  milliseconds step{};
  milliseconds overload{};
};

result<lengths> lengths_of(const bench_options& options) {
  lengths out;
  for (const auto& [text, to] :
       {std::pair{&options.duration, &out.duration}, std::pair{&options.warmup, &out.warmup},
        std::pair{&options.step, &out.step},
        std::pair{&options.overload_duration, &out.overload}}) {
    const auto parsed = config::parse_duration(*text);
    if (!parsed || (parsed->count() == 0 && to != &out.warmup))
      return failure{errc::invalid_argument,
                     fmt::format("{}: write a duration like 30s or 500ms", *text)};
    *to = *parsed;
  }
  return out;
}

/// The ids of the server's catalogue, page by page.
result<std::vector<std::string>> items_of(const address& server, const clock& time) {
  boost::asio::io_context io{1};
  const auto connection = std::make_shared<rest_connection>(io, server);
  std::vector<std::string> out;
  std::string after;
  do {
    std::optional<result<rest_answer>> answer;
    connection->request("GET", "/v1/items?limit=1000" + (after.empty() ? "" : "&after=" + after),
                        {}, [&answer](result<rest_answer> got) { answer = std::move(got); });
    if (!run_until(io, time, std::chrono::seconds{10}, [&] { return answer.has_value(); }))
      return failure{errc::timeout, "the server did not list its items in time"};
    if (!*answer)
      return answer->error();
    const auto page = nlohmann::json::parse((*answer)->body, nullptr, false);
    if ((*answer)->status != 200 || !page.is_object())
      return failure{errc::unavailable,
                     fmt::format("GET /v1/items: {} {}", (*answer)->status, (*answer)->body)};
    for (const auto& each : page.value("items", nlohmann::json::array()))
      out.push_back(each.value("item_id", std::string{}));
    const auto next = page.find("next_after");
    after = next != page.end() && next->is_string() ? percent_encoded(next->get<std::string>())
                                                    : std::string{};
  } while (!after.empty() && out.size() < items_max);
  if (out.empty())
    return failure{errc::not_found, "the server has no items: import a data set first"};
  return out;
}

std::unique_ptr<load_lines> lines_of(const load_plan& plan, const clock& time) {
  return plan.mode == load_mode::rest ? make_rest_lines(plan, time) : make_live_lines(plan, time);
}

void say(const std::string& line) {
  fmt::print(stderr, "{}\n", line);
}

/// The same load, at the rate the server was measured at, on the bare echo.
result<measured_load> run_echo(const bench_options& options, const load_plan& like, double rate,
                               const lengths& how, const clock& time) {
  auto plan = like;
  plan.mode = load_mode::echo;
  const auto server = parse_address(options.echo_url);
  if (!server)
    return server.error();
  plan.server = *server;
  load_driver driver{plan, lines_of(plan, time), time};
  if (const auto connected = driver.connect(); !connected)
    return connected.error();
  experiments echo{driver, options.echo_pid, say};
  return echo.steady(rate, how.warmup, how.duration);
}

result<bench_report> run_all(const bench_options& options, load_plan plan, const lengths& how,
                             const clock& time) {
  bench_report out;
  if (!options.sync_directory.empty()) {
    const auto probed = probe_sync(options.sync_directory, sync_probes);
    if (!probed)
      return probed.error();
    out.sync_before = *probed;
  }
  double rate = options.rate;
  {
    load_driver driver{plan, lines_of(plan, time), time};
    if (const auto connected = driver.connect(); !connected)
      return connected.error();
    experiments on{driver, options.server_pid, say};
    out.steady = on.steady(options.rate, how.warmup, how.duration);
    if (options.saturate || options.overload > 0)
      out.saturation = on.saturate(options.rate, how.step);
    if (out.saturation && out.saturation->rate > 0)
      rate = out.saturation->rate;
    if (options.overload > 0)
      out.overload = on.overload(rate, options.overload, how.overload);
    out.faults = driver.faults();
    out.generator_lag_max_ms = static_cast<double>(driver.lag_max().count()) / 1e6;
  }
  if (!options.echo_url.empty()) {
    const auto echo = run_echo(options, plan, rate, how, time);
    if (!echo)
      return echo.error();
    out.echo = *echo;
  }
  if (out.sync_before)
    if (const auto probed = probe_sync(options.sync_directory, sync_probes))
      out.sync_after = *probed;
  out.plan = std::move(plan);
  return out;
}

int run_bench(const bench_options& options) {
  const clock& time = system_clock();
  const auto how = lengths_of(options);
  if (!how)
    return report(how.error(), exit_usage);
  const auto server = parse_address(options.url);
  if (!server)
    return report(server.error(), exit_usage);
  auto plan = options.plan;
  plan.server = *server;
  plan.mode = options.mode == "rest"   ? load_mode::rest
              : options.mode == "echo" ? load_mode::echo
                                       : load_mode::live;
  // Its own users and events, also when run again with the same seed.
  plan.run = fmt::format("{:x}", to_millis(time.now()));
  if (plan.mode == load_mode::echo) {
    plan.items = {"1"};
  } else {
    auto items = items_of(plan.server, time);
    if (!items)
      return report(items.error());
    plan.items = std::move(*items);
    std::shuffle(plan.items.begin(), plan.items.end(), std::mt19937_64{plan.seed});
  }
  const auto found = run_all(options, std::move(plan), *how, time);
  if (!found)
    return report(found.error());
  fmt::print("{}", table_of(*found));
  if (!options.json.empty()) {
    std::ofstream out{options.json};
    out << json_of(*found) << '\n';
    if (!out.flush())
      return report({errc::invalid_argument, options.json + ": cannot be written"});
  }
  return found->faults.sum() == 0 ? exit_ok : exit_failed;
}

void add_load_options(CLI::App& command, bench_options& to) {
  command.add_option("--mode", to.mode, "live: WebSocket; rest: HTTP; echo: a bare echo server")
      ->check(CLI::IsMember({"live", "rest", "echo"}))
      ->capture_default_str();
  command.add_option("--connections", to.plan.connections, "one user each")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--k", to.plan.k, "items of a slate")->capture_default_str();
  command.add_flag("--full", to.plan.full, "slates with reasons and the items' fields");
  command.add_option("--reads", to.plan.reads, "rest: share that asks for recommendations")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--user-skew", to.plan.user_skew, "exponent of Zipf's law over users")
      ->capture_default_str();
  command.add_option("--item-skew", to.plan.item_skew, "exponent of Zipf's law over items")
      ->capture_default_str();
  command.add_flag("--poisson", to.plan.poisson,
                   "exponential gaps between messages, not even ones");
  command.add_option("--seed", to.plan.seed, "of users, items and gaps")->capture_default_str();
}

} // namespace

void add_bench_command(CLI::App& app) {
  auto* command = app.add_subcommand("bench", "put an open-loop load on a running server");
  const auto options = std::make_shared<bench_options>();
  command->add_option("--url", options->url, "the server")->capture_default_str();
  command->add_option("--rate", options->rate, "messages per second")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  command->add_option("--duration", options->duration, "that is measured")->capture_default_str();
  command->add_option("--warmup", options->warmup, "that is not")->capture_default_str();
  add_load_options(*command, *options);
  command->add_flag("--saturate", options->saturate,
                    "search the highest rate with p99 <= 50 ms and nothing refused");
  command->add_option("--step", options->step, "length of a step of that")->capture_default_str();
  command->add_option("--overload", options->overload,
                      "then so many times that rate, and after it half: is all as before?");
  command->add_option("--overload-duration", options->overload_duration, "")->capture_default_str();
  command->add_option("--server-pid", options->server_pid, "for its processor time and memory");
  command->add_option("--echo-url", options->echo_url,
                      "a bench_echo, measured at the same rate in the same run");
  command->add_option("--echo-pid", options->echo_pid, "for its processor time");
  command->add_option("--sync-directory", options->sync_directory,
                      "measure fdatasync there, before and after");
  command->add_option("--json", options->json, "write the report there")->type_name("FILE");
  command->footer("Latency counts from when a message was due, not from when it was sent. Start\n"
                  "the server with --set gateway.events_per_second_max=0: one connection of a\n"
                  "skewed load may be over the rate a person's would be.");
  command->callback([options] { finish(run_bench(*options)); });
}

} // namespace troupe::apps
