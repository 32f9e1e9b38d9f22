// Many users on one node: memory of live and sleeping users, the time to wake one, the time from
// a restart to the first answer, and the cost of an event by the length of the history. Prints
// one JSON object. Events go into a real RocksDB store in a temporary directory.

#include "actors/node.hpp"
#include "bench/zipf.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <CLI/CLI.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace troupe;
using namespace troupe::actors;
using nlohmann::json;
using steady = std::chrono::steady_clock;

struct plan {
  std::size_t users = 1'000'000;
  std::size_t live = 50'000;
  std::size_t live_events = 50;
  std::size_t other_events = 2;
  std::size_t items = 10'000;
  std::size_t long_history = 100'000;
  std::size_t rounds = 300;
  std::size_t cache_mib = config::storage_settings{}.block_cache_bytes >> 20;
  std::string directory;
};

[[noreturn]] void give_up(const std::string& what, const failure& why) {
  fmt::print(stderr, "users_bench: {}: {}\n", what, why.context);
  std::exit(1);
}

template <class T>
T need(result<T> got, const char* what) {
  if (!got)
    give_up(what, got.error());
  if constexpr (!std::is_void_v<T>)
    return std::move(*got);
}

double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

/// Bytes the process has allocated and not freed; counts what malloc keeps for each block.
std::size_t heap_in_use() {
  malloc_trim(0);
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Bytes the store has in its block cache and memtables: bounded, and no session's.
std::size_t in_store(const storage::store& store) {
  double bytes = 0;
  for (const auto& one : store.statistics())
    if (one.name == "troupe_storage_block_cache_bytes"
        || one.name == "troupe_storage_memtable_bytes")
      bytes += one.value;
  return static_cast<std::size_t>(bytes);
}

/// What the heap took from one moment to another for `count` sessions, one each.
struct heap_mark {
  std::size_t heap;
  std::size_t store;

  static heap_mark of(const storage::store& store) { return {heap_in_use(), in_store(store)}; }

  [[nodiscard]] double bytes_each(const heap_mark& before, std::size_t count) const {
    const auto less = [](std::size_t a, std::size_t b) {
      return static_cast<double>(a) - static_cast<double>(b);
    };
    return (less(heap, before.heap) - less(store, before.store)) / static_cast<double>(count);
  }
};

std::size_t resident() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

std::string user_name(std::size_t number) {
  return fmt::format("user-{:07}", number);
}

event an_event(const std::string& user, std::uint64_t number, std::size_t item) {
  event made;
  made.id = event_id{fmt::format("{}-{}", user, number)};
  made.user = user_id{user};
  made.item = item_id{fmt::format("item-{}", item)};
  made.type = "click";
  made.time = from_millis(1'700'000'000'000 + static_cast<std::int64_t>(number) * 1000);
  return made;
}

/// Fills a store with items and events, batch by batch.
class filler {
public:
  filler(storage::store& into, std::size_t items)
      : into_(into), items_(items), popularity_(items) {}

  void add_items() {
    std::vector<item> batch;
    for (std::size_t i = 0; i < items_; ++i) {
      item made;
      made.id = item_id{fmt::format("item-{}", i)};
      made.title = fmt::format("Film number {}", i);
      made.categories = {fmt::format("genre-{}", i % 18)};
      made.created = from_millis(1'600'000'000'000);
      batch.push_back(std::move(made));
    }
    need(into_.items().put(batch, storage::durability::fast), "items");
  }

  /// Of the first `of_items` of the catalogue; 0: of all.
  void add_events(const std::string& user, std::size_t count, std::size_t of_items = 0) {
    for (std::size_t seq = 1; seq <= count; ++seq) {
      stored_event one;
      const auto item = popularity_(random_) % (of_items > 0 ? of_items : items_);
      one.what = an_event(user, seq, item);
      one.seq = seq;
      one.received = one.what.time;
      batch_.push_back(std::move(one));
      if (batch_.size() == 2000)
        flush();
    }
  }

  void flush() {
    if (!batch_.empty())
      need(into_.events().append(batch_, storage::durability::fast), "events");
    total_ += batch_.size();
    batch_.clear();
  }

  [[nodiscard]] std::size_t total() const noexcept { return total_; }

private:
  storage::store& into_;
  std::size_t items_;
  bench::zipf popularity_;
  std::mt19937_64 random_{20260101};
  std::vector<stored_event> batch_;
  std::size_t total_ = 0;
};

/// A node with a blocking asker in front; without timers, which would count as memory.
class driver {
public:
  driver(const config::settings& settings, storage::store& store, metrics& numbers)
      : whole_(need(node::start(settings, store, system_clock(), numbers), "start")),
        self_(std::make_unique<caf::scoped_actor>(whole_->system())) {}

  ~driver() { stop(); }

  template <class Reply, class Message>
  Reply ask(const std::string& user, Message what) {
    Reply out{};
    (*self_)
        ->request(whole_->handles().directory_of(user_id{user}), no_timer, std::move(what))
        .receive([&](Reply& reply) { out = std::move(reply); },
                 [&](const caf::error& why) { give_up("ask", to_failure(why)); });
    return out;
  }

  directory_stats stats() {
    directory_stats sum;
    for (const auto& directory : whole_->handles().directories)
      (*self_)
          ->request(directory, no_timer, read_directory_stats{})
          .receive(
              [&](const directory_stats& one) {
                sum.live += one.live;
                sum.activations += one.activations;
              },
              [&](const caf::error& why) { give_up("stats", to_failure(why)); });
    return sum;
  }

  void stop() {
    self_.reset();
    if (whole_)
      need(whole_->stop(), "stop");
    whole_.reset();
  }

private:
  std::unique_ptr<node> whole_;
  std::unique_ptr<caf::scoped_actor> self_;
};

std::vector<double> wake_all(driver& on, std::size_t users) {
  std::vector<double> took;
  took.reserve(users);
  for (std::size_t i = 0; i < users; ++i) {
    const auto begin = steady::now();
    const auto view = on.ask<profile_view>(user_name(i), read_profile{user_id{user_name(i)}});
    took.push_back(seconds_since(begin));
    if (view.seq == 0)
      give_up("wake", {errc::internal, "a user has no events"});
  }
  return took;
}

/// What waking took, from the question to the answer: the asker's thread sleeps meanwhile, so two
/// of the hand-overs between threads are its own.
json as_json(const std::vector<double>& took, double cpu) {
  return {{"p50_ms", quantile(took, 0.5) * 1e3},
          {"p90_ms", quantile(took, 0.9) * 1e3},
          {"p99_ms", quantile(took, 0.99) * 1e3},
          {"cpu_us", cpu / static_cast<double>(took.size()) * 1e6}};
}

json measure_memory(const plan& with, const config::settings& settings, storage::store& store) {
  json out;
  // The first round writes the snapshots, the second reads them: then the caches are warm, the
  // store's as far as it reaches and the machine's for the rest.
  for (int round = 0; round < 2; ++round) {
    metrics numbers;
    driver warm{settings, store, numbers};
    wake_all(warm, with.live);
    warm.stop();
  }
  metrics numbers;
  const auto before_start = heap_mark::of(store);
  const auto begin = steady::now();
  driver on{settings, store, numbers};
  const auto first = on.ask<slate_ptr>(user_name(7), recommend{user_id{user_name(7)}, {}});
  out["restart_to_first_answer_s"] = seconds_since(begin);
  out["first_slate_items"] = first->items.size();
  const auto asleep = heap_mark::of(store);
  out["node_bytes_all_asleep"] = asleep.bytes_each(before_start, 1);
  const auto cpu_begin = cpu_seconds();
  const auto took = wake_all(on, with.live);
  out["wake"] = as_json(took, cpu_seconds() - cpu_begin);
  const auto live = on.stats().live;
  const auto awake = heap_mark::of(store);
  out["live_sessions"] = live;
  out["bytes_per_live_session"] = awake.bytes_each(asleep, live);
  out["store_cache_bytes"] = awake.store;
  out["store_cache_grew_bytes"] = awake.store - std::min(awake.store, asleep.store);
  out["resident_bytes"] = resident();
  for (std::size_t i = 0; i < with.live; ++i)
    on.ask<slate_ptr>(user_name(i), recommend{user_id{user_name(i)}, {}});
  out["bytes_per_live_session_with_slate"] = heap_mark::of(store).bytes_each(asleep, live);
  out["resident_bytes_with_slates"] = resident();
  return out;
}

/// A user with a past, who comes back to the same part of the catalogue.
struct past_user {
  std::string name;
  std::size_t events = 0;
  std::size_t items = 0; ///< of the catalogue's
};

/// One has seen all there is: what a query looks at then is bounded, but more than usual.
std::vector<past_user> past_users(const plan& with) {
  const auto some = with.items * 3 / 10;
  return {{"past-10", 10, some},
          {"past-1000", 1000, some},
          {"past-long", with.long_history, some},
          {"past-all", with.long_history, with.items}};
}

/// One event at a time of users with short, longer and long pasts, interleaved.
json measure_events(const plan& with, const config::settings& settings, storage::store& store) {
  metrics numbers;
  driver on{settings, store, numbers};
  const auto pasts = past_users(with);
  std::vector<std::vector<double>> wall(pasts.size());
  std::vector<double> cpu(pasts.size());
  const bench::zipf popularity{with.items};
  std::mt19937_64 random{7};
  for (std::size_t round = 0; round < with.rounds; ++round)
    for (std::size_t i = 0; i < pasts.size(); ++i) {
      const auto& [user, past, items] = pasts[i];
      auto what = an_event(user, past + round + 1, popularity(random) % items);
      const auto cpu_begin = cpu_seconds();
      const auto begin = steady::now();
      on.ask<ingest_ack>(user, ingest{std::move(what)});
      on.ask<slate_ptr>(user, recommend{user_id{user}, {}});
      if (round == 0)
        continue; // wakes the user
      wall[i].push_back(seconds_since(begin));
      cpu[i] += cpu_seconds() - cpu_begin;
    }
  json out = json::array();
  for (std::size_t i = 0; i < pasts.size(); ++i)
    out.push_back({{"past_events", pasts[i].events},
                   {"of_items", pasts[i].items},
                   {"event_and_slate_p50_us", quantile(wall[i], 0.5) * 1e6},
                   {"cpu_us", cpu[i] / static_cast<double>(with.rounds - 1) * 1e6}});
  return out;
}

} // namespace

int main(int argc, char** argv) {
  plan with;
  CLI::App app{"Memory and waking of many users on one node; prints JSON."};
  app.add_option("--users", with.users, "Users in the store")->capture_default_str();
  app.add_option("--live", with.live, "Of them, awake")->capture_default_str();
  app.add_option("--events", with.live_events, "Past events of a live user")->capture_default_str();
  app.add_option("--other-events", with.other_events, "Past events of the others")
      ->capture_default_str();
  app.add_option("--long-history", with.long_history, "Events of the longest past")
      ->capture_default_str();
  app.add_option("--rounds", with.rounds, "Events per kind of past")->capture_default_str();
  app.add_option("--cache-mib", with.cache_mib, "The store's block cache")->capture_default_str();
  app.add_option("--directory", with.directory, "Where the store is made (default: in /tmp)");
  CLI11_PARSE(app, argc, argv);
  if (with.directory.empty())
    with.directory = fmt::format("/tmp/troupe-users-bench-{}", getpid());
  std::filesystem::remove_all(with.directory);

  start_log({log_level::warn, false});
  config::settings settings;
  settings.storage.durability = "fast";
  settings.users.idle_timeout = std::chrono::hours{1};
  json out{{"benchmark", "users"},
           {"users", with.users},
           {"events_per_live_user", with.live_events},
           {"block_cache_mib", with.cache_mib}};
  {
    storage::rocksdb_options options;
    options.directory = with.directory;
    options.block_cache_bytes = with.cache_mib << 20;
    auto store = need(storage::open_rocksdb(options), "open");
    filler fill{*store, with.items};
    auto begin = steady::now();
    fill.add_items();
    for (std::size_t i = 0; i < with.users; ++i)
      fill.add_events(user_name(i), i < with.live ? with.live_events : with.other_events);
    for (const auto& [user, past, items] : past_users(with))
      fill.add_events(user, past, items);
    fill.flush();
    out["events"] = fill.total();
    out["fill_s"] = seconds_since(begin);
    begin = steady::now();
    need(build_checkpoints(*store, settings), "checkpoints");
    out["checkpoints_s"] = seconds_since(begin);
    out["memory"] = measure_memory(with, settings, *store);
    out["event_cost"] = measure_events(with, settings, *store);
  }
  std::filesystem::remove_all(with.directory);
  fmt::print("{}\n", out.dump(2));
  return 0;
}
