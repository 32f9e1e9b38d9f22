#include "gateway/json_codec.hpp"
#include "gateway/json_writer.hpp"

#include <array>

namespace troupe::gateway {

namespace {

/// Reads fixed-width digits off the front of a text.
class digit_reader {
public:
  explicit digit_reader(std::string_view text) noexcept : rest_(text) {}

  /// `width` digits. False: they are not there.
  bool digits(std::size_t width, int& out) noexcept {
    if (rest_.size() < width)
      return false;
    out = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9')
        return false;
      out = out * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return true;
  }

  bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c)
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// One to nine digits after the point, cut to milliseconds.
  bool fraction(int& millis) noexcept {
    int scale = 100;
    std::size_t read = 0;
    millis = 0;
    for (int digit = 0; read < 9 && digits(1, digit); ++read, scale /= 10)
      millis += digit * scale;
    return read > 0;
  }

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

private:
  std::string_view rest_;
};

std::optional<std::chrono::minutes> read_zone(digit_reader& in) noexcept {
  if (in.take('Z') || in.take('z'))
    return std::chrono::minutes{0};
  const bool east = in.take('+');
  if (!east && !in.take('-'))
    return std::nullopt;
  int hours = 0;
  int minutes = 0;
  if (!in.digits(2, hours) || !in.take(':') || !in.digits(2, minutes) || hours > 23 || minutes > 59)
    return std::nullopt;
  const std::chrono::minutes offset{hours * 60 + minutes};
  return east ? offset : -offset;
}

} // namespace

std::optional<timestamp> parse_time(std::string_view text) noexcept {
  digit_reader in{text};
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in.digits(4, year) || !in.take('-') || !in.digits(2, month) || !in.take('-')
      || !in.digits(2, day))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok())
    return std::nullopt;
  timestamp out{std::chrono::sys_days{date}};
  if (in.at_end())
    return out;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millis = 0;
  if ((!in.take('T') && !in.take('t') && !in.take(' ')) || !in.digits(2, hour) || !in.take(':')
      || !in.digits(2, minute))
    return std::nullopt;
  if (in.take(':') && (!in.digits(2, second) || (in.take('.') && !in.fraction(millis))))
    return std::nullopt;
  const auto zone = read_zone(in);
  if (!zone || !in.at_end() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  out += std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second}
         + std::chrono::milliseconds{millis} - *zone;
  return out;
}

void append_time(std::string& out, timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  auto rest = (time - day).count();
  std::array<char, 26> text{};
  auto* at = text.data();
  const auto put = [&](std::int64_t number, int width) {
    for (int i = width - 1; i >= 0; --i, number /= 10)
      at[i] = static_cast<char>('0' + number % 10);
    at += width;
  };
  *at++ = '"';
  put(std::max(0, static_cast<int>(date.year())) % 10000, 4);
  *at++ = '-';
  put(static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  put(static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  put(rest / 3600000, 2);
  rest %= 3600000;
  *at++ = ':';
  put(rest / 60000, 2);
  rest %= 60000;
  *at++ = ':';
  put(rest / 1000, 2);
  *at++ = '.';
  put(rest % 1000, 3);
  *at++ = 'Z';
  *at = '"';
  out.append(text.data(), text.size());
}

} // namespace troupe::gateway
