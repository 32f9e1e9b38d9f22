#include "actors/item_patch.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t search_words_max = 8;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_word(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool contains(std::string_view text, std::string_view word) {
  const auto found = std::search(text.begin(), text.end(), word.begin(), word.end(),
                                 [](char a, char b) { return lower(a) == b; });
  return found != text.end();
}

} // namespace

result<item> apply_patch(item what, const patch_item& changes, timestamp now) {
  if (changes.title)
    what.title = *changes.title;
  if (changes.categories)
    what.categories = *changes.categories;
  if (changes.tags)
    what.tags = *changes.tags;
  for (const auto& [name, value] : changes.properties) {
    if (value)
      what.properties.insert_or_assign(name, *value);
    else
      what.properties.erase(name);
  }
  if (changes.hidden)
    what.hidden = *changes.hidden;
  if (changes.vector)
    what.vector = *changes.vector;
  what.updated = now;
  if (auto fine = check_item(what); !fine)
    return fine.error();
  return what;
}

std::vector<std::string> search_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (is_word(c)) {
      word.push_back(lower(c));
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty())
    words.push_back(std::move(word));
  if (words.size() > search_words_max)
    words.resize(search_words_max);
  return words;
}

bool matches_words(const item& what, const std::vector<std::string>& words) {
  return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
    const auto holds = [&](const std::string& text) { return contains(text, word); };
    return holds(what.title) || std::any_of(what.categories.begin(), what.categories.end(), holds)
           || std::any_of(what.tags.begin(), what.tags.end(), holds);
  });
}

} // namespace troupe::actors
