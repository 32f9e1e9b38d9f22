#include "apps/troupe/admin_command.hpp"

#include "apps/troupe/client/rest_connection.hpp"
#include "apps/troupe/exit_codes.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace troupe::apps {
namespace {

struct admin_options {
  std::string url = "http://127.0.0.1:8080";
  std::string key;
  bool json = false;
  std::uint64_t version = 0;
  double timeout_seconds = 90;
};

/// One request and its answer. Errors: the connection's, timeout, or what the server's problem
/// says.
result<std::string> ask_server(const admin_options& options, const char* method,
                               const std::string& target) {
  const auto server = parse_address(options.url);
  if (!server)
    return server.error();
  boost::asio::io_context io;
  std::optional<result<rest_answer>> answer;
  const auto connection = std::make_shared<rest_connection>(io, *server, options.key);
  connection->request(method, server->path + target, {}, [&](result<rest_answer> what) {
    answer = std::move(what);
    io.stop();
  });
  io.run_for(std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double>(options.timeout_seconds)));
  if (!answer)
    return failure{errc::timeout,
                   fmt::format("{} did not answer in {} s", options.url, options.timeout_seconds)};
  if (!*answer)
    return answer->error();
  auto& got = **answer;
  if (got.status == 200 || got.status == 202)
    return std::move(got.body);
  const auto problem = nlohmann::json::parse(got.body, nullptr, false);
  const auto text = [&problem](const char* name) {
    return problem.is_object() && problem.contains(name) && problem[name].is_string()
               ? problem[name].get<std::string>()
               : std::string{};
  };
  return failure{errc::unavailable,
                 fmt::format("the server answered {}: {}", got.status,
                             text("detail").empty() ? text("title") : text("detail"))};
}

void print_model(const nlohmann::json& model) {
  const auto& metrics = model["metrics"];
  const auto ndcg = metrics.find("held_out_ndcg_at_10");
  fmt::print("{:>8}  {:<11} {:<24} {:>8}  {:>7}  {}{}\n", model["version"].get<std::uint64_t>(),
             model["encoder"].get<std::string>(), model.value("created_at", ""),
             model["items"].get<std::uint64_t>(),
             ndcg == metrics.end() ? std::string{} : fmt::format("{:.4f}", ndcg->get<double>()),
             model["active"].get<bool>()     ? "active"
             : model["previous"].get<bool>() ? "previous"
                                             : "",
             model.contains("damage") ? "damaged: " + model["damage"].get<std::string>() : "");
}

int run_models(const admin_options& options, const char* method, const std::string& target) {
  const auto body = ask_server(options, method, target);
  if (!body)
    return report(body.error());
  if (options.json) {
    fmt::print("{}\n", *body);
    return exit_ok;
  }
  try {
    const auto read = nlohmann::json::parse(*body);
    if (read.contains("status")) {
      fmt::print("{}: 'troupe admin model list' says when it is done\n",
                 read["status"].get<std::string>());
      return exit_ok;
    }
    fmt::print("{:>8}  {:<11} {:<24} {:>8}  {:>7}\n", "version", "encoder", "created", "items",
               "NDCG@10");
    if (read.contains("models"))
      for (const auto& model : read["models"])
        print_model(model);
    else
      print_model(read);
  } catch (const nlohmann::json::exception& wrong) {
    return report({errc::corrupt_data,
                   fmt::format("the answer is not one of a Troupe server: {}", wrong.what())});
  }
  return exit_ok;
}

CLI::App* add_model_command(CLI::App& to, const std::shared_ptr<admin_options>& options,
                            const char* name, const char* what) {
  auto* command = to.add_subcommand(name, what);
  command->add_option("--url", options->url, "the server")->capture_default_str()->type_name("URL");
  command->add_option("--api-key", options->key, "gateway.api_key of the server")
      ->envname("TROUPE_API_KEY")
      ->type_name("KEY");
  command->add_option("--timeout", options->timeout_seconds, "seconds to wait for the answer")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("SECONDS");
  command->add_flag("--json", options->json, "print the server's answer as it is");
  return command;
}

} // namespace

void add_admin_command(CLI::App& app) {
  auto* admin = app.add_subcommand("admin", "operate a running server");
  admin->require_subcommand(1);
  auto* models = admin->add_subcommand("model", "the versions of the trained model");
  models->require_subcommand(1);
  const auto options = std::make_shared<admin_options>();
  add_model_command(*models, options, "list", "show all versions, and which one is active")
      ->callback([options] { finish(run_models(*options, "GET", "/v1/models")); });
  auto* activate =
      add_model_command(*models, options, "activate", "make slates with this version from now on");
  activate->add_option("version", options->version, "as list shows it; 0: the signals alone")
      ->required()
      ->type_name("VERSION");
  activate->callback([options] {
    finish(run_models(*options, "POST", fmt::format("/v1/models/{}/activate", options->version)));
  });
  add_model_command(*models, options, "rollback", "activate the version that was active before")
      ->callback([options] { finish(run_models(*options, "POST", "/v1/models/rollback")); });
}

} // namespace troupe::apps
