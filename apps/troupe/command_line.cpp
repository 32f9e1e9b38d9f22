#include "apps/troupe/command_line.hpp"

#include "apps/troupe/admin_command.hpp"
#include "apps/troupe/bench_command.hpp"
#include "apps/troupe/config_command.hpp"
#include "apps/troupe/eval_command.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/explain_command.hpp"
#include "apps/troupe/export_command.hpp"
#include "apps/troupe/import_command.hpp"
#include "apps/troupe/replay_command.hpp"
#include "apps/troupe/serve_command.hpp"
#include "apps/troupe/train_command.hpp"
#include "gateway/live_codec.hpp"

#include <CLI/CLI.hpp>

namespace troupe::apps {

int run_command_line(int argc, char** argv) {
  gateway::route_protobuf_log(); // stored records and frames alike
  CLI::App app{"Troupe: a reactive recommendation server."};
  app.name("troupe");
  app.set_version_flag("--version", "troupe " TROUPE_VERSION);
  app.require_subcommand(0, 1); // none is told below: CLI11 would hide a misspelt one
  app.footer("Every command has --help. Exit codes: 0 done, 1 failed, 2 wrong usage or settings.");
  add_serve_command(app);
  add_import_command(app);
  add_export_command(app);
  add_replay_command(app);
  add_train_command(app);
  add_eval_command(app);
  add_bench_command(app);
  add_admin_command(app);
  add_explain_command(app);
  add_config_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& asked) {
    return app.exit(asked);
  } catch (const CLI::CallForAllHelp& asked) {
    return app.exit(asked);
  } catch (const CLI::CallForVersion& asked) {
    return app.exit(asked);
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::ParseError& wrong) {
    return report({errc::invalid_argument, wrong.what()}, exit_usage);
  }
  if (!app.get_subcommands().empty())
    return exit_ok;
  return report({errc::invalid_argument, "a command is missing; troupe --help lists them"},
                exit_usage);
}

} // namespace troupe::apps
