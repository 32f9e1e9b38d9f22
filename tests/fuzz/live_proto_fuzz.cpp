#include "tests/fuzz/live_check.hpp"

// Whatever a binary frame holds: an error that can be sent, or a message that holds every limit.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  fuzz::run_frame(gateway::proto_live_codec(), fuzz::text_of(data, size));
  return 0;
}
