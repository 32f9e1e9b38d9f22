#include "model/sequences.hpp"

#include "base/stable_hash.hpp"
#include "model/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t items_max = 50'000'000;

failure invalid(std::string context) {
  return {errc::invalid_argument, std::move(context)};
}

/// Records by row; null where there is none.
std::vector<const item*> records_of(const sequence_vocabulary& words, std::span<const item> items) {
  std::vector<const item*> made(words.items().size());
  for (const auto& one : items)
    if (const auto row = words.find_item(key_of(one.id)))
      made[*row] = &one;
  return made;
}

/// Gives rows to the labels that stand at enough items, the most frequent first.
void add_labels(sequence_corpus& to, std::span<const item* const> records,
                const corpus_options& options) {
  std::map<std::string, std::size_t> count;
  for (const auto* record : records)
    if (record != nullptr)
      for (const auto& label : vector_labels(*record, options.item_labels_max))
        ++count[label];
  std::vector<std::pair<std::size_t, std::string_view>> frequent;
  for (const auto& [label, at] : count)
    if (at >= options.label_items_min)
      frequent.emplace_back(at, label);
  std::stable_sort(frequent.begin(), frequent.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (frequent.size() > options.labels_max)
    frequent.resize(options.labels_max);
  for (const auto& [at, label] : frequent)
    to.words.add_label(label);
}

std::size_t usual_content_size(std::span<const item* const> records, double share) {
  std::map<std::size_t, std::size_t> count;
  for (const auto* record : records)
    if (record != nullptr && !record->vector.empty())
      ++count[record->vector.size()];
  const auto most = std::max_element(
      count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto least = share * static_cast<double>(records.size());
  return most == count.end() || static_cast<double>(most->second) < least ? 0 : most->first;
}

void add_item_labels(sequence_corpus& to, std::span<const item* const> records,
                     const corpus_options& options) {
  for (const auto* record : records) {
    if (record != nullptr)
      for (const auto& label : vector_labels(*record, options.item_labels_max))
        if (const auto known = to.words.find_label(label))
          to.data.item_labels.push_back(*known);
    to.data.item_label_ends.push_back(to.data.item_labels.size());
  }
}

void add_contents(sequence_corpus& to, std::span<const item* const> records) {
  auto& data = to.data;
  for (std::uint32_t row = 0; row < records.size(); ++row) {
    if (records[row] == nullptr || records[row]->vector.empty())
      continue;
    const auto content = content_vector(*records[row], data.content_size);
    if (content.empty())
      continue;
    data.content_items.push_back(row);
    data.contents.insert(data.contents.end(), content.begin(), content.end());
  }
}

/// Users with two targets, one to learn from and one to judge by.
std::size_t learnable_users(const sequence_data& in) {
  const std::span all{in.steps};
  std::size_t made = 0;
  std::size_t begin = 0;
  for (const auto end : in.ends) {
    if (count_targets(all.subspan(begin + 1, end - begin - 1)) >= 2) // nothing is before the first
      ++made;
    begin = end;
  }
  return made;
}

} // namespace

std::vector<std::string> vector_labels(const item& what, std::size_t most) {
  auto made = labels_of(what, most);
  for (auto& word : title_words(what.title))
    made.push_back("title:" + std::move(word));
  if (made.size() > most)
    made.resize(most);
  return made;
}

std::vector<float> content_vector(const item& what, std::size_t size) {
  if (what.vector.empty() || what.vector.size() != size)
    return {};
  double squares = 0; // of values as small and as large as a float can be
  for (const double value : what.vector)
    squares += value * value;
  const auto length = std::sqrt(squares);
  std::vector<float> made;
  made.reserve(size);
  for (const double value : what.vector)
    made.push_back(static_cast<float>(value / length));
  return made;
}

sequence_vocabulary::sequence_vocabulary(std::vector<std::string> kinds)
    : kinds_(std::move(kinds)) {}

sequence_vocabulary::sequence_vocabulary(const fold_rules& rules) : kinds_{""} {
  for (const auto& rule : rules.signals().events)
    kinds_.push_back(rule.match);
}

std::uint32_t sequence_vocabulary::add_item(const item_id& id) {
  const auto row = static_cast<std::uint32_t>(items_.size());
  const auto [at, is_new] = item_rows_.emplace(key_of(id), row);
  if (is_new)
    items_.push_back(id);
  return at->second;
}

std::uint32_t sequence_vocabulary::add_label(std::string_view label) {
  const auto row = static_cast<std::uint32_t>(labels_.size());
  const auto [at, is_new] = label_rows_.emplace(stable_hash(label), row);
  if (is_new)
    labels_.emplace_back(label);
  return at->second;
}

std::optional<std::uint32_t> sequence_vocabulary::find_item(item_key key) const {
  const auto found = item_rows_.find(key);
  return found == item_rows_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::uint32_t> sequence_vocabulary::find_label(std::string_view label) const {
  const auto found = label_rows_.find(stable_hash(label));
  return found == label_rows_.end() ? std::nullopt : std::optional{found->second};
}

corpus_options corpus_options_for(const config::blend_settings& blend) {
  corpus_options made;
  made.repeats = blend.seen != "exclude";
  return made;
}

void leave_out_repeats(sequence_data& in) {
  std::vector<std::size_t> last_user(in.items); // who had the item last, from 1
  std::size_t at = 0;
  for (std::size_t user = 1; user <= in.ends.size(); ++user)
    for (; at < in.ends[user - 1]; ++at)
      in.steps[at].is_target = std::exchange(last_user[in.steps[at].item], user) != user;
}

result<sequence_corpus> make_corpus(std::span<const stored_event> events,
                                    std::span<const item> items, const fold_rules& rules,
                                    const corpus_options& options) {
  sequence_corpus made{sequence_vocabulary{rules}, {}, 0};
  boost::unordered_flat_map<user_id, std::vector<sequence_step>, std::hash<user_id>> by_user;
  std::vector<user_id> order; // of users, so that the same events give the same corpus
  for (const auto& one : events) {
    const auto meaning = rules.meaning_of(one.what);
    if (!meaning.history || meaning.sequence <= 0)
      continue;
    auto& steps = by_user[one.what.user];
    if (steps.empty())
      order.push_back(one.what.user);
    steps.push_back({made.words.add_item(one.what.item), meaning.rule, to_millis(one.what.time)});
  }
  for (const auto& user : order) {
    auto& steps = by_user[user];
    std::stable_sort(steps.begin(), steps.end(),
                     [](const auto& a, const auto& b) { return a.millis < b.millis; });
    made.data.steps.insert(made.data.steps.end(), steps.begin(), steps.end());
    made.data.ends.push_back(made.data.steps.size());
  }
  made.data.items = made.words.items().size();
  if (!options.repeats)
    leave_out_repeats(made.data);
  if (const auto learnable = learnable_users(made.data); learnable < 2)
    return invalid(fmt::format("{} of {} users have three {} or more; training needs two",
                               learnable, order.size(),
                               options.repeats ? "events" : "different items"));
  const auto records =
      options.with_content ? records_of(made.words, items) : std::vector<const item*>{};
  add_labels(made, records, options);
  describe_items(made, items, usual_content_size(records, 0), options);
  return made;
}

std::size_t usual_content_size(const sequence_vocabulary& words, std::span<const item> items,
                               double share) {
  return usual_content_size(records_of(words, items), share);
}

void describe_items(sequence_corpus& to, std::span<const item> items, std::size_t content_size,
                    const corpus_options& options) {
  to.data.content_size = content_size;
  if (!to.words.labels().empty() || content_size > 0) {
    const auto records = records_of(to.words, items);
    if (!to.words.labels().empty())
      add_item_labels(to, records, options);
    if (content_size > 0) {
      add_contents(to, records);
      const auto is_other = [content_size](const item& one) {
        return !one.vector.empty() && one.vector.size() != content_size;
      };
      to.contents_left_out =
          static_cast<std::size_t>(std::count_if(items.begin(), items.end(), is_other));
    }
  }
  to.data.items = to.words.items().size();
  to.data.kinds = to.words.kinds().size();
  to.data.labels = to.words.labels().size();
}

result<void> check_training(const sequence_data& data, const training_options& options) {
  const auto outside = [](const char* name, auto value, auto least, auto most) {
    return invalid(fmt::format("{} is {}; it takes {} to {}", name, value, least, most));
  };
  if (options.dimensions < 4 || options.dimensions > encoder_shape::dimensions_max)
    return outside("dimensions", options.dimensions, 4, encoder_shape::dimensions_max);
  if (options.blocks < 1 || options.blocks > encoder_shape::blocks_max)
    return outside("blocks", options.blocks, 1, encoder_shape::blocks_max);
  if (!(options.dropout >= 0 && options.dropout <= 0.9))
    return outside("dropout", options.dropout, 0, 0.9);
  if (!(options.learning_rate > 0 && options.learning_rate <= 1))
    return outside("learning rate", options.learning_rate, "more than 0", 1);
  if (!(options.weight_decay >= 0 && options.weight_decay <= 1))
    return outside("weight decay", options.weight_decay, 0, 1);
  if (options.batch_steps != 0 && options.batch_steps < 16)
    return outside("steps in a batch", options.batch_steps, 16, 1'000'000);
  if (options.batch_steps > 1'000'000)
    return outside("steps in a batch", options.batch_steps, 16, 1'000'000);
  if (!(options.item_dropout >= 0 && options.item_dropout <= 0.9))
    return outside("share of items hidden", options.item_dropout, 0, 0.9);
  if (options.architecture == encoder_architecture::transformer
      && (options.heads == 0 || options.dimensions % (2 * options.heads) != 0))
    return invalid(fmt::format("{} dimensions cannot be shared by {} heads in even parts",
                               options.dimensions, options.heads));
  if (options.held_out_max < 1 || options.held_out_max > 100)
    return outside("held-out events of a user", options.held_out_max, 1, 100);
  if (options.length_max < 2 || options.length_max > 10'000)
    return outside("longest history", options.length_max, 2, 10'000);
  if (!(options.now_share >= 0 && options.now_share <= 1))
    return outside("share without time", options.now_share, 0, 1);
  if (options.hidden > 8 * encoder_shape::dimensions_max)
    return outside("hidden units", options.hidden, 0, 8 * encoder_shape::dimensions_max);
  if (options.states > encoder_shape::dimensions_max)
    return outside("states", options.states, 0, encoder_shape::dimensions_max);
  if (!(options.teacher_share >= 0 && options.teacher_share <= 1))
    return outside("the teacher's share", options.teacher_share, 0, 1);
  if (options.threads < 1 || options.threads > 256)
    return outside("threads", options.threads, 1, 256);
  if (data.items == 0 || data.items > items_max)
    return outside("items", data.items, 1, items_max);
  return {};
}

} // namespace troupe::model
