#include "base/log.hpp"
#include "gateway/live_codec.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

using namespace troupe;
using namespace troupe::gateway;

namespace {

/// What is written to standard error while it lives.
class captured_errors {
public:
  captured_errors() : kept_(::dup(STDERR_FILENO)), file_(::memfd_create("errors", 0)) {
    REQUIRE(kept_ >= 0);
    REQUIRE(file_ >= 0);
    std::fflush(stderr);
    ::dup2(file_, STDERR_FILENO);
  }

  ~captured_errors() {
    std::fflush(stderr);
    ::dup2(kept_, STDERR_FILENO);
    ::close(kept_);
    ::close(file_);
  }

  captured_errors(const captured_errors&) = delete;
  captured_errors& operator=(const captured_errors&) = delete;

  [[nodiscard]] std::string text() const {
    std::fflush(stderr);
    std::array<char, 4096> buffer{};
    const auto size = ::pread(file_, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

private:
  int kept_;
  int file_;
};

/// An event whose event_id is one byte that is not UTF-8.
const std::string not_utf8{"\x12\x03\x0a\x01\xff", 5};

failure refused(const std::string& frame) {
  const auto read = proto_live_codec().read(frame, {from_millis(0), "u1", {}}, {});
  REQUIRE(read.has_error());
  return read.error().why;
}

} // namespace

TEST_SUITE("gateway.live_proto") {

  TEST_CASE("a frame that is not UTF-8 writes nothing, and at debug one record of the log") {
    route_protobuf_log();
    {
      const captured_errors errors;
      CHECK(refused(not_utf8).context == "not a troupe.v1.ClientMessage");
      CHECK(errors.text().empty());
    }
    start_log({log_level::debug, false});
    {
      const captured_errors errors;
      CHECK(refused(not_utf8).code == errc::invalid_argument);
      const auto text = errors.text();
      CHECK(text.find(" debug protobuf.message text=\"") != std::string::npos);
      CHECK_MESSAGE(text.find("invalid UTF-8") != std::string::npos, text);
      CHECK(text.find('\n') == text.size() - 1);
    }
    start_log({});
  }

} // TEST_SUITE
