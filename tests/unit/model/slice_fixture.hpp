#pragma once

#include "model/catalogue_slice.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// A catalogue in slices, and what makes events for it.
namespace troupe::model_test {

inline item make_item(std::string id) {
  item made;
  made.id = item_id{std::move(id)};
  return made;
}

inline std::vector<std::string> ids_of(const std::vector<model::candidate>& from) {
  std::vector<std::string> made;
  for (const auto& one : from)
    made.push_back(one.what->id.value);
  return made;
}

/// All slices of one catalogue, as the actors would hold them.
struct slices {
  explicit slices(std::uint32_t count, const config::signals_settings& signals = {},
                  const config::blend_settings& blend = {}) {
    for (std::uint32_t i = 0; i < count; ++i)
      parts.emplace_back(i, count, signals, blend);
  }

  void upsert(const item& what) {
    parts[model_shard(what.id)].upsert(std::make_shared<const item>(what));
  }

  void upsert(const std::vector<std::string>& ids) {
    for (const auto& id : ids)
      upsert(make_item(id));
  }

  void learn(const model::observation& what) {
    for (auto& one : parts)
      one.learn(what);
  }

  void learn(const std::string& item, const std::vector<std::string>& near, std::int64_t millis) {
    model::observation what;
    what.item = item_id{item};
    what.time = from_millis(millis);
    for (const auto& id : near)
      what.near.push_back(key_of(item_id{id}));
    learn(what);
  }

  /// All slices' candidates for somebody with these last items, best first.
  [[nodiscard]] std::vector<model::candidate>
  score(const std::vector<std::pair<std::string, float>>& recent) const {
    auto who = std::make_shared<model::taste>();
    for (const auto& [id, weight] : recent)
      who->recent.push_back({key_of(item_id{id}), weight});
    model::score_query query;
    query.who = who;
    query.limit = 1000;
    std::vector<model::candidate> all;
    for (const auto& one : parts)
      for (auto& found : one.score(query).found)
        all.push_back(std::move(found));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.score != b.score ? a.score > b.score : a.what->id < b.what->id;
    });
    return all;
  }

  [[nodiscard]] std::size_t model_shard(const item_id& id) const {
    return shard_of(key_of(id), static_cast<std::uint32_t>(parts.size()));
  }

  std::vector<model::catalogue_slice> parts;
};

/// Observations of 80 items "i0".."i79", times rising with some disorder.
struct random_stream {
  explicit random_stream(unsigned seed) : random(seed) {}

  model::observation next() {
    model::observation made;
    made.item = item_id{"i" + std::to_string(pick(80))};
    made.weight = static_cast<float>(1 + pick(3)) / 2.0F;
    made.arrival = ++arrival;
    made.time = from_millis(1'500'000'000'000 + static_cast<std::int64_t>(arrival * 3'600'000)
                            - static_cast<std::int64_t>(pick(10)) * 86'400'000);
    const auto near = pick(12);
    for (std::size_t n = 0; n < near; ++n)
      made.near.push_back(key_of(item_id{"i" + std::to_string(pick(80))}));
    return made;
  }

  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random()) % below; }

  std::mt19937 random;
  std::uint64_t arrival = 0;
};

} // namespace troupe::model_test
