#include "apps/troupe/replay/live_user.hpp"

#include "gateway/json_writer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace troupe::apps {

live_user::live_user(boost::asio::io_context& io, const address& to, user_id who, std::size_t k)
    : who_(std::move(who)), k_(k) {
  connection_ = std::make_shared<live_connection>(
      io, live_connection::handlers{
              .opened = nullptr,
              .message = [this](std::string_view text) { read(text); },
              .closed =
                  [this](std::string_view why) {
                    if (trouble_.empty())
                      trouble_ = fmt::format("the connection of {} ended: {}", who_.value, why);
                  },
          });
  connection_->send(greeting("hello"));
  connection_->open(to);
}

live_user::~live_user() {
  connection_->forget();
  connection_->close();
}

std::string live_user::greeting(std::string_view kind) const {
  std::string out = fmt::format(R"({{"{}":{{"surface":"home","k":{},"explain":false,)"
                                R"("properties":false)",
                                kind, k_);
  if (kind == "hello") {
    out += R"(,"user_id":)";
    gateway::append_text(out, who_.value);
  }
  return out + "}}";
}

void live_user::send(const event& what) {
  std::string text = R"({"event":)";
  gateway::append_json(text, what);
  text += '}';
  ++unanswered_;
  connection_->send(std::move(text));
}

void live_user::ask() {
  connection_->send(greeting("subscribe"));
}

void live_user::read(std::string_view message) {
  const auto parsed = nlohmann::json::parse(message, nullptr, false);
  if (!parsed.is_object()) {
    trouble_ = "the server sent what is no JSON object";
    return;
  }
  if (const auto ack = parsed.find("ack"); ack != parsed.end()) {
    if (ack->contains("event_id") && unanswered_ > 0) {
      --unanswered_;
      acked_seq_ = std::max(acked_seq_, ack->value("seq", std::uint64_t{0}));
    }
  } else if (const auto slate = parsed.find("slate"); slate != parsed.end()) {
    ++slates_;
    slate_seq_ = slate->value("profile_seq", std::uint64_t{0});
    slate_.clear();
    for (const auto& each : slate->value("items", nlohmann::json::array()))
      slate_.push_back(each.value("item_id", std::string{}));
  } else if (const auto error = parsed.find("error"); error != parsed.end()) {
    trouble_ = fmt::format("user {}: {}", who_.value, error->dump());
  }
}

} // namespace troupe::apps
