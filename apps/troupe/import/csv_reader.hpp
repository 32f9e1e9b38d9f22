#pragma once

#include "apps/troupe/import/line_source.hpp"
#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::apps {

/// How a file of separated values is written.
struct csv_dialect {
  char delimiter = ',';
  bool quotes = true; ///< false: a quote is a character like any other
};

/// Reads records of separated values as RFC 4180 writes them: fields in double quotes may hold
/// the delimiter, ends of lines and, doubled, the quote. Empty lines are skipped.
class csv_reader {
public:
  enum class status : unsigned char {
    record,
    malformed, ///< skipped; `complaint` says why
    end,
  };

  csv_reader(line_source source, csv_dialect dialect);

  /// The next record. Errors: those of the file; a malformed record is no error.
  [[nodiscard]] result<status> next();

  /// The fields of the last record, valid until the next call.
  [[nodiscard]] const std::vector<std::string>& fields() const noexcept { return fields_; }

  /// The line the last record began on, from 1.
  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }

  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }

  [[nodiscard]] const std::string& name() const noexcept { return source_.name(); }

private:
  enum class field_end : unsigned char { more, last, wrong };

  std::string& fresh_field();
  [[nodiscard]] field_end read_plain(std::string_view& rest);
  [[nodiscard]] result<field_end> read_quoted(std::string_view& rest);

  line_source source_;
  csv_dialect dialect_;
  std::vector<std::string> fields_;
  std::vector<std::string> spare_; // strings whose memory the next record uses
  std::uint64_t line_ = 0;
  std::string complaint_;
};

} // namespace troupe::apps
