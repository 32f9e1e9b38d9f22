#include "apps/troupe/stop_signals.hpp"

#include "base/log.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace troupe::apps {
namespace {

// Never sent from outside: it tells the watching thread that the stop has succeeded.
constexpr int finished = SIGUSR2;

sigset_t stopping() {
  sigset_t out;
  sigemptyset(&out);
  for (const int each : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&out, each);
  return out;
}

sigset_t stopping_or_finished() {
  auto out = stopping();
  sigaddset(&out, finished);
  return out;
}

} // namespace

stop_signals::stop_signals() {
  const auto held = stopping_or_finished();
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
  ::signal(SIGPIPE, SIG_IGN); // a closed connection is an error of its write, no more
}

stop_signals::~stop_signals() {
  if (watch_.joinable()) {
    pthread_kill(watch_.native_handle(), finished);
    watch_.join();
  }
}

std::string_view stop_signals::wait() {
  const auto awaited = stopping();
  int got = 0;
  while (sigwait(&awaited, &got) != 0) {
  }
  return got == SIGTERM ? "SIGTERM" : got == SIGINT ? "SIGINT" : "SIGHUP";
}

bool stop_signals::came() {
  const auto awaited = stopping();
  constexpr timespec no_time{};
  came_ = came_ || sigtimedwait(&awaited, nullptr, &no_time) > 0;
  return came_;
}

void stop_signals::force_after(std::chrono::seconds limit, int code) {
  watch_ = std::thread{[limit, code] {
    const auto awaited = stopping_or_finished();
    const timespec span{.tv_sec = limit.count(), .tv_nsec = 0};
    const int got = sigtimedwait(&awaited, nullptr, &span);
    if (got == finished)
      return;
    TROUPE_LOG(error, "server.forced", "reason={}", got < 0 ? "timeout" : "signal");
    _exit(code); // what is acknowledged is on disk; nothing else is waited for
  }};
}

} // namespace troupe::apps
