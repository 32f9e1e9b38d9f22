#include "gateway/routes.hpp"
#include "tests/integration/gateway/server_fixture.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

TEST_SUITE("gateway.http") {

  TEST_CASE("an event is taken, and taken once") {
    server_fixture at;
    REQUIRE(at.server);
    raw_client client{at};
    const std::string event =
        R"({"event_id":"e1","user_id":"u1","item_id":"318","type":"rating","value":5})";
    auto answer = client.ask("POST", "/v1/events", event);
    CHECK(answer.status == 200);
    CHECK(answer.body == R"({"event_id":"e1","seq":1,"duplicate":false})");
    answer = client.ask("POST", "/v1/events", event);
    CHECK(answer.body == R"({"event_id":"e1","seq":1,"duplicate":true})");
  }

  TEST_CASE("a list of events is answered in its order, the wrong ones named") {
    server_fixture at;
    raw_client client{at};
    const auto answer =
        client.ask("POST", "/v1/events",
                   R"([{"event_id":"a","user_id":"u","item_id":"1","type":"click"},)"
                   R"({"event_id":"b","user_id":"u","item_id":"1"},)"
                   R"({"event_id":"a","user_id":"u","item_id":"1","type":"click"}])");
    CHECK(answer.status == 207);
    CHECK(answer.body
          == R"({"accepted":1,"duplicates":1,"failed":1,"results":[)"
             R"({"event_id":"a","seq":1,"duplicate":false},)"
             R"({"event_id":"b","error":{"type":"urn:troupe:problem:invalid_argument",)"
             R"("title":"The request is wrong","status":400,"detail":"events[1].type: missing",)"
             R"("code":"invalid_argument"}},)"
             R"({"event_id":"a","seq":1,"duplicate":true}]})");
  }

  TEST_CASE("thousands of events in lines are all taken") {
    server_fixture at;
    raw_client client{at};
    std::string lines;
    for (int i = 0; i < 3000; ++i)
      lines += R"({"event_id":"e)" + std::to_string(i) + R"(","user_id":"u)" + std::to_string(i % 7)
               + R"(","item_id":"1","type":"click"})" + "\n";
    const auto answer =
        client.ask("POST", "/v1/events", lines, "Content-Type: application/x-ndjson\r\n");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(R"({"accepted":3000,"duplicates":0,"failed":0,)"));
    CHECK(at.control->ingested == 3000);
  }

  TEST_CASE("a refusal of the actors reaches the caller with its status") {
    server_fixture at;
    raw_client client{at};

    struct expected {
      errc code;
      unsigned status;
      bool again;
    };

    for (const auto& [code, status, again] :
         {expected{errc::invalid_argument, 400, false}, expected{errc::not_found, 404, false},
          expected{errc::overloaded, 503, true}, expected{errc::timeout, 504, true},
          expected{errc::unavailable, 503, true}, expected{errc::corrupt_data, 500, false},
          expected{errc::internal, 500, false}, expected{errc::too_large, 413, false},
          expected{errc::already_exists, 409, false},
          expected{errc::unsupported_format, 500, false},
          expected{errc::out_of_space, 507, true}}) {
      at.control->refuse = code;
      const auto answer = client.ask("GET", "/v1/users/u/recommendations");
      CAPTURE(to_string(code));
      CHECK(answer.status == status);
      CHECK(answer.has("Content-Type: application/problem+json"));
      CHECK(answer.has("Retry-After: ") == again);
      CHECK(answer.body.find(R"("detail":"refused by the test")") != std::string::npos);
    }
  }

  TEST_CASE("actors that do not answer make a 504, in time") {
    server_fixture at{
        [](config::settings& how) { how.slates.request_timeout = std::chrono::milliseconds{200}; }};
    at.control->hang = true;
    raw_client client{at};
    const auto answer = client.ask("GET", "/v1/users/u/recommendations");
    CHECK(answer.status == 504);
    at.control->hang = false;
    CHECK(client.ask("GET", "/v1/users/u/recommendations").status == 200);
  }

  TEST_CASE("more requests in flight than allowed are refused") {
    server_fixture at{[](config::settings& how) { how.gateway.in_flight_max = 2; }};
    at.control->hang = true;
    raw_client first{at};
    raw_client second{at};
    raw_client third{at};
    const std::string request = "GET /v1/users/u/recommendations HTTP/1.1\r\nHost: x\r\n\r\n";
    first.send(request);
    second.send(request);
    // The first two hold their places until they time out; whichever is third is refused.
    third.send(request);
    unsigned refused = 0;
    for (auto* client : {&first, &second, &third}) {
      const auto answer = client->read();
      if (answer.status == 503) {
        ++refused;
        CHECK(answer.has("Retry-After: 1\r\n"));
      } else {
        CHECK(answer.status == 504);
      }
    }
    CHECK(refused == 1);
  }

  TEST_CASE("recommendations are served with what was asked for") {
    server_fixture at;
    raw_client client{at};
    auto answer =
        client.ask("GET", "/v1/users/u%2F1/recommendations?surface=side&k=3&explain=false");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(
        R"({"slate_id":"s-0","user_id":"u/1","surface":"side","profile_seq":0,"model_version":1,)"));
    CHECK(answer.body.find("reason") == std::string::npos);
    answer = client.ask("POST", "/v1/recommendations",
                        R"({"history":[{"item_id":"1","type":"click"}],"properties":false})");
    CHECK(answer.status == 200);
    CHECK(answer.body.find(R"("user_id":"")") != std::string::npos);
    CHECK(answer.body.find("title") == std::string::npos);
  }

  TEST_CASE("wrong parameters are refused with their names") {
    server_fixture at;
    raw_client client{at};
    for (const auto& [query, detail] :
         {std::pair{"k=0", "k: expected a whole number from 1 to 200"},
          std::pair{"k=201", "k: expected"}, std::pair{"k=x", "k: expected"},
          std::pair{"k=5&k=6", "k: given twice"}, std::pair{"explain=yes", "explain: expected"},
          std::pair{"diversity=2", "diversity: expected"},
          std::pair{"diversity=nan", "diversity: expected"},
          std::pair{"surface=", "surface is empty"}, std::pair{"exclude=a,,b", "exclude"},
          std::pair{"filter=%FF", "filter: is not valid UTF-8"},
          std::pair{"category_cap=-1", "category_cap: expected"}}) {
      const auto answer = client.ask("GET", std::string{"/v1/users/u/recommendations?"} + query);
      CAPTURE(query);
      CHECK(answer.status == 400);
      CHECK_MESSAGE(answer.body.find(detail) != std::string::npos, answer.body);
    }
    CHECK(client.ask("GET", "/v1/users/u/recommendations?unknown=1").status == 200);
    CHECK(client.ask("GET", "/v1/users/u/recommendations?exclude=a,b&exclude=c%2Cd").status == 200);
    CHECK(client.ask("GET", "/v1/users/%00/recommendations").status == 400);
    CHECK(client.ask("GET", "/v1/users/" + std::string(257, 'u')).status == 400);
  }

  TEST_CASE("an item lives from PUT to DELETE") {
    server_fixture at;
    raw_client client{at};
    CHECK(client.ask("GET", "/v1/items/7").status == 404);
    CHECK(client.ask("PUT", "/v1/items/7", R"({"title":"One"})").body == R"({"written":1})");
    auto answer = client.ask("GET", "/v1/items/7");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(R"({"item_id":"7","title":"One",)"));
    answer = client.ask("PATCH", "/v1/items/7", R"({"title":"Two"})",
                        "Content-Type: application/merge-patch+json\r\n");
    CHECK(answer.body.starts_with(R"({"item_id":"7","title":"Two",)"));
    answer = client.ask("POST", "/v1/items", R"([{"item_id":"8"},{"title":"none"}])");
    CHECK(answer.status == 207);
    CHECK(answer.body.starts_with(R"({"accepted":1,"failed":1,"errors":[{"index":1,"error":{)"));
    answer = client.ask("GET", "/v1/items?limit=1");
    CHECK(answer.body.find(R"("next_after":"7")") != std::string::npos);
    answer = client.ask("GET", "/v1/items?limit=1&after=7");
    CHECK(answer.body.find(R"("next_after":null)") != std::string::npos);
    CHECK(client.ask("GET", "/v1/items/7/similar").body == R"({"items":[],"partial":false})");
    CHECK(client.ask("DELETE", "/v1/items/7").status == 204);
    CHECK(client.ask("DELETE", "/v1/items/7").status == 404);
    CHECK(client.ask("PATCH", "/v1/items/7", R"({"hidden":true})").status == 404);
    CHECK(client.ask("PUT", "/v1/items/7", R"({"item_id":"8"})").status == 400);
  }

  TEST_CASE("popularity is asked for by its half-life") {
    server_fixture at;
    raw_client client{at};
    CHECK(client.ask("GET", "/v1/popular").body == R"({"items":[],"partial":false})");
    CHECK(client.ask("GET", "/v1/popular?half_life_hours=1").body
          == R"({"items":[],"partial":true})");
    CHECK(client.ask("GET", "/v1/popular?half_life_hours=5").status == 400);
  }

  TEST_CASE("what is kept of a user can be read, exported and erased") {
    server_fixture at;
    raw_client client{at};
    CHECK(client.ask("GET", "/v1/users/u1").status == 404);
    std::string lines;
    for (int i = 0; i < 1200; ++i)
      lines += R"({"event_id":"e)" + std::to_string(i)
               + R"(","user_id":"u1","item_id":"1","type":"click"})" + "\n";
    client.ask("POST", "/v1/events", lines, "Content-Type: application/x-ndjson\r\n");
    CHECK(client.ask("PUT", "/v1/users/u1", R"({"properties":{"country":"de"}})").status == 204);
    auto answer = client.ask("GET", "/v1/users/u1");
    CHECK(answer.body.starts_with(
        R"({"user_id":"u1","seq":1200,"properties":{"country":"de"},"first_event_at":null)"));
    answer = client.ask("GET", "/v1/users/u1/profile");
    CHECK(answer.body.find(R"("counts":{"click":1200})") != std::string::npos);
    answer = client.ask("GET", "/v1/users/u1/events?limit=2&before=10");
    CHECK(answer.body.find(R"("seq":9)") != std::string::npos);
    CHECK(answer.body.find(R"("next_before":8)") != std::string::npos);
    answer = client.ask("GET", "/v1/users/u1/export");
    CHECK(answer.status == 200);
    std::size_t events = 0;
    for (auto place = answer.body.find("{\"event\":"); place != std::string::npos;
         place = answer.body.find("{\"event\":", place + 1))
      ++events;
    CHECK(events == 1200);
    CHECK(client.ask("DELETE", "/v1/users/u1").status == 204);
    CHECK(client.ask("GET", "/v1/users/u1").status == 404);
  }

  TEST_CASE("the routes and openapi.yaml name the same things") {
    server_fixture at;
    raw_client client{at};
    const auto answer = client.ask("GET", "/openapi.json");
    CHECK(answer.status == 200);
    for (const auto& route : gateway::route_list()) {
      const auto space = route.find(' ');
      const auto path = answer.body.find("\"" + route.substr(space + 1) + "\":{");
      REQUIRE_MESSAGE(path != std::string::npos, route);
      std::string method = route.substr(0, space);
      for (auto& c : method)
        c = static_cast<char>(c - 'A' + 'a');
      const auto next = answer.body.find("\"/", path + 2);
      CHECK_MESSAGE(answer.body.find("\"" + method + "\":{", path) < next, route);
    }
  }

  TEST_CASE("health, readiness and metrics need no key, the rest does") {
    server_fixture at{[](config::settings& how) { how.gateway.api_key = "secret"; }};
    raw_client client{at};
    CHECK(client.ask("GET", "/healthz").body == R"({"status":"ok"})");
    CHECK(client.ask("GET", "/readyz").status == 200);
    at.ready = false;
    CHECK(client.ask("GET", "/readyz").status == 503);
    CHECK(client.ask("GET", "/metrics").body.find("troupe_gateway_connections_depth")
          != std::string::npos);
    auto answer = client.ask("GET", "/v1/models");
    CHECK(answer.status == 401);
    CHECK(answer.has("WWW-Authenticate: Bearer"));
    CHECK(client.ask("GET", "/v1/models", {}, "Authorization: Bearer wrong!\r\n").status == 401);
    answer = client.ask("GET", "/v1/models", {}, "Authorization: bearer secret\r\n");
    CHECK(answer.status == 200);
    CHECK(
        answer.body
        == R"({"models":[{"version":0,"encoder":"none","items":0,"event_position":0,"metrics":{},"active":true,"previous":false},)"
           R"({"version":7,"encoder":"recurrent","created_at":"1970-01-01T00:00:07.000Z","items":70,"event_position":0,"metrics":{"loss":1.5},"active":false,"previous":false}]})");
  }

  TEST_CASE("a version of the model is activated and rolled back") {
    server_fixture at;
    raw_client client{at};
    auto answer = client.ask("POST", "/v1/models/7/activate");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(R"({"version":7,"encoder":"recurrent")"));
    CHECK(answer.body.find(R"("active":true)") != std::string::npos);
    answer = client.ask("POST", "/v1/models/rollback");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(R"({"version":0,)"));
    CHECK(client.ask("POST", "/v1/models/8/activate").status == 404);
    for (const auto* version : {"-1", "7x", "x", "1.5", "10000000000", "99999999999999999999999"})
      CHECK(client.ask("POST", std::string{"/v1/models/"} + version + "/activate").status == 400);
    CHECK(client.ask("GET", "/v1/models/7/activate").status == 405);
  }

  TEST_CASE("a switch that takes longer than a request may is accepted and goes on") {
    server_fixture at{
        [](config::settings& how) { how.slates.request_timeout = std::chrono::milliseconds{200}; }};
    raw_client client{at};
    const auto answer = client.ask("POST", "/v1/models/9/activate");
    CHECK(answer.status == 202);
    CHECK(answer.has("Location: /v1/models\r\n"));
    CHECK(answer.body == R"({"status":"activating"})");
  }

  TEST_CASE("methods are told apart") {
    server_fixture at;
    raw_client client{at};
    auto answer = client.ask("DELETE", "/v1/events");
    CHECK(answer.status == 405);
    CHECK(answer.has("Allow: POST, OPTIONS\r\n"));
    answer = client.ask("OPTIONS", "/v1/items/7");
    CHECK(answer.status == 204);
    CHECK(answer.has("Allow: GET, HEAD, PUT, PATCH, DELETE, OPTIONS\r\n"));
    answer = client.ask("HEAD", "/healthz");
    CHECK(answer.status == 200);
    CHECK(answer.has("Content-Length: 15\r\n"));
    CHECK(client.ask("GET", "/v1/nothing").status == 404);
    CHECK(client.ask("GET", "/v1/users").status == 404);
    CHECK(client.ask("FROB", "/v1/nothing").status == 501);
    CHECK(client.ask("OPTIONS", "*").status == 204);
  }

  TEST_CASE("bodies of another kind are refused") {
    server_fixture at;
    raw_client client{at};
    CHECK(
        client
            .ask("POST", "/v1/events", "a=b", "Content-Type: application/x-www-form-urlencoded\r\n")
            .status
        == 415);
    CHECK(client.ask("POST", "/v1/events", "{}", "").status == 415);
    CHECK(client.ask("PUT", "/v1/items/7", "{}", "Content-Type: application/x-ndjson\r\n").status
          == 415);
    CHECK(
        client.ask("PUT", "/v1/items/7", "{}", "Content-Type: Application/JSON; charset=utf-8\r\n")
            .status
        == 200);
  }

  TEST_CASE("a request id is taken over if it is sane, else one is made") {
    server_fixture at;
    raw_client client{at};
    CHECK(client.ask("GET", "/v1/x", {}, "X-Request-Id: my-id.7\r\n")
              .has("X-Request-Id: my-id.7\r\n"));
    const auto answer = client.ask("GET", "/v1/x", {}, "X-Request-Id: bad id\r\n");
    CHECK(answer.has("X-Request-Id: "));
    CHECK_FALSE(answer.has("bad id"));
  }

  TEST_CASE("browsers of allowed origins are let in") {
    server_fixture at{[](config::settings& how) {
      how.gateway.allowed_origins = "https://shop.example, https://other.example";
    }};
    raw_client client{at};
    auto answer = client.ask("GET", "/v1/models", {}, "Origin: https://shop.example\r\n");
    CHECK(answer.has("Access-Control-Allow-Origin: https://shop.example\r\n"));
    answer = client.ask("OPTIONS", "/v1/events", {},
                        "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n");
    CHECK(answer.has("Access-Control-Allow-Methods: POST, OPTIONS\r\n"));
    answer = client.ask("GET", "/v1/models", {}, "Origin: https://evil.example\r\n");
    CHECK_FALSE(answer.has("Access-Control"));
  }

  TEST_CASE("the console is served with its headers, and not again if unchanged") {
    server_fixture at{
        [](config::settings& how) { how.gateway.console_directory = TROUPE_CONSOLE_SOURCE; }};
    REQUIRE(at.server);
    raw_client client{at};
    const auto answer = client.ask("GET", "/");
    CHECK(answer.status == 200);
    CHECK(answer.has("Content-Type: text/html; charset=utf-8\r\n"));
    CHECK(answer.has("Content-Security-Policy: default-src 'self'"));
    CHECK(answer.has("X-Content-Type-Options: nosniff"));
    const auto at_etag = answer.head.find("ETag: ") + 6;
    const auto etag = answer.head.substr(at_etag, answer.head.find('\r', at_etag) - at_etag);
    CHECK(client.ask("GET", "/", {}, "If-None-Match: " + etag + "\r\n").status == 304);
    CHECK(client.ask("GET", "/app.js").has("Content-Type: text/javascript"));
    CHECK(client.ask("GET", "/../CMakeLists.txt").status == 404);
    CHECK(client.ask("GET", "/%2e%2e/CMakeLists.txt").status == 404);
    CHECK(client.ask("POST", "/", "{}").status == 405);
  }

  TEST_CASE("requests on one connection are rated by connection") {
    server_fixture at{[](config::settings& how) {
      how.gateway.events_per_second_max = 1;
      how.gateway.events_burst = 2;
    }};
    raw_client client{at};
    const std::string event = R"({"user_id":"u","item_id":"1","type":"click"})";
    CHECK(client.ask("POST", "/v1/events", event).status == 200);
    CHECK(client.ask("POST", "/v1/events", event).status == 200);
    const auto answer = client.ask("POST", "/v1/events", event);
    CHECK(answer.status == 429);
    CHECK(answer.has("Retry-After: 1\r\n"));
    at.time.advance(std::chrono::seconds{2});
    CHECK(client.ask("POST", "/v1/events", event).status == 200);
  }

  TEST_CASE("connections over the limit are told so and closed") {
    server_fixture at{[](config::settings& how) { how.gateway.connections_per_address_max = 2; }};
    raw_client first{at};
    raw_client second{at};
    CHECK(first.ask("GET", "/healthz").status == 200);
    CHECK(second.ask("GET", "/healthz").status == 200);
    raw_client third{at};
    const auto answer = third.read();
    CHECK(answer.status == 503);
    CHECK(answer.has("Retry-After: 1\r\n"));
    CHECK(at.metric(R"(troupe_gateway_connections_refused_total{limit="address"})") == 1);
  }

} // TEST_SUITE
