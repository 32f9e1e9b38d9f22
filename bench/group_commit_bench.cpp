// Durable group commit against plain RocksDB: how many events a second are acknowledged as
// fsynced, with the same number of producers that each wait for their event.
//
//   group commit  producers hand their event to one writer, which takes all that wait and
//                 appends them with one fsync. The same loop as the actor event_log_writer,
//                 without the actor system: store.append with everything it does (codec, both
//                 orders of the log, high-water mark).
//   plain         every producer is a thread that calls rocksdb::DB::Write with sync = true for
//                 one key and one value of the same size; RocksDB groups concurrent writers.
//
// Both run in turns in one process and on one disk, for disks here fsync in anything from 0.1 to
// 4 ms and change their mind. The figure that counts is the ratio within a round.

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <rocksdb/db.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace troupe;
using steady = std::chrono::steady_clock;

struct settings {
  std::size_t producers = 64;
  std::size_t batch_max = 512;
  double seconds = 3;
  std::size_t rounds = 5;
  std::filesystem::path directory = ".";
};

/// What one side did in one round.
struct measurement {
  std::uint64_t events = 0;
  std::uint64_t commits = 0; ///< fsyncs; of the plain side only RocksDB knows
  double seconds = 0;
  std::vector<double> waits_ms; ///< from handing over to acknowledgement, all events

  [[nodiscard]] double rate() const { return static_cast<double>(events) / seconds; }

  [[nodiscard]] double wait_ms(double quantile) {
    if (waits_ms.empty())
      return 0;
    const auto at = static_cast<std::size_t>(quantile * static_cast<double>(waits_ms.size() - 1));
    std::nth_element(waits_ms.begin(), waits_ms.begin() + static_cast<std::ptrdiff_t>(at),
                     waits_ms.end());
    return waits_ms[at];
  }
};

stored_event make_event(std::size_t producer, std::uint64_t seq) {
  stored_event out;
  out.what.user = user_id{"user-" + std::to_string(producer)};
  out.what.id = event_id{"event-" + std::to_string(producer) + "-" + std::to_string(seq)};
  out.what.item = item_id{std::to_string(seq % 9742)};
  out.what.type = "rating";
  out.what.value = 4.0F;
  out.what.time = from_millis(1'700'000'000'000);
  out.what.session_id = "a-session-of-usual-length";
  out.seq = seq;
  out.received = from_millis(1'700'000'000'000);
  return out;
}

/// Runs `step(producer, seq)` in as many threads as there are producers until time is up; each
/// call returns when its event is acknowledged, or false to stop.
measurement drive(const settings& how, std::vector<std::uint64_t>& seqs,
                  const std::function<bool(std::size_t, std::uint64_t)>& step) {
  measurement out;
  std::mutex together;
  const auto begin = steady::now();
  const auto end =
      begin
      + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(how.seconds));
  std::vector<std::thread> threads;
  for (std::size_t producer = 0; producer < how.producers; ++producer)
    threads.emplace_back([&, producer] {
      std::vector<double> waits;
      for (auto from = steady::now(); from < end;) {
        if (!step(producer, ++seqs[producer]))
          return;
        const auto to = steady::now();
        waits.push_back(std::chrono::duration<double, std::milli>(to - from).count());
        from = to;
      }
      const std::lock_guard lock{together};
      out.waits_ms.insert(out.waits_ms.end(), waits.begin(), waits.end());
    });
  for (auto& thread : threads)
    thread.join();
  out.seconds = std::chrono::duration<double>(steady::now() - begin).count();
  out.events = out.waits_ms.size();
  return out;
}

/// The product's store behind one writer thread that commits all that waits.
class group_commit {
public:
  group_commit(const settings& how, storage::store& to)
      : how_(how), store_(to), writer_([this] { write_all(); }) {}

  ~group_commit() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    arrived_.notify_one();
    writer_.join();
  }

  group_commit(const group_commit&) = delete;
  group_commit& operator=(const group_commit&) = delete;

  /// Hands the event over and waits until it is durable.
  bool write(stored_event what) {
    std::binary_semaphore done{0};
    waiting mine{std::move(what), &done, false};
    {
      const std::lock_guard lock{mutex_};
      queue_.push_back(&mine);
    }
    arrived_.notify_one();
    done.acquire();
    return mine.committed;
  }

  [[nodiscard]] std::uint64_t commits() const noexcept { return commits_; }

private:
  struct waiting {
    stored_event what;
    std::binary_semaphore* done;
    bool committed;
  };

  void write_all() {
    std::vector<waiting*> taken;
    std::vector<stored_event> batch;
    for (;;) {
      {
        std::unique_lock lock{mutex_};
        arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty())
          return;
        const auto n = std::min(queue_.size(), how_.batch_max);
        taken.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
      }
      batch.clear();
      for (auto* one : taken)
        batch.push_back(std::move(one->what));
      const auto written = store_.events().append(batch, storage::durability::durable);
      if (!written)
        std::cerr << written.error() << '\n';
      ++commits_;
      for (auto* one : taken) {
        one->committed = written.has_value();
        one->done->release();
      }
    }
  }

  settings how_;
  storage::store& store_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<waiting*> queue_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> commits_ = 0;
  std::thread writer_;
};

measurement run_group_commit(const settings& how, storage::store& to,
                             std::vector<std::uint64_t>& seqs) {
  group_commit writer{how, to};
  auto out = drive(how, seqs, [&](std::size_t producer, std::uint64_t seq) {
    return writer.write(make_event(producer, seq));
  });
  out.commits = writer.commits();
  return out;
}

measurement run_plain(const settings& how, rocksdb::DB& to, std::vector<std::uint64_t>& seqs) {
  rocksdb::WriteOptions durable;
  durable.sync = true;
  return drive(how, seqs, [&](std::size_t producer, std::uint64_t seq) {
    const auto event = make_event(producer, seq);
    const auto status = to.Put(durable, storage::event_key_bytes(event.what.user, seq),
                               storage::encode_event(event));
    if (!status.ok())
      std::cerr << status.ToString() << '\n';
    return status.ok();
  });
}

nlohmann::json describe(measurement& of) {
  nlohmann::json out{{"events", of.events},
                     {"seconds", of.seconds},
                     {"events_per_second", of.rate()},
                     {"wait_p50_ms", of.wait_ms(0.5)},
                     {"wait_p99_ms", of.wait_ms(0.99)}};
  if (of.commits > 0)
    out["events_per_commit"] = static_cast<double>(of.events) / static_cast<double>(of.commits);
  return out;
}

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

int measure(const settings& how, const std::filesystem::path& place) {
  auto opened = storage::open_rocksdb({.directory = place / "store"});
  if (!opened) {
    std::cerr << opened.error() << '\n';
    return EXIT_FAILURE;
  }
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* database = nullptr;
  if (const auto status = rocksdb::DB::Open(options, (place / "plain").string(), &database);
      !status.ok()) {
    std::cerr << status.ToString() << '\n';
    return EXIT_FAILURE;
  }
  const std::unique_ptr<rocksdb::DB> plain{database};
  std::vector<std::uint64_t> ours(how.producers);
  std::vector<std::uint64_t> theirs(how.producers);
  std::vector<double> ratios;
  std::vector<double> rates;
  std::vector<double> plain_rates;
  auto rounds = nlohmann::json::array();
  for (std::size_t round = 0; round < how.rounds; ++round) {
    measurement a;
    measurement b;
    if (round % 2 == 0) { // neither always goes first
      a = run_group_commit(how, **opened, ours);
      b = run_plain(how, *plain, theirs);
    } else {
      b = run_plain(how, *plain, theirs);
      a = run_group_commit(how, **opened, ours);
    }
    rates.push_back(a.rate());
    plain_rates.push_back(b.rate());
    ratios.push_back(a.rate() / b.rate());
    rounds.push_back(
        {{"group_commit", describe(a)}, {"plain", describe(b)}, {"ratio", ratios.back()}});
  }
  const nlohmann::json report{{"benchmark", "group_commit"},
                              {"producers", how.producers},
                              {"batch_max", how.batch_max},
                              {"cores", std::thread::hardware_concurrency()},
                              {"rounds", rounds},
                              {"group_commit_events_per_second", median(rates)},
                              {"plain_events_per_second", median(plain_rates)},
                              {"ratio", median(ratios)},
                              {"ratio_bar", 0.5}};
  std::cout << report.dump(2) << '\n';
  return EXIT_SUCCESS;
}

int run(int argc, char** argv) {
  settings how;
  CLI::App app{"durable group commit against plain RocksDB with as many synced writers"};
  app.add_option("--producers", how.producers, "who wait for their event at once")
      ->check(CLI::Range(1, 1024));
  app.add_option("--batch-max", how.batch_max, "events in one commit")->check(CLI::Range(1, 65536));
  app.add_option("--seconds", how.seconds, "of each side in each round")
      ->check(CLI::Range(0.1, 60.0));
  app.add_option("--rounds", how.rounds)->check(CLI::Range(1, 100));
  app.add_option("--directory", how.directory, "on the disk to measure, not in memory");
  CLI11_PARSE(app, argc, argv);
  const auto place = how.directory / ("group-commit-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directories(place);
  const int code = measure(how, place);
  std::filesystem::remove_all(place);
  return code;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& why) {
    std::cerr << why.what() << '\n';
    return EXIT_FAILURE;
  }
}
