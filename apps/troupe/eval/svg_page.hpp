#pragma once

#include <span>
#include <string>
#include <string_view>

namespace troupe::apps {

struct svg_point {
  double x = 0;
  double y = 0;
};

/// A drawing as SVG 1.1 text, element by element. Lengths in pixels from the upper left; colours
/// as CSS writes them. Without scripts, fonts or links, so any viewer shows the same.
class svg_page {
public:
  enum class anchor { start, middle, end };

  /// `title` is what a screen reader says.
  svg_page(double width, double height, std::string_view title);

  void rectangle(svg_point corner, double width, double height, std::string_view fill);

  /// `dash` as in stroke-dasharray; empty: solid.
  void line(svg_point from, svg_point to, std::string_view colour, double thick = 1,
            std::string_view dash = {});

  /// A line through all points.
  void path(std::span<const svg_point> points, std::string_view colour, double thick,
            std::string_view dash = {});

  /// One line of text whose base line begins, has its middle or ends at a point. `turned`: read
  /// upwards.
  void text(svg_point at, std::string_view what, double size, anchor where = anchor::start,
            bool turned = false);

  /// The whole document.
  [[nodiscard]] std::string finish() const;

private:
  std::string body_;
};

/// Text that may stand between tags or in quotes: the five characters of markup escaped.
[[nodiscard]] std::string xml_escaped(std::string_view text);

/// A distance between ticks, 1, 2 or 5 times a power of ten, that divides `span` into at most
/// `ticks` parts. REQUIRES: span > 0, ticks >= 1.
[[nodiscard]] double tick_step(double span, double ticks);

} // namespace troupe::apps
