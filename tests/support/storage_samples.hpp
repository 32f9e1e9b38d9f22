#pragma once

#include "storage/interfaces.hpp"

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

/// Records for the tests of storage: every field set.
namespace troupe::test {

[[nodiscard]] inline stored_event sample_event(const std::string& user = "Amélie",
                                               std::uint64_t seq = 1) {
  stored_event out;
  out.what.id = event_id{user + "-" + std::to_string(seq)};
  out.what.user = user_id{user};
  out.what.item = item_id{"item-" + std::to_string(seq % 17)};
  out.what.type = "rating";
  out.what.value = 4.5F;
  out.what.time = from_millis(1'700'000'000'000 + static_cast<std::int64_t>(seq));
  out.what.session_id = "visit";
  out.what.slate = "slate-1";
  out.what.context = R"({"device":"phone"})";
  out.seq = seq;
  out.arrival = 42;
  out.received = from_millis(1'700'000'000'500);
  out.shown = shown_item{3, {0.5F, -0.25F, 0, 1e-6F, 2}};
  return out;
}

/// Events `from` to `to`, both included, of one user.
[[nodiscard]] inline std::vector<stored_event> sample_events(const std::string& user,
                                                             std::uint64_t from, std::uint64_t to) {
  std::vector<stored_event> out;
  for (auto seq = from; seq <= to; ++seq)
    out.push_back(sample_event(user, seq));
  return out;
}

[[nodiscard]] inline item sample_item(const std::string& id = "318") {
  item out;
  out.id = item_id{id};
  out.title = "The Shawshank Redemption";
  out.categories = {"Crime", "Drama"};
  out.tags = {"prison"};
  out.properties = {{"adult", false},
                    {"year", 1994.0},
                    {"language", std::string{"en"}},
                    {"cast", std::vector<std::string>{"Tim Robbins", "Morgan Freeman"}},
                    {"awards", std::vector<std::string>{}}};
  out.hidden = true;
  out.created = from_millis(780'000'000'000);
  out.updated = from_millis(1'700'000'000'000);
  out.vector = {0.25F, -3.5e20F, 0, 1e-30F};
  return out;
}

[[nodiscard]] inline storage::user_record sample_user(const std::string& id = "Amélie") {
  return {user_id{id}, {{"plan", std::string{"gold"}}, {"age", 33.0}}, from_millis(77)};
}

[[nodiscard]] inline storage::profile_record sample_profile(const std::string& id = "Amélie",
                                                            std::uint64_t seq = 3) {
  storage::profile_record out;
  out.user = user_id{id};
  out.seq = seq;
  out.fold_version = 0xfeedf00d;
  out.history = {{item_id{"a"}, "click", 0, false, from_millis(10), true},
                 {item_id{"b"}, "rating", 0, true, from_millis(20), false},
                 {item_id{"c"}, "rating", -2.5F, true, from_millis(30), true}};
  out.recent_events = {event_key{3}, event_key{~0ULL}, event_key{1}};
  out.seen = {item_key{9}, item_key{0}, item_key{~0ULL}};
  out.affinities = {{"category:Crime", 1.25}, {"tag:prison", -0.5}};
  out.affinity_time = from_millis(30);
  out.counts = {{"click", 1}, {"rating", 2}};
  out.first_event = from_millis(10);
  out.last_event = from_millis(30);
  return out;
}

[[nodiscard]] inline bool equal(const storage::history_record& a,
                                const storage::history_record& b) {
  const auto all = [](const storage::history_record& h) {
    return std::tie(h.item, h.type, h.value, h.has_value, h.time, h.traits_known);
  };
  return all(a) == all(b);
}

[[nodiscard]] inline bool equal(const storage::profile_record& a,
                                const storage::profile_record& b) {
  const auto all = [](const storage::profile_record& p) {
    return std::tie(p.user, p.seq, p.fold_version, p.recent_events, p.seen, p.affinities,
                    p.affinity_time, p.counts, p.first_event, p.last_event);
  };
  if (all(a) != all(b) || a.history.size() != b.history.size())
    return false;
  for (std::size_t i = 0; i < a.history.size(); ++i)
    if (!equal(a.history[i], b.history[i]))
      return false;
  return true;
}

} // namespace troupe::test
