#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe bench`: an open-loop load on a running server.
void add_bench_command(CLI::App& app);

} // namespace troupe::apps
