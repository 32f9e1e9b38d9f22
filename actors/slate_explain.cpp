#include "actors/slate_explain.hpp"

#include "actors/model_files.hpp"
#include "actors/model_registry.hpp"
#include "actors/slate_plan.hpp"
#include "model/explain.hpp"

#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t page_max = 2000;

} // namespace

result<std::vector<slate_item>> explain_slate(storage::store& from,
                                              const config::settings& settings, const user_id& user,
                                              std::string_view slate, const slate_request& how) {
  auto origin = model::parse_slate_id(slate);
  if (!origin)
    return origin.error();
  auto plan = make_plan(how, settings.slates, settings.blend, settings.signals);
  if (!plan)
    return plan.error();
  std::vector<item_ptr> catalogue;
  item_id last;
  while (true) {
    auto page = from.items().scan(last, page_max);
    if (!page)
      return page.error();
    if (page->empty())
      break;
    last = page->back().id;
    for (auto& record : *page)
      catalogue.push_back(std::make_shared<const item>(std::move(record)));
  }
  model::slate_recipe recipe{make_query(*plan, user, nullptr, origin->model_version, nullptr, {}),
                             plan->rules, nullptr};
  if (origin->model_version != 0) {
    const auto rules = model::fold_rules::make(settings.users, settings.signals);
    if (!rules)
      return rules.error();
    auto model = load_model(models_directory(settings), origin->model_version, **rules);
    if (!model)
      return model.error();
    recipe.model = std::move(*model);
  }
  return model::explain_slate(
      *origin, user, recipe, catalogue, settings,
      [&from](std::uint64_t after) { return from.events().read_arrivals(after, page_max); });
}

} // namespace troupe::actors
