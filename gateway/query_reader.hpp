#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::gateway {

/// Percent-decodes; nothing if the encoding is broken. `plus_is_space`: in a query.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// Reads the parameters of a query; unknown ones are ignored, the first error stays.
class query_reader {
public:
  explicit query_reader(std::string_view query);

  /// The decoded value; empty if it is not there.
  std::string text(std::string_view name);
  std::optional<double> number(std::string_view name);
  std::size_t whole(std::string_view name, std::size_t preset, std::size_t min, std::size_t max);
  bool flag(std::string_view name, bool preset);
  /// Comma-separated and repeated values, each decoded after the split.
  std::vector<item_id> ids(std::string_view name, std::size_t max);

  [[nodiscard]] bool has(std::string_view name) const noexcept;

  [[nodiscard]] const std::optional<failure>& error() const noexcept { return error_; }

private:
  void fail(std::string_view name, std::string_view why);

  std::vector<std::pair<std::string, std::string_view>> fields_; ///< name, raw value
  std::optional<failure> error_;
};

} // namespace troupe::gateway
