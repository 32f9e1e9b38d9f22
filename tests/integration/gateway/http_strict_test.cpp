// Every way of writing a request that two servers could read differently, as raw bytes over a
// real socket. The cases follow RFC 9112 and the request smuggling literature.
#include "tests/integration/gateway/server_fixture.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {

struct strict_case {
  std::string name;
  std::string bytes;
  unsigned status;
};

std::string get(const std::string& fields, const std::string& line = "GET /healthz HTTP/1.1") {
  return line + "\r\n" + fields + "\r\n";
}

std::string post(const std::string& fields, const std::string& body = {}) {
  return "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + fields
         + "\r\n" + body;
}

const std::vector<strict_case> refused{
    {"no Host", get(""), 400},
    {"two Hosts", get("Host: a\r\nHost: b\r\n"), 400},
    {"two equal Hosts", get("Host: a\r\nHost: a\r\n"), 400},
    {"an empty Host", get("Host: \r\n"), 400},
    {"a Host with a path", get("Host: a/b\r\n"), 400},
    {"a Host with a user", get("Host: u@a\r\n"), 400},
    {"a Host list", get("Host: a, b\r\n"), 400},
    {"a folded field", get("Host: a\r\nX: 1\r\n 2\r\n"), 400},
    {"a field folded with a tab", get("Host: a\r\nX: 1\r\n\t2\r\n"), 400},
    {"a folded first line", get(" Host: a\r\n"), 400},
    {"white space before the colon", get("Host : a\r\n"), 400},
    {"a field without a name", get("Host: a\r\n: 1\r\n"), 400},
    {"a field without a colon", get("Host: a\r\nX\r\n"), 400},
    {"a bare LF after a field", "GET /healthz HTTP/1.1\r\nHost: a\n\r\n", 400},
    {"bare LFs only", "GET /healthz HTTP/1.1\nHost: a\n\n", 400},
    {"a bare CR in a field", get("Host: a\r\nX: 1\r2\r\n"), 400},
    {"a NUL in a field", get(std::string{"Host: a\r\nX: 1"} + '\0' + "\r\n"), 400},
    {"a DEL in a field", get("Host: a\r\nX: \x7f\r\n"), 400},
    {"a name with a space", get("Host: a\r\nX Y: 1\r\n"), 400},
    {"a name beyond ASCII", get("Host: a\r\nX\xc3\xa9: 1\r\n"), 400},
    {"both lengths", post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "{}"), 400},
    {"both lengths, the other way", post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
     400},
    {"two lengths", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 400},
    {"two different lengths", post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400},
    {"a length list", post("Content-Length: 2, 2\r\n", "{}"), 400},
    {"a negative length", post("Content-Length: -2\r\n", "{}"), 400},
    {"a signed length", post("Content-Length: +2\r\n", "{}"), 400},
    {"a hexadecimal length", post("Content-Length: 0x2\r\n", "{}"), 400},
    {"a length beyond 64 bits", post("Content-Length: 99999999999999999999\r\n", "{}"), 400},
    {"an empty length", post("Content-Length: \r\n", "{}"), 400},
    {"a length with a space", post("Content-Length: 1 2\r\n", "{}"), 400},
    {"an unknown coding", post("Transfer-Encoding: xchunked\r\n"), 501},
    {"a coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
    {"a coding after chunked", post("Transfer-Encoding: chunked, identity\r\n"), 501},
    {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"chunked listed twice", post("Transfer-Encoding: chunked, chunked\r\n"), 501},
    {"identity", post("Transfer-Encoding: identity\r\n"), 501},
    {"an empty coding", post("Transfer-Encoding:\r\n"), 501},
    {"a quoted coding", post("Transfer-Encoding: \"chunked\"\r\n"), 501},
    {"a coding with a vertical tab",
     post("Transfer-Encoding: \x0b"
          "chunked\r\n"),
     400},
    {"a coding in HTTP/1.0",
     "POST /v1/events HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"a chunk size that is none", post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
     400},
    {"a signed chunk size", post("Transfer-Encoding: chunked\r\n", "+2\r\n{}\r\n0\r\n\r\n"), 400},
    {"an endless chunk size",
     post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 400},
    {"a chunk without its end", post("Transfer-Encoding: chunked\r\n", "2\r\n{}xx0\r\n\r\n"), 400},
    {"no version", get("Host: a\r\n", "GET /healthz"), 400},
    {"HTTP/0.9", "GET /healthz\r\n\r\n", 400},
    {"a later version", get("Host: a\r\n", "GET /healthz HTTP/1.2"), 505},
    {"version 2", get("Host: a\r\n", "GET /healthz HTTP/2.0"), 505},
    {"a lower-case version", get("Host: a\r\n", "GET /healthz http/1.1"), 400},
    {"a long version", get("Host: a\r\n", "GET /healthz HTTP/1.10"), 400},
    {"two spaces", get("Host: a\r\n", "GET  /healthz HTTP/1.1"), 400},
    {"a tab in the request line", get("Host: a\r\n", "GET\t/healthz HTTP/1.1"), 400},
    {"a space in the target", get("Host: a\r\n", "GET /a b HTTP/1.1"), 400},
    {"a fragment in the target", get("Host: a\r\n", "GET /a#b HTTP/1.1"), 400},
    {"an absolute target", get("Host: a\r\n", "GET http://a/healthz HTTP/1.1"), 400},
    {"an authority target", get("Host: a\r\n", "CONNECT a:80 HTTP/1.1"), 400},
    {"an asterisk for GET", get("Host: a\r\n", "GET * HTTP/1.1"), 400},
    {"a target beyond ASCII", get("Host: a\r\n", "GET /\xc3\xa9 HTTP/1.1"), 400},
    {"a broken percent-encoding", get("Host: a\r\n", "GET /%zz HTTP/1.1"), 400},
    {"a backslash in the target", get("Host: a\r\n", "GET /a\\b HTTP/1.1"), 400},
    {"a NUL in the target", get("Host: a\r\n", std::string{"GET /a"} + '\0' + " HTTP/1.1"), 400},
    {"a method that is no token", get("Host: a\r\n", "G(T /healthz HTTP/1.1"), 400},
    {"an empty line first", "\r\n" + get("Host: a\r\n"), 400},
    {"a TLS handshake", std::string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 13}, 400},
    {"a long target", get("Host: a\r\n", "GET /" + std::string(8200, 'a') + " HTTP/1.1"), 414},
    {"a long head", get("Host: a\r\nX: " + std::string(17000, 'a') + "\r\n"), 431},
    {"an endless head", "GET / HTTP/1.1\r\nX: " + std::string(40000, 'a'), 431},
    {"many fields",
     get("Host: a\r\n" +
         [] {
           std::string out;
           for (int i = 0; i < 101; ++i)
             out += "X: 1\r\n";
           return out;
         }()),
     431},
    {"a body over the limit", post("Content-Length: 9000000\r\n"), 413},
};

} // namespace

TEST_SUITE("gateway.http_strict") {

  TEST_CASE("what two servers could read differently is refused and the connection closed") {
    server_fixture at;
    REQUIRE(at.server);
    for (const auto& [name, bytes, status] : refused) {
      CAPTURE(name);
      raw_client client{at};
      // A second request rides along: no part of it may be answered.
      client.send(bytes + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
      const auto answer = client.read();
      CHECK(answer.status == status);
      CHECK(answer.has("Connection: close"));
      CHECK(answer.has("Content-Type: application/problem+json"));
      CHECK(client.read().status == 0);
    }
    CHECK(at.control->ingested == 0);
  }

  TEST_CASE("what is merely unusual is served") {
    server_fixture at;
    for (const auto& [name, bytes] :
         {std::pair{"HTTP/1.0 without Host", std::string{"GET /healthz HTTP/1.0\r\n\r\n"}},
          std::pair{"white space round a value", get("Host:\t a \t\r\n")},
          std::pair{"a value beyond ASCII", get("Host: a\r\nX: \xc3\xa9\r\n")},
          std::pair{"an empty value", get("Host: a\r\nX:\r\n")},
          std::pair{"a name in any case", get("hOST: a\r\n")},
          std::pair{"a Host with a port", get("Host: [::1]:8080\r\n")},
          std::pair{"a query", get("Host: a\r\n", "GET /healthz?a=b&c HTTP/1.1")}}) {
      CAPTURE(name);
      raw_client client{at};
      client.send(bytes);
      CHECK(client.read().status == 200);
    }
  }

  TEST_CASE("a chunked body is put together") {
    server_fixture at;
    raw_client client{at};
    const std::string event = R"({"event_id":"e","user_id":"u","item_id":"1","type":"click"})";
    client.send(post("Transfer-Encoding: chunked\r\n", "a;ext=1\r\n" + event.substr(0, 10) + "\r\n"
                                                           + "31\r\n" + event.substr(10)
                                                           + "\r\n0\r\n\r\n"));
    CHECK(client.read().status == 200);
    CHECK(at.control->ingested == 1);
  }

  TEST_CASE("requests in one packet are answered in order, then the connection goes on") {
    server_fixture at;
    raw_client client{at};
    client.send(get("Host: a\r\n") + get("Host: a\r\n", "GET /nothing HTTP/1.1")
                + get("Host: a\r\n", "GET /readyz HTTP/1.1"));
    CHECK(client.read().status == 200);
    CHECK(client.read().status == 404);
    CHECK(client.read().status == 200);
    CHECK(client.ask("GET", "/healthz").status == 200);
  }

  TEST_CASE("a request in single bytes is put together") {
    server_fixture at;
    raw_client client{at};
    for (const char c : get("Host: a\r\n"))
      client.send({&c, 1});
    CHECK(client.read().status == 200);
  }

  TEST_CASE("Expect is answered before the body comes") {
    server_fixture at;
    raw_client client{at};
    const std::string event = R"({"event_id":"e","user_id":"u","item_id":"1","type":"click"})";
    client.send(
        post("Expect: 100-continue\r\nContent-Length: " + std::to_string(event.size()) + "\r\n"));
    CHECK(client.read().status == 100);
    client.send(event);
    CHECK(client.read().status == 200);
  }

  TEST_CASE("Connection: close and HTTP/1.0 end the connection after the answer") {
    server_fixture at;
    for (const auto& bytes :
         {get("Host: a\r\nConnection: close\r\n"), std::string{"GET /healthz HTTP/1.0\r\n\r\n"}}) {
      raw_client client{at};
      client.send(bytes);
      const auto answer = client.read();
      CHECK(answer.status == 200);
      CHECK(answer.has("Connection: close"));
      CHECK(client.closed());
    }
  }

  TEST_CASE("a head or a body that does not come in time is a 408") {
    server_fixture at;
    raw_client head{at};
    raw_client body{at};
    raw_client idle{at};
    CHECK(idle.ask("GET", "/healthz").status == 200);
    head.send("GET /healthz HTTP/1.1\r\nHost: ");
    body.send(post("Content-Length: 100\r\n", "{"));
    // The server must have read these before time moves on; a third connection shows that.
    CHECK(raw_client{at}.ask("GET", "/healthz").status == 200);
    at.time.advance(std::chrono::seconds{61});
    CHECK(head.read().status == 408);
    CHECK(head.closed());
    CHECK(body.read().status == 408);
    CHECK(idle.closed());
  }

  TEST_CASE("half a request and a closed socket do no harm") {
    server_fixture at;
    {
      raw_client client{at};
      client.send(post("Content-Length: 100\r\n", "{\"event_id\":"));
    }
    CHECK(raw_client{at}.ask("GET", "/healthz").status == 200);
    CHECK(at.control->ingested == 0);
  }

} // TEST_SUITE
