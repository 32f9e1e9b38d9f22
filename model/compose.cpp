#include "model/compose.hpp"

#include "base/stable_hash.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::uint32_t no_label = std::numeric_limits<std::uint32_t>::max();

/// Gives each distinct label a small number, so that sets of labels compare without text.
/// Open addressing over stable hashes: two of a slate's few thousand labels collide with
/// probability 1e-13, and then only look alike.
class label_table {
public:
  /// `labels_max` bounds the number of distinct labels that will be asked for.
  explicit label_table(std::size_t labels_max)
      : slots_(std::bit_ceil(2 * labels_max + 1), slot{0, no_label}) {}

  std::uint32_t number_of(std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      auto& here = slots_[at];
      if (here.number == no_label) {
        here = {hash, size_++};
        return here.number;
      }
      if (here.hash == hash)
        return here.number;
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  struct slot {
    std::uint64_t hash;
    std::uint32_t number;
  };

  std::vector<slot> slots_;
  std::uint32_t size_ = 0;
};

/// A category and a tag of the same text are different labels.
std::uint64_t category_hash(std::string_view category) noexcept {
  return stable_hash(category);
}

std::uint64_t tag_hash(std::string_view tag) noexcept {
  return mix_bits(stable_hash(tag));
}

/// A score that sorts: what is no number comes last.
float orderable(float score) noexcept {
  return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score;
}

/// Best first: by score, ties by item id, so that no order of arrival shows.
bool goes_before(const candidate* left, const candidate* right) noexcept {
  const float a = orderable(left->score);
  const float b = orderable(right->score);
  if (a != b)
    return a > b;
  return left->what->id < right->what->id;
}

/// One call of compose: merged candidates in, slate items out.
class composer {
public:
  composer(std::span<const candidate_list> answers, const profile& who, const compose_rules& rules)
      : answers_(answers), who_(who), rules_(rules) {
    std::size_t count = 0;
    for (const auto& answer : answers)
      count += answer.found.size();
    merged_.reserve(count);
    for (const auto& answer : answers)
      for (const auto& each : answer.found)
        if (each.what)
          merged_.push_back(&each);
    chosen_.reserve(std::min(rules.k, merged_.size()));
  }

  std::vector<slate_item> make() {
    take_pins();
    if (chosen_.size() < rules_.k) {
      const bool diverse = rules_.diversity > 0; // false for NaN
      if (diverse)
        fill_by_marginal_relevance(static_cast<float>(std::min(rules_.diversity, 1.0)));
      else
        fill_by_score();
    }
    return dress();
  }

private:
  [[nodiscard]] bool is_chosen(item_key key) const noexcept {
    return std::any_of(chosen_.begin(), chosen_.end(),
                       [key](const candidate* each) { return each->key == key; });
  }

  void choose(const candidate* what) {
    chosen_.push_back(what);
    if (rules_.category_cap == 0 || what->what->categories.empty())
      return;
    const std::string_view main = what->what->categories.front();
    for (auto& [category, count] : per_category_)
      if (category == main) {
        ++count;
        return;
      }
    per_category_.emplace_back(main, std::size_t{1});
  }

  /// Whether one more of its main category is too many. Items without a category are free.
  [[nodiscard]] bool is_capped(const candidate* what) const noexcept {
    if (rules_.category_cap == 0 || what->what->categories.empty())
      return false;
    const std::string_view main = what->what->categories.front();
    for (const auto& [category, count] : per_category_)
      if (category == main)
        return count >= rules_.category_cap;
    return false;
  }

  /// Pinned items are not held back by a cap, but count for it.
  void take_pins() {
    for (const auto key : rules_.pin) {
      if (chosen_.size() == rules_.k)
        break;
      if (is_chosen(key))
        continue;
      const candidate* best = nullptr;
      for (const auto* each : merged_)
        if (each->key == key && (best == nullptr || goes_before(each, best)))
          best = each;
      if (best != nullptr)
        choose(best);
    }
    pinned_ = chosen_.size();
  }

  /// A heap gives the best first, and only as many as are needed.
  void fill_by_score() {
    const auto is_worse = [](const candidate* left, const candidate* right) {
      return goes_before(right, left);
    };
    std::make_heap(merged_.begin(), merged_.end(), is_worse);
    for (auto end = merged_.end(); chosen_.size() < rules_.k && end != merged_.begin(); --end) {
      std::pop_heap(merged_.begin(), end, is_worse);
      const auto* best = *std::prev(end);
      if (!is_chosen(best->key) && !is_capped(best))
        choose(best);
    }
  }

  /// A candidate in the greedy choice by marginal relevance.
  struct contender {
    const candidate* what = nullptr;
    float relevance = 0;     ///< score, scaled to [0, 1] over the merged list
    float similarity = 0;    ///< to the most similar chosen item, [0, 1]
    std::uint32_t first = 0; ///< its labels are labels_[first, last)
    std::uint32_t last = 0;
  };

  /// Greedy maximal marginal relevance; each round compares the contenders with the one item
  /// chosen last, so the whole is O(k * candidates).
  void fill_by_marginal_relevance(float lambda) {
    auto contenders = make_contenders();
    // Rounds in which a label was last part of the newest chosen item.
    std::vector<std::uint32_t> marked(label_count_, 0);
    std::uint32_t round = 0;
    for (std::size_t i = 0; i < pinned_; ++i)
      move_away_from(chosen_[i], contenders, marked, ++round);
    while (chosen_.size() < rules_.k) {
      const contender* best = nullptr;
      float best_value = 0;
      for (const auto& each : contenders) {
        if (each.what == nullptr)
          continue;
        const float value = (1 - lambda) * each.relevance - lambda * each.similarity;
        // Contenders stand best first, so an equal value keeps the better one.
        if ((best == nullptr || value > best_value) && !is_capped(each.what)) {
          best = &each;
          best_value = value;
        }
      }
      if (best == nullptr)
        return;
      choose(best->what);
      move_away_from(best->what, contenders, marked, ++round);
    }
  }

  std::vector<contender> make_contenders() {
    std::sort(merged_.begin(), merged_.end(), goes_before);
    std::size_t labels = 0;
    for (const auto* each : merged_)
      labels += each->what->categories.size() + each->what->tags.size();
    label_table table{labels};
    labels_.reserve(labels);

    std::vector<contender> contenders;
    contenders.reserve(merged_.size());
    // Not-a-numbers sort last as minus infinity; the scale is that of the finite ones.
    float high = 0;
    float low = 0;
    bool any = false;
    for (const auto* each : merged_) {
      if (!std::isfinite(each->score))
        continue;
      high = any ? high : each->score;
      low = each->score;
      any = true;
    }
    for (const auto* each : merged_) {
      contender one;
      one.what = each;
      one.relevance = scaled(each->score, low, high);
      one.first = static_cast<std::uint32_t>(labels_.size());
      for (const auto& category : each->what->categories)
        labels_.push_back(table.number_of(category_hash(category)));
      for (const auto& tag : each->what->tags)
        labels_.push_back(table.number_of(tag_hash(tag)));
      const auto begin = labels_.begin() + one.first;
      std::sort(begin, labels_.end());
      labels_.erase(std::unique(begin, labels_.end()), labels_.end());
      one.last = static_cast<std::uint32_t>(labels_.size());
      contenders.push_back(one);
    }
    label_count_ = table.size();
    return contenders;
  }

  static float scaled(float score, float low, float high) noexcept {
    if (std::isnan(score))
      return 0;
    if (score >= high)
      return 1; // also where all are equal
    return score <= low ? 0 : (score - low) / (high - low);
  }

  /// Takes `newest` (all of its key) out of the contenders and raises the similarity of the
  /// others to its Jaccard index with them where that is larger.
  void move_away_from(const candidate* newest, std::vector<contender>& contenders,
                      std::vector<std::uint32_t>& marked, std::uint32_t round) {
    std::uint32_t size = 0;
    for (auto& each : contenders) {
      if (each.what != newest)
        continue;
      for (auto at = each.first; at < each.last; ++at)
        marked[labels_[at]] = round;
      size = each.last - each.first;
      break;
    }
    for (auto& each : contenders) {
      if (each.what == nullptr)
        continue;
      if (each.what->key == newest->key) {
        each.what = nullptr;
        continue;
      }
      std::uint32_t shared = 0;
      for (auto at = each.first; at < each.last; ++at)
        shared += marked[labels_[at]] == round ? 1U : 0U;
      if (shared == 0)
        continue;
      const auto together = size + (each.last - each.first) - shared;
      each.similarity =
          std::max(each.similarity, static_cast<float>(shared) / static_cast<float>(together));
    }
  }

  std::vector<slate_item> dress() {
    std::vector<slate_item> items;
    items.reserve(chosen_.size());
    if (rules_.with_reasons)
      for (const auto& answer : answers_)
        for (const auto& past : answer.past)
          if (past)
            past_.emplace_back(key_of(past->id), past.get());
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      const auto& from = *chosen_[i];
      slate_item one{from.what, from.score, from.parts, {}};
      one.why.pinned = i < pinned_;
      if (rules_.with_reasons)
        explain(from, one.why);
      items.push_back(std::move(one));
    }
    return items;
  }

  void explain(const candidate& from, reason& why) {
    for (std::size_t i = 0; i < signal_count; ++i)
      if (from.parts[i] != 0)
        why.shares.push_back({static_cast<signal>(i), from.parts[i]});
    std::stable_sort(why.shares.begin(), why.shares.end(), [](const auto& left, const auto& right) {
      return left.contribution > right.contribution;
    });
    if (from.because == item_key{})
      return;
    if (const auto* entry = newest_with(from.because)) {
      why.because_of = item_id{entry->item};
      why.because_type = std::string{entry->type};
    }
    for (const auto& [key, record] : past_) {
      if (key != from.because)
        continue;
      why.because_of = record->id;
      why.because_title = record->title;
      break;
    }
  }

  /// The user's last event with an item. Looks no further back than it must, and at each entry
  /// once: a key is hashed from the id each time it is asked for.
  const history_entry* newest_with(item_key key) {
    for (const auto& each : history_)
      if (each.key == key)
        return &each;
    while (history_.size() < who_.history_size()) {
      history_.push_back(who_.history(history_.size()));
      if (history_.back().key == key)
        return &history_.back();
    }
    return nullptr;
  }

  std::span<const candidate_list> answers_;
  const profile& who_;
  const compose_rules& rules_;
  std::vector<const candidate*> merged_;
  std::vector<const candidate*> chosen_;
  std::size_t pinned_ = 0; ///< the first so many of chosen_
  std::vector<std::pair<std::string_view, std::size_t>> per_category_;
  std::vector<std::uint32_t> labels_; ///< of all contenders, each one's sorted
  std::size_t label_count_ = 0;
  std::vector<std::pair<item_key, const item*>> past_;
  std::vector<history_entry> history_; ///< newest first, as far as it was needed
};

} // namespace

void align_sequence_parts(std::span<candidate_list> answers) {
  auto top = -std::numeric_limits<float>::infinity();
  for (const auto& answer : answers)
    top = std::max(top, answer.sequence_top);
  for (auto& answer : answers) {
    if (!(answer.sequence_top < top))
      continue;
    const auto factor = sequence_ratio(answer.sequence_top, top);
    for (auto& one : answer.found) {
      one.parts[static_cast<std::size_t>(signal::sequence)] *= factor;
      one.score = 0;
      for (const auto part : one.parts)
        one.score += part;
    }
    answer.sequence_top = top;
  }
}

std::vector<slate_item> compose(std::span<const candidate_list> answers, const profile& who,
                                const compose_rules& rules) {
  return composer{answers, who, rules}.make();
}

} // namespace troupe::model
