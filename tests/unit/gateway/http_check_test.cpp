#include "gateway/http_check.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace troupe;
using namespace troupe::gateway;

// What each malformed request is answered with over a socket is in
// tests/integration/gateway/http_strict_test.cpp; here are the edges of each limit.

namespace {

std::string head(const std::string& fields, const std::string& line = "GET / HTTP/1.1") {
  return line + "\r\nHost: a\r\n" + fields + "\r\n";
}

unsigned status_of(const std::string& bytes, const head_limits& limits = {}) {
  const auto wrong = check_head(bytes, limits);
  return wrong ? wrong->status : 0;
}

std::string detail_of(const std::string& bytes) {
  const auto wrong = check_head(bytes, {});
  return wrong ? wrong->detail : "";
}

} // namespace

TEST_SUITE("gateway.http_check") {

  TEST_CASE("the end of a head is one past its empty line, whichever newline it has") {
    CHECK(head_end("") == std::nullopt);
    CHECK(head_end("GET / HTTP/1.1\r\nHost: a\r\n") == std::nullopt);
    CHECK(head_end("GET / HTTP/1.1\r\nHost: a\r\n\r") == std::nullopt);
    CHECK(head_end("A\r\n\r\nbody") == 5);
    CHECK(head_end("A\n\nbody") == 3);
    CHECK(head_end("A\r\n\nbody") == 4);
    CHECK(head_end("A\n\r\nbody") == 4);
    CHECK(head_end("A\r\nB\r\n\r\nC\r\n\r\n") == 8); // the first one
  }

  TEST_CASE("each limit lets its last value pass and refuses the next") {
    head_limits limits;
    limits.target_bytes_max = 10;
    CHECK(status_of(head("", fmt::format("GET /{} HTTP/1.1", std::string(9, 'a'))), limits) == 0);
    CHECK(status_of(head("", fmt::format("GET /{} HTTP/1.1", std::string(10, 'a'))), limits)
          == 414);
    limits = {};
    limits.fields_max = 3; // Host and two more
    CHECK(status_of(head("A: 1\r\nB: 2\r\n"), limits) == 0);
    CHECK(status_of(head("A: 1\r\nB: 2\r\nC: 3\r\n"), limits) == 431);
    limits = {};
    limits.bytes_max = head("").size();
    CHECK(status_of(head(""), limits) == 0);
    --limits.bytes_max;
    CHECK(status_of(head(""), limits) == 431);
    CHECK(status_of(head("", fmt::format("{} / HTTP/1.1", std::string(32, 'M')))) == 0);
    CHECK(status_of(head("", fmt::format("{} / HTTP/1.1", std::string(33, 'M')))) == 400);
    CHECK(status_of(head("Content-Length: 999999999999999999\r\n")) == 0);
    CHECK(status_of(head("Content-Length: 1000000000000000000\r\n")) == 400);
  }

  TEST_CASE("every character of a target is looked at") {
    for (int byte = 0; byte < 256; ++byte) {
      CAPTURE(byte);
      const char c = static_cast<char>(byte);
      const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      const bool fine =
          alpha || (c >= '0' && c <= '9')
          || (byte != 0
              && std::string_view{"-._~!$&'()*+,;=:@/?"}.find(c) != std::string_view::npos);
      CHECK(status_of(head("", fmt::format("GET /a{}b HTTP/1.1", c))) == (fine ? 0U : 400U));
    }
    CHECK(status_of(head("", "GET /%41%fF HTTP/1.1")) == 0);
    for (const auto* broken : {"/%", "/%4", "/%4g", "/%g4", "/%%41"})
      CHECK(status_of(head("", fmt::format("GET {} HTTP/1.1", broken))) == 400);
  }

  TEST_CASE("a byte order mark, a NUL and an empty head are no request") {
    CHECK(status_of("") == 400);
    CHECK(status_of("\r\n\r\n") == 400);
    CHECK(status_of("\xef\xbb\xbf" + head("")) == 400);
    CHECK(status_of(std::string(1, '\0') + head("")) == 400);
  }

  TEST_CASE("a head that stops in the middle of a line is refused") {
    const auto whole = head("X: 1\r\n");
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK(status_of(whole.substr(0, size)) == 400);
    }
    CHECK(status_of(whole) == 0);
  }

  TEST_CASE("HTTP/1.0 may leave Host out, but may not give it twice") {
    CHECK(status_of("GET / HTTP/1.0\r\n\r\n") == 0);
    CHECK(status_of("GET / HTTP/1.0\r\nHost:\r\n\r\n") == 0);
    CHECK(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n") == 400);
  }

  TEST_CASE("the answer says what was wrong") {
    CHECK(detail_of(head("Host: b\r\n")) == "Host must be given exactly once");
    CHECK(detail_of(head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"))
          == "Content-Length and Transfer-Encoding exclude each other");
    CHECK(detail_of(head("X : 1\r\n")) == "the name of a header field is not a token");
    CHECK(detail_of(head("\tX: 1\r\n")) == "a header field is folded");
  }

} // TEST_SUITE
