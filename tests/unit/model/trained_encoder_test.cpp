#include "model/trained_encoder.hpp"

#include "model/evaluate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

sequence_vocabulary words() {
  sequence_vocabulary made{std::vector<std::string>{"", "click", "rating>=4"}};
  for (const auto* id : {"x", "y", "z"})
    made.add_item(item_id{id});
  made.add_label("category:Drama");
  made.add_label("title:dawn");
  return made;
}

trained_encoder small() {
  trained_encoder made{{.dimensions = 2}, {}, words(), {}};
  made.weights["item.id"] = {{3, 2}, {1, 2, 3, 4, 5, 6}};
  made.weights["item.bias"] = {{3}, {0.1F, 0.2F, 0.3F}};
  made.weights["label"] = {{2, 2}, {10, 20, 30, 40}};
  return made;
}

item record(const std::string& id, std::vector<std::string> categories, const std::string& title) {
  item made;
  made.id = item_id{id};
  made.categories = std::move(categories);
  made.title = title;
  return made;
}

std::string refusal(const std::string& bytes, errc code = errc::corrupt_data) {
  const auto read = read_vocabulary(bytes);
  REQUIRE(read.has_error());
  CHECK(read.error().code == code);
  return read.error().context;
}

/// Users who walk through ten items, so that the next one is known.
std::vector<stored_event> walks() {
  std::vector<stored_event> made;
  for (int user = 0; user < 30; ++user)
    for (int i = 0; i < 8; ++i) {
      stored_event one;
      one.what.user = user_id{"u" + std::to_string(user)};
      one.what.item = item_id{"i" + std::to_string((user * 3 + i) % 10)};
      one.what.type = "click";
      one.what.time = from_millis(1000 * (user * 100 + i));
      made.push_back(std::move(one));
    }
  return made;
}

} // namespace

TEST_SUITE("model.trained_encoder") {

  TEST_CASE("a vocabulary is read as it was written") {
    const auto from = words();
    const auto read = read_vocabulary(write_vocabulary(from));
    REQUIRE(read.has_value());
    CHECK(read->kinds() == from.kinds());
    CHECK(read->items() == from.items());
    CHECK(read->labels() == from.labels());
    CHECK(*read->find_item(key_of(item_id{"z"})) == 2);
    CHECK(*read->find_label("title:dawn") == 1);
  }

  TEST_CASE("a vocabulary that is cut or changed at any byte is refused") {
    const auto bytes = write_vocabulary(words());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      CHECK(read_vocabulary(bytes.substr(0, i)).has_error());
      auto changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 0x10);
      CHECK(read_vocabulary(changed).has_error());
    }
    CHECK(refusal(bytes + "x").find("not those that were written") != std::string::npos);
    auto newer = bytes;
    newer[8] = 2;
    CHECK(refusal(newer, errc::unsupported_format).find("version 2") != std::string::npos);
  }

  TEST_CASE("an item's vector is its id's row and its labels'") {
    const auto trained = small();
    const auto vectors = *item_vectors::make(trained);
    CHECK(vectors.vector_of(key_of(item_id{"y"}), nullptr) == std::vector<float>{3, 4});
    const auto drama = record("y", {"Drama"}, "Dawn");
    const auto both = vectors.vector_of(key_of(drama.id), &drama);
    CHECK(both[0] == doctest::Approx(3 + 40 / std::sqrt(2.0)));
    CHECK(both[1] == doctest::Approx(4 + 60 / std::sqrt(2.0)));
    CHECK(vectors.bias_of(key_of(item_id{"z"})) == 0.3F);
  }

  TEST_CASE("a new item has its labels' vector, one without known labels none") {
    const auto trained = small();
    const auto vectors = *item_vectors::make(trained);
    const auto fresh = record("new", {"Drama", "Unheard"}, "");
    CHECK(vectors.vector_of(key_of(fresh.id), &fresh) == std::vector<float>{10, 20});
    CHECK(vectors.bias_of(key_of(fresh.id)) == 0);
    const auto strange = record("strange", {"Unheard"}, "");
    CHECK(vectors.vector_of(key_of(strange.id), &strange).empty());
  }

  TEST_CASE("tensors that do not fit the vocabulary are refused by name") {
    auto trained = small();
    trained.weights["label"].shape = {1, 4};
    const auto made = item_vectors::make(trained);
    REQUIRE(made.has_error());
    CHECK(made.error().context
          == "the encoder's tensor \"label\" is missing or not of shape [2, 2]");
  }

  TEST_CASE("training ends when it gets no better, with the best epoch's weights") {
    const auto rules = *fold_rules::make({}, {});
    const auto corpus = *make_corpus(walks(), {}, *rules, {});
    training_plan plan;
    plan.options.dimensions = 16;
    plan.options.learning_rate = 1e-2;
    plan.options.batch_steps = 128;
    plan.epochs_max = 60;
    plan.patience = 3;
    plan.refit_epochs = 0;
    std::vector<double> ndcg;
    const auto made =
        train_encoder(corpus, TROUPE_TRAINING_MODULE, plan,
                      [&ndcg](const epoch_report& report) { ndcg.push_back(report.ndcg); }, {});
    REQUIRE(made.has_value());
    REQUIRE(ndcg.size() > 3);
    CHECK(ndcg.size() < 60);
    CHECK(made->judged.ndcg == ndcg[made->judged.epoch - 1]);
    CHECK(made->judged.epoch + 3 == ndcg.size());
    CHECK(made->judged.ndcg > 0.9);
    CHECK(made->words.items().size() == 10);
  }

  TEST_CASE("the encoder is judged beside the others, frozen where the protocol goes on") {
    evaluation_options how;
    how.models = {"recurrent", "transformer", "popularity_all_time"};
    how.encoder.module = TROUPE_TRAINING_MODULE;
    how.encoder.plan.options.dimensions = 16;
    how.encoder.plan.options.learning_rate = 1e-2;
    how.encoder.plan.options.batch_steps = 128;
    how.warmup = 0.7;
    for (const auto protocol :
         {evaluation_protocol::leave_one_out, evaluation_protocol::prequential}) {
      how.protocol = protocol;
      const auto made = evaluate(walks(), {}, {}, {}, {}, how);
      REQUIRE(made.has_value());
      CHECK(made->notes.empty());
      REQUIRE(made->models.size() == 3);
      CHECK(made->models[1].name == "recurrent");
      CHECK(made->models[2].name == "transformer");
      for (const std::size_t n : {1U, 2U}) {
        CHECK(made->models[n].recall[0] > 0.9);
        CHECK(made->models[n].ndcg[0] > made->models[0].ndcg[0]);
      }
    }
    how.encoder.module = "/nowhere.so";
    const auto made = evaluate(walks(), {}, {}, {}, {}, how);
    REQUIRE(made.has_value());
    REQUIRE(made->notes.size() == 2);
    CHECK(made->notes[0].find("recurrent") == 0);
    CHECK(made->notes[1].find("transformer") == 0);
  }

  TEST_CASE("training that is stopped keeps the best so far, if there is one") {
    const auto rules = *fold_rules::make({}, {});
    const auto corpus = *make_corpus(walks(), {}, *rules, {});
    training_plan plan;
    plan.options.dimensions = 8;
    std::size_t epochs = 0;
    const auto one = train_encoder(
        corpus, TROUPE_TRAINING_MODULE, plan, [&epochs](const auto&) { ++epochs; },
        [&epochs] { return epochs == 1; });
    REQUIRE(one.has_value());
    CHECK(one->judged.epoch == 1);
    const auto none = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, [] { return true; });
    REQUIRE(none.has_error());
    CHECK(none.error().code == errc::unavailable);
  }

  TEST_CASE("training that was killed goes on from any epoch to the same weights") {
    const auto rules = *fold_rules::make({}, {});
    const auto corpus = *make_corpus(walks(), {}, *rules, {});
    training_plan plan;
    plan.options.dimensions = 8;
    plan.options.learning_rate = 1e-2;
    plan.options.batch_steps = 128;
    plan.epochs_max = 4;
    plan.patience = 2;
    std::vector<std::string> kept;
    training_checkpoints checkpoints;
    checkpoints.keep = [&kept](const std::string& bytes) -> result<void> {
      kept.push_back(bytes);
      return {};
    };
    std::size_t refits = 0;
    const auto whole = train_encoder(
        corpus, TROUPE_TRAINING_MODULE, plan,
        [&refits](const epoch_report& report) { refits += report.refit ? 1 : 0; }, {}, checkpoints);
    REQUIRE(whole.has_value());
    CHECK(refits == plan.refit_epochs);
    CHECK(whole->weights != whole->unaware);
    REQUIRE(kept.size() >= 4);
    checkpoints.keep = {};
    for (const auto& bytes : kept) {
      checkpoints.resume = bytes;
      const auto resumed = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}, checkpoints);
      REQUIRE(resumed.has_value());
      CHECK(resumed->weights == whole->weights);
      CHECK(resumed->unaware == whole->unaware);
      CHECK(resumed->judged.epoch == whole->judged.epoch);
    }
    plan.options.seed = 2;
    const auto other = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}, checkpoints);
    REQUIRE(other.has_error());
    CHECK(other.error().code == errc::invalid_argument);
    checkpoints.resume.resize(checkpoints.resume.size() / 2);
    const auto broken = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}, checkpoints);
    REQUIRE(broken.has_error());
    CHECK(broken.error().code == errc::corrupt_data);
  }

  TEST_CASE("a checkpoint that cannot be kept ends the training") {
    const auto rules = *fold_rules::make({}, {});
    const auto corpus = *make_corpus(walks(), {}, *rules, {});
    training_plan plan;
    plan.options.dimensions = 8;
    training_checkpoints checkpoints;
    checkpoints.keep = [](const std::string&) -> result<void> {
      return failure{errc::out_of_space, "the disk is full"};
    };
    const auto made = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {}, checkpoints);
    REQUIRE(made.has_error());
    CHECK(made.error().context == "the disk is full");
  }

  TEST_CASE("a plan without epochs or patience is refused") {
    const auto rules = *fold_rules::make({}, {});
    const auto corpus = *make_corpus(walks(), {}, *rules, {});
    const auto why = [&corpus](const training_plan& plan) {
      const auto made = train_encoder(corpus, TROUPE_TRAINING_MODULE, plan, {}, {});
      REQUIRE(made.has_error());
      CHECK(made.error().code == errc::invalid_argument);
      return made.error().context;
    };
    training_plan plan;
    plan.epochs_max = 0;
    CHECK(why(plan) == "epochs are 0; it takes 1 to 10000");
    plan = {};
    plan.patience = 0;
    CHECK(why(plan).find("patience is 0; it takes 1 or more") == 0);
  }

} // TEST_SUITE
