#include "model/training/batches.hpp"

#include "model/encoder.hpp"

#include <algorithm>
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
      : to(into), width(static_cast<std::int64_t>(steps)) {
    const std::vector<std::int64_t> shape{static_cast<std::int64_t>(rows), width};
    to.items = torch::full(shape, static_cast<std::int64_t>(padding), torch::kLong);
    to.kinds = torch::zeros(shape, torch::kLong);
    to.gaps = torch::zeros(shape, torch::kLong);
  }

  /// `starts`: whether nothing came before the first one.
  void write(std::size_t row, std::span<const sequence_step> all, std::size_t begin,
             std::size_t end, bool starts) {
    auto at = static_cast<std::int64_t>(row) * width;
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
    : data_(data), options_(options), random_(options.seed) {}

std::vector<batch_maker::plan> batch_maker::epoch(std::size_t number) {
  random_.seed(options_.seed * 1'000'003 + number);
  const auto most = options_.length_max;
  std::vector<plan::stretch> all;
  for (std::size_t user = 0; user < data_.ends.size(); ++user) {
    const auto begin = begin_of(user);
    const auto end = data_.ends[user];
    if (end - begin < 3)
      continue;                // with the last one held out there is nothing to predict
    const auto stop = end - 2; // the step there is the last target
    // Cut at another place in each epoch, so that no event is always the first of its stretch.
    auto cut = stop - begin > most ? begin + 1 + random_() % most : std::min(stop, begin + most);
    for (auto at = begin; at < stop; at = std::exchange(cut, std::min(stop, cut + most)))
      all.push_back({at, std::min(cut, stop), at == begin});
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
    made.back().targets += length;
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
  for (std::size_t row = 0; row < of.stretches.size(); ++row) {
    const auto& one = of.stretches[row];
    rows.write(row, data_.steps, one.begin, one.end, one.from_start);
    for (auto i = one.begin; i < one.end; ++i) {
      places.push_back(static_cast<std::int64_t>(row * width + i - one.begin));
      targets.push_back(data_.steps[i + 1].item);
      query_gaps.push_back(now(random_) ? no_time
                                        : gap_between(data_.steps[i], data_.steps[i + 1]));
    }
  }
  made.places = torch::tensor(places, torch::kLong);
  made.targets = torch::tensor(targets, torch::kLong);
  made.query_gaps = torch::tensor(query_gaps, torch::kLong);
  return made;
}

std::vector<batch> batch_maker::held_out(std::size_t users_max, std::int64_t rows) const {
  std::vector<std::size_t> users;
  for (std::size_t user = 0; user < data_.ends.size(); ++user)
    if (data_.ends[user] - begin_of(user) >= 2)
      users.push_back(user);
  if (users.size() > users_max) {
    for (std::size_t i = 0; i < users_max; ++i)
      users[i] = users[i * users.size() / users_max];
    users.resize(users_max);
  }
  std::vector<batch> made;
  const auto grain = static_cast<std::size_t>(rows);
  for (std::size_t first = 0; first < users.size(); first += grain) {
    const auto count = std::min(grain, users.size() - first);
    const std::span<const std::size_t> some{users.data() + first, count};
    std::size_t width = 0;
    for (const auto user : some)
      width = std::max(width, std::min(options_.length_max, data_.ends[user] - begin_of(user) - 1));
    batch one;
    row_writer writer{one, count, width, data_.items};
    std::vector<std::int64_t> places;
    std::vector<std::int64_t> targets;
    for (std::size_t row = 0; row < count; ++row) {
      const auto last = data_.ends[some[row]] - 1;
      const auto begin = std::max(begin_of(some[row]), last - std::min(last, options_.length_max));
      writer.write(row, data_.steps, begin, last, begin == begin_of(some[row]));
      places.push_back(static_cast<std::int64_t>(row * width + last - begin) - 1);
      targets.push_back(data_.steps[last].item);
    }
    one.places = torch::tensor(places, torch::kLong);
    one.targets = torch::tensor(targets, torch::kLong);
    one.query_gaps = torch::full({static_cast<std::int64_t>(count)},
                                 static_cast<std::int64_t>(no_time), torch::kLong);
    one.users.assign(some.begin(), some.end());
    made.push_back(std::move(one));
  }
  return made;
}

batch batch_maker::whole(const std::vector<sequence_step>& history) const {
  batch made;
  row_writer{made, 1, history.size(), data_.items}.write(0, history, 0, history.size(), true);
  return made;
}

std::vector<std::uint32_t> batch_maker::seen_before_last(std::size_t user) const {
  std::vector<std::uint32_t> made;
  for (auto i = begin_of(user); i + 1 < data_.ends[user]; ++i)
    made.push_back(data_.steps[i].item);
  return made;
}

} // namespace troupe::model::training
