#include "tests/integration/gateway/server_fixture.hpp"
#include "troupe/v1/live.pb.h"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {

const std::string hello_home = R"({"hello":{"user_id":"u1","surface":"home"}})";

std::string rating_text(int number, const std::string& more = {}) {
  return R"({"event":{"event_id":"e)" + std::to_string(number)
         + R"(","item_id":"318","type":"rating","value":5)" + more + "}}";
}

std::string field(const std::string& text, const std::string& name) {
  const auto at = text.find("\"" + name + "\":\"");
  if (at == std::string::npos)
    return {};
  const auto begin = at + name.size() + 4;
  return text.substr(begin, text.find('"', begin) - begin);
}

} // namespace

TEST_SUITE("gateway.live") {

  TEST_CASE("hello is welcomed and answered with the present slate") {
    server_fixture at;
    REQUIRE(at.server);
    live_client client{at, "troupe.v1+json"};
    REQUIRE_FALSE(client.handshake_error);
    CHECK(client.handshake[beast::http::field::sec_websocket_protocol] == "troupe.v1+json");
    client.send(hello_home);
    const auto welcome = client.read();
    CHECK(welcome.starts_with(
        R"({"welcome":{"user_id":"u1","surface":"home","resumed":false,"server_time":")"));
    const auto slate = client.read();
    CHECK(slate.starts_with(R"({"slate":{"slate_id":"s-0","user_id":"u1","surface":"home",)"));
  }

  TEST_CASE("an event is acknowledged and pushes a slate that reflects it") {
    server_fixture at;
    live_client client{at};
    client.ask(hello_home, "slate");
    client.send(rating_text(1));
    std::string ack;
    std::string slate;
    for (int i = 0; i < 2; ++i) {
      auto text = client.read();
      (text.starts_with(R"({"ack")") ? ack : slate) = text;
    }
    CHECK(ack == R"({"ack":{"event_id":"e1","seq":1,"duplicate":false}})");
    CHECK(slate.find(R"("profile_seq":1)") != std::string::npos);
    CHECK(client.ask(rating_text(1), "ack")
          == R"({"ack":{"event_id":"e1","seq":1,"duplicate":true}})");
    // The push's time is known when its write is done, which a further round trip shows.
    client.ask(R"({"ping":{}})", "pong");
    CHECK(at.reaches("troupe_gateway_event_to_push_seconds_count", 1));
    CHECK(at.metric("troupe_gateway_event_to_ack_seconds_count") == 1);
  }

  TEST_CASE("impressions, further surfaces and pings are answered") {
    server_fixture at;
    live_client client{at};
    client.ask(hello_home, "slate");
    CHECK(client.ask(R"({"impression":{"slate_id":"s-0","positions":[0,1]}})", "ack")
          == R"({"ack":{"to":"impression","slate_id":"s-0","seq":2}})");
    CHECK(client.ask(R"({"subscribe":{"surface":"side","k":3}})", "ack")
          == R"({"ack":{"to":"subscribe","surface":"side"}})");
    CHECK(field(client.read_until("slate"), "surface") == "side");
    CHECK(client.ask(R"({"unsubscribe":{"surface":"side"}})", "ack")
          == R"({"ack":{"to":"unsubscribe","surface":"side"}})");
    CHECK(client.ask(R"({"ping":{"nonce":"7"}})", "pong") == R"({"pong":{"nonce":"7"}})");
    CHECK(client.ask(R"({"ping":{}})", "pong") == R"({"pong":{}})");
  }

  TEST_CASE("a connection that resumes gets a slate only if it missed one") {
    server_fixture at;
    std::string token;
    {
      live_client client{at};
      client.ask(hello_home, "slate");
      client.send(rating_text(1));
      token = field(client.read_until("slate"), "resume");
      REQUIRE_FALSE(token.empty());
    }
    {
      live_client client{at};
      const auto welcome =
          client.ask(R"({"hello":{"user_id":"u1","resume":")" + token + "\"}}", "welcome");
      CHECK(welcome.find(R"("resumed":true)") != std::string::npos);
      CHECK(field(welcome, "resume") == token);
      CHECK(client.ask(R"({"ping":{}})", "pong") == R"({"pong":{}})"); // and no slate before it
      client.send(rating_text(2));
      CHECK(client.read_until("slate").find(R"("profile_seq":2)") != std::string::npos);
    }
    live_client client{at};
    const auto welcome = client.ask(R"({"hello":{"resume":")" + token + "\"}}", "welcome");
    CHECK(field(welcome, "user_id") == "u1");
    CHECK(welcome.find(R"("resumed":false)") != std::string::npos);
    CHECK(client.read().find(R"("profile_seq":2)") != std::string::npos);
  }

  TEST_CASE("a token that is not ours, or of another user, is ignored") {
    server_fixture at;
    for (const auto* token : {"AAAA", "nonsense!", "AQ==", "////"}) {
      live_client client{at};
      CHECK(client.ask(std::string{R"({"hello":{"user_id":"u2","resume":")"} + token + "\"}}",
                       "slate")
            != "");
    }
    live_client client{at};
    CHECK(client.ask(R"({"hello":{"resume":"AAAA"}})", "error").find("hello.user_id: missing")
          != std::string::npos);
    CHECK(client.ask(hello_home, "welcome") != ""); // and may try again
  }

  TEST_CASE("a client that asked for patches gets what moved") {
    server_fixture at;
    live_client client{at};
    client.ask(R"({"hello":{"user_id":"u1","patch":true}})", "slate");
    client.send(rating_text(1));
    const auto patch = client.read_until("patch");
    CHECK(field(patch, "base_slate_id") == "s-0");
    CHECK(field(patch, "slate_id") == "s-1");
    // Items 0 1 2 3 4 of 7 have become 1 2 3 4 5.
    CHECK(patch.find(R"("items":[1,2,3,4,{"item_id":"5")") != std::string::npos);
  }

  TEST_CASE("wrong messages are answered and the connection stays") {
    server_fixture at;
    live_client client{at};
    CHECK(client.ask(R"({"ping":{}})", "error").find("must be hello") != std::string::npos);
    client.ask(hello_home, "slate");
    for (const auto& [text, detail] :
         {std::pair{std::string{"nonsense"}, "not JSON"},
          std::pair{std::string{"{}"}, "expected an object with one key"},
          std::pair{std::string{R"({"event":{"item_id":5}})"}, "event.item_id: expected a string"},
          std::pair{rating_text(1, R"(,"timestamp":-5)"), "before 1970"},
          std::pair{rating_text(1, R"(,"timestamp":99999999999999)"), "in the future"},
          std::pair{rating_text(1, R"(,"user_id":"u2")"), "not the user of this connection"},
          std::pair{rating_text(1, R"(,"x":)" + std::string(200, '[') + std::string(200, ']')),
                    "nested deeper"},
          std::pair{hello_home, "hello was said already"},
          std::pair{std::string{R"({"nothing":{}})"}, "no message is called"}}) {
      CAPTURE(text);
      const auto answer = client.ask(text, "error");
      CHECK_MESSAGE(answer.find(detail) != std::string::npos, answer);
    }
    CHECK(client.ask(rating_text(1), "ack") != "");
    CHECK(client.ask(R"({"event":{"event_id":"e9","item_id":"1"}})", "error")
              .starts_with(R"({"error":{"to":"event","event_id":"e9","problem":{)"));
  }

  TEST_CASE("an unknown field is ignored") {
    server_fixture at;
    live_client client{at};
    client.ask(hello_home, "slate");
    CHECK(client.ask(rating_text(1, R"(,"later":{"a":1})"), "ack").find(R"("seq":1)")
          != std::string::npos);
  }

  TEST_CASE("an error of the actors is an answer") {
    server_fixture at;
    live_client client{at};
    at.control->refuse = errc::overloaded;
    CHECK(client.ask(hello_home, "error").starts_with(R"({"error":{"to":"hello","problem":{)"));
    at.control->refuse = errc::none;
    client.ask(hello_home, "slate");
    at.control->refuse = errc::overloaded;
    const auto answer = client.ask(rating_text(1), "error");
    CHECK(answer.starts_with(R"({"error":{"to":"event","event_id":"e1","problem":{)"));
    CHECK(answer.find(R"("retry_after":1)") != std::string::npos);
  }

  TEST_CASE("a subprotocol that was not offered is not named") {
    server_fixture at;
    live_client silent{at};
    CHECK(silent.handshake[beast::http::field::sec_websocket_protocol].empty());
    live_client stranger{at, "other"};
    REQUIRE_FALSE(stranger.handshake_error);
    CHECK(stranger.handshake[beast::http::field::sec_websocket_protocol].empty());
  }

  TEST_CASE("the binary protocol says the same") {
    namespace pb = troupe::v1;
    server_fixture at;
    live_client client{at, "other, troupe.v1+proto, troupe.v1+json"};
    CHECK(client.handshake[beast::http::field::sec_websocket_protocol] == "troupe.v1+proto");
    client.stream().binary(true);
    const auto send = [&](const pb::ClientMessage& what) { client.send(what.SerializeAsString()); };
    const auto read = [&] {
      pb::ServerMessage out;
      REQUIRE(out.ParseFromString(client.read()));
      return out;
    };
    pb::ClientMessage message;
    message.mutable_hello()->set_user_id("u1");
    send(message);
    CHECK(read().welcome().user_id() == "u1");
    const auto slate = read().slate();
    CHECK(slate.slate_id() == "s-0");
    CHECK(slate.items_size() == 5);
    CHECK(slate.items(0).reason().text() == "Popular now");
    auto& sent = *message.mutable_event();
    sent.set_event_id("e1");
    sent.set_item_id("318");
    sent.set_type("rating");
    sent.set_value(5);
    sent.set_context_json(R"({"a": 1})");
    send(message);
    bool acked = false;
    bool pushed = false;
    for (int i = 0; i < 2; ++i) {
      const auto answer = read();
      acked = acked || answer.ack().seq() == 1;
      pushed = pushed || answer.slate().profile_seq() == 1;
    }
    CHECK(acked);
    CHECK(pushed);
    sent.set_type("Not a type");
    send(message);
    CHECK(read().error().event_id() == "e1");
    client.send("\xff\xff");
    CHECK(read().error().problem().code() == "invalid_argument");
    message.mutable_ping()->set_nonce("n");
    send(message);
    CHECK(read().pong().nonce() == "n");
  }

  TEST_CASE("a subscription ends with its connection") {
    server_fixture at;
    {
      live_client client{at};
      client.ask(hello_home, "slate");
      CHECK(at.control->subscribed == 1);
      client.stream().close(beast::websocket::close_code::normal);
    }
    // The next connection's hello is behind the unsubscription in the directory's mailbox.
    live_client client{at};
    client.ask(R"({"hello":{"user_id":"u2"}})", "slate");
    CHECK(at.control->subscribed == 1);
    CHECK(at.reaches(R"(troupe_gateway_closes_total{code="1000"})", 1));
  }

  TEST_CASE("erasing a user ends the user's connections") {
    server_fixture at;
    live_client client{at};
    client.ask(hello_home, "slate");
    CHECK(raw_client{at}.ask("DELETE", "/v1/users/u1").status == 204);
    CHECK(client.close_code() == 4005);
  }

} // TEST_SUITE
