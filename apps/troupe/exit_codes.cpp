#include "apps/troupe/exit_codes.hpp"

#include <CLI/Error.hpp>
#include <fmt/format.h>

#include <cstdio>

namespace troupe::apps {

int report(const failure& why, int code) {
  fmt::print(stderr, "troupe: {}\n", why.context);
  return code;
}

void finish(int code) {
  if (code != exit_ok)
    throw CLI::RuntimeError(code);
}

} // namespace troupe::apps
