#include "apps/troupe/eval/eval_plot.hpp"

#include "apps/troupe/eval/svg_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

namespace troupe::apps {
namespace {

using model::model_quality;

constexpr double title_size = 16;
constexpr double label_size = 12;
constexpr double ticks_max = 6;
constexpr std::string_view axis_colour = "#666666";
constexpr std::string_view grid_colour = "#dddddd";

/// Told apart by most who see colours differently (Okabe and Ito, 2008), the yellow left out.
constexpr std::array<std::string_view, 7> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                  "#e69f00", "#56b4e9", "#000000"};
constexpr std::array<std::string_view, 3> dash_styles{"", "7 3", "2 3"};

std::string_view colour_of(std::size_t model) {
  return colours[model % colours.size()];
}

std::string_view dash_of(std::size_t model) {
  return dash_styles[model / colours.size() % dash_styles.size()];
}

/// Highest tick at or above `most`, and the step.
struct scale {
  double step = 0.1;
  double top = 1;
};

scale scale_to(double most) {
  scale made;
  made.step = tick_step(std::max(most, 1e-4), ticks_max);
  made.top = std::ceil(std::max(most, 1e-4) / made.step - 1e-9) * made.step;
  return made;
}

/// A bar chart of one figure, models from above.
struct bar_panel {
  std::string_view name;
  double (*value)(const model_quality&);
  model::interval (*range)(const model_quality&);
  std::string_view colour;
};

constexpr std::array panels{
    bar_panel{"HR@10", [](const model_quality& of) { return of.recall[model_quality::middle]; },
              [](const model_quality& of) { return of.recall_interval; }, colours[0]},
    bar_panel{"NDCG@10", [](const model_quality& of) { return of.ndcg[model_quality::middle]; },
              [](const model_quality& of) { return of.ndcg_interval; }, colours[1]},
};

constexpr double bar_height = 26;
constexpr double bars_top = 84;
constexpr double names_width = 180;
constexpr double panel_width = 400;
constexpr double panel_gap = 70; // what stands beside the longest bar

double bar_middle(std::size_t model) {
  return bars_top + bar_height * (static_cast<double>(model) + 0.5);
}

void draw_panel(svg_page& page, const bar_panel& panel, double left,
                const std::vector<model_quality>& models) {
  double most = 0;
  for (const auto& one : models)
    most = std::max({most, panel.value(one), panel.range(one).high});
  const auto [step, top] = scale_to(most);
  const auto x_of = [left, most_shown = top](double value) {
    return left + value / most_shown * panel_width;
  };
  const auto bottom = bars_top + bar_height * static_cast<double>(models.size());
  for (double tick = 0; tick <= top + step / 2; tick += step) {
    page.line({x_of(tick), bars_top}, {x_of(tick), bottom}, grid_colour);
    page.text({x_of(tick), bottom + 16}, fmt::format("{:g}", tick), label_size,
              svg_page::anchor::middle);
  }
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto value = panel.value(models[i]);
    const auto range = panel.range(models[i]);
    const auto middle = bar_middle(i);
    page.rectangle({left, middle - 9}, x_of(value) - left, 18, panel.colour);
    page.line({x_of(range.low), middle}, {x_of(range.high), middle}, "#222222", 1.5);
    for (const auto end : {range.low, range.high})
      page.line({x_of(end), middle - 5}, {x_of(end), middle + 5}, "#222222", 1.5);
    page.text({x_of(std::max(value, range.high)) + 6, middle + 4}, fmt::format("{:.4f}", value),
              label_size);
  }
  page.line({left, bars_top}, {left, bottom}, axis_colour);
  page.line({left, bottom}, {left + panel_width, bottom}, axis_colour);
  page.text({left + panel_width / 2, bottom + 36}, panel.name, label_size,
            svg_page::anchor::middle);
}

std::string bars_of(const model::evaluation& made, const std::string& title) {
  const auto width = names_width + (panel_width + panel_gap) * panels.size();
  const auto height = bars_top + bar_height * static_cast<double>(made.models.size()) + 52;
  svg_page page{width, height, title};
  page.text({12, 28}, title, title_size);
  double legend = names_width;
  for (const auto& panel : panels) {
    page.rectangle({legend, 48}, 14, 14, panel.colour);
    page.text({legend + 20, 60}, panel.name, label_size);
    legend += 100;
  }
  page.line({legend, 55}, {legend + 24, 55}, "#222222", 1.5);
  page.text({legend + 32, 60}, "95 % interval", label_size);
  for (std::size_t i = 0; i < made.models.size(); ++i)
    page.text({names_width - 8, bar_middle(i) + 4}, made.models[i].name, label_size,
              svg_page::anchor::end);
  double left = names_width;
  for (const auto& panel : panels) {
    draw_panel(page, panel, left, made.models);
    left += panel_width + panel_gap;
  }
  return page.finish();
}

constexpr double curve_left = 76;
constexpr double curve_top = 52;
constexpr double curve_width = 780;
constexpr double curve_height = 420;
constexpr double legend_width = 250;
constexpr double legend_line = 20;

void draw_grid(svg_page& page, const scale& upwards, double targets) {
  const auto bottom = curve_top + curve_height;
  for (double tick = 0; tick <= upwards.top + upwards.step / 2; tick += upwards.step) {
    const auto y = bottom - tick / upwards.top * curve_height;
    page.line({curve_left, y}, {curve_left + curve_width, y}, grid_colour);
    page.text({curve_left - 8, y + 4}, fmt::format("{:g}", tick), label_size,
              svg_page::anchor::end);
  }
  const auto step = std::max(1.0, tick_step(targets, ticks_max + 2));
  for (double tick = 0; tick <= targets; tick += step) {
    const auto x = curve_left + tick / targets * curve_width;
    page.line({x, bottom}, {x, bottom + 5}, axis_colour);
    page.text({x, bottom + 20}, fmt::format("{:.0f}", tick), label_size, svg_page::anchor::middle);
  }
  page.line({curve_left, curve_top}, {curve_left, bottom}, axis_colour);
  page.line({curve_left, bottom}, {curve_left + curve_width, bottom}, axis_colour);
}

std::string curves_of(const model::evaluation& made, const std::string& title) {
  const auto rows = static_cast<double>(made.models.size());
  const auto plot_height = std::max(curve_height, rows * legend_line);
  svg_page page{curve_left + curve_width + legend_width, curve_top + plot_height + 60, title};
  page.text({12, 28}, title, title_size);
  double most = 0;
  for (const auto& one : made.models)
    for (const auto value : one.recall_curve)
      most = std::max(most, value);
  const auto upwards = scale_to(most);
  const auto targets = std::max(1.0, static_cast<double>(made.targets));
  draw_grid(page, upwards, targets);
  const auto bottom = curve_top + curve_height;
  page.text({curve_left + curve_width / 2, bottom + 42}, "targets so far", label_size,
            svg_page::anchor::middle);
  page.text({20, curve_top + curve_height / 2},
            fmt::format("Recall@10, average over the last {} targets", made.curve_window),
            label_size, svg_page::anchor::middle, true);
  for (std::size_t i = 0; i < made.models.size(); ++i) {
    const auto& one = made.models[i];
    std::vector<svg_point> points;
    for (std::size_t p = 0; p < std::min(one.recall_curve.size(), made.curve_at.size()); ++p)
      points.push_back({curve_left + static_cast<double>(made.curve_at[p]) / targets * curve_width,
                        bottom - one.recall_curve[p] / upwards.top * curve_height});
    page.path(points, colour_of(i), 1.8, dash_of(i));
    const auto y = curve_top + 12 + legend_line * static_cast<double>(i);
    const auto x = curve_left + curve_width + 16;
    page.line({x, y - 4}, {x + 28, y - 4}, colour_of(i), 2.5, dash_of(i));
    page.text({x + 36, y}, fmt::format("{} {:.4f}", one.name, one.recall[model_quality::middle]),
              label_size);
  }
  return page.finish();
}

} // namespace

std::string plot_of(const model::evaluation& made, model::evaluation_protocol protocol,
                    const std::string& title) {
  return protocol == model::evaluation_protocol::prequential ? curves_of(made, title)
                                                             : bars_of(made, title);
}

} // namespace troupe::apps
