#include "tests/integration/gateway/live_texts.hpp"
#include "tests/integration/gateway/server_fixture.hpp"

#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

TEST_SUITE("gateway.live_limits") {

  TEST_CASE("the wrong kind of frame closes with 1003") {
    server_fixture at;
    live_client text{at};
    text.stream().binary(true);
    text.send(hello);
    CHECK(text.close_code() == 1003);
    CHECK(text.close_reason().starts_with("binary frame"));
    live_client binary{at, "troupe.v1+proto"};
    binary.send(hello);
    CHECK(binary.close_code() == 1003);
    CHECK(binary.close_reason().starts_with("text frame"));
  }

  TEST_CASE("text that is not UTF-8 closes with 1007") {
    server_fixture at;
    live_client client{at};
    client.send("{\"ping\":{\"nonce\":\"\xff\"}}");
    CHECK(client.close_code() == 1007);
  }

  TEST_CASE("a message over the limit closes with 1009") {
    server_fixture at{[](config::settings& how) { how.gateway.message_bytes_max = 1000; }};
    live_client client{at};
    client.send(std::string(1001, ' '));
    CHECK(client.close_code() == 1009);
    CHECK(at.reaches("troupe_gateway_message_bytes_refused_total", 1));
  }

  TEST_CASE("fragments and half frames are put together, broken framing closes with 1002") {
    server_fixture at;
    live_client client{at};
    client.stream().write_some(false, asio::buffer(hello.substr(0, 7)));
    client.stream().write_some(true, asio::buffer(hello.substr(7)));
    CHECK(client.read_until("welcome") != "");
    // A masked text frame in two pieces, by hand.
    auto& socket = client.stream().next_layer();
    const std::string frame{"\x81\x8b\x00\x00\x00\x00{\"ping\":{}}", 17};
    asio::write(socket, asio::buffer(frame.substr(0, 9)));
    asio::write(socket, asio::buffer(frame.substr(9)));
    CHECK(client.read_until("pong") == R"({"pong":{}})");
    asio::write(socket, asio::buffer("\x81\x02{}", 4)); // not masked
    CHECK(client.close_code() == 1002);
  }

  TEST_CASE("events faster than the limit are refused, and the connection stays") {
    server_fixture at{[](config::settings& how) {
      how.gateway.events_per_second_max = 1;
      how.gateway.events_burst = 3;
    }};
    live_client client{at};
    client.ask(hello, "slate");
    for (int i = 0; i < 3; ++i)
      CHECK(client.ask(event_text(i), "ack") != "");
    const auto answer = client.ask(event_text(3), "error");
    CHECK(answer.find(R"("status":429)") != std::string::npos);
    CHECK(answer.find(R"("retry_after":1)") != std::string::npos);
    CHECK(answer.find(R"("event_id":"e3")") != std::string::npos);
    at.time.advance(std::chrono::seconds{2});
    CHECK(client.ask(event_text(3), "ack") != "");
    CHECK(at.metric("troupe_gateway_events_rate_refused_total") == 1);
  }

  TEST_CASE("who keeps sending nonsense is closed with 4000") {
    server_fixture at;
    live_client client{at};
    for (int i = 0; i < 150; ++i)
      client.send("nonsense");
    CHECK(client.close_code() == 4000);
    CHECK(client.close_reason().starts_with("flood"));
  }

  TEST_CASE("a flood of control frames is closed with 4000") {
    server_fixture at;
    live_client client{at};
    error_code ignored;
    for (int i = 0; i < 300 && !ignored; ++i)
      client.stream().ping({}, ignored);
    CHECK(client.close_code() == 4000);
  }

  TEST_CASE("a stranger that says nothing, and a friend that goes quiet, are closed") {
    server_fixture at;
    live_client stranger{at};
    live_client quiet{at};
    quiet.ask(hello, "slate");
    at.time.advance(std::chrono::seconds{11});
    CHECK(stranger.close_code() == 4002);
    // A ping comes at half the idle time; reading answers it and keeps the connection.
    at.time.advance(std::chrono::seconds{60});
    quiet.send(R"({"ping":{}})");
    CHECK(quiet.read_until("pong") != "");
    at.time.advance(std::chrono::seconds{121});
    CHECK(quiet.close_code() == 4004);
  }

  TEST_CASE("a key may come with hello") {
    server_fixture at{[](config::settings& how) { how.gateway.api_key = "secret"; }};
    live_client wrong{at};
    wrong.send(hello);
    CHECK(wrong.close_code() == 4001);
    live_client inside{at};
    CHECK(inside.ask(R"({"hello":{"user_id":"u1","api_key":"secret"}})", "welcome") != "");
    live_client header{at, {}, "Authorization: Bearer secret"};
    CHECK(header.ask(hello, "welcome") != "");
  }

  TEST_CASE("a page of a foreign origin gets no connection") {
    server_fixture at;
    live_client foreign{at, {}, "Origin: https://evil.example"};
    CHECK(foreign.handshake_error);
    CHECK(foreign.handshake.result_int() == 403);
    live_client own{at, {}, "Origin: http://localhost"};
    CHECK_FALSE(own.handshake_error);
    raw_client plain{at};
    CHECK(plain.ask("GET", "/v1/live").status == 426);
  }

  TEST_CASE("more surfaces than allowed are refused") {
    server_fixture at{[](config::settings& how) { how.users.surfaces_max = 2; }};
    live_client client{at};
    client.ask(hello, "slate");
    CHECK(client.ask(R"({"subscribe":{"surface":"a"}})", "ack") != "");
    CHECK(client.ask(R"({"subscribe":{"surface":"b"}})", "error").find("too many surfaces")
          != std::string::npos);
  }

  TEST_CASE("a stalled reader holds one slate and its bounded answers, then is closed") {
    server_fixture at{[](config::settings& how) {
      how.slates.request_timeout = std::chrono::milliseconds{60000};
    }};
    at.control->slate_items = 50;
    at.control->title_bytes = 1000; // 50 KB a slate: the kernel's buffers fill soon
    live_client stalled{at};
    stalled.ask(hello, "slate");
    // Another connection of the same user causes pushes to both; it reads, the other does not.
    live_client busy{at};
    at.control->slate_items = 50;
    busy.ask(R"({"hello":{"user_id":"u1","properties":false,"explain":false}})", "slate");
    int sent = 0;
    while (at.metric("troupe_gateway_slates_conflated_total").value_or(0) < 50 && sent < 5000)
      busy.ask(event_text(sent++), "ack");
    // 50 slates were replaced before they were written: the reader holds none of them.
    CHECK(at.metric("troupe_gateway_slates_conflated_total").value_or(0) >= 50);
    CHECK(busy.ask(R"({"ping":{}})", "pong") != "");
    at.time.advance(std::chrono::seconds{16});
    // Time has moved for the busy one too, but it writes, so only the stalled one goes.
    CHECK(at.reaches("troupe_gateway_slow_readers_closed_total", 1));
    CHECK(busy.ask(R"({"ping":{}})", "pong") != "");
    CHECK(at.server->connections() == 1);
    CHECK(busy.ask(event_text(sent), "ack") != "");
    // What the stalled one finds when it wakes: what the kernel held, never older after newer.
    std::uint64_t newest = 0;
    for (auto text = stalled.read(); !text.empty(); text = stalled.read()) {
      const auto place = text.find(R"("profile_seq":)");
      if (place == std::string::npos)
        continue;
      const auto seq = std::stoull(text.substr(place + 14));
      CHECK(seq > newest);
      newest = seq;
    }
    CHECK(stalled.error != error_code{});
  }

  TEST_CASE("a client that does not read its answers is not read itself") {
    server_fixture at{[](config::settings& how) {
      how.slates.request_timeout = std::chrono::milliseconds{60000};
    }};
    live_client client{at};
    client.ask(hello, "slate");
    at.control->hang = true;
    for (int i = 0; i < 300; ++i)
      client.send(event_text(i));
    // The fake holds 256 promises; the rest is not read, so nothing more is asked.
    CHECK(at.reaches("troupe_gateway_reads_paused_total", 1));
    CHECK(at.metric("troupe_gateway_messages_received_total").value_or(0) < 300);
  }

} // TEST_SUITE
