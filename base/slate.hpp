#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/item.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// The signals an item's score is made of. On the wire by name (`to_string`); append only.
enum class signal : std::uint8_t {
  co_occurrence = 0, ///< stands near the user's last items in other users' histories
  popularity,        ///< decayed counts over several half-lives
  content,           ///< shares categories, tags and words with what the user likes
  novelty,           ///< the item is new and little known
  sequence,          ///< the encoder's score; zero until a model is there
};

inline constexpr std::size_t signal_count = 5;

/// One number for each signal, by its place in `signal`.
using signal_values = std::array<double, signal_count>;

[[nodiscard]] std::string_view to_string(signal which) noexcept;

/// Why an item stands in a slate (promise P10).
struct reason {
  struct share {
    signal which = signal::popularity;
    float contribution = 0; ///< weighted part of the score; the shares sum up to it
  };

  std::vector<share> shares; ///< largest first, zero shares left out
  item_id because_of;        ///< the past item that contributed most; empty if none did
  std::string because_title; ///< its title, if known
  std::string because_type;  ///< the event type of that past interaction
  bool pinned = false;       ///< put there by the request, not by score
};

struct slate_item {
  item_ptr what;
  float score = 0;
  std::array<float, signal_count> parts{}; ///< weighted contribution of each signal
  reason why;
};

/// How an item stood in a slate that somebody looked at.
struct shown_item {
  std::uint32_t position = 0;                ///< in the slate, from 0
  std::array<float, signal_count> signals{}; ///< what each signal gave, before its weight

  friend bool operator==(const shown_item&, const shown_item&) = default;
};

/// An ordered list of recommended items for one user on one surface, made of one snapshot.
struct slate {
  slate_id id;
  user_id user;
  std::string surface;
  std::uint64_t profile_seq = 0; ///< the last event it reflects (promise P1)
  std::uint64_t model_version = 0;
  bool partial = false; ///< a shard missed the deadline (promise P9)
  timestamp created{};
  signal_values weights{};       ///< by which the items' parts were weighted
  std::vector<slate_item> items; ///< best first
};

using slate_ptr = std::shared_ptr<const slate>;

} // namespace troupe
