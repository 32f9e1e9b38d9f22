#include "model/rank_ease.hpp"

#include "model/take_best.hpp"

#include <fmt/format.h>

#include <utility>

// LAPACK, by the names and types of its Fortran interface; the last argument is the length of
// the text, which Fortran passes there.
extern "C" {
// NOLINTBEGIN(readability-identifier-naming)
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);
void spotri_(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);
// NOLINTEND(readability-identifier-naming)
}

namespace troupe::model {

namespace {

constexpr const char* whole_name = "ease";
constexpr const char* decayed_name = "ease_decayed";

} // namespace

std::vector<std::string> ease_ranker::all_names() {
  return {whole_name, decayed_name};
}

ease_ranker::ease_ranker(std::span<const std::string> wanted, float lambda)
    : names_(wanted.begin(), wanted.end()), lambda_(lambda) {
  for (const auto& name : names_)
    decays_.push_back(name == decayed_name ? decay : 1.0F);
}

void ease_ranker::enter(item_number /*number*/, const item_ptr& /*record*/) {
  ++items_;
}

void ease_ranker::learn(const lesson& what) {
  if (what.now.weight <= 0)
    return;
  const auto pair = std::uint64_t{what.user} << 32 | what.now.item;
  if (!pairs_.insert(pair).second)
    return;
  if (what.user >= items_of_.size())
    items_of_.resize(what.user + std::size_t{1});
  items_of_[what.user].push_back(what.now.item);
}

std::size_t ease_ranker::number_rows() {
  row_of_.assign(items_, no_row);
  item_of_.clear();
  for (const auto& items : items_of_)
    for (const auto item : items)
      row_of_[item] = 0;
  for (item_number item = 0; item < items_; ++item)
    if (row_of_[item] != no_row) {
      row_of_[item] = static_cast<std::uint32_t>(item_of_.size());
      item_of_.push_back(item);
    }
  return item_of_.size();
}

void ease_ranker::count_pairs(std::size_t rows) {
  inverse_.assign(rows * rows, 0.0F);
  for (const auto& items : items_of_)
    for (const auto one : items)
      for (const auto other : items)
        inverse_[row_of_[one] * rows + row_of_[other]] += 1;
  for (std::size_t i = 0; i < rows; ++i)
    inverse_[i * rows + i] += lambda_;
}

result<void> ease_ranker::prepare() {
  const auto rows = number_rows();
  const auto give_up = [this](std::string why) {
    row_of_.clear();
    item_of_.clear();
    return failure{errc::invalid_argument, std::move(why)};
  };
  if (rows > items_max)
    return give_up(fmt::format("{} items have events; it is fitted up to {}", rows, items_max));
  if (rows == 0)
    return {};
  count_pairs(rows);
  const auto n = static_cast<int>(rows);
  int info = 0;
  spotrf_("L", &n, inverse_.data(), &n, &info, 1);
  if (info == 0)
    spotri_("L", &n, inverse_.data(), &n, &info, 1);
  if (info != 0)
    return give_up(fmt::format("the matrix of pairs cannot be inverted (LAPACK says {})", info));
  // Fortran's lower triangle is the upper one here: row j, columns from j on.
  for (std::size_t j = 0; j < rows; ++j)
    for (std::size_t i = j + 1; i < rows; ++i)
      inverse_[i * rows + j] = inverse_[j * rows + i];
  return {};
}

std::span<const float> ease_ranker::score(std::span<const weighted_item> past) {
  const auto rows = item_of_.size();
  sums_.assign(rows, 0.0F);
  for (const auto& one : past) {
    const auto row = one.item < row_of_.size() ? row_of_[one.item] : no_row;
    if (row == no_row)
      continue;
    const auto* const weights = inverse_.data() + row * rows;
    for (std::size_t i = 0; i < rows; ++i)
      sums_[i] -= one.weight * weights[i];
    sums_[row] += one.weight * weights[row]; // nothing speaks for itself
  }
  scores_.assign(items_, 0.0F);
  for (std::size_t i = 0; i < rows; ++i)
    scores_[item_of_[i]] = sums_[i] / inverse_[i * rows + i];
  return scores_;
}

void ease_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  for (std::size_t c = 0; c < decays_.size(); ++c)
    take_best(score(query_items(query.history, decays_[c])), query.barred, query.k, to[c]);
}

} // namespace troupe::model
