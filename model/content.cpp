#include "model/content.hpp"

#include "base/stable_hash.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace troupe::model {

namespace {

/// Terms a wish proposes items by; the rest only scores.
constexpr std::size_t proposing_terms_max = 8;

std::uint64_t word_hash(std::string_view word) {
  return stable_hash(std::string{"word:"}.append(word));
}

bool is_word_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || byte >= 0x80;
}

} // namespace

std::vector<std::string> labels_of(const item& what, std::size_t limit) {
  std::vector<std::string> made;
  made.reserve(std::min(limit, what.categories.size() + what.tags.size()));
  const auto take = [&](std::string_view prefix, const std::vector<std::string>& from) {
    for (const auto& one : from) {
      if (made.size() >= limit)
        return;
      auto label = std::string{prefix}.append(one);
      if (std::find(made.begin(), made.end(), label) == made.end())
        made.push_back(std::move(label));
    }
  };
  take("category:", what.categories);
  take("tag:", what.tags);
  return made;
}

std::vector<std::string> title_words(std::string_view title) {
  constexpr std::size_t bytes_min = 3;
  std::vector<std::string> made;
  std::string word;
  const auto flush = [&] {
    if (word.size() >= bytes_min && std::find(made.begin(), made.end(), word) == made.end())
      made.push_back(word);
    word.clear();
  };
  for (const char c : title) {
    if (is_word_char(c))
      word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    else
      flush();
  }
  flush();
  return made;
}

content_index::content_index(std::size_t terms_max) : terms_max_(terms_max) {}

void content_index::set(std::uint32_t local, const item& what) {
  clear(local);
  auto& at = items_[local];
  for (const auto& label : labels_of(what, terms_max_))
    at.terms.push_back(intern(stable_hash(label)));
  at.labels = static_cast<std::uint32_t>(at.terms.size());
  for (const auto& word : title_words(what.title))
    if (at.terms.size() < terms_max_)
      at.terms.push_back(intern(word_hash(word)));
  std::sort(at.terms.begin(), at.terms.begin() + at.labels);
  std::sort(at.terms.begin() + at.labels, at.terms.end());
  at.terms.shrink_to_fit();
  for (const auto term : at.terms)
    enter(local, term);
  if (!at.terms.empty())
    set_documents(documents_ + 1);
}

void content_index::clear(std::uint32_t local) {
  auto& at = items_[local];
  if (at.terms.empty())
    return;
  const auto gone = std::move(at.terms);
  at = {};
  set_documents(documents_ - 1);
  for (const auto term : gone) {
    auto& row = terms_[term];
    set_frequency(term, row.frequency - 1);
    // Leaving at once would cost a search; sweeping when half have left costs a constant each.
    if (row.items.size() > 2 * std::size_t{row.frequency} + 16) {
      entries_ -= row.items.size();
      std::erase_if(row.items, [&](std::uint32_t one) { return !has(one, term); });
      std::sort(row.items.begin(), row.items.end());
      row.items.erase(std::unique(row.items.begin(), row.items.end()), row.items.end());
      entries_ += row.items.size();
    }
  }
}

content_index::wish
content_index::wish_for(std::span<const std::pair<std::uint64_t, float>> labels) const {
  wish made;
  for (const auto& [hash, weight] : labels)
    if (const auto found = numbers_.find(hash); found != numbers_.end())
      made.terms.emplace_back(found->second, weight * idf(found->second));
  finish(made);
  return made;
}

content_index::wish content_index::wish_for(const item& what) const {
  wish made;
  const auto take = [&](std::uint64_t hash) {
    if (const auto found = numbers_.find(hash); found != numbers_.end())
      made.terms.emplace_back(found->second, idf(found->second));
  };
  for (const auto& label : labels_of(what, terms_max_))
    take(stable_hash(label));
  for (const auto& word : title_words(what.title))
    take(word_hash(word));
  finish(made);
  return made;
}

content_index::wish content_index::wish_for(std::uint32_t local, const item& what) const {
  const auto& terms = items_[local].terms;
  if (terms.size() >= terms_max_) // there may be more than were kept
    return wish_for(what);
  wish made;
  made.terms.reserve(terms.size());
  for (const auto term : terms)
    made.terms.emplace_back(term, idf(term));
  finish(made);
  return made;
}

float content_index::match(const wish& wanted, std::uint32_t local,
                           bool with_words) const noexcept {
  const auto& at = items_[local];
  if (wanted.terms.empty() || at.terms.empty())
    return 0;
  float dot = 0;
  float squares = 0;
  const auto end = with_words ? at.terms.size() : std::size_t{at.labels};
  for (std::size_t i = 0; i < end; ++i) {
    const auto term = at.terms[i];
    const auto weight = idf(term);
    squares += weight * weight;
    const auto found = std::lower_bound(wanted.terms.begin(), wanted.terms.end(), term,
                                        [](const auto& a, std::uint32_t b) { return a.first < b; });
    if (found != wanted.terms.end() && found->first == term)
      dot += found->second * weight;
  }
  return squares > 0 ? dot / (std::sqrt(squares) * wanted.norm) : 0.0F;
}

void content_index::lay_out(const wish& wanted, spread& to) const {
  for (const auto term : to.terms)
    to.by_term[term + 1] = 0;
  to.terms.clear();
  if (to.by_term.size() < terms_.size() + 1)
    to.by_term.resize(terms_.capacity() + 1);
  for (const auto& [term, weight] : wanted.terms) {
    to.by_term[term + 1] = weight * idf(term);
    to.terms.push_back(term);
  }
  to.norm = wanted.norm;
  if (to.items.size() < items_.size())
    to.items.resize(items_.capacity());
}

float content_index::match(spread& wanted, std::uint32_t local) const noexcept {
  auto& what = wanted.items[local];
  if (what.state != state_)
    what = labels_for_match(local);
  float dot = 0;
  for (const auto place : what.first)
    dot += wanted.by_term[place];
  for (auto i = what.first.size(); i < what.count; ++i)
    dot += wanted.by_term[items_[local].terms[i] + 1];
  return dot == 0 || what.norm == 0 ? 0.0F : dot / (what.norm * wanted.norm);
}

content_index::spread::item_labels
content_index::labels_for_match(std::uint32_t local) const noexcept {
  const auto& from = items_[local];
  spread::item_labels made;
  made.state = state_;
  made.count = from.labels;
  float squares = 0;
  for (std::size_t i = 0; i < from.labels; ++i) {
    if (i < made.first.size())
      made.first[i] = from.terms[i] + 1;
    const auto weight = idf(from.terms[i]);
    squares += weight * weight;
  }
  made.norm = std::sqrt(squares);
  return made;
}

std::size_t content_index::heap_bytes() const noexcept {
  constexpr std::size_t map_entry = 20; // key, value and the map's own bytes at its usual load
  return terms_.capacity() * (sizeof(term_row) + sizeof(float))
         + items_.capacity() * sizeof(item_row) + numbers_.size() * map_entry
         + entries_ * 2 * sizeof(std::uint32_t);
}

std::uint32_t content_index::intern(std::uint64_t hash) {
  const auto [at, is_new] = numbers_.try_emplace(hash, static_cast<std::uint32_t>(terms_.size()));
  if (is_new) {
    terms_.emplace_back();
    log_frequencies_.push_back(0);
  }
  return at->second;
}

float content_index::idf(std::uint32_t term) const noexcept {
  return log_documents_ - log_frequencies_[term];
}

void content_index::set_documents(std::size_t count) {
  documents_ = count;
  if (++state_ == 0) // that is an item's that was never met
    ++state_;
  log_documents_ = std::log(static_cast<float>(count) + 1.0F);
}

void content_index::set_frequency(std::uint32_t term, std::uint32_t frequency) {
  terms_[term].frequency = frequency;
  log_frequencies_[term] = std::log(static_cast<float>(frequency) + 0.5F);
}

bool content_index::has(std::uint32_t local, std::uint32_t term) const noexcept {
  const auto& all = items_[local].terms;
  return std::find(all.begin(), all.end(), term) != all.end();
}

std::vector<std::uint32_t> content_index::strongest(const wish& wanted) const {
  std::vector<std::pair<float, std::uint32_t>> ordered;
  for (const auto& [term, weight] : wanted.terms)
    if (weight > 0)
      ordered.emplace_back(-weight, term);
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::uint32_t> made;
  for (const auto& [weight, term] : ordered)
    if (made.size() < proposing_terms_max)
      made.push_back(term);
  return made;
}

void content_index::enter(std::uint32_t local, std::uint32_t term) {
  auto& row = terms_[term];
  set_frequency(term, row.frequency + 1);
  row.items.push_back(local);
  ++entries_;
}

void content_index::finish(wish& made) {
  std::sort(made.terms.begin(), made.terms.end());
  double squares = 0;
  for (const auto& [term, weight] : made.terms)
    squares += static_cast<double>(weight) * static_cast<double>(weight);
  made.norm = static_cast<float>(std::sqrt(squares));
  if (!(made.norm > 0))
    made.terms.clear();
}

} // namespace troupe::model
