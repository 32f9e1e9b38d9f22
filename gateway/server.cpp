#include "gateway/server.hpp"

#include "base/log.hpp"
#include "config/threads.hpp"
#include "gateway/io_worker.hpp"

#include <caf/actor_system.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace troupe::gateway {

struct server::impl {
  impl(const config::settings& settings, actors::node_handles node, const clock& time,
       metrics& registry, std::function<bool()> ready)
      : shared(settings, std::move(node), time, registry, std::move(ready)) {}

  gateway_shared shared;
  std::vector<std::unique_ptr<io_worker>> workers;
  std::uint16_t port = 0;
  bool drained = false;
  bool stopped = false;
};

namespace {

/// Loads the console; without one the server serves the API alone.
result<void> load_console(gateway_shared& shared) {
  const auto& configured = shared.settings.gateway.console_directory;
  const auto directory = console_directory(configured);
  if (directory.empty()) {
    TROUPE_LOG(warn, "gateway.no_console", "set gateway.console_directory");
    return {};
  }
  auto files = static_files::load(directory);
  if (files)
    shared.files = std::move(*files);
  else if (!configured.empty())
    return failure{errc::invalid_argument, files.error().context};
  else
    TROUPE_LOG(warn, "gateway.no_console", "why={}", files.error().context);
  return {};
}

/// Runs `what` on a worker's thread and waits for it.
void run_on(io_worker& worker, const std::function<void()>& what) {
  std::mutex mutex;
  std::condition_variable wake;
  bool ran = false;
  worker.post([&] {
    what();
    const std::lock_guard lock{mutex};
    ran = true;
    wake.notify_one();
  });
  std::unique_lock lock{mutex};
  wake.wait(lock, [&] { return ran; });
}

} // namespace

server::server(std::unique_ptr<impl> inside) : impl_(std::move(inside)) {}

server::~server() {
  stop();
}

result<std::unique_ptr<server>> server::start(const config::settings& settings,
                                              caf::actor_system& system, actors::node_handles node,
                                              const clock& time, metrics& registry,
                                              std::function<bool()> ready) {
  auto inside = std::make_unique<impl>(settings, std::move(node), time, registry, std::move(ready));
  if (auto ok = load_console(inside->shared); !ok)
    return ok.error();
  inside->port = settings.gateway.port;
  std::unique_ptr<server> out{new server{std::move(inside)}};
  auto& workers = out->impl_->workers;
  const auto count = config::threads_of(settings.node).io;
  for (std::size_t i = 0; i < count; ++i) {
    workers.push_back(
        std::make_unique<io_worker>(out->impl_->shared, system, static_cast<unsigned>(i)));
    const auto port = workers.back()->listen(out->impl_->port, i > 0 || count > 1);
    if (!port)
      return port.error();
    out->impl_->port = *port;
  }
  for (auto& worker : workers)
    worker->start();
  TROUPE_LOG(info, "gateway.listening", "host={} port={} threads={}", settings.gateway.host,
             out->impl_->port, count);
  return out;
}

std::uint16_t server::port() const noexcept {
  return impl_->port;
}

std::size_t server::connections() const {
  return impl_->shared.connections.open();
}

void server::drain() {
  if (impl_->drained || impl_->stopped)
    return;
  impl_->drained = true;
  impl_->shared.draining = true;
  for (auto& worker : impl_->workers)
    worker->post([&worker = *worker] { worker.begin_drain(); });
  impl_->shared.connections.wait_until_empty(impl_->shared.settings.node.shutdown_timeout);
  TROUPE_LOG(info, "gateway.drained", "connections_left={}", connections());
}

void server::stop() {
  if (impl_->stopped)
    return;
  impl_->stopped = true;
  impl_->shared.draining = true;
  for (auto& worker : impl_->workers) {
    if (worker->running()) {
      run_on(*worker, [&worker = *worker] { worker.abort_all(); });
      // What the aborts have set free runs before the loop ends.
      run_on(*worker, [] {});
      worker->post([&worker = *worker] { worker.finish(); });
      worker->join();
    } else {
      worker->finish();
    }
    worker->discard();
  }
  impl_->workers.clear();
}

} // namespace troupe::gateway
