#include "apps/troupe/bench/bench_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace troupe::apps {
namespace {

using json = nlohmann::ordered_json;

double millis(latency_histogram::nanoseconds value) {
  return static_cast<double>(value.count()) / 1e6;
}

std::string_view name_of(load_mode mode) {
  switch (mode) {
  case load_mode::live:
    return "live";
  case load_mode::rest:
    return "rest";
  case load_mode::echo:
    return "echo";
  }
  return "";
}

std::string row(std::string_view name, const latency_histogram& of) {
  return fmt::format("  {:<16} {:>9} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f}\n", name,
                     of.count(), millis(of.quantile(0.5)), millis(of.quantile(0.9)),
                     millis(of.quantile(0.99)), millis(of.quantile(0.999)), millis(of.max()));
}

std::string section(std::string_view title, const measured_load& what, load_mode mode) {
  const auto& phase = *what.phase;
  std::string out = fmt::format("{}: {:.0f}/s for {:.0f} s\n", title, what.rate, what.seconds);
  out += fmt::format("  {:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "ms", "count", "p50", "p90",
                     "p99", "p99.9", "max");
  out += row(mode == load_mode::echo ? "echo" : "event to ack", phase.answer);
  if (mode == load_mode::live)
    out += row("event to slate", phase.slate);
  if (mode == load_mode::rest)
    out += row("recommendations", phase.slate);
  out += fmt::format("  due {} answered {} refused {} withheld {} failed {} lost {} unpushed {}\n",
                     phase.due, phase.answered, phase.refused, phase.withheld, phase.failed,
                     phase.lost, phase.unpushed);
  if (const auto rate = what.per_cpu_second())
    out += fmt::format("  server: {:.2f} CPU s, {:.0f} messages per CPU second\n",
                       *what.cpu_seconds, *rate);
  return out;
}

json of(const latency_histogram& what) {
  return {{"count", what.count()},
          {"mean", millis(what.mean())},
          {"p50", millis(what.quantile(0.5))},
          {"p90", millis(what.quantile(0.9))},
          {"p99", millis(what.quantile(0.99))},
          {"p999", millis(what.quantile(0.999))},
          {"max", millis(what.max())}};
}

json of(const measured_load& what) {
  const auto& phase = *what.phase;
  json out{{"rate", what.rate},
           {"seconds", what.seconds},
           {"due", phase.due},
           {"answered", phase.answered},
           {"refused", phase.refused},
           {"withheld", phase.withheld},
           {"failed", phase.failed},
           {"lost", phase.lost},
           {"unpushed", phase.unpushed},
           {"answer_ms", of(phase.answer)},
           {"slate_ms", of(phase.slate)},
           {"passes", experiments::passes(what)}};
  if (what.cpu_seconds)
    out["server_cpu_seconds"] = *what.cpu_seconds;
  if (const auto rate = what.per_cpu_second())
    out["messages_per_cpu_second"] = *rate;
  return out;
}

json of(const sync_times& what) {
  return {{"p50", what.p50_ms}, {"p99", what.p99_ms}};
}

json of(const sequence_faults& what) {
  return {{"ack_disorder", what.ack_disorder}, {"slate_backwards", what.slate_backwards},
          {"stale_slate", what.stale_slate},   {"unknown_answer", what.unknown_answer},
          {"duplicate", what.duplicate},       {"closed", what.closed}};
}

std::string overload_text(const overload_trial& what, load_mode mode) {
  std::string out = section("before the overload", what.before, mode);
  out += section("overload", what.during, mode);
  out += section("from 1 s after the overload", what.after, mode);
  if (!what.resident_bytes.empty()) {
    const auto [least, most] =
        std::minmax_element(what.resident_bytes.begin(), what.resident_bytes.end());
    constexpr double mib = 1024.0 * 1024;
    out += fmt::format("  server memory: {:.1f} MiB at first, {:.1f} at last, {:.1f} to {:.1f}\n",
                       static_cast<double>(what.resident_bytes.front()) / mib,
                       static_cast<double>(what.resident_bytes.back()) / mib,
                       static_cast<double>(*least) / mib, static_cast<double>(*most) / mib);
  }
  return out;
}

/// Messages per CPU second beside the echo's.
std::optional<double> share_of_echo(const bench_report& what) {
  const auto* own = what.steady ? &*what.steady : nullptr;
  if (what.saturation)
    for (const auto& step : what.saturation->steps)
      if (step.rate == what.saturation->rate)
        own = &step;
  if (own == nullptr || !what.echo)
    return std::nullopt;
  const auto ours = own->per_cpu_second();
  const auto theirs = what.echo->per_cpu_second();
  if (!ours || !theirs)
    return std::nullopt;
  return *ours / *theirs;
}

} // namespace

std::string table_of(const bench_report& what) {
  const auto& plan = what.plan;
  std::string out = fmt::format(
      "{} load: {} connections, k {}{}, users Zipf {}, items Zipf {}, {} gaps, seed {}\n",
      name_of(plan.mode), plan.connections, plan.k, plan.full ? " full" : "", plan.user_skew,
      plan.item_skew, plan.poisson ? "Poisson" : "even", plan.seed);
  if (what.sync_before)
    out += fmt::format("fdatasync of 4 KiB: p50 {:.2f} p99 {:.2f} ms before",
                       what.sync_before->p50_ms, what.sync_before->p99_ms);
  if (what.sync_after)
    out += fmt::format(", p50 {:.2f} p99 {:.2f} ms after\n", what.sync_after->p50_ms,
                       what.sync_after->p99_ms);
  if (what.steady)
    out += section("steady", *what.steady, plan.mode);
  if (what.saturation) {
    for (const auto& step : what.saturation->steps)
      if (step.rate == what.saturation->rate)
        out += section("saturation", step, plan.mode);
    if (what.saturation->rate == 0)
      out += "saturation: not even the first rate passed\n";
  }
  if (what.overload)
    out += overload_text(*what.overload, plan.mode);
  if (what.echo)
    out += section("bare echo", *what.echo, load_mode::echo);
  if (const auto share = share_of_echo(what))
    out += fmt::format("share of the echo's messages per CPU second: {:.1f} %\n", *share * 100);
  out += fmt::format("sequence faults: {}; the generator was at most {:.1f} ms late\n",
                     what.faults.sum(), what.generator_lag_max_ms);
  return out;
}

std::string json_of(const bench_report& what) {
  const auto& plan = what.plan;
  json out{{"mode", name_of(plan.mode)},
           {"connections", plan.connections},
           {"k", plan.k},
           {"full", plan.full},
           {"user_skew", plan.user_skew},
           {"item_skew", plan.item_skew},
           {"poisson", plan.poisson},
           {"seed", plan.seed},
           {"faults", of(what.faults)},
           {"generator_lag_max_ms", what.generator_lag_max_ms}};
  if (what.sync_before)
    out["fdatasync_before_ms"] = of(*what.sync_before);
  if (what.sync_after)
    out["fdatasync_after_ms"] = of(*what.sync_after);
  if (what.steady)
    out["steady"] = of(*what.steady);
  if (what.saturation) {
    out["saturation"] = {{"rate", what.saturation->rate}, {"steps", json::array()}};
    for (const auto& step : what.saturation->steps)
      out["saturation"]["steps"].push_back(of(step));
  }
  if (what.overload)
    out["overload"] = {{"saturation", what.overload->saturation},
                       {"before", of(what.overload->before)},
                       {"during", of(what.overload->during)},
                       {"after", of(what.overload->after)},
                       {"resident_bytes", what.overload->resident_bytes}};
  if (what.echo)
    out["echo"] = of(*what.echo);
  if (const auto share = share_of_echo(what))
    out["share_of_echo"] = *share;
  return out.dump(2);
}

} // namespace troupe::apps
