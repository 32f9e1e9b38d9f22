#include "apps/troupe/bench/event_source.hpp"
#include "apps/troupe/bench/load.hpp"
#include "apps/troupe/client/live_connection.hpp"
#include "apps/troupe/client/wait.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <deque>
#include <utility>

namespace troupe::apps {
namespace {

using time_point = load_lines::time_point;

constexpr std::chrono::seconds greeting_timeout{30};
constexpr std::chrono::seconds push_timeout{1}; // later than that a slate is none for the event
constexpr std::size_t connecting_max = 64;      // so that the listen queue holds them

/// An event on its way.
struct sent_event {
  std::string id;
  time_point intended;
  std::shared_ptr<load_phase> phase; ///< null: not measured
};

/// An event that was acknowledged and waits for a slate that reflects it.
struct acked_event {
  std::uint64_t seq = 0;
  time_point intended;
  time_point acked;
  std::shared_ptr<load_phase> phase;
};

struct line {
  std::shared_ptr<live_connection> connection;
  std::string user;
  std::uint64_t sent = 0;
  bool greeted = false;
  bool ended = false;
  std::deque<sent_event> waiting;
  std::deque<acked_event> unpushed;
  std::deque<std::pair<std::uint64_t, time_point>> slates; ///< profile_seq, when it came
  std::uint64_t last_seq = 0;
  std::uint64_t last_slate = 0;
};

class live_lines final : public load_lines {
public:
  live_lines(const load_plan& plan, const clock& time)
      : plan_(plan), time_(time), source_(plan), lines_(plan.connections) {}

  ~live_lines() override {
    for (auto& each : lines_)
      if (each.connection) {
        each.connection->forget();
        each.connection->close();
      }
    io_.restart();
    io_.run_for(std::chrono::milliseconds{200}); // the goodbyes
  }

  result<void> connect() override {
    std::size_t opened = 0;
    const auto greeted = [this] {
      return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(),
                                                    [](const line& each) { return each.greeted; }));
    };
    while (opened < lines_.size()) {
      for (const auto batch_end = std::min(opened + connecting_max, lines_.size());
           opened < batch_end; ++opened)
        open(opened);
      const bool all = run_until(io_, time_, greeting_timeout,
                                 [&] { return greeted() == opened || faults_.closed > 0; });
      if (faults_.closed > 0)
        return failure{errc::unavailable, trouble_};
      if (!all)
        return failure{errc::timeout, "the server did not greet in time"};
    }
    return {};
  }

  void fire(std::size_t index, time_point intended, std::shared_ptr<load_phase> phase) override {
    auto& to = lines_[index];
    if (to.ended || to.waiting.size() >= plan_.unanswered_max) {
      if (phase)
        ++phase->withheld;
      return;
    }
    give_up_on_slates(to);
    const auto number = to.sent++;
    to.connection->send(R"({"event":)" + source_.next(index, number, {}) + "}");
    to.waiting.push_back({source_.event_id(index, number), intended, std::move(phase)});
    ++unanswered_;
  }

  std::size_t unanswered() const noexcept override { return unanswered_; }

  void settle() override {
    for (auto& each : lines_) {
      for (const auto& event : each.waiting)
        if (event.phase)
          ++event.phase->lost;
      unanswered_ -= each.waiting.size();
      late_ += each.waiting.size(); // their answers may still come
      each.waiting.clear();
      for (const auto& event : each.unpushed)
        if (event.phase)
          ++event.phase->unpushed;
      each.unpushed.clear();
    }
  }

  void step(time_point until) override { network_.step(until, time_.steady()); }

  const sequence_faults& faults() const noexcept override { return faults_; }

private:
  void open(std::size_t index) {
    auto& made = lines_[index];
    made.user = source_.user_id(index);
    made.connection = std::make_shared<live_connection>(
        io_, live_connection::handlers{
                 .opened = [this, index] { lines_[index].greeted = plan_.mode == load_mode::echo; },
                 .message = [this, index](std::string_view text) { read(lines_[index], text); },
                 .closed =
                     [this, index](std::string_view why) {
                       lines_[index].ended = true;
                       ++faults_.closed;
                       trouble_ = fmt::format("the server ended a connection: {}", why);
                     },
             });
    if (plan_.mode == load_mode::live)
      made.connection->send(
          fmt::format(R"({{"hello":{{"user_id":"{}","k":{},"explain":{},"properties":{}}}}})",
                      made.user, plan_.k, plan_.full, plan_.full));
    made.connection->open(plan_.server);
  }

  void read(line& from, std::string_view text) {
    const auto now = time_.steady();
    if (plan_.mode == load_mode::echo)
      return read_echo(from, text, now);
    buffer_.assign(text);
    buffer_.reserve(buffer_.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::document parsed;
    simdjson::ondemand::object body;
    if (parser_.iterate(buffer_).get(parsed) != simdjson::SUCCESS) {
      ++faults_.unknown_answer;
      return;
    }
    if (text.starts_with("{\"slate\"") && parsed["slate"].get(body) == simdjson::SUCCESS)
      read_slate(from, body, now);
    else if (text.starts_with("{\"ack\"") && parsed["ack"].get(body) == simdjson::SUCCESS)
      read_ack(from, body, now);
    else if (text.starts_with("{\"error\"") && parsed["error"].get(body) == simdjson::SUCCESS)
      read_error(from, body);
  }

  void read_echo(line& from, std::string_view text, time_point now) {
    if (from.waiting.empty() || text.find(from.waiting.front().id) == std::string_view::npos) {
      count_unknown();
      return;
    }
    take_answer(from, from.waiting.begin(), now);
  }

  void read_ack(line& from, simdjson::ondemand::object& body, time_point now) {
    std::string_view id;
    if (body["event_id"].get(id) != simdjson::SUCCESS)
      return; // of a subscription
    const auto sent = find(from, id);
    std::uint64_t seq = 0;
    bool duplicate = false;
    if (body["seq"].get(seq) != simdjson::SUCCESS)
      ++faults_.unknown_answer;
    if (body["duplicate"].get(duplicate) == simdjson::SUCCESS && duplicate)
      ++faults_.duplicate;
    if (seq <= from.last_seq)
      ++faults_.ack_disorder;
    from.last_seq = std::max(from.last_seq, seq);
    if (sent == from.waiting.end()) {
      count_unknown();
      return;
    }
    const acked_event event{seq, sent->intended, now, sent->phase};
    take_answer(from, sent, now);
    // The slate may have come before the ack.
    const auto reflecting = std::find_if(from.slates.begin(), from.slates.end(),
                                         [seq](const auto& each) { return each.first >= seq; });
    if (reflecting == from.slates.end())
      from.unpushed.push_back(event);
    else if (event.phase)
      event.phase->slate.record(reflecting->second - event.intended);
  }

  void read_slate(line& from, simdjson::ondemand::object& body, time_point now) {
    std::uint64_t seq = 0;
    if (body["profile_seq"].get(seq) != simdjson::SUCCESS)
      ++faults_.unknown_answer;
    from.greeted = true;
    if (seq < from.last_slate)
      ++faults_.slate_backwards;
    from.last_slate = seq;
    give_up_on_slates(from);
    while (!from.unpushed.empty() && from.unpushed.front().seq <= seq) {
      const auto& event = from.unpushed.front();
      if (event.phase)
        event.phase->slate.record(now - event.intended);
      from.unpushed.pop_front();
    }
    from.slates.emplace_back(seq, now);
    if (from.slates.size() > plan_.unanswered_max)
      from.slates.pop_front();
  }

  void read_error(line& from, simdjson::ondemand::object& body) {
    std::string_view field;
    std::string id;
    if (body["event_id"].get(field) == simdjson::SUCCESS)
      id = field;
    simdjson::ondemand::object problem;
    std::string_view code;
    const bool said = body["problem"].get(problem) == simdjson::SUCCESS
                      && problem["code"].get(code) == simdjson::SUCCESS;
    const auto sent = find(from, id);
    if (sent == from.waiting.end()) {
      count_unknown();
      return;
    }
    const bool refused = said
                         && (code == "overloaded" || code == "rate_limited" || code == "unavailable"
                             || code == "timeout");
    if (sent->phase)
      ++(refused ? sent->phase->refused : sent->phase->failed);
    from.waiting.erase(sent);
    --unanswered_;
  }

  std::deque<sent_event>::iterator find(line& from, std::string_view id) {
    return std::find_if(from.waiting.begin(), from.waiting.end(),
                        [id](const sent_event& each) { return each.id == id; });
  }

  void take_answer(line& from, const std::deque<sent_event>::iterator& which, time_point now) {
    if (which->phase) {
      ++which->phase->answered;
      which->phase->answer.record(now - which->intended);
    }
    from.waiting.erase(which);
    --unanswered_;
  }

  /// An answer to what was given up is late, not unknown.
  void count_unknown() {
    if (late_ > 0)
      --late_;
    else
      ++faults_.unknown_answer;
  }

  /// An unchanged slate is not pushed: its event must not be charged for the next one's.
  void give_up_on_slates(line& from) const {
    const auto oldest = time_.steady() - push_timeout;
    while (!from.unpushed.empty() && from.unpushed.front().acked < oldest) {
      if (from.unpushed.front().phase)
        ++from.unpushed.front().phase->unpushed;
      from.unpushed.pop_front();
    }
  }

  const load_plan& plan_;
  const clock& time_;
  boost::asio::io_context io_{1};
  network_step network_{io_};
  event_source source_;
  std::vector<line> lines_;
  simdjson::ondemand::parser parser_;
  std::string buffer_;
  std::size_t unanswered_ = 0;
  std::size_t late_ = 0;
  sequence_faults faults_;
  std::string trouble_;
};

} // namespace

std::unique_ptr<load_lines> make_live_lines(const load_plan& plan, const clock& time) {
  return std::make_unique<live_lines>(plan, time);
}

} // namespace troupe::apps
