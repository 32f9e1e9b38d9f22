#include "apps/troupe/eval/eval_report.hpp"

#include "apps/troupe/eval/eval_plot.hpp"
#include "apps/troupe/eval/svg_page.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>

using namespace troupe;
using namespace troupe::apps;

namespace {

model::evaluation found() {
  model::evaluation made;
  made.events = 100;
  made.users = 9;
  made.items = 30;
  made.targets = 50;
  made.notes = {"ease: left out, for a reason"};
  for (const auto* name : {"blend", "popularity_last_week"}) {
    model::model_quality one;
    one.name = name;
    one.recall = {0.1, 0.25, 0.5};
    one.ndcg = {0.05, 0.125, 0.25};
    one.recall_interval = {0.2, 0.3014};
    one.ndcg_interval = {0.1, 0.15};
    one.mrr = 0.0625;
    one.coverage = 0.75;
    one.gini = 0.5;
    one.mean_popularity = 123.45;
    one.cold_share = 0.375;
    made.models.push_back(one);
  }
  return made;
}

/// What one sees of a line: characters, not bytes.
std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t found_times = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++found_times;
  return found_times;
}

} // namespace

TEST_SUITE("apps.eval_report") {

  TEST_CASE("the table says everything in 120 columns") {
    model::evaluation_options how;
    how.protocol = model::evaluation_protocol::leave_one_out;
    const auto text = table_of(found(), how);
    std::istringstream lines{text};
    std::string line;
    std::getline(lines, line);
    CHECK(line == "leave-one-out: 100 events of 9 users, 30 items, 50 targets, 1 shards");
    for (; std::getline(lines, line);)
      CHECK(columns(line) <= 120);
    CHECK(text.find("blend                0.1000  0.2500 ±.0507 0.5000 0.0500  0.1250 ±.0250  "
                    "0.2500 0.0625  0.750  0.500   123.5  0.375\n")
          != std::string::npos);
    CHECK(text.find("ease: left out, for a reason\n") != std::string::npos);
  }

  TEST_CASE("the headline tells how slates were made") {
    model::evaluation_options how;
    how.when = model::query_time::zero;
    CHECK(headline_of(found(), how).find("prequential, query time zero: 100") == 0);
    how.pushed_slate = true;
    CHECK(headline_of(found(), how).find("prequential, pushed slates: 100") == 0);
    how.new_items = true;
    CHECK(headline_of(found(), how).find("prequential, pushed slates, new items only: 100") == 0);
  }

  TEST_CASE("the JSON has every figure") {
    model::evaluation_options how;
    auto made = found();
    made.curve_at = {10, 50};
    made.curve_window = 10;
    made.models[0].recall_curve = {0.5, 0.25};
    const auto all = nlohmann::json::parse(json_of(made, how));
    CHECK(all["protocol"] == "prequential");
    CHECK(all["query_time"] == "known");
    CHECK(all["targets"] == 50);
    CHECK(all["curve_at"] == nlohmann::json{10, 50});
    CHECK(all["notes"].size() == 1);
    const auto& row = all["models"][0];
    CHECK(row["recall_at_10"] == 0.25);
    CHECK(row["ndcg_at_20"] == 0.25);
    CHECK(row["recall_at_10_interval"] == nlohmann::json{0.2, 0.3014});
    CHECK(row["ndcg_at_10_interval"] == nlohmann::json{0.1, 0.15});
    CHECK(row["gini"] == 0.5);
    CHECK(row["cold_share"] == 0.375);
    CHECK(row["recall_curve"] == nlohmann::json{0.5, 0.25});
    CHECK_FALSE(all["models"][1].contains("recall_curve"));
  }

  TEST_CASE("bars: one for each model and figure, with its interval") {
    const auto svg = plot_of(found(), model::evaluation_protocol::leave_one_out, "a < b & c");
    CHECK(svg.find("<svg xmlns=") == 0);
    CHECK(svg.find("<title>a &lt; b &amp; c</title>") != std::string::npos);
    CHECK(svg.rfind("</svg>\n") == svg.size() - 7);
    CHECK(times(svg, ">blend</text>") == 1);
    CHECK(times(svg, "height=\"18.0\"") == 4);
    CHECK(times(svg, ">0.2500</text>") == 2);
    CHECK(times(svg, ">95 % interval</text>") == 1);
    // The scales end at 0.4 and 0.15, the first ticks from 0.3014 and 0.15 on; 400 pixels.
    CHECK(times(svg, "width=\"250.0\"") == 2);
    CHECK(times(svg, "width=\"333.3\"") == 2);
    CHECK(times(svg, "<polyline") == 0);
  }

  TEST_CASE("curves: a line for each model, and a legend") {
    auto made = found();
    made.curve_at = {10, 50};
    made.curve_window = 10;
    for (auto& one : made.models)
      one.recall_curve = {0.2, 0.4};
    const auto svg = plot_of(made, model::evaluation_protocol::prequential, "curves");
    CHECK(times(svg, "<polyline") == 2);
    CHECK(times(svg, ">blend 0.2500</text>") == 1);
    CHECK(times(svg, "over the last 10 targets") == 1);
    // From 10 to 50 of 50 targets, from half of the height to all of it.
    CHECK(times(svg, "points=\"232.0,262.0 856.0,52.0 \"") == 2);
  }

  TEST_CASE("a picture of nothing found is still one") {
    auto made = found();
    for (auto& one : made.models) {
      one.recall = {};
      one.ndcg = {};
      one.recall_interval = one.ndcg_interval = {};
    }
    for (const auto protocol :
         {model::evaluation_protocol::prequential, model::evaluation_protocol::leave_one_out}) {
      const auto svg = plot_of(made, protocol, "nothing");
      CHECK(svg.find("nan") == std::string::npos);
      CHECK(svg.find("inf") == std::string::npos);
    }
  }

  TEST_CASE("ticks stand at 1, 2 or 5 times a power of ten") {
    CHECK(tick_step(1, 5) == doctest::Approx(0.2));
    CHECK(tick_step(0.3014, 6) == doctest::Approx(0.1));
    CHECK(tick_step(70231, 8) == doctest::Approx(10000));
    CHECK(tick_step(3, 6) == doctest::Approx(0.5));
  }

} // TEST_SUITE
