#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe explain`: computes a past slate again from the log and says why each item stood there.
void add_explain_command(CLI::App& app);

} // namespace troupe::apps
