#include "actors/item_patch.hpp"
#include "actors/profile_record.hpp"
#include "actors/slate_plan.hpp"
#include "actors/write_credit.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace troupe;
using namespace troupe::actors;

namespace {

result<slate_plan> plan_of(const slate_request& how) {
  const config::settings settings;
  return make_plan(how, settings.slates, settings.blend, settings.signals);
}

} // namespace

TEST_SUITE("actors.edges") {

  TEST_CASE("a failure crosses between actors with its code and its words") {
    for (const auto code : {errc::invalid_argument, errc::overloaded, errc::out_of_space}) {
      const auto back = to_failure(to_error({code, "words for people"}));
      CHECK(back.code == code);
      CHECK(back.context == "words for people");
    }
    CHECK(to_failure(caf::make_error(caf::sec::request_timeout)).code == errc::timeout);
    CHECK(to_failure(caf::make_error(caf::sec::request_receiver_down)).code == errc::unavailable);
    CHECK(to_failure(caf::make_error(caf::exit_reason::kill)).code == errc::unavailable);
    CHECK(to_failure(caf::make_error(caf::sec::unexpected_message)).code == errc::internal);
  }

  TEST_CASE("a profile comes back from its record as it was") {
    const config::settings settings;
    const auto rules = model::fold_rules::make(settings.users, settings.signals).value();
    model::profile who;
    for (std::uint64_t seq = 1; seq <= 30; ++seq) {
      stored_event one;
      one.what.id = event_id{"e" + std::to_string(seq)};
      one.what.item = item_id{"f" + std::to_string(seq % 12)};
      one.what.type = seq % 3 == 0 ? "rating" : "click";
      if (seq % 3 == 0)
        one.what.value = static_cast<float>(seq % 5);
      one.what.time = from_millis(1'767'225'600'000 + static_cast<std::int64_t>(seq) * 1000);
      one.seq = seq;
      model::apply(who, one, {seq % 4 != 0, {"category:drama"}}, *rules);
    }
    const auto record = to_record(user_id{"ann"}, who, *rules);
    CHECK(record.seq == 30);
    CHECK(record.fold_version == rules->version());
    const auto back = load_profile(record, *rules);
    REQUIRE(back.has_value());
    CHECK(back->seq() == 30);
    REQUIRE(back->history_size() == who.history_size());
    for (std::size_t i = 0; i < who.history_size(); ++i) {
      CHECK(back->history(i).item == who.history(i).item);
      CHECK(back->history(i).value == who.history(i).value);
      CHECK(back->history(i).traits_known == who.history(i).traits_known);
    }
    CHECK(back->find_event(key_of(event_id{"e7"})) == 7);
    CHECK(back->seen().size() == who.seen().size());
    auto other = record;
    ++other.fold_version;
    CHECK(load_profile(other, *rules).error().code == errc::unavailable);
    auto torn = record;
    torn.counts.clear();
    CHECK(load_profile(torn, *rules).error().code == errc::corrupt_data);
  }

  TEST_CASE("a slate's request is held to its bounds, and the error names the field") {
    const auto refused = [](const slate_request& how, const char* field) {
      const auto plan = plan_of(how);
      REQUIRE(plan.has_error());
      CHECK(plan.error().code == errc::invalid_argument);
      CHECK(plan.error().context.find(field) != std::string::npos);
    };
    slate_request how;
    CHECK(plan_of(how)->rules.k == 20);
    how.k = 201;
    refused(how, "k:");
    how = {};
    how.surface = "";
    refused(how, "surface");
    how.surface = std::string(65, 's');
    refused(how, "surface");
    how = {};
    how.filter = "category ==";
    refused(how, "column");
    how = {};
    how.diversity = 1.5;
    refused(how, "diversity");
    how.diversity = std::numeric_limits<double>::quiet_NaN();
    refused(how, "diversity");
    how = {};
    how.k = 1;
    how.pin = {item_id{"a"}, item_id{"b"}};
    refused(how, "pin");
    how = {};
    how.exclude.assign(1001, item_id{"a"});
    refused(how, "exclude");
  }

  TEST_CASE("credits run out and come back") {
    write_credit credit{2};
    CHECK(credit.try_take());
    CHECK(credit.try_take());
    CHECK_FALSE(credit.try_take());
    credit.give_back(1);
    CHECK(credit.try_take());
    CHECK(credit.out() == 2);
  }

  TEST_CASE("search words are found in any case, in title, categories and tags") {
    item film;
    film.title = "The Third Man";
    film.categories = {"Film-Noir"};
    film.tags = {"Vienna", "\xc3\xa9t\xc3\xa9"};
    CHECK(matches_words(film, search_words("third NOIR")));
    CHECK(matches_words(film, search_words("vienna, man!")));
    CHECK(matches_words(film, search_words("\xc3\xa9t\xc3\xa9")));
    CHECK_FALSE(matches_words(film, search_words("third western")));
    CHECK(matches_words(film, search_words("  ")));
    CHECK(search_words("a b c d e f g h i j").size() == 8);
  }

} // TEST_SUITE
