#include "tests/integration/gateway/server_fixture.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

TEST_SUITE("gateway.shutdown") {

  TEST_CASE("draining tells live connections to come back, and ends idle ones") {
    server_fixture at;
    live_client live{at};
    live.ask(R"({"hello":{"user_id":"u1"}})", "slate");
    raw_client idle{at};
    CHECK(idle.ask("GET", "/healthz").status == 200);
    std::thread drain{[&] { at.server->drain(); }};
    CHECK(live.close_code() == 1001);
    CHECK(live.close_reason().starts_with("draining; retry after"));
    CHECK(idle.closed());
    drain.join();
    CHECK(at.server->connections() == 0);
  }

  TEST_CASE("draining waits for the requests under way") {
    server_fixture at{
        [](config::settings& how) { how.slates.request_timeout = std::chrono::milliseconds{300}; }};
    at.control->hang = true;
    raw_client client{at};
    client.send("GET /v1/users/u/recommendations HTTP/1.1\r\nHost: x\r\n\r\n");
    // A second connection's answer shows that the first request has been read.
    CHECK(raw_client{at}.ask("GET", "/healthz").status == 200);
    at.server->drain();
    const auto answer = client.read();
    CHECK(answer.status == 504);
    CHECK(answer.has("Connection: close"));
  }

  TEST_CASE("stopping ends everything at once") {
    server_fixture at;
    at.control->hang = true;
    live_client live{at};
    live.send(R"({"hello":{"user_id":"u1"}})");
    raw_client waiting{at};
    waiting.send("GET /v1/users/u/recommendations HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(raw_client{at}.ask("GET", "/healthz").status == 200);
    at.server->stop();
    CHECK(waiting.closed());
    CHECK(live.close_code() == 0);
    CHECK(at.server->connections() == 0);
  }

  TEST_CASE("a port in use, and an address that is none, are told") {
    server_fixture at;
    server_fixture same{[&](config::settings& how) { how.gateway.port = at.server->port(); }};
    CHECK_FALSE(same.server);
    CHECK(same.why.code == errc::already_exists);
    server_fixture shared{[&](config::settings& how) {
      how.gateway.port = at.server->port();
      how.node.io_threads = 2;
    }};
    CHECK_FALSE(shared.server);
    server_fixture nowhere{[](config::settings& how) { how.gateway.host = "localhost"; }};
    CHECK_FALSE(nowhere.server);
    CHECK(nowhere.why.code == errc::invalid_argument);
    server_fixture bare{
        [](config::settings& how) { how.gateway.console_directory = "/does/not/exist"; }};
    CHECK_FALSE(bare.server);
  }

  TEST_CASE("several threads share one port") {
    server_fixture at{[](config::settings& how) { how.node.io_threads = 3; }};
    REQUIRE(at.server);
    std::vector<std::unique_ptr<live_client>> clients;
    for (int i = 0; i < 24; ++i) {
      clients.push_back(std::make_unique<live_client>(at));
      CHECK(clients.back()->ask(R"({"hello":{"user_id":"u)" + std::to_string(i) + "\"}}", "slate")
            != "");
    }
    for (auto& client : clients)
      CHECK(client->ask(R"({"event":{"item_id":"1","type":"click"}})", "ack") != "");
  }

} // TEST_SUITE
