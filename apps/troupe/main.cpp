#include "apps/troupe/command_line.hpp"
#include "apps/troupe/exit_codes.hpp"

#include <exception>

int main(int argc, char** argv) {
  try {
    return troupe::apps::run_command_line(argc, argv);
  } catch (const std::exception& bug) {
    return troupe::apps::report({troupe::errc::internal, bug.what()});
  }
}
