#include "model/trained_encoder.hpp"

#include "model/evaluate.hpp"
#include "model/training_checkpoint.hpp"

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

  TEST_CASE("an item's own vector is projected and added, whatever its length") {
    auto trained = small();
    trained.weights["content.weight"] = {{2, 3}, {1, 0, 2, 0, 1, 0}};
    CHECK(content_size_of(trained) == 3);
    const auto vectors = *item_vectors::make(trained);
    auto fresh = record("new", {}, "");
    fresh.vector = {3, 0, 4}; // 0.6, 0, 0.8
    const auto found = vectors.vector_of(key_of(fresh.id), &fresh);
    REQUIRE(found.size() == 2);
    CHECK(found[0] == doctest::Approx(0.6 + 2 * 0.8));
    CHECK(found[1] == 0);
    for (auto& value : fresh.vector)
      value *= 1e-20F;
    CHECK(vectors.vector_of(key_of(fresh.id), &fresh)[0] == doctest::Approx(found[0]));
    auto known = record("y", {"Drama"}, "");
    known.vector = {0, -2, 0};
    CHECK(vectors.vector_of(key_of(known.id), &known) == std::vector<float>{3 + 10, 4 + 20 - 1});
    known.vector = {1, 2}; // of another size: as if it had none
    CHECK(vectors.vector_of(key_of(known.id), &known) == std::vector<float>{3 + 10, 4 + 20});
    fresh.vector = {1, 2};
    CHECK(vectors.vector_of(key_of(fresh.id), &fresh).empty());
  }

  TEST_CASE("a projection of a wrong shape is refused, and none is none") {
    auto trained = small();
    CHECK(content_size_of(trained) == 0);
    auto fresh = record("new", {}, "");
    fresh.vector = {1, 2};
    CHECK(item_vectors::make(trained)->vector_of(key_of(fresh.id), &fresh).empty());
    for (const auto& shape : std::vector<std::vector<std::size_t>>{{3, 2}, {6}, {2, 3, 1}}) {
      trained.weights["content.weight"] = {shape, std::vector<float>(6, 1.0F)};
      const auto made = item_vectors::make(trained);
      REQUIRE(made.has_error());
      CHECK(made.error().code == errc::invalid_argument);
    }
    CHECK(item_vectors::make(trained).error().context
          == "the encoder's tensor \"content.weight\" is of shape [2, 3, 1], not [2, 1 to 4096]");
    trained.weights["content.weight"] = {{2, 0}, {}};
    CHECK(item_vectors::make(trained).has_error());
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

  TEST_CASE("a run on other vectors of the items' own is another run") {
    sequence_data data;
    data.items = 3;
    data.content_size = 2;
    data.content_items = {0, 1};
    data.contents = {1, 0, 0.6F, 0.8F};
    const auto before = training_fingerprint(data, {});
    auto moved = data;
    moved.content_items = {0, 2};
    CHECK(training_fingerprint(moved, {}) != before);
    auto turned = data;
    turned.contents[3] = -0.8F;
    CHECK(training_fingerprint(turned, {}) != before);
    CHECK(training_fingerprint(data, {}) == before);
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
