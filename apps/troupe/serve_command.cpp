#include "apps/troupe/serve_command.hpp"

#include "actors/node.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/settings_options.hpp"
#include "apps/troupe/stop_signals.hpp"
#include "apps/troupe/store_sampler.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "gateway/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

namespace troupe::apps {
namespace {

struct serve_options {
  settings_options settings;
  std::optional<std::string> host;
  std::optional<std::uint16_t> port;
  std::string port_file;
};

log_options log_of(const config::log_settings& settings) {
  log_options out;
  out.json = settings.format == "json";
  if (settings.level == "debug")
    out.level = log_level::debug;
  else if (settings.level == "warn")
    out.level = log_level::warn;
  else if (settings.level == "error")
    out.level = log_level::error;
  return out;
}

/// Whole or not at all: who waits for the file never reads half a number.
result<void> write_port(const std::string& path, std::uint16_t port) {
  if (path.empty())
    return {};
  const auto beside = path + ".part";
  std::ofstream out{beside};
  out << port << '\n';
  out.close();
  std::error_code bad;
  if (out)
    std::filesystem::rename(beside, path, bad);
  if (!out || bad)
    return failure{errc::invalid_argument, fmt::format("{}: cannot be written", path)};
  return {};
}

std::string url_host(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

/// The gateway may use half of the time a stop has, so that the other half is left for the
/// profiles.
config::settings gateway_part(config::settings of) {
  of.node.shutdown_timeout = std::max(of.node.shutdown_timeout / 2, std::chrono::seconds{1});
  return of;
}

/// Everything that runs, in the order of its start; it stops in the reverse order.
int serve(const config::settings& settings, const serve_options& options, stop_signals& signals) {
  const clock& time = system_clock();
  const auto began = time.steady();
  metrics counted;
  auto store = open_store(settings.storage, store_use::create);
  if (!store)
    return report(store.error());
  std::optional<store_sampler> sampler{std::in_place, **store, counted};
  auto node = actors::node::start(settings, **store, time, counted);
  if (!node)
    return report(node.error());
  auto server =
      gateway::server::start(gateway_part(settings), (*node)->system(), (*node)->handles(), time,
                             counted, [&node] { return (*node)->ready(); });
  if (!server) {
    if (const auto stopped = (*node)->stop(); !stopped)
      TROUPE_LOG(error, "server.stop_failed", "reason=\"{}\"", stopped.error().context);
    return report(server.error());
  }
  const auto port = (*server)->port();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time.steady() - began);
  TROUPE_LOG(info, "server.listening", "host={} port={} start_ms={}", settings.gateway.host, port,
             millis.count());
  fmt::print("listening on http://{}:{}\n", url_host(settings.gateway.host), port);
  std::fflush(stdout);
  int code = exit_ok;
  if (const auto written = write_port(options.port_file, port); !written) {
    code = report(written.error());
  } else {
    const auto signal = signals.wait(); // not inside of the log call, which may be switched off
    TROUPE_LOG(info, "server.stopping", "signal={}", signal);
  }
  signals.force_after(settings.node.shutdown_timeout, exit_failed);
  (*server)->drain();                                 // no new work; what is in work is answered
  if (const auto stopped = (*node)->stop(); !stopped) // profiles are written
    code = report(stopped.error());
  (*server)->stop();
  server->reset();
  node->reset();
  sampler.reset();
  store->reset(); // flushed
  TROUPE_LOG(info, "server.stopped", "exit={}", code);
  return code;
}

int run_serve(const serve_options& options) {
  auto from = options.settings;
  if (options.host)
    from.overrides.push_back("gateway.host=" + *options.host);
  if (options.port)
    from.overrides.push_back("gateway.port=" + std::to_string(*options.port));
  const auto settings = load_settings(from);
  if (!settings)
    return report(settings.error(), exit_usage);
  start_log(log_of(settings->log));
  stop_signals signals;
  TROUPE_LOG(info, "server.starting",
             "version={} node={} data={} durability={} shards={} actor_threads={} io_threads={}",
             TROUPE_VERSION, settings->node.name, settings->storage.directory,
             settings->storage.durability, settings->storage.shards, settings->node.actor_threads,
             settings->node.io_threads);
  return serve(*settings, options, signals);
}

} // namespace

void add_serve_command(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "run the server until a signal stops it");
  const auto options = std::make_shared<serve_options>();
  add_settings_options(*command, options->settings);
  command->add_option("--host", options->host, "short for --set gateway.host=...");
  command->add_option("--port", options->port, "short for --set gateway.port=...; 0: any free one");
  command->add_option("--port-file", options->port_file, "write the port there when it is open")
      ->type_name("FILE");
  command->footer("SIGTERM, SIGINT and SIGHUP stop it: connections are drained, profiles written,\n"
                  "the store closed. A second one, or node.shutdown_timeout, ends it at once.");
  command->callback([options] { finish(run_serve(*options)); });
}

} // namespace troupe::apps
