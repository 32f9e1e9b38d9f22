#include "model/catalogue_slice.hpp"
#include "model/compose.hpp"
#include "model/slice_state.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

namespace troupe::model {

namespace {

/// Co-occurring items that are scored in full: this many times the candidates wanted. Beyond
/// it the other signals, a tenth of the blend, cannot lift an item into the answer.
constexpr std::size_t touched_factor = 3;
constexpr std::size_t touched_min = 64;    ///< and at least so many
constexpr std::size_t content_budget = 64; ///< items met through labels
/// What a query that found too little may look at beside: rules may have refused all the rest.
constexpr std::size_t wide_budget = 20'000;

/// An item so old is not new at all: what would be left is below a float's resolution.
constexpr double faded_half_lives = 64;

constexpr double slack = 1.001; ///< above what rounding makes of a bound

constexpr double ms_per_day = 86'400'000.0;

std::size_t index_of(signal which) noexcept {
  return static_cast<std::size_t>(which);
}

} // namespace

/// One query on its way through a slice.
class slice_query {
public:
  slice_query(const catalogue_slice::state& of, const score_query& query, const sequence_hits& hits)
      : my_(of), query_(query), hits_(hits), weights_(query.blend ? *query.blend : of.blend),
        drops_seen_(weights_.seen == "exclude"),
        drops_own_(weights_.own_items == "exclude" && !query.user.empty()),
        limit_(std::min(query.limit, of.signals.candidates_max)) {}

  candidate_list run() {
    candidate_list made;
    made.learned_arrival = my_.learned;
    start();
    made.sequence_top = sequence_top_;
    gather(std::max(limit_ * touched_factor, touched_min), 0);
    if (best_.size() < limit_ && entered_ < my_.known)
      gather(my_.sums.touched().size(), wide_budget);
    std::sort(best_.begin(), best_.end(), best_first{this});
    made.found.reserve(best_.size());
    for (const auto& one : best_)
      made.found.push_back(to_candidate(one));
    add_pins(made.found);
    if (query_.with_reasons)
      explain(made);
    for (const auto& hit : hits_.best)
      my_.sequence_of[hit.row] = 0;
    return made;
  }

private:
  using state = catalogue_slice::state;

  struct scored {
    float score = 0;
    std::uint32_t local = 0;
    std::array<float, signal_count> parts{};
  };

  /// `before` as the standard algorithms take it.
  struct best_first {
    const slice_query* of;

    bool operator()(const scored& a, const scored& b) const { return of->before(a, b); }
  };

  void start() {
    best_.reserve(limit_);
    lay_out_hits();
    my_.sums.start(my_.locals.size());
    if (my_.marks.size() < my_.locals.size())
      my_.marks.resize(my_.locals.size() + my_.locals.size() / 8);
    if (++my_.mark == 0) {
      std::fill(my_.marks.begin(), my_.marks.end(), 0U);
      my_.mark = 1;
    }
    if (!query_.who) {
      lay_out();
      return;
    }
    my_.seen.start(query_.who->seen, my_.number, my_.keys,
                   [this](item_key key) { return my_.local_of(key); });
    wish_ = my_.content.wish_for(query_.who->labels);
    lay_out();
    for (const auto& past : query_.who->recent) {
      const auto found = my_.rows.find(past.key);
      if (found == my_.rows.end())
        continue;
      const auto weight = past.weight * my_.pairs.scale_of(found->second);
      my_.sums.add(my_.pairs.list(found->second).entries(), weight);
    }
  }

  /// Makes the encoder's hits ready. Its scores are logits of a softmax over the catalogue: what
  /// counts is how many times less likely than the best item one is.
  void lay_out_hits() {
    if (my_.sequence_of.size() < my_.locals.size())
      my_.sequence_of.resize(my_.locals.size() + my_.locals.size() / 8);
    if (hits_.of == nullptr || hits_.best.empty())
      return;
    sequence_top_ = hits_.best.front().score;
    sequence_weight_ = std::max(weights_.sequence, 0.0) * hits_.of->model().weight();
    for (const auto& hit : hits_.best)
      my_.sequence_of[hit.row] = part_of_sequence(hit.score);
    // The others have less than the last hit, or may not be shown.
    sequence_most_ = hits_.is_all ? 0 : part_of_sequence(hits_.best.back().score);
  }

  [[nodiscard]] float part_of_sequence(float score) const noexcept {
    return static_cast<float>(sequence_weight_) * sequence_ratio(score, sequence_top_);
  }

  /// What the sequence part of an item is at most; exact for a hit.
  [[nodiscard]] float most_sequence_part(std::uint32_t local) const noexcept {
    return std::max(my_.sequence_of[local], sequence_most_);
  }

  /// The sequence part of any item.
  [[nodiscard]] float sequence_part(std::uint32_t local) const {
    const auto known = my_.sequence_of[local];
    if (known > 0 || !(sequence_weight_ > 0))
      return known;
    return part_of_sequence(hits_.of->rows().score(local, query_.who->sequence));
  }

  /// Makes the wish ready, and what each signal can give at most.
  void lay_out() {
    my_.content.lay_out(wish_, my_.wish);
    const auto alike = wish_.terms.empty() ? 0 : slack;
    content_most_ = static_cast<float>(std::abs(weights_.content) * alike);
    popularity_most_ = popularity_part(my_.popular.signal_max());
    novelty_most_ = static_cast<float>(std::max(weights_.novelty, 0.0));
  }

  /// What a popularity signal of `most` or less adds at most.
  [[nodiscard]] float popularity_part(float most) const noexcept {
    return static_cast<float>(std::max(weights_.popularity, 0.0) * static_cast<double>(most)
                              * slack);
  }

  /// Offers what may be worth a place to best_; each item once in a query.
  void gather(std::size_t touched_max, std::size_t wide) {
    for (const auto& hit : hits_.best)
      enter(hit.row);
    gather_touched(touched_max);
    for (std::size_t h = 0; h < my_.popular.half_lives(); ++h)
      for (const auto local : wide > 0 ? my_.popular.top(h) : my_.popular.short_top(h))
        enter(local);
    my_.content.propose(wish_, content_budget, [this](std::uint32_t local) { enter(local); });
    for (const auto local : my_.newest)
      enter(local);
    const auto end = std::min(wide, my_.locals.size());
    for (std::size_t local = my_.locals.size() - end; local < my_.locals.size(); ++local)
      enter(static_cast<std::uint32_t>(local));
  }

  /// Enters the `most` strongest touched items that may stand in a slate. They are taken in
  /// stretches by their sums until no further one can win a place. What the user has seen is left
  /// out at once where a bit tells; else only those in a stretch are looked up, so that the cost
  /// follows what is entered, not what was touched.
  void gather_touched(std::size_t most) {
    const auto touched = my_.sums.touched();
    auto& order = my_.ordered;
    order.start(touched.size());
    const bool is_seen_known = drops_seen_ && query_.who && my_.seen.is_laid_out();
    if (is_seen_known)
      for (const auto local : touched) {
        const bool is_shown = my_.is_visible(local);
        const bool is_new = !my_.seen.has(local); // asked in any case: no branch to mispredict
        order.add(local, my_.sums.sum_of(local), is_shown && is_new);
      }
    else
      for (const auto local : touched)
        order.add(local, my_.sums.sum_of(local), my_.is_visible(local));
    for (auto stretch_size = most + most / 4; most > 0; stretch_size *= 2) {
      const auto stretch = order.next(stretch_size);
      if (stretch.empty())
        return;
      // Sums fall from here on, and with them what can be reached.
      const auto highest =
          strongest_first::local_of(*std::max_element(stretch.begin(), stretch.end()));
      if (weights_.co_occurrence >= 0 && is_hopeless(highest, popularity_most_, sequence_most_))
        return;
      if (drops_seen_ && query_.who && !is_seen_known)
        for (const auto one : stretch)
          my_.seen.prefetch(my_.keys[strongest_first::local_of(one)]);
      const auto out = std::remove_if(stretch.begin(), stretch.end(), [this](auto one) {
        return is_used_up(strongest_first::local_of(one));
      });
      std::sort(stretch.begin(), out, std::greater<>{});
      for (auto at = stretch.begin(); at != out && most > 0; ++at, --most)
        enter(strongest_first::local_of(*at));
    }
  }

  /// Whether a visible local was entered before or may not be.
  [[nodiscard]] bool is_used_up(std::uint32_t local) {
    if (my_.marks[local] != my_.mark && drops_seen_ && is_seen(local))
      my_.marks[local] = my_.mark;
    return my_.marks[local] == my_.mark;
  }

  void enter(std::uint32_t local) {
    if (my_.marks[local] == my_.mark
        || is_hopeless(local, most_popular_part(local), most_sequence_part(local)))
      return;
    my_.marks[local] = my_.mark;
    if (is_out(local))
      return;
    ++entered_;
    auto made = begin_score(local);
    if (best_.size() == limit_) {
      if (made.parts[index_of(signal::co_occurrence)] + most_popular_part(local)
              + made.parts[index_of(signal::content)] + made.parts[index_of(signal::novelty)]
              + most_sequence_part(local)
          < least())
        return;
    }
    complete_score(made);
    offer(made);
  }

  /// Whether an item cannot come among the best, whatever its other signals are. Each part is
  /// at least as large as the real one and they are added in the same order: so is the sum.
  [[nodiscard]] bool is_hopeless(std::uint32_t local, float popular, float sequence) const {
    return best_.size() == limit_
           && part_of_co_occurrence(local) + popular + content_most_ + novelty_most_ + sequence
                  < least();
  }

  /// What the popularity of this item adds at most.
  [[nodiscard]] float most_popular_part(std::uint32_t local) const noexcept {
    return std::min(popularity_most_, popularity_part(my_.popular_most[local]));
  }

  /// The score to reach. REQUIRES: best_ is full.
  [[nodiscard]] float least() const noexcept { return limit_ > 0 ? best_.front().score : 0; }

  [[nodiscard]] float part_of_co_occurrence(std::uint32_t local) const noexcept {
    return static_cast<float>(weights_.co_occurrence * static_cast<double>(my_.sums.sum_of(local)));
  }

  /// Puts a scored item among the best, if it belongs there and the rules allow it.
  void offer(const scored& made) {
    if (limit_ == 0 || (best_.size() == limit_ && !before(made, best_.front()))
        || !is_allowed(made.local))
      return;
    if (best_.size() == limit_) {
      std::pop_heap(best_.begin(), best_.end(), best_first{this});
      best_.pop_back();
    }
    best_.push_back(made);
    std::push_heap(best_.begin(), best_.end(), best_first{this});
  }

  [[nodiscard]] scored begin_score(std::uint32_t local) const {
    scored made;
    made.local = local;
    made.parts[index_of(signal::co_occurrence)] = part_of_co_occurrence(local);
    made.parts[index_of(signal::content)] = static_cast<float>(
        weights_.content * static_cast<double>(my_.content.match(my_.wish, local)));
    made.parts[index_of(signal::novelty)] = static_cast<float>(weights_.novelty * novelty(local));
    return made;
  }

  /// Adds the parts that cost most, and sums up.
  void complete_score(scored& made) const {
    const auto popular = my_.popular.signal(made.local);
    my_.popular_most[made.local] = popular;
    made.parts[index_of(signal::popularity)] =
        static_cast<float>(weights_.popularity * static_cast<double>(popular));
    made.parts[index_of(signal::sequence)] = sequence_part(made.local);
    for (const auto part : made.parts)
      made.score += part;
    if (weights_.seen == "demote" && made.score > 0 && is_seen(made.local))
      demote(made);
  }

  void demote(scored& what) const {
    const auto factor = static_cast<float>(weights_.seen_demotion);
    what.score *= factor;
    for (auto& part : what.parts)
      part *= factor;
  }

  /// How new the item is by the stream's clock, less the better it is known. The stream's and
  /// not the wall's: a log of the past then gives the same when it is replayed, and a record
  /// made after its last event is as new as can be.
  [[nodiscard]] double novelty(std::uint32_t local) const {
    const auto created = my_.created[local];
    const auto half_life = my_.signals.novelty_half_life_days * ms_per_day;
    if (created <= 0 || !(half_life > 0))
      return 0;
    constexpr double well_known = 20; // events after which an item is no longer unknown
    const auto age = std::max<double>(0, static_cast<double>(my_.stream_millis - created));
    if (age > faded_half_lives * half_life)
      return 0;
    return std::exp2(-age / half_life) * well_known / (well_known + my_.popular.events(local));
  }

  /// Asked before a candidate takes a place that another could have.
  [[nodiscard]] bool is_out(std::uint32_t local) const {
    return !my_.is_visible(local) || (drops_seen_ && is_seen(local));
  }

  [[nodiscard]] bool is_seen(std::uint32_t local) const {
    return query_.who && my_.seen.contains(local, my_.keys[local]);
  }

  /// Rules of the query and of the configuration, cheap ones first.
  [[nodiscard]] bool is_allowed(std::uint32_t local) const {
    if (query_.exclude
        && std::binary_search(query_.exclude->begin(), query_.exclude->end(), my_.keys[local]))
      return false;
    if (drops_own_ && my_.has_owner(local)
        && *owner_of(*my_.locals[local].record) == query_.user.value)
      return false;
    return !query_.only || query_.only->matches(*my_.locals[local].record);
  }

  /// Best first, ties by item id.
  [[nodiscard]] bool before(const scored& a, const scored& b) const {
    if (a.score != b.score)
      return a.score > b.score;
    return my_.locals[a.local].record->id < my_.locals[b.local].record->id;
  }

  void add_pins(std::vector<candidate>& to) {
    if (!query_.pin)
      return;
    for (const auto key : *query_.pin) {
      const auto local = my_.known_local(key);
      if (local == state::foreign || !my_.is_visible(local)
          || std::any_of(to.begin(), to.end(), [key](const auto& one) { return one.key == key; }))
        continue;
      auto whole = begin_score(local);
      complete_score(whole);
      auto made = to_candidate(whole);
      const auto at = std::find_if(to.begin(), to.end(), [&made](const candidate& other) {
        return other.score < made.score
               || (other.score == made.score && made.what->id < other.what->id);
      });
      to.insert(at, std::move(made));
    }
  }

  [[nodiscard]] candidate to_candidate(const scored& from) const {
    candidate made;
    made.what = my_.locals[from.local].record;
    made.key = my_.locals[from.local].key;
    made.score = from.score;
    made.parts = from.parts;
    return made;
  }

  /// A past item as a possible reason.
  struct past_item {
    item_key key{};
    const neighbour_list* list = nullptr; // its neighbours here; null: none
    float weight = 0;
    item_ptr record;                               // null unless it is the slice's
    std::optional<content_index::wish> about = {}; // of the record, when it was first asked for
  };

  void explain(candidate_list& made) const {
    if (!query_.who)
      return;
    std::vector<past_item> past;
    for (const auto& recent : query_.who->recent) {
      past_item one;
      one.key = recent.key;
      if (const auto found = my_.rows.find(recent.key); found != my_.rows.end()) {
        one.list = &my_.pairs.list(found->second);
        one.weight = recent.weight * my_.pairs.scale_of(found->second);
      }
      if (const auto local = my_.known_local(recent.key); local != state::foreign) {
        one.record = my_.locals[local].record;
        if (std::find(made.past.begin(), made.past.end(), one.record) == made.past.end())
          made.past.push_back(one.record);
      }
      past.push_back(std::move(one));
    }
    for (auto& one : made.found)
      one.because = reason_among(past, one);
  }

  /// The past item with the largest part in the co-occurrence score; where there is none, the
  /// one of this slice that is most alike.
  [[nodiscard]] item_key reason_among(std::vector<past_item>& past, const candidate& what) const {
    const auto local = my_.known_local(what.key);
    item_key found{};
    float most = 0;
    for (const auto& from : past) {
      const auto part = from.list != nullptr ? from.weight * from.list->count_of(local) : 0.0F;
      if (part > most && from.key != what.key) {
        most = part;
        found = from.key;
      }
    }
    if (most > 0 || !(what.parts[index_of(signal::content)] > 0))
      return found;
    for (auto& from : past) {
      if (!from.record)
        continue;
      if (!from.about)
        from.about = my_.content.wish_for(my_.known_local(from.key), *from.record);
      const auto part = my_.content.match(*from.about, local, false);
      if (part > most && from.key != what.key) {
        most = part;
        found = from.key;
      }
    }
    return found;
  }

  const catalogue_slice::state& my_;
  const score_query& query_;
  const sequence_hits& hits_;
  const config::blend_settings& weights_;
  bool drops_seen_;
  bool drops_own_;
  std::size_t limit_;
  content_index::wish wish_;
  std::vector<scored> best_;  // a heap, the least one first; at most limit_
  std::size_t entered_ = 0;   // items that could stand in a slate; exact while best_ has room
  float popularity_most_ = 0; // what a signal can add to a score
  float content_most_ = 0;
  float novelty_most_ = 0;
  float sequence_most_ = 0; // of an item that is no hit
  float sequence_top_ = -std::numeric_limits<float>::infinity();
  double sequence_weight_ = 0;
};

candidate_list catalogue_slice::score_with(const score_query& query,
                                           const sequence_hits& hits) const {
  return slice_query{*state_, query, hits}.run();
}

} // namespace troupe::model
