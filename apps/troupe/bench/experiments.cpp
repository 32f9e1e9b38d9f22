#include "apps/troupe/bench/experiments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::apps {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds p99_max{50};
constexpr milliseconds step_warmup{1000};
constexpr milliseconds step_rest{500}; // between steps, at no load

double millis(latency_histogram::nanoseconds value) {
  return static_cast<double>(value.count()) / 1e6;
}

} // namespace

std::optional<double> measured_load::per_cpu_second() const {
  if (!cpu_seconds || *cpu_seconds <= 0)
    return std::nullopt;
  return static_cast<double>(messages) / *cpu_seconds;
}

experiments::experiments(load_driver& driver, int server_pid,
                         std::function<void(const std::string&)> say)
    : driver_(driver), pid_(server_pid), say_(std::move(say)) {}

std::optional<double> experiments::cpu() const {
  if (pid_ <= 0)
    return std::nullopt;
  const auto stats = read_process(pid_);
  return stats ? std::optional{stats->cpu_seconds} : std::nullopt;
}

bool experiments::passes(const measured_load& what) {
  const auto& phase = *what.phase;
  return phase.refused + phase.failed + phase.withheld + phase.lost == 0
         && phase.answer.quantile(0.99) <= p99_max && phase.slate.quantile(0.99) <= p99_max;
}

measured_load experiments::steady(double rate, milliseconds warmup, milliseconds measured) {
  measured_load out;
  out.rate = rate;
  out.seconds = std::chrono::duration<double>(measured).count();
  const auto before = cpu();
  out.phase = driver_.run({.rate = rate, .warmup = warmup, .measured = measured});
  const auto after = cpu();
  if (before && after)
    out.cpu_seconds = *after - *before;
  const double whole = std::chrono::duration<double>(warmup + measured).count() / out.seconds;
  out.messages = static_cast<std::uint64_t>(static_cast<double>(out.phase->answered) * whole);
  say_(fmt::format("{:>8.0f}/s  answer p50 {:.2f} p99 {:.2f} ms  slate p50 {:.2f} p99 {:.2f} ms  "
                   "refused {} withheld {} lost {}",
                   rate, millis(out.phase->answer.quantile(0.5)),
                   millis(out.phase->answer.quantile(0.99)), millis(out.phase->slate.quantile(0.5)),
                   millis(out.phase->slate.quantile(0.99)), out.phase->refused, out.phase->withheld,
                   out.phase->lost));
  return out;
}

saturation_search experiments::saturate(double first, milliseconds measured) {
  saturation_search out;
  double failed = 0;
  const auto attempt = [&](double rate) {
    out.steps.push_back(steady(rate, step_warmup, measured));
    const bool passed = passes(out.steps.back());
    (passed ? out.rate : failed) = rate;
    if (!passed) // what the failure left in queues must not be charged to the next step
      (void)driver_.run({.rate = 10, .warmup = step_rest, .measured = milliseconds{0}});
    return passed;
  };
  double rate = first;
  while (attempt(rate) && rate < 1e6)
    rate *= 2;
  for (int i = 0; i < 5 && out.rate > 0 && failed > 0; ++i)
    (void)attempt((out.rate + failed) / 2);
  return out;
}

overload_trial experiments::overload(double saturation, double factor, milliseconds length) {
  overload_trial out;
  out.saturation = saturation;
  out.before = steady(saturation / 2, step_warmup, milliseconds{5000});
  out.during.rate = saturation * factor;
  out.during.seconds = std::chrono::duration<double>(length).count();
  out.during.phase = std::make_shared<load_phase>();
  const auto cpu_before = cpu();
  std::vector<std::shared_ptr<load_phase>> seconds;
  for (milliseconds done{0}; done < length; done += milliseconds{1000}) {
    seconds.push_back(
        driver_.run({.rate = out.during.rate, .measured = milliseconds{1000}, .settle = false}));
    if (const auto stats = read_process(pid_); pid_ > 0 && stats)
      out.resident_bytes.push_back(stats->resident_bytes);
  }
  const auto cpu_after = cpu();
  // The first second after the overload is the server's to recover in.
  (void)driver_.run({.rate = saturation / 2,
                     .warmup = milliseconds{1000},
                     .measured = milliseconds{0},
                     .settle = false});
  out.after = steady(saturation / 2, milliseconds{0}, milliseconds{5000});
  auto& sum = *out.during.phase;
  for (const auto& each : seconds) {
    sum.due += each->due;
    sum.answered += each->answered;
    sum.refused += each->refused;
    sum.failed += each->failed;
    sum.withheld += each->withheld;
    sum.lost += each->lost;
    sum.unpushed += each->unpushed;
    sum.answer.add(each->answer);
    sum.slate.add(each->slate);
  }
  out.during.messages = sum.answered;
  if (cpu_before && cpu_after)
    out.during.cpu_seconds = *cpu_after - *cpu_before;
  say_(fmt::format("{:>8.0f}/s  overload: answered {} refused {} withheld {} lost {}",
                   out.during.rate, sum.answered, sum.refused, sum.withheld, sum.lost));
  return out;
}

} // namespace troupe::apps
