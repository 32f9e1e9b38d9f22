#include "model/catalogue_slice.hpp"
#include "model/slice_state.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

namespace {

/// Catalogues of more items are scanned in int8, with the best scored again in float32.
constexpr std::size_t float32_items_max = 50'000;

/// Items that the encoder proposes: so many times the candidates wanted, and at least `hits_min`.
/// Beyond them its part has fallen so far that other signals decide.
constexpr std::size_t hits_factor = 2;
constexpr std::size_t hits_min = 64;

std::size_t hits_wanted(const score_query& query, const config::signals_settings& signals) {
  return std::max(hits_min, hits_factor * std::min(query.limit, signals.candidates_max));
}

} // namespace

void catalogue_slice::adopt(sequence_model_ptr what) {
  auto& held = state_->vectors;
  const auto found = std::find_if(held.begin(), held.end(), [&what](const slice_vectors& one) {
    return one.model().version() == what->version();
  });
  if (found != held.end()) {
    std::rotate(found, std::next(found), held.end());
    return;
  }
  if (held.size() == models_max)
    held.erase(held.begin());
  held.emplace_back(std::move(what));
}

bool catalogue_slice::adopt_rows(std::size_t most) {
  auto& my = *state_;
  if (my.vectors.empty())
    return true;
  auto& newest = my.vectors.back();
  for (auto local = newest.rows().rows(); local < my.locals.size(); ++local) {
    if (most-- == 0)
      return false;
    newest.append(my.locals[local].key, my.locals[local].record.get(),
                  my.companions.of(static_cast<std::uint32_t>(local)));
  }
  return true;
}

const slice_vectors* catalogue_slice::state::vectors_of(std::uint64_t version) const noexcept {
  for (const auto& one : vectors)
    if (one.model().version() == version && one.rows().rows() == locals.size())
      return &one;
  return nullptr;
}

bool catalogue_slice::serves(std::uint64_t version) const noexcept {
  return version == 0 || state_->vectors_of(version) != nullptr;
}

std::vector<float> catalogue_slice::vector_of(item_key key, std::uint64_t version) const {
  const auto* of = state_->vectors_of(version);
  const auto local = state_->local_of(key);
  if (of == nullptr || local == state::foreign)
    return {};
  return of->input(local, key, state_->locals[local].record.get(), state_->companions.of(local));
}

void catalogue_slice::state::learn_companions(std::uint32_t local, const observation& what) {
  const auto& one = locals[local];
  if (!companions.learn(local, one.key, what.weight, what.near))
    return;
  for (auto& version : vectors)
    version.move(local, one.key, one.record.get(), companions.of(local));
}

std::vector<sequence_hits>
catalogue_slice::state::find_hits(std::span<const score_query> queries) const {
  std::vector<sequence_hits> made(queries.size());
  std::vector<bool> is_done(queries.size());
  for (std::size_t first = 0; first < queries.size(); ++first) {
    const auto* of = vectors_of(queries[first].model_version);
    if (of == nullptr || is_done[first])
      continue;
    // All that ask the same version are answered by the same pass.
    std::vector<std::size_t> asking;
    std::vector<float> together;
    top_k_options options;
    options.k = 0;
    for (auto at = first; at < queries.size(); ++at) {
      const auto& query = queries[at];
      if (query.model_version != queries[first].model_version || is_done[at])
        continue;
      is_done[at] = true;
      if (!query.who || query.who->sequence.size() != of->rows().dimensions())
        continue;
      asking.push_back(at);
      together.insert(together.end(), query.who->sequence.begin(), query.who->sequence.end());
      options.k = std::max(options.k, hits_wanted(query, signals));
    }
    if (asking.empty())
      continue;
    options.precision =
        locals.size() * shards > float32_items_max ? scan_precision::int8 : scan_precision::float32;
    options.accept = [&](std::size_t which, std::uint32_t local) {
      const auto& query = queries[asking[which]];
      const auto& by = query.blend ? *query.blend : blend;
      return is_visible(local) && !(by.seen == "exclude" && query.who->seen.contains(keys[local]));
    };
    auto best = top_k(of->rows(), together, options);
    for (std::size_t i = 0; i < asking.size(); ++i) {
      auto& hits = made[asking[i]];
      hits.of = of;
      hits.best = std::move(best[i]);
      // Its own number of them, whatever the others wanted: an answer does not depend on them.
      const auto wanted = hits_wanted(queries[asking[i]], signals);
      hits.is_all = hits.best.size() < wanted;
      hits.best.resize(std::min(hits.best.size(), wanted));
    }
  }
  return made;
}

std::vector<candidate_list> catalogue_slice::score(std::span<const score_query> queries) const {
  const auto hits = state_->find_hits(queries);
  std::vector<candidate_list> made;
  made.reserve(queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i)
    made.push_back(score_with(queries[i], hits[i]));
  return made;
}

candidate_list catalogue_slice::score(const score_query& query) const {
  return score_with(query, state_->find_hits({&query, 1}).front());
}

} // namespace troupe::model
