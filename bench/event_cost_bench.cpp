// Promise P8: what one event of a user costs does not grow with the user's history. Three users
// of 10, 1,000 and 100,000 past events send the same kind of events, in turns; counted is the
// CPU time of everything the model does for one: fold, taste, score in every shard, compose,
// and what the shards learn. No actors, no store, no clock inside.
//
// The catalogue is made up after the demo's: 10,000 films, one to three of 18 genres, a few
// tags, popularity after Zipf's law, and the histories of 600 other users learnt beforehand.

#include "bench/rounds.hpp"
#include "bench/zipf.hpp"
#include "model/catalogue_slice.hpp"
#include "model/compose.hpp"
#include "model/profile.hpp"
#include "model/query.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace troupe;
using model::catalogue_slice;
using model::profile;

struct settings {
  std::size_t items = 10'000;
  std::size_t users = 600; ///< others, of 160 events each
  std::size_t rounds = 15;
  std::size_t trials = 40; ///< per user and round
  std::string json;
};

constexpr std::array<std::size_t, 3> histories{10, 1'000, 100'000};
constexpr std::uint32_t shards = 2;
constexpr std::size_t slate_items = 20;
constexpr std::size_t other_user_events = 160;
/// A user comes back to these many films of the catalogue, so that the longest history has not
/// simply seen everything.
constexpr std::size_t films_per_user = 3'000;
/// Events folded one after the other in a trial; each starts from the same profile again.
constexpr std::size_t events_per_trial = 4;

enum stage : std::size_t { fold, taste, score, compose, learn, stage_count };

constexpr std::array<const char*, stage_count> stage_names{"fold", "taste", "score", "compose",
                                                           "learn"};

/// A catalogue, its slices, and events on it.
class world {
public:
  explicit world(const settings& how)
      : how_(how), popularity_(how.items), rules_(*model::fold_rules::make({}, signals_)) {
    for (std::uint32_t i = 0; i < shards; ++i)
      slices_.emplace_back(i, shards, signals_, blend_);
    for (std::size_t i = 0; i < how.items; ++i) {
      const auto made = make_item(i);
      slices_[shard_of(key_of(made->id), shards)].upsert(made);
    }
    for (std::size_t user = 0; user < how.users; ++user) {
      profile other;
      for (std::size_t n = 0; n < other_user_events; ++n)
        if (const auto lesson = step(other, next_event(other, how.items)))
          for (auto& slice : slices_)
            slice.learn(*lesson);
    }
  }

  /// A profile of `events` past events.
  profile make_user(std::size_t events) {
    profile made;
    for (std::size_t n = 0; n < events; ++n)
      step(made, next_event(made, films_per_user));
    return made;
  }

  stored_event next_event(const profile& who, std::size_t films) {
    static constexpr std::array<float, 6> ratings{2, 3, 3.5F, 4, 4.5F, 5};
    stored_event made;
    made.seq = who.seq() + 1;
    made.what.id = event_id{fmt::format("e{}", made.seq)};
    made.what.item = item_id{fmt::format("{}", popularity_(random_) % films)};
    made.what.type = "rating";
    made.what.value = ratings[random_() % ratings.size()];
    made.what.time = from_millis(1'500'000'000'000 + ++now_ * 1000);
    return made;
  }

  /// Folds one event in; answers what it teaches.
  std::optional<model::observation> step(profile& who, const stored_event& what) {
    auto lesson = model::observe(who, what.what, *rules_);
    apply(who, what, traits_of(what.what.item), *rules_);
    return lesson;
  }

  [[nodiscard]] model::item_traits traits_of(const item_id& id) const {
    const auto key = key_of(id);
    return slices_[shard_of(key, shards)].traits(key);
  }

  /// One event of `who` with everything that follows from it; adds to the seconds per stage.
  std::size_t play(profile& who, std::array<double, stage_count>& spent) {
    const auto what = next_event(who, films_per_user);
    const auto traits = traits_of(what.what.item);
    double last = bench::thread_cpu_seconds();
    const auto lap = [&spent, &last](stage of) {
      const double now = bench::thread_cpu_seconds();
      spent[of] += now - last;
      last = now;
    };
    const auto lesson = model::observe(who, what.what, *rules_);
    apply(who, what, traits, *rules_);
    lap(fold);

    model::score_query query;
    query.who = std::make_shared<model::taste>(make_taste(who, *rules_, what.what.time));
    query.user = user_id{"u"};
    query.limit = slate_items;
    query.now = what.what.time;
    query.with_reasons = true;
    lap(taste);

    std::vector<model::candidate_list> answers;
    for (const auto& slice : slices_)
      answers.push_back(slice.score(query));
    lap(score);

    model::compose_rules rules;
    rules.k = slate_items;
    const auto slate = model::compose(answers, who, rules);
    lap(compose);

    if (lesson)
      for (auto& slice : slices_)
        slice.learn(*lesson);
    lap(learn);
    return slate.size();
  }

private:
  std::shared_ptr<item> make_item(std::size_t number) {
    auto made = std::make_shared<item>();
    made->id = item_id{fmt::format("{}", number)};
    made->title =
        fmt::format("The {} of {} ({})", random_() % 3000, random_() % 3000, 1930 + random_() % 90);
    for (std::size_t n = 1 + random_() % 3; n > 0; --n)
      made->categories.push_back(fmt::format("genre {}", random_() % 18));
    for (std::size_t n = random_() % 4; n > 0; --n)
      made->tags.push_back(fmt::format("tag {}", random_() % 1500));
    made->created = from_millis(1'400'000'000'000);
    return made;
  }

  settings how_;
  config::signals_settings signals_;
  config::blend_settings blend_;
  bench::zipf popularity_;
  std::mt19937_64 random_{42};
  std::shared_ptr<const model::fold_rules> rules_;
  std::vector<catalogue_slice> slices_;
  std::int64_t now_ = 0;
};

/// CPU seconds per event, one figure a round.
struct costs {
  std::array<std::vector<double>, stage_count> stages;
  std::vector<double> whole;
  std::size_t slate = 0;
};

costs& operator+=(costs& to, const std::array<double, stage_count>& spent) {
  double sum = 0;
  for (std::size_t s = 0; s < stage_count; ++s) {
    to.stages[s].push_back(spent[s]);
    sum += spent[s];
  }
  to.whole.push_back(sum);
  return to;
}

std::vector<double> divided(std::vector<double> above, const std::vector<double>& below) {
  for (std::size_t i = 0; i < above.size(); ++i)
    above[i] /= below[i];
  return above;
}

nlohmann::json microseconds(std::vector<double> seconds) {
  for (auto& each : seconds)
    each *= 1e6;
  return bench::to_json(bench::spread_of(std::move(seconds)));
}

std::map<std::size_t, costs> measure(world& all, const settings& how) {
  std::map<std::size_t, profile> users;
  for (const auto past : histories)
    users.emplace(past, all.make_user(past));
  std::map<std::size_t, costs> measured;
  for (std::size_t round = 0; round <= how.rounds; ++round) { // the first one warms up
    std::map<std::size_t, std::array<double, stage_count>> spent;
    for (std::size_t trial = 0; trial < how.trials; ++trial)
      for (const auto past : histories) {
        profile who = users.at(past);
        for (std::size_t n = 0; n < events_per_trial; ++n)
          measured[past].slate = all.play(who, spent[past]);
      }
    if (round == 0)
      continue;
    for (auto& [past, stages] : spent) {
      for (auto& each : stages)
        each /= static_cast<double>(how.trials * events_per_trial);
      measured[past] += stages;
    }
  }
  return measured;
}

nlohmann::json results_of(const std::map<std::size_t, costs>& measured, const settings& how) {
  nlohmann::json cost;
  for (const auto& [past, what] : measured) {
    nlohmann::json stages;
    for (std::size_t s = 0; s < stage_count; ++s)
      stages[stage_names[s]] = microseconds(what.stages[s]);
    cost[std::to_string(past)] = {
        {"event", microseconds(what.whole)}, {"stages", stages}, {"slate_items", what.slate}};
  }
  nlohmann::json ratios;
  for (const auto& [past, than] :
       {std::pair<std::size_t, std::size_t>{1'000, 10}, {100'000, 1'000}, {100'000, 10}})
    ratios[fmt::format("{} to {}", past, than)] =
        bench::to_json(bench::spread_of(divided(measured.at(past).whole, measured.at(than).whole)));
  return {{"bench", "event_cost"},
          {"processor", bench::processor_name()},
          {"items", how.items},
          {"rounds", how.rounds},
          {"events_per_round", how.trials * events_per_trial},
          {"cpu_microseconds_by_past_events", cost},
          {"ratios", ratios}};
}

void print(const nlohmann::json& results) {
  const auto line = [](const std::string& name, const nlohmann::json& what, const char* unit) {
    fmt::print("  {:<24} {:9.2f} {:9.2f} {:9.2f} {}\n", name, what["median"].get<double>(),
               what["low"].get<double>(), what["high"].get<double>(), unit);
  };
  fmt::print("one event, by past events: CPU time (median, low, high of the rounds)\n");
  for (const auto past : histories) {
    const auto& cost = results["cpu_microseconds_by_past_events"][std::to_string(past)];
    line(fmt::format("{} past events", past), cost["event"], "us");
    for (const char* stage : stage_names)
      line(fmt::format("    {}", stage), cost["stages"][stage], "us");
  }
  fmt::print("ratios, taken round by round\n");
  for (const auto& [name, what] : results["ratios"].items())
    line(name, what, "");
}

settings parse(int count, char** arguments) {
  settings made;
  CLI::App app{"What one event costs after 10, 1,000 and 100,000 others"};
  app.add_option("--items", made.items)->capture_default_str();
  app.add_option("--users", made.users, "other users, learnt beforehand")->capture_default_str();
  app.add_option("--rounds", made.rounds)->capture_default_str();
  app.add_option("--trials", made.trials, "per user and round")->capture_default_str();
  app.add_option("--json", made.json, "write the results to this file");
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return made;
}

} // namespace

int main(int count, char** arguments) {
  const auto how = parse(count, arguments);
  world all{how};
  const auto results = results_of(measure(all, how), how);
  print(results);
  if (!how.json.empty())
    std::ofstream{how.json} << results.dump(2) << '\n';
  return 0;
}
