// Each bound of the gateway (docs/flow-control.md): its limit and its level are on /metrics, and
// what it refuses is counted.
#include "tests/integration/gateway/live_texts.hpp"
#include "tests/integration/gateway/server_fixture.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

TEST_SUITE("gateway.metrics") {

  TEST_CASE("/metrics has the limit, the level and the refusals of each bound") {
    server_fixture at{[](config::settings& how) {
      how.gateway.connections_max = 7;
      how.gateway.in_flight_max = 11;
      how.gateway.bulk_max = 13;
      how.users.surfaces_max = 5;
    }};
    REQUIRE(at.server);
    raw_client client{at};
    const auto page = client.ask("GET", "/metrics");
    CHECK(page.status == 200);
    CHECK(page.has("Content-Type: text/plain; version=0.0.4"));
    for (const auto* line : {"troupe_gateway_connections_limit 7",
                             "troupe_gateway_connections_per_address_limit ",
                             "troupe_gateway_connections_depth{kind=\"http\"} 1",
                             "troupe_gateway_connections_depth{kind=\"live\"} 0",
                             "troupe_gateway_connections_refused_total{limit=\"total\"} 0",
                             "troupe_gateway_connections_refused_total{limit=\"address\"} 0",
                             "troupe_gateway_in_flight_limit 11",
                             "troupe_gateway_in_flight_depth ",
                             "troupe_gateway_in_flight_refused_total 0",
                             "troupe_gateway_in_flight_expired_total 0",
                             "troupe_gateway_unanswered_limit 256",
                             "troupe_gateway_unanswered_depth 0",
                             "troupe_gateway_reads_paused_total 0",
                             "troupe_gateway_slates_waiting_depth 0",
                             "troupe_gateway_slates_conflated_total 0",
                             "troupe_gateway_surfaces_limit 5",
                             "troupe_gateway_surfaces_refused_total 0",
                             "troupe_gateway_bulk_limit 13",
                             "troupe_gateway_bulk_refused_total 0",
                             "troupe_gateway_body_bytes_limit ",
                             "troupe_gateway_body_bytes_refused_total 0",
                             "troupe_gateway_message_bytes_limit ",
                             "troupe_gateway_message_bytes_refused_total 0",
                             "troupe_gateway_events_rate_limit ",
                             "troupe_gateway_events_rate_refused_total 0",
                             "troupe_gateway_malformed_requests_total 0",
                             "troupe_gateway_timeouts_total{waited_for=\"idle\"} 0",
                             "troupe_gateway_timeouts_total{waited_for=\"head\"} 0",
                             "troupe_gateway_timeouts_total{waited_for=\"body\"} 0",
                             "troupe_gateway_timeouts_total{waited_for=\"write\"} 0",
                             "troupe_gateway_slow_readers_closed_total 0"})
      CHECK_MESSAGE(page.body.find("\n" + std::string{line}) != std::string::npos, line);
  }

  TEST_CASE("connections come and go in their level") {
    server_fixture at;
    {
      live_client live{at};
      live.ask(hello, "slate");
      raw_client plain{at};
      CHECK(plain.ask("GET", "/healthz").status == 200);
      CHECK(at.metric(R"(troupe_gateway_connections_depth{kind="live"})") == 1);
      CHECK(at.metric(R"(troupe_gateway_connections_depth{kind="http"})") == 1);
    }
    raw_client last{at};
    CHECK(last.ask("GET", "/healthz").status == 200); // counted from now on, so 1 is this one
    for (int i = 0; i < 2000 && at.server->connections() > 1; ++i)
      REQUIRE(last.ask("GET", "/healthz").status == 200);
    CHECK(at.metric(R"(troupe_gateway_connections_depth{kind="live"})") == 0);
    CHECK(at.metric(R"(troupe_gateway_connections_depth{kind="http"})") == 1);
  }

  TEST_CASE("unanswered messages show in their level, on every thread, until they are answered") {
    server_fixture at{[](config::settings& how) {
      how.node.io_threads = 3;
      how.slates.request_timeout = std::chrono::milliseconds{60000};
    }};
    std::vector<std::unique_ptr<live_client>> clients;
    for (int i = 0; i < 12; ++i) {
      clients.push_back(std::make_unique<live_client>(at));
      clients.back()->ask(hello, "slate");
    }
    at.control->hang = true;
    for (auto& client : clients)
      for (int i = 0; i < 3; ++i)
        client->send(event_text(i));
    CHECK(at.reaches("troupe_gateway_unanswered_depth", 36));
    CHECK(at.reaches("troupe_gateway_in_flight_depth", 36));
    CHECK(at.metric("troupe_gateway_unanswered_depth") == 36);
    clients.clear(); // nobody is left to answer
    CHECK(at.reaches(R"(troupe_gateway_closes_total{code="1006"})", 12));
    // The requests keep the connections' objects until their deadline.
    at.time.advance(std::chrono::seconds{61});
    raw_client plain{at};
    for (int i = 0; i < 20000 && at.metric("troupe_gateway_in_flight_depth").value_or(1) > 0; ++i)
      REQUIRE(plain.ask("GET", "/healthz").status == 200);
    CHECK(at.metric("troupe_gateway_in_flight_depth") == 0);
    CHECK(at.metric("troupe_gateway_unanswered_depth") == 0);
  }

  TEST_CASE("requests that no actor answers in time are counted") {
    server_fixture at;
    live_client live{at};
    live.ask(hello, "slate");
    at.control->hang = true;
    live.send(event_text(1));
    live.send(event_text(2));
    CHECK(at.reaches("troupe_gateway_in_flight_depth", 2));
    CHECK(at.metric("troupe_gateway_in_flight_expired_total") == 0);
    at.time.advance(at.settings.slates.request_timeout);
    for (int i = 0; i < 2; ++i)
      CHECK(live.read_until("error").find(R"("status":504)") != std::string::npos);
    CHECK(at.reaches("troupe_gateway_in_flight_expired_total", 2));
    at.control->hang = false;
    CHECK(live.ask(event_text(3), "ack") != "");
    CHECK(at.metric("troupe_gateway_in_flight_expired_total") == 2);
  }

  TEST_CASE("/metrics answers while as much waits for actors as may") {
    server_fixture at{[](config::settings& how) { how.gateway.in_flight_max = 1; }};
    at.control->hang = true;
    raw_client waiting{at};
    waiting.send("GET /v1/users/u/recommendations HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(at.reaches("troupe_gateway_in_flight_depth", 1));
    const auto page = raw_client{at}.ask("GET", "/metrics");
    CHECK(page.status == 200);
    CHECK(page.body.find("\ntroupe_gateway_in_flight_depth 1\n") != std::string::npos);
    CHECK(at.reaches("troupe_gateway_in_flight_refused_total", 1)); // an actor was not asked
  }

  TEST_CASE("too many surfaces and too long lists are counted") {
    server_fixture at{[](config::settings& how) {
      how.users.surfaces_max = 1;
      how.gateway.bulk_max = 2;
    }};
    live_client live{at};
    live.ask(hello, "slate");
    CHECK(live.ask(R"({"subscribe":{"surface":"a"}})", "error") != "");
    CHECK(at.metric("troupe_gateway_surfaces_refused_total") == 1);
    raw_client client{at};
    CHECK(client.ask("POST", "/v1/events", "[{},{},{}]").status == 413);
    CHECK(client.ask("POST", "/v1/items", "[{},{},{}]").status == 413);
    CHECK(client.ask("POST", "/v1/events", "[{},{}]").status == 207);
    CHECK(at.metric("troupe_gateway_bulk_refused_total") == 2);
  }

  TEST_CASE("clients that are too slow are counted by what was waited for") {
    server_fixture at;
    raw_client head{at};
    raw_client body{at};
    raw_client idle{at};
    CHECK(idle.ask("GET", "/healthz").status == 200);
    head.send("GET /healthz HTTP/1.1\r\nHost: ");
    body.send("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    CHECK(raw_client{at}.ask("GET", "/healthz").status == 200); // behind these two
    at.time.advance(std::chrono::seconds{61});
    CHECK(head.read().status == 408);
    CHECK(body.read().status == 408);
    CHECK(idle.closed());
    for (const auto* what : {"head", "body", "idle"})
      CHECK(at.reaches(R"(troupe_gateway_timeouts_total{waited_for=")" + std::string{what} + "\"}",
                       1));
  }

} // TEST_SUITE
