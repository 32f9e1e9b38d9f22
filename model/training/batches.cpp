#include "model/training/batches.hpp"

#include "model/encoder.hpp"
#include "model/training/conversions.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace troupe::model::training {

namespace {

constexpr std::size_t length_grain = 8; // stretches are alike in length up to this
const std::uint32_t no_time = gap_bucket(0);

std::uint32_t gap_between(const sequence_step& before, const sequence_step& after) {
  return gap_bucket(std::max<std::int64_t>(0, after.millis - before.millis));
}

/// Writes steps into one row of a batch of inputs.
struct row_writer {
  batch& to;
  std::int64_t width;

  row_writer(batch& into, std::size_t rows, std::size_t steps, std::size_t padding)
      : to(into), width(size_of(steps)) {
    const std::vector<std::int64_t> shape{size_of(rows), width};
    to.items = torch::full(shape, size_of(padding), torch::kLong);
    to.kinds = torch::zeros(shape, torch::kLong);
    to.gaps = torch::zeros(shape, torch::kLong);
  }

  /// `starts`: whether nothing came before the first one.
  void write(std::size_t row, std::span<const sequence_step> all, std::size_t begin,
             std::size_t end, bool starts) {
    auto at = size_of(row) * width;
    for (auto i = begin; i < end; ++i, ++at) {
      to.items.data_ptr<std::int64_t>()[at] = all[i].item;
      to.kinds.data_ptr<std::int64_t>()[at] = all[i].kind;
      to.gaps.data_ptr<std::int64_t>()[at] =
          i == begin && starts ? gap_bucket(-1) : gap_between(all[i - 1], all[i]);
    }
  }
};

} // namespace

batch_maker::batch_maker(const sequence_data& data, const training_options& options)
    : data_(data), options_(options), negatives_(negatives_for(data, options)),
      random_(options.seed) {
  if (negatives_ == 0)
    return;
  std::vector<double> counts(data.items, 1.0); // nothing is impossible
  for (const auto& step : data.steps)
    ++counts[step.item];
  const auto all = static_cast<double>(data.items + data.steps.size());
  for (const auto count : counts)
    log_expected_.push_back(std::log(count / all * static_cast<double>(negatives_)));
  by_share_ = std::discrete_distribution<std::uint32_t>(counts.begin(), counts.end());
  place_.resize(data.items, -1);
}

std::size_t batch_maker::targets_within(std::size_t begin, std::size_t end) const {
  return count_targets(std::span{data_.steps}.subspan(begin, end - begin));
}

std::vector<batch_maker::plan> batch_maker::epoch(std::size_t number, bool to_the_end) {
  random_.seed(options_.seed * 1'000'003 + number);
  const auto most = options_.length_max;
  std::vector<plan::stretch> all;
  for (std::size_t user = 0; user < data_.ends.size(); ++user) {
    const auto begin = begin_of(user);
    const auto end = data_.ends[user];
    const auto held = to_the_end ? 0 : held_out_steps(end - begin, options_.held_out_max);
    if (end - begin < 2 + held)
      continue;
    const auto stop = end - 1 - held; // the step there is the last target
    // Cut at another place in each epoch, so that no event is always the first of its stretch.
    auto cut = stop - begin > most ? begin + 1 + random_() % most : std::min(stop, begin + most);
    for (auto at = begin; at < stop; at = std::exchange(cut, std::min(stop, cut + most)))
      if (const auto end_of_it = std::min(cut, stop); targets_within(at + 1, end_of_it + 1) > 0)
        all.push_back({at, end_of_it, at == begin});
  }
  std::shuffle(all.begin(), all.end(), random_);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return (a.end - a.begin) / length_grain < (b.end - b.begin) / length_grain;
  });
  std::vector<plan> made;
  for (const auto& one : all) {
    const auto length = one.end - one.begin;
    if (made.empty()
        || (made.back().stretches.size() + 1) * (length + length_grain) > options_.batch_steps)
      made.emplace_back();
    made.back().stretches.push_back(one);
    made.back().targets += targets_within(one.begin + 1, one.end + 1);
  }
  std::shuffle(made.begin(), made.end(), random_);
  return made;
}

batch batch_maker::make(const plan& of) {
  std::size_t width = 0;
  for (const auto& one : of.stretches)
    width = std::max(width, one.end - one.begin);
  batch made;
  row_writer rows{made, of.stretches.size(), width, data_.items};
  std::vector<std::int64_t> places;
  std::vector<std::int64_t> targets;
  std::vector<std::int64_t> query_gaps;
  std::bernoulli_distribution now{options_.now_share};
  std::bernoulli_distribution hidden{options_.item_dropout};
  for (std::size_t row = 0; row < of.stretches.size(); ++row) {
    const auto& one = of.stretches[row];
    rows.write(row, data_.steps, one.begin, one.end, one.from_start);
    for (auto i = one.begin; i < one.end; ++i) {
      const auto place = size_of(row * width + i - one.begin);
      if (data_.steps[i + 1].is_target) {
        places.push_back(place);
        targets.push_back(data_.steps[i + 1].item);
        query_gaps.push_back(now(random_) ? no_time
                                          : gap_between(data_.steps[i], data_.steps[i + 1]));
      }
      if (options_.item_dropout > 0 && hidden(random_))
        made.items.data_ptr<std::int64_t>()[place] = size_of(data_.items);
    }
  }
  if (negatives_ > 0)
    draw_sample(made, targets);
  made.places = torch::tensor(places, torch::kLong);
  if (negatives_ > 0) // draw_sample knows them by their places
    for (auto& target : targets)
      target = place_[static_cast<std::size_t>(target)];
  made.targets = torch::tensor(targets, torch::kLong);
  made.query_gaps = torch::tensor(query_gaps, torch::kLong);
  return made;
}

/// Draws the sample, and turns all items of the batch into places in the rows it needs: so the cost
/// of a batch does not grow with the catalogue.
void batch_maker::draw_sample(batch& to, const std::vector<std::int64_t>& targets) {
  std::vector<std::int64_t> drawn(negatives_);
  for (auto& one : drawn)
    one = by_share_(random_);
  std::sort(drawn.begin(), drawn.end());
  std::vector<std::int64_t> sample;
  std::vector<float> offsets;
  for (auto at = drawn.begin(); at != drawn.end();) {
    const auto next = std::upper_bound(at, drawn.end(), *at);
    sample.push_back(*at);
    // Drawn k times instead of the expected e: weighs k / e.
    offsets.push_back(static_cast<float>(std::log(static_cast<double>(next - at))
                                         - log_expected_[static_cast<std::size_t>(*at)]));
    at = next;
  }
  const auto padding = size_of(data_.items);
  auto* const items = to.items.data_ptr<std::int64_t>();
  const std::span<std::int64_t> inputs{items, static_cast<std::size_t>(to.items.numel())};
  std::vector<std::int64_t> rows(inputs.begin(), inputs.end());
  rows.insert(rows.end(), targets.begin(), targets.end());
  rows.insert(rows.end(), sample.begin(), sample.end());
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  if (rows.back() == padding)
    rows.pop_back();
  const auto place = [this](std::int64_t row) -> std::int64_t& {
    return place_[static_cast<std::size_t>(row)];
  };
  std::vector<std::int64_t> columns;
  std::vector<std::int64_t> in_sample(rows.size(), -1);
  for (std::size_t i = 0, next = 0; i < rows.size() && next < sample.size(); ++i)
    if (rows[i] == sample[next])
      in_sample[i] = size_of(next++);
  for (std::size_t i = 0; i < rows.size(); ++i)
    place(rows[i]) = size_of(i);
  for (const auto target : targets)
    columns.push_back(in_sample[static_cast<std::size_t>(place(target))]);
  for (auto& item : inputs)
    item = item == padding ? size_of(rows.size()) : place(item);
  for (auto& one : sample)
    one = place(one);
  to.rows = torch::tensor(rows, torch::kLong);
  to.sample = torch::tensor(sample, torch::kLong);
  to.sample_offsets = torch::tensor(offsets);
  to.columns = torch::tensor(columns, torch::kLong);
}

std::vector<batch> batch_maker::held_out(std::size_t targets_max) const {
  struct judged {
    std::size_t user;
    std::size_t begin;
    std::size_t held;

    [[nodiscard]] std::size_t inputs(std::size_t end) const { return end - 1 - begin; }
  };

  std::vector<judged> all;
  std::size_t targets = 0;
  for (std::size_t user = 0; user < data_.ends.size(); ++user) {
    const auto begin = begin_of(user);
    const auto length = data_.ends[user] - begin;
    const auto held = held_out_steps(length, options_.held_out_max);
    if (const auto asked = targets_within(data_.ends[user] - held, data_.ends[user]); asked > 0) {
      // The first of the held-out events gets as long a history as one that is learnt from.
      const auto most = options_.length_max + held - 1;
      all.push_back({user, begin + (length - 1 > most ? length - 1 - most : 0), held});
      targets += asked;
    }
  }
  if (targets > targets_max) {
    const auto keep = std::max<std::size_t>(1, all.size() * targets_max / targets);
    for (std::size_t i = 0; i < keep; ++i)
      all[i] = all[i * all.size() / keep];
    all.resize(keep);
  }
  std::stable_sort(all.begin(), all.end(), [this](const auto& a, const auto& b) {
    return a.inputs(data_.ends[a.user]) < b.inputs(data_.ends[b.user]);
  });
  std::vector<batch> made;
  for (std::size_t first = 0; first < all.size();) {
    auto end = first + 1;
    while (end < all.size()
           && (end - first + 1) * all[end].inputs(data_.ends[all[end].user])
                  <= options_.batch_steps)
      ++end;
    const auto width = all[end - 1].inputs(data_.ends[all[end - 1].user]);
    batch one;
    row_writer writer{one, end - first, width, data_.items};
    std::vector<std::int64_t> places;
    std::vector<std::int64_t> items;
    for (auto row = first; row < end; ++row) {
      const auto& each = all[row];
      const auto stop = data_.ends[each.user];
      writer.write(row - first, data_.steps, each.begin, stop - 1,
                   each.begin == begin_of(each.user));
      for (auto target = stop - each.held; target < stop; ++target) {
        if (!data_.steps[target].is_target)
          continue;
        places.push_back(size_of((row - first) * width + target - 1 - each.begin));
        items.push_back(data_.steps[target].item);
        one.at.push_back(target);
        one.users.push_back(each.user);
      }
    }
    one.places = torch::tensor(places, torch::kLong);
    one.targets = torch::tensor(items, torch::kLong);
    one.query_gaps = torch::full({size_of(items.size())}, size_of(no_time), torch::kLong);
    made.push_back(std::move(one));
    first = end;
  }
  return made;
}

batch batch_maker::whole(const std::vector<sequence_step>& history) const {
  batch made;
  row_writer{made, 1, history.size(), data_.items}.write(0, history, 0, history.size(), true);
  return made;
}

} // namespace troupe::model::training
