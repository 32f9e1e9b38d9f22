#include "config/render.hpp"

#include "config/load.hpp"
#include "config/table.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace troupe::config;

TEST_SUITE("config.render") {

  TEST_CASE("the printed settings read back and print the same") {
    settings changed;
    REQUIRE(apply_override(changed, "gateway.port=0"));
    REQUIRE(apply_override(changed, "slates.deadline=75ms"));
    REQUIRE(apply_override(changed, "gateway.allowed_origins=\"quo\\ted\""));
    REQUIRE(apply_override(changed, "signals.query_decay=0.1234567890123"));
    const auto text = commented_toml(changed);
    settings again;
    const auto answer = apply_toml(again, text, "printed");
    REQUIRE_MESSAGE(answer, answer.error().context);
    CHECK(commented_toml(again) == text);
    CHECK(again.slates.deadline == std::chrono::milliseconds{75});
    CHECK(again.signals.query_decay == 0.1234567890123);
  }

  TEST_CASE("every default is within its own bounds, and every field has a sentence") {
    settings defaults;
    std::set<std::string> paths;
    for (const auto& part : table_of(defaults)) {
      CHECK(part.sentence.ends_with("."));
      for (const auto& each : part.fields) {
        CHECK_MESSAGE(paths.insert(each.path).second, each.path);
        CHECK_MESSAGE(each.path.starts_with(std::string{part.name} + "."), each.path);
        CHECK_MESSAGE(each.sentence.ends_with("."), each.path);
        settings to;
        const auto set = apply_override(to, each.path + "=" + value_text(each));
        // A text's quotes would be taken as part of it on a command line.
        if (!std::holds_alternative<std::string*>(each.where))
          CHECK_MESSAGE(set, set.error().context);
      }
    }
  }

  TEST_CASE("no line of the commented file is longer than 100 but the rules'") {
    std::size_t start = 0;
    const auto text = commented_toml(settings{});
    while (start < text.size()) {
      const auto end = text.find('\n', start);
      CHECK(end - start <= 100);
      start = end + 1;
    }
  }

  TEST_CASE("a secret is not printed") {
    settings with_key;
    with_key.gateway.api_key = "open sesame";
    const auto text = commented_toml(with_key);
    CHECK(text.find("sesame") == std::string::npos);
    CHECK(text.find("api_key = \"***\"") != std::string::npos);
  }

} // TEST_SUITE
