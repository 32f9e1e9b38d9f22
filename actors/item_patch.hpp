#pragma once

#include "actors/interfaces.hpp"

namespace troupe::actors {

/// The item with the patch's fields changed. Errors: invalid_argument when the result breaks a
/// limit (check_item).
[[nodiscard]] result<item> apply_patch(item what, const patch_item& changes, timestamp now);

/// Whether every word of `words` (made by `search_words`) stands in the item's title,
/// categories or tags, in any case of ASCII letters.
[[nodiscard]] bool matches_words(const item& what, const std::vector<std::string>& words);

/// The words of a search text, lower-cased; separated by ASCII spaces and punctuation, at most
/// eight.
[[nodiscard]] std::vector<std::string> search_words(std::string_view text);

} // namespace troupe::actors
