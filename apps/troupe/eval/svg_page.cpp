#include "apps/troupe/eval/svg_page.hpp"

#include <fmt/format.h>

#include <cmath>

namespace troupe::apps {
namespace {

std::string dashes(std::string_view dash) {
  return dash.empty() ? std::string{} : fmt::format(" stroke-dasharray=\"{}\"", dash);
}

} // namespace

svg_page::svg_page(double width, double height, std::string_view title)
    : body_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" "
                        "height=\"{1:g}\" viewBox=\"0 0 {0:g} {1:g}\" role=\"img\" "
                        "font-family=\"sans-serif\" fill=\"#222222\">\n<title>{2}</title>\n",
                        width, height, xml_escaped(title))) {
  rectangle({0, 0}, width, height, "#ffffff");
}

void svg_page::rectangle(svg_point corner, double width, double height, std::string_view fill) {
  body_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
      corner.x, corner.y, width, height, fill);
}

void svg_page::line(svg_point from, svg_point to, std::string_view colour, double thick,
                    std::string_view dash) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" "
                       "stroke=\"{}\" stroke-width=\"{:g}\"{}/>\n",
                       from.x, from.y, to.x, to.y, colour, thick, dashes(dash));
}

void svg_page::path(std::span<const svg_point> points, std::string_view colour, double thick,
                    std::string_view dash) {
  body_ += "<polyline points=\"";
  for (const auto& one : points)
    body_ += fmt::format("{:.1f},{:.1f} ", one.x, one.y);
  body_ += fmt::format("\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:g}\"{}/>\n", colour, thick,
                       dashes(dash));
}

void svg_page::text(svg_point at, std::string_view what, double size, anchor where, bool turned) {
  const auto* const side = where == anchor::start    ? "start"
                           : where == anchor::middle ? "middle"
                                                     : "end";
  const auto turn =
      turned ? fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", at.x, at.y) : std::string{};
  body_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:g}\" text-anchor=\"{}\"{}>{}</text>\n", at.x,
      at.y, size, side, turn, xml_escaped(what));
}

std::string svg_page::finish() const {
  return body_ + "</svg>\n";
}

std::string xml_escaped(std::string_view text) {
  std::string made;
  for (const auto c : text)
    switch (c) {
    case '&':
      made += "&amp;";
      break;
    case '<':
      made += "&lt;";
      break;
    case '>':
      made += "&gt;";
      break;
    case '"':
      made += "&quot;";
      break;
    case '\'':
      made += "&#39;";
      break;
    default:
      made += c;
    }
  return made;
}

double tick_step(double span, double ticks) {
  const auto least = span / ticks;
  const auto power = std::pow(10.0, std::floor(std::log10(least)));
  for (const auto factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9))
      return factor * power;
  return 10 * power;
}

} // namespace troupe::apps
