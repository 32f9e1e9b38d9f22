#include "model/rankers.hpp"

#include "model/rank_ease.hpp"
#include "model/rank_encoder.hpp"
#include "model/rank_neighbours.hpp"
#include "model/rank_sessions.hpp"
#include "model/rank_slices.hpp"
#include "model/rank_transformer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::model {

namespace {

/// Rankings that one ranker makes together.
struct family {
  std::vector<std::string> (*names)();
  std::unique_ptr<ranker> (*make)(const ranker_settings& settings,
                                  std::span<const std::string> wanted);
  const char* fixed = nullptr; ///< why it cannot learn on after `prepare`; null: it can
  bool is_slow = false;        ///< minutes: takes part only if it is named
};

constexpr std::array families{
    family{&slice_ranker::all_names,
           [](const ranker_settings& from,
              std::span<const std::string> wanted) -> std::unique_ptr<ranker> {
             return std::make_unique<slice_ranker>(from.rules, from.blend, from.shards, wanted);
           }},
    family{&neighbour_ranker::all_names,
           [](const ranker_settings&, std::span<const std::string> wanted)
               -> std::unique_ptr<ranker> { return std::make_unique<neighbour_ranker>(wanted); }},
    family{&ease_ranker::all_names,
           [](const ranker_settings&, std::span<const std::string> wanted)
               -> std::unique_ptr<ranker> { return std::make_unique<ease_ranker>(wanted); },
           "it is fitted as a whole and does not learn event by event"},
    family{&session_ranker::all_names,
           [](const ranker_settings&, std::span<const std::string>) -> std::unique_ptr<ranker> {
             return std::make_unique<session_ranker>();
           }},
    family{&encoder_ranker::all_names,
           [](const ranker_settings& from,
              std::span<const std::string> wanted) -> std::unique_ptr<ranker> {
             return std::make_unique<encoder_ranker>(from.rules, from.blend, from.shards,
                                                     from.encoder, wanted);
           },
           nullptr, true},
    family{
        &transformer_ranker::all_names,
        [](const ranker_settings& from, std::span<const std::string>) -> std::unique_ptr<ranker> {
          return std::make_unique<transformer_ranker>(from.rules, from.encoder);
        },
        nullptr, true},
};

result<void> check_names(std::span<const std::string> wanted) {
  const auto known = ranker_names();
  for (auto at = wanted.begin(); at != wanted.end(); ++at) {
    if (std::find(known.begin(), known.end(), *at) == known.end())
      return failure{errc::invalid_argument, fmt::format("no model is called '{}'; there are {}",
                                                         *at, fmt::join(known, ", "))};
    if (std::find(wanted.begin(), at, *at) != at)
      return failure{errc::invalid_argument, fmt::format("the model '{}' is named twice", *at)};
  }
  return {};
}

} // namespace

std::vector<std::string> ranker_names() {
  std::vector<std::string> made;
  for (const auto& one : families)
    for (auto& name : one.names())
      made.push_back(std::move(name));
  return made;
}

result<ranker_roster> make_rankers(std::span<const std::string> wanted,
                                   const ranker_settings& settings, bool streams) {
  if (const auto ok = check_names(wanted); !ok)
    return ok.error();
  ranker_roster made;
  for (const auto& one : families) {
    auto names = one.names();
    if (wanted.empty() && one.is_slow)
      continue;
    if (!wanted.empty())
      std::erase_if(names, [wanted](const auto& name) {
        return std::find(wanted.begin(), wanted.end(), name) == wanted.end();
      });
    else if (!streams)
      std::erase(names, slice_ranker::learnt_name); // would be the blend: nothing is learnt from
    if (names.empty())
      continue;
    if (streams && one.fixed != nullptr)
      made.notes.push_back(fmt::format("{}: left out, {}", fmt::join(names, ", "), one.fixed));
    else
      made.rankers.push_back(one.make(settings, names));
  }
  return made;
}

} // namespace troupe::model
