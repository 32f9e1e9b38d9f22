#include "config/load.hpp"

#include "config/table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::config;

namespace {

std::string complaint(std::string_view toml) {
  settings to;
  const auto answer = apply_toml(to, toml, "t.toml");
  if (answer)
    return "taken";
  CHECK(answer.error().code == errc::invalid_argument);
  return answer.error().context;
}

std::string override_complaint(std::string_view assignment) {
  settings to;
  const auto answer = apply_override(to, assignment);
  return answer ? "taken" : answer.error().context;
}

} // namespace

TEST_SUITE("config.load") {

  TEST_CASE("every kind of value is read from a file") {
    settings to;
    const auto answer = apply_toml(to, R"(
      [node]
      name = "north"
      shutdown_timeout = "2m"
      [storage]
      block_cache_bytes = "128MiB"
      shards = 3
      [signals]
      query_decay = 0.5
      popularity_half_lives_hours = [2, 48.5]
      [[signals.events]]
      match = "rating>=4"
      affinity = 2
      [[signals.events]]
      match = "skip"
      sequence = 0
      history = false
      seen = false
      [slates]
      deadline = "75ms"
      [gateway]
      port = 0
      body_bytes_max = 2048
    )",
                                   "t.toml");
    REQUIRE(answer);
    CHECK(to.node.name == "north");
    CHECK(to.node.shutdown_timeout == std::chrono::seconds{120});
    CHECK(to.storage.block_cache_bytes == std::size_t{128} << 20);
    CHECK(to.storage.shards == 3);
    CHECK(to.signals.query_decay == 0.5);
    CHECK(to.signals.popularity_half_lives_hours == std::vector<double>{2, 48.5});
    REQUIRE(to.signals.events.size() == 2);
    CHECK(to.signals.events[0].match == "rating>=4");
    CHECK(to.signals.events[0].affinity == 2);
    CHECK(to.signals.events[0].history);
    CHECK(to.signals.events[1].sequence == 0);
    CHECK_FALSE(to.signals.events[1].history);
    CHECK_FALSE(to.signals.events[1].seen);
    CHECK(to.slates.deadline == std::chrono::milliseconds{75});
    CHECK(to.gateway.port == 0);
    CHECK(to.gateway.body_bytes_max == 2048);
    CHECK(to.gateway.host == "127.0.0.1"); // what is left out keeps its default
  }

  TEST_CASE("an unknown key is refused with its line and the nearest known name") {
    CHECK(complaint("[gateway]\nhost = \"::1\"\nprot = 80\n")
          == "t.toml:3: unknown key gateway.prot; did you mean gateway.port?");
    CHECK(complaint("[gatway]\nport = 80\n")
          == "t.toml:1: unknown section [gatway]; did you mean gateway?");
    CHECK(complaint("[gateway]\nxyzzyplugh = 1\n") == "t.toml:2: unknown key gateway.xyzzyplugh");
    CHECK(complaint("port = 80\n").starts_with("t.toml:1: unknown section [port]"));
    CHECK(complaint("gateway = 80\n") == "t.toml:1: gateway is not a section: write [gateway]");
  }

  TEST_CASE("a value out of bounds or of the wrong type is refused with what is allowed") {
    CHECK(complaint("[gateway]\nport = 70000\n")
          == "t.toml:2: gateway.port = 70000 is not allowed: give 0 to 65535");
    CHECK(complaint("[gateway]\nport = \"80\"\n")
          == "t.toml:2: gateway.port = \"80\" is not allowed: give 0 to 65535");
    CHECK(complaint("[gateway]\nport = 80.5\n")
          == "t.toml:2: gateway.port = 80.5 is not allowed: give 0 to 65535");
    CHECK(complaint("[gateway]\nport = -1\n").ends_with("give 0 to 65535"));
    CHECK(complaint("[log]\nlevel = \"loud\"\n")
          == "t.toml:2: log.level = \"loud\" is not allowed: give one of debug, info, warn, error");
    CHECK(complaint("[log]\nlevel = 3\n").ends_with("give one of debug, info, warn, error"));
    CHECK(complaint("[node]\nshutdown_timeout = 10\n")
          == "t.toml:2: node.shutdown_timeout = 10 is not allowed: give 1s to 10m");
    CHECK(complaint("[node]\nshutdown_timeout = \"1500ms\"\n").ends_with("give 1s to 10m"));
    CHECK(complaint("[node]\nshutdown_timeout = \"11m\"\n").ends_with("give 1s to 10m"));
    CHECK(complaint("[node]\nname = \"\"\n").ends_with("give a text of 1 to 64 bytes"));
    CHECK(complaint("[node]\nname = \"a\\nb\"\n").ends_with("give a text of 1 to 64 bytes"));
    CHECK(complaint("[storage]\nblock_cache_bytes = \"64MB\"\n").ends_with("give 1MiB to 1024GiB"));
    CHECK(complaint("[storage]\nblock_cache_bytes = 12\n").ends_with("give 1MiB to 1024GiB"));
    CHECK(complaint("[signals]\nquery_decay = 1.5\n").ends_with("give 0.01 to 1"));
    CHECK(complaint("[signals]\nquery_decay = nan\n").ends_with("give 0.01 to 1"));
    CHECK(complaint("[signals]\nquery_decay = inf\n").ends_with("give 0.01 to 1"));
    CHECK(complaint("[signals]\npopularity_half_lives_hours = []\n")
              .ends_with("give a list of 1 to 8 numbers, each 0.01 to 876000"));
    CHECK(complaint("[signals]\npopularity_half_lives_hours = [1, \"x\"]\n")
              .ends_with("give a list of 1 to 8 numbers, each 0.01 to 876000"));
    CHECK(complaint("[gateway.port]\n").starts_with("t.toml:1: gateway.port = a table is not"));
  }

  TEST_CASE("a wrong event rule is refused with its line") {
    CHECK(complaint("[signals]\nevents = [\n{match = \"Rating!\"}]\n")
          == "t.toml:3: signals.events: match = \"Rating!\" is not allowed: give an event type, or "
             "one with a bound on its value: \"rating>=4\"");
    CHECK(complaint("[[signals.events]]\nmatch = \"a\"\naffinity = 1000\n")
          == "t.toml:3: signals.events: affinity = 1000 is not allowed: give -100 to 100");
    CHECK(
        complaint("[[signals.events]]\nmatch = \"a\"\nsequence = -1\n").ends_with("give 0 to 100"));
    CHECK(complaint("[[signals.events]]\nmatch = \"a\"\nseen = 1\n").ends_with("true or false"));
    CHECK(complaint("[[signals.events]]\nmatch = \"a\"\nweight = 1\n")
              .ends_with("give match, affinity, sequence, history and seen only"));
    CHECK(complaint("[[signals.events]]\naffinity = 1\n").ends_with("a rule has no match"));
    CHECK(complaint("[signals]\nevents = [1]\n").ends_with("give a list of 0 to 256 rules"));
    CHECK(complaint("[signals]\nevents = 1\n").ends_with("give a list of 0 to 256 rules"));
  }

  TEST_CASE("event matches are a type, or a type with a bound") {
    for (const auto* good : {"click", "rating>=4", "rating<2.5", "a.b-c_d==0", "x>-1", "x<=1e3"})
      CHECK_MESSAGE(is_event_match(good), good);
    for (const auto* bad : {"", ">=4", "Rating", "rating>=", "rating>=x", "rating >= 4", "rating=4",
                            "rating>=4x", "a b"})
      CHECK_MESSAGE(!is_event_match(bad), bad);
    CHECK(is_event_match(std::string(64, 'a')));
    CHECK_FALSE(is_event_match(std::string(65, 'a')));
  }

  TEST_CASE("what is not TOML is refused with its line") {
    CHECK(complaint("[gateway]\nport = \n").starts_with("t.toml:2: "));
    CHECK(complaint("[gateway]\nport = 1\nport = 2\n").starts_with("t.toml:3: "));
  }

  TEST_CASE("more neighbours than a list can number are refused, and one fewer taken") {
    CHECK(override_complaint("signals.neighbours_max=65536")
          == "--set: signals.neighbours_max = 65536 is not allowed: give 1 to 65535");
    CHECK(override_complaint("signals.neighbours_max=65535") == "taken");
  }

  TEST_CASE("an override takes texts without quotes, durations and sizes as in a file") {
    settings to;
    CHECK(apply_override(to, "gateway.port=0"));
    CHECK(apply_override(to, "gateway.host=0.0.0.0"));
    CHECK(apply_override(to, "node.shutdown_timeout=3s"));
    CHECK(apply_override(to, "storage.block_cache_bytes=8MiB"));
    CHECK(apply_override(to, "signals.popularity_half_lives_hours=[1, 2]"));
    CHECK(apply_override(to, "signals.events=[{match = \"click\"}]"));
    CHECK(apply_override(to, "gateway.api_key=a=b"));
    CHECK(to.gateway.port == 0);
    CHECK(to.gateway.host == "0.0.0.0");
    CHECK(to.node.shutdown_timeout == std::chrono::seconds{3});
    CHECK(to.storage.block_cache_bytes == std::size_t{8} << 20);
    CHECK(to.signals.popularity_half_lives_hours == std::vector<double>{1, 2});
    CHECK(to.signals.events.size() == 1);
    CHECK(to.gateway.api_key == "a=b");
    CHECK(override_complaint("gateway.port")
          == "--set gateway.port: write it as section.field=value");
    CHECK(override_complaint("gateway.prt=1")
          == "--set: unknown key gateway.prt; did you mean gateway.port?");
    CHECK(override_complaint("gateway.port=x")
          == "--set: gateway.port = \"x\" is not allowed: give 0 to 65535");
    CHECK(override_complaint("gateway.port=1\nother = 2").find("not allowed") != std::string::npos);
    CHECK(override_complaint("gateway.port=").find("not allowed") != std::string::npos);
  }

  TEST_CASE("variables of the environment win over defaults and unknown ones are refused") {
    settings to;
    REQUIRE(apply_environment(to, {{"TROUPE_GATEWAY_PORT", "9000"},
                                   {"TROUPE_SLATES_K_MAX", "50"},
                                   {"TROUPE_CONFIG", "x"},
                                   {"PATH", "/bin"}}));
    CHECK(to.gateway.port == 9000);
    CHECK(to.slates.k_max == 50);
    const auto unknown = apply_environment(to, {{"TROUPE_GATEWAY_PROT", "1"}});
    REQUIRE_FALSE(unknown);
    CHECK(
        unknown.error().context
        == "environment: unknown variable TROUPE_GATEWAY_PROT; did you mean TROUPE_GATEWAY_PORT?");
    const auto wrong = apply_environment(to, {{"TROUPE_GATEWAY_PORT", "many"}});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().context
          == "TROUPE_GATEWAY_PORT: gateway.port = \"many\" is not allowed: give 0 to 65535");
  }

  TEST_CASE("a secret never stands in an error") {
    const auto text = override_complaint("gateway.api_key=" + std::string(2000, 's'));
    CHECK(text.find("sss") == std::string::npos);
    CHECK(text.find("***") != std::string::npos);
  }

  TEST_CASE("fields that contradict each other are refused") {
    settings to;
    to.slates.k_default = 300;
    CHECK_FALSE(check_settings(to));
    to = {};
    to.slates.deadline = to.slates.request_timeout;
    CHECK_FALSE(check_settings(to));
    to = {};
    to.signals.popularity_half_lives_hours = {24, 1};
    CHECK_FALSE(check_settings(to));
    CHECK(check_settings(settings{}));
  }

  TEST_CASE("a file that is not there is not_found and names the path") {
    const auto answer = load({.file = "/nowhere/troupe.toml", .environment = {}, .overrides = {}});
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::not_found);
    CHECK(answer.error().context == "/nowhere/troupe.toml: cannot be read");
  }

  TEST_CASE("the command line wins over the environment") {
    const auto answer = load({.file = "",
                              .environment = {{"TROUPE_GATEWAY_PORT", "1"}},
                              .overrides = {"gateway.port=2"}});
    REQUIRE(answer.has_value());
    CHECK(answer->gateway.port == 2);
  }

} // TEST_SUITE
