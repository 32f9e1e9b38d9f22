#pragma once

#include "base/item.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace troupe::model {

/// The labels of an item as profiles take them: "category:Drama", "tag:noir", in the item's
/// order, at most `limit`.
[[nodiscard]] std::vector<std::string> labels_of(const item& what, std::size_t limit);

/// The words of an item's title: letters and digits in lower case (ASCII; other characters as
/// they are), at least three bytes, each once.
[[nodiscard]] std::vector<std::string> title_words(std::string_view title);

/// What items are about: labels and title words of a slice's items, weighted by inverse
/// document frequency (Spärck Jones, 1972). The frequencies are the slice's own: slices are
/// fair samples of the catalogue, so their scores compare up to sampling noise.
class content_index {
public:
  explicit content_index(std::size_t terms_max);

  void add_item() { items_.emplace_back(); }

  /// Sets what `local` is about. REQUIRES: local was added.
  void set(std::uint32_t local, const item& what);
  void clear(std::uint32_t local);

  /// A wish: labels' hashes with weights, looked up once. Ends with the next set or clear.
  struct wish {
    std::vector<std::pair<std::uint32_t, float>> terms; ///< term, weight times idf; by term
    float norm = 0;
  };

  [[nodiscard]] wish wish_for(std::span<const std::pair<std::uint64_t, float>> labels) const;
  /// What an item that may belong to another slice is about, words included.
  [[nodiscard]] wish wish_for(const item& what) const;
  /// The same of an item of the slice, without looking its labels and words up.
  [[nodiscard]] wish wish_for(std::uint32_t local, const item& what) const;

  /// Cosine between the wish and the item's labels (`with_words`: and words), -1 to 1.
  [[nodiscard]] float match(const wish& wanted, std::uint32_t local,
                            bool with_words) const noexcept;

  /// A wish laid out by term number, so that a match costs a load per label in place of a search.
  /// Kept from query to query. REQUIRES: a spread is for one index.
  struct spread {
    std::vector<float> by_term; ///< by term + 1: weight times idf squared, 0 if not in the wish
    std::vector<std::uint32_t> terms;
    float norm = 0;

    /// What a match needs of an item, in half a cache line.
    struct alignas(32) item_labels {
      std::uint32_t state = 0; ///< of the index when this was made
      std::uint32_t count = 0;
      float norm = 0;
      std::array<std::uint32_t, 5> first{}; ///< places in by_term; 0, where nothing stands: none
    };

    std::vector<item_labels> items; ///< by local; those of an older state are made anew
  };

  void lay_out(const wish& wanted, spread& to) const;

  /// As `match` of the laid out wish, without words.
  [[nodiscard]] float match(spread& wanted, std::uint32_t local) const noexcept;

  /// Calls `visit(local)` for items of the wish's strongest terms, newest first, rare terms
  /// first, at most `budget` in all; an item may come more than once.
  template <class Visit>
  void propose(const wish& wanted, std::size_t budget, Visit visit) const {
    for (const auto term : strongest(wanted))
      for (auto at = terms_[term].items.rbegin(); at != terms_[term].items.rend(); ++at) {
        if (budget-- == 0)
          return;
        visit(*at);
      }
  }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  struct term_row {
    std::vector<std::uint32_t> items; // in the order they came; may hold some that left
    std::uint32_t frequency = 0;      // items that have it
  };

  struct item_row {
    std::vector<std::uint32_t> terms; // labels by number, then words by number
    std::uint32_t labels = 0;
  };

  [[nodiscard]] std::uint32_t intern(std::uint64_t hash);
  [[nodiscard]] float idf(std::uint32_t term) const noexcept;
  [[nodiscard]] spread::item_labels labels_for_match(std::uint32_t local) const noexcept;
  [[nodiscard]] bool has(std::uint32_t local, std::uint32_t term) const noexcept;
  [[nodiscard]] std::vector<std::uint32_t> strongest(const wish& wanted) const;
  void enter(std::uint32_t local, std::uint32_t term);
  void set_documents(std::size_t count);
  void set_frequency(std::uint32_t term, std::uint32_t frequency);
  static void finish(wish& made);

  std::size_t terms_max_;
  std::size_t documents_ = 0;
  float log_documents_ = 0;
  std::uint32_t state_ = 1; // another number whenever a term's weight has changed
  std::size_t entries_ = 0;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> numbers_;
  std::vector<term_row> terms_;
  std::vector<float> log_frequencies_; // by term; apart, for it is read for every candidate
  std::vector<item_row> items_;
};

} // namespace troupe::model
