#include "apps/troupe/explain_command.hpp"

#include "actors/slate_explain.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/settings_options.hpp"
#include "gateway/json_writer.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace troupe::apps {
namespace {

struct explain_options {
  settings_options settings;
  std::string user;
  std::string slate;
  actors::slate_request how;
  std::vector<std::string> exclude;
  std::vector<std::string> pin;
  bool json = false;
};

void print_json(const explain_options& options, const std::vector<slate_item>& items) {
  std::string out = R"({"slate_id":)";
  gateway::append_text(out, options.slate);
  out += R"(,"user_id":)";
  gateway::append_text(out, options.user);
  out += R"(,"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      out += ',';
    gateway::append_json(out, items[i], {.properties = false, .reason = true});
  }
  out += "]}";
  fmt::print("{}\n", out);
}

void print_table(const std::vector<slate_item>& items) {
  fmt::print("{:>4}  {:>9}  {:<16}  {}\n", "", "score", "item", "why");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& entry = items[i];
    std::string shares;
    for (const auto& share : entry.why.shares)
      shares += fmt::format("{}{} {:.4f}", shares.empty() ? "" : ", ", to_string(share.which),
                            share.contribution);
    fmt::print("{:>4}  {:>9.4f}  {:<16}  {} ({})\n", i + 1, entry.score, entry.what->id.value,
               gateway::reason_text(entry.why), shares);
  }
}

int run_explain(const explain_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  auto how = options.how;
  for (const auto& id : options.exclude)
    how.exclude.emplace_back(id);
  for (const auto& id : options.pin)
    how.pin.emplace_back(id);
  for (const auto& [text, name] :
       {std::pair{&options.user, "--user"}, std::pair{&options.slate, "--slate"}})
    if (auto ok = check_id(*text, name); !ok)
      return report(ok.error(), exit_usage);
  auto store = open_store(settings->storage, store_use::read);
  if (!store)
    return report(store.error());
  const auto items =
      actors::explain_slate(**store, *settings, user_id{options.user}, options.slate, how);
  if (!items)
    return report(items.error(),
                  items.error().code == errc::invalid_argument ? exit_usage : exit_failed);
  if (options.json)
    print_json(options, *items);
  else
    print_table(*items);
  return exit_ok;
}

} // namespace

void add_explain_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("explain", "say why each item of a past slate stood there, from the log");
  const auto options = std::make_shared<explain_options>();
  auto& how = options->how;
  command->add_option("--user", options->user, "whose slate it was")->required()->type_name("ID");
  command->add_option("--slate", options->slate, "its slate_id")->required()->type_name("ID");
  command->add_option("--k", how.k, "as the slate was asked for; 0: slates.k_default")
      ->type_name("N");
  command->add_option("--filter", how.filter, "as the slate was asked for")
      ->type_name("EXPRESSION");
  command->add_option("--exclude", options->exclude, "items, as the slate was asked for")
      ->delimiter(',')
      ->type_name("ID,...");
  command->add_option("--pin", options->pin, "items, as the slate was asked for")
      ->delimiter(',')
      ->type_name("ID,...");
  command->add_option("--diversity", how.diversity, "as the slate was asked for")
      ->type_name("NUMBER");
  command->add_option("--category-cap", how.category_cap, "as the slate was asked for")
      ->type_name("N");
  command->add_flag("--json", options->json, "print one JSON object instead of a table");
  add_settings_options(*command, options->settings);
  command->footer(
      "The slate comes out as it was sent if the settings and the request are those it was made\n"
      "with and its items have not changed since. Nothing is written. Stop the server first.");
  command->callback([options] { finish(run_explain(*options)); });
}

} // namespace troupe::apps
