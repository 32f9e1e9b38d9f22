#include "apps/troupe/bench/event_source.hpp"
#include "apps/troupe/bench/load.hpp"
#include "apps/troupe/client/rest_connection.hpp"
#include "apps/troupe/client/wait.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <deque>
#include <utility>

namespace troupe::apps {
namespace {

using time_point = load_lines::time_point;

/// A request that is due; HTTP/1.1 answers one at a time, so others wait their turn.
struct due_request {
  bool read = false; ///< asks for recommendations, else sends an event
  time_point intended;
  std::shared_ptr<load_phase> phase;
};

struct line {
  std::shared_ptr<rest_connection> connection;
  std::string user;
  std::uint64_t sent = 0;
  std::uint64_t last_seq = 0;
  std::deque<due_request> waiting; ///< the first one is on its way
};

class rest_lines final : public load_lines {
public:
  rest_lines(const load_plan& plan, const clock& time)
      : plan_(plan), time_(time), source_(plan), lines_(plan.connections) {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      lines_[i].connection = std::make_shared<rest_connection>(io_, plan.server);
      lines_[i].user = source_.user_id(i);
    }
  }

  result<void> connect() override {
    // One request opens a connection; the others open with their first one.
    std::optional<result<rest_answer>> answer;
    lines_[0].connection->request("GET", "/readyz", {},
                                  [&answer](result<rest_answer> got) { answer = std::move(got); });
    if (!run_until(io_, time_, std::chrono::seconds{10}, [&] { return answer.has_value(); }))
      return failure{errc::timeout, "the server did not answer /readyz"};
    if (!*answer)
      return answer->error();
    if ((*answer)->status != 200)
      return failure{errc::unavailable, "the server is not ready: " + (*answer)->body};
    return {};
  }

  void fire(std::size_t index, time_point intended, std::shared_ptr<load_phase> phase) override {
    auto& to = lines_[index];
    if (to.waiting.size() >= plan_.unanswered_max) {
      if (phase)
        ++phase->withheld;
      return;
    }
    to.waiting.push_back({source_.chance(plan_.reads), intended, std::move(phase)});
    ++unanswered_;
    if (to.waiting.size() == 1)
      send_first(index);
  }

  std::size_t unanswered() const noexcept override { return unanswered_; }

  void settle() override {
    for (auto& each : lines_)
      for (auto& request : each.waiting)
        if (auto phase = std::exchange(request.phase, nullptr))
          ++phase->lost; // it stays in the queue: its answer may still come
  }

  void step(time_point until) override { network_.step(until, time_.steady()); }

  const sequence_faults& faults() const noexcept override { return faults_; }

private:
  void send_first(std::size_t index) {
    auto& to = lines_[index];
    auto done = [this, index](result<rest_answer> got) { take(index, std::move(got)); };
    if (to.waiting.front().read)
      to.connection->request(
          "GET",
          fmt::format("/v1/users/{}/recommendations?k={}&explain={}&properties={}", to.user,
                      plan_.k, plan_.full, plan_.full),
          {}, std::move(done));
    else
      to.connection->request("POST", "/v1/events", source_.next(index, to.sent++, to.user),
                             std::move(done));
  }

  void take(std::size_t index, result<rest_answer> got) {
    auto& from = lines_[index];
    const auto request = std::move(from.waiting.front());
    from.waiting.pop_front();
    --unanswered_;
    if (!got || got->status != 200) {
      const bool refused = got && (got->status == 429 || got->status == 503 || got->status == 504);
      if (request.phase)
        ++(refused ? request.phase->refused : request.phase->failed);
    } else {
      check(from, request, got->body);
      if (request.phase) {
        ++request.phase->answered;
        auto& to = request.read ? request.phase->slate : request.phase->answer;
        to.record(time_.steady() - request.intended);
      }
    }
    if (!from.waiting.empty())
      send_first(index);
  }

  void check(line& from, const due_request& request, const std::string& body) {
    const auto parsed = nlohmann::json::parse(body, nullptr, false);
    if (!parsed.is_object()) {
      ++faults_.unknown_answer;
      return;
    }
    if (request.read) {
      if (parsed.value("profile_seq", std::uint64_t{0}) < from.last_seq)
        ++faults_.stale_slate;
      return;
    }
    const auto seq = parsed.value("seq", std::uint64_t{0});
    if (parsed.value("duplicate", false))
      ++faults_.duplicate;
    if (seq <= from.last_seq)
      ++faults_.ack_disorder;
    from.last_seq = seq;
  }

  const load_plan& plan_;
  const clock& time_;
  boost::asio::io_context io_{1};
  network_step network_{io_};
  event_source source_;
  std::vector<line> lines_;
  std::size_t unanswered_ = 0;
  sequence_faults faults_;
};

} // namespace

std::unique_ptr<load_lines> make_rest_lines(const load_plan& plan, const clock& time) {
  return std::make_unique<rest_lines>(plan, time);
}

} // namespace troupe::apps
