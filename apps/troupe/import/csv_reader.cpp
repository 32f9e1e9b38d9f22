#include "apps/troupe/import/csv_reader.hpp"

#include <fmt/format.h>

#include <utility>

namespace troupe::apps {

csv_reader::csv_reader(line_source source, csv_dialect dialect)
    : source_(std::move(source)), dialect_(dialect) {}

std::string& csv_reader::fresh_field() {
  if (spare_.empty()) {
    fields_.emplace_back();
  } else {
    fields_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    fields_.back().clear();
  }
  return fields_.back();
}

csv_reader::field_end csv_reader::read_plain(std::string_view& rest) {
  const auto end = rest.find(dialect_.delimiter);
  const auto text = rest.substr(0, end);
  if (dialect_.quotes && text.find('"') != std::string_view::npos) {
    complaint_ = "a quote inside a field that does not begin with one";
    return field_end::wrong;
  }
  fresh_field() = text;
  if (end == std::string_view::npos)
    return field_end::last;
  rest.remove_prefix(end + 1);
  return field_end::more;
}

result<csv_reader::field_end> csv_reader::read_quoted(std::string_view& rest) {
  auto& field = fresh_field();
  rest.remove_prefix(1);
  for (;;) {
    const auto quote = rest.find('"');
    field += rest.substr(0, quote);
    if (quote == std::string_view::npos) { // the field goes on in the next line
      field += '\n';
      const auto got = source_.next(rest);
      if (!got)
        return got.error();
      if (*got == line_source::status::end || field.size() > line_source::line_bytes_max) {
        complaint_ = "a quoted field without an end";
        return field_end::wrong;
      }
      if (*got == line_source::status::too_long)
        rest = {};
      continue;
    }
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"'))
      break;
    field += '"';
    rest.remove_prefix(1);
  }
  if (rest.empty())
    return field_end::last;
  if (rest.front() != dialect_.delimiter) {
    complaint_ = "text after the end of a quoted field";
    return field_end::wrong;
  }
  rest.remove_prefix(1);
  return field_end::more;
}

result<csv_reader::status> csv_reader::next() {
  while (!fields_.empty()) {
    spare_.push_back(std::move(fields_.back()));
    fields_.pop_back();
  }
  std::string_view rest;
  do {
    const auto got = source_.next(rest);
    if (!got)
      return got.error();
    if (*got == line_source::status::end)
      return status::end;
    line_ = source_.number();
    if (*got == line_source::status::too_long) {
      complaint_ = fmt::format("a line of more than {} bytes", line_source::line_bytes_max);
      return status::malformed;
    }
  } while (rest.empty());
  for (;;) {
    field_end end = field_end::more;
    if (dialect_.quotes && rest.starts_with('"')) {
      const auto quoted = read_quoted(rest);
      if (!quoted)
        return quoted.error();
      end = *quoted;
    } else {
      end = read_plain(rest);
    }
    if (end == field_end::wrong)
      return status::malformed;
    if (end == field_end::last)
      return status::record;
  }
}

} // namespace troupe::apps
