#include "actors/item_catalog.hpp"

#include "model/filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace troupe::actors {

item_catalog_probe item_catalog_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_item_catalog_";
  item_catalog_probe probe;
  probe.written = where.make_counter(stem + "written_total", "Items written.");
  probe.removed = where.make_counter(stem + "removed_total", "Items removed.");
  probe.refused = where.make_counter(stem + "refused_total", "Item writes refused at the bound.");
  probe.writes_pending = where.make_gauge(stem + "writes_pending", "Item writes on their way.");
  return probe;
}

/// One upsert_items on its way, in parts.
struct item_catalog_state::bulk_write {
  caf::typed_response_promise<items_ack> answer;
  std::vector<item> items;
  std::size_t next = 0;    ///< first item not yet sent to the writer
  std::size_t written = 0; ///< in the store and the shards
  std::size_t shards_open = 0;
};

/// One answer put together from all shards.
struct item_catalog_state::shard_gather {
  caf::typed_response_promise<scored_items> answer;
  std::vector<model::candidate> found;
  std::size_t k = 0;
  std::size_t open = 0;
  std::size_t answered = 0; ///< shards in time
  item_key without{};
  bool partial = false;
};

item_catalog_state::item_catalog_state(handle::pointer self, const clock& time,
                                       std::vector<item_shard_actor> shards,
                                       std::vector<user_directory_actor> directories,
                                       event_log_writer_actor log, store_reader_actor scans,
                                       item_catalog_probe probe, options opts)
    : self_(self), time_(time), shards_(std::move(shards)), directories_(std::move(directories)),
      log_(std::move(log)), scans_(std::move(scans)), probe_(probe), options_(opts) {}

item_catalog_state::handle::behavior_type item_catalog_state::make_behavior() {
  return {
      [this](upsert_items& what) { return upsert(what); },
      [this](patch_item& what) { return patch(what); },
      [this](const read_item& what) { return find(what); },
      [this](const remove_item& what) { return remove(what); },
      [this](read_items& what) {
        return caf::result<item_page>{self_->delegate(scans_, std::move(what))};
      },
      [this](const read_similar& what) { return similar(what); },
      [this](const read_popular& what) { return popular(what); },
      [this](const read_catalog_stats&) { return stats(); },
      [this](const tell_changes&) { tell(); },
  };
}

const item_shard_actor& item_catalog_state::shard_for(item_key key) const {
  return shards_[shard_of(key, static_cast<std::uint32_t>(shards_.size()))];
}

// -- writing ---------------------------------------------------------------------------------

bool item_catalog_state::take_place() {
  if (writes_pending_ >= options_.writes_pending_max) {
    probe_.refused.add();
    return false;
  }
  probe_.writes_pending.set(static_cast<double>(++writes_pending_));
  return true;
}

void item_catalog_state::leave_place() {
  probe_.writes_pending.set(static_cast<double>(--writes_pending_));
}

namespace {

const failure too_many_writes{errc::overloaded, "too many item writes are on their way"};

} // namespace

caf::result<items_ack> item_catalog_state::upsert(upsert_items& what) {
  for (std::size_t i = 0; i < what.items.size(); ++i)
    if (auto fine = check_item(what.items[i]); !fine)
      return to_error({fine.error().code, fmt::format("items[{}]: {}", i, fine.error().context)});
  if (what.items.empty())
    return items_ack{0};
  if (!take_place())
    return to_error(too_many_writes);
  auto bulk = std::make_shared<bulk_write>();
  bulk->answer = self_->make_response_promise<items_ack>();
  bulk->items = std::move(what.items);
  write_next(bulk);
  return bulk->answer;
}

void item_catalog_state::write_next(const std::shared_ptr<bulk_write>& bulk) {
  if (bulk->next == bulk->items.size()) {
    bulk->answer.deliver(items_ack{bulk->written});
    return leave_place();
  }
  write_items part;
  part.now = time_.now();
  const auto end = std::min(bulk->items.size(), bulk->next + options_.chunk_items);
  for (; bulk->next < end; ++bulk->next)
    part.items.push_back(std::move(bulk->items[bulk->next]));
  self_->request(log_, no_timer, std::move(part))
      .then([this, bulk](const written_items& written) { spread(bulk, written); },
            [this, bulk](caf::error& why) {
              // The parts before this one stand; writing them again changes nothing.
              bulk->answer.deliver(std::move(why));
              leave_place();
            });
}

void item_catalog_state::spread(const std::shared_ptr<bulk_write>& bulk,
                                const written_items& written) {
  std::vector<std::vector<item_ptr>> by_shard(shards_.size());
  std::vector<item_key> keys;
  for (const auto& record : written.items) {
    const auto key = key_of(record->id);
    keys.push_back(key);
    by_shard[shard_of(key, static_cast<std::uint32_t>(shards_.size()))].push_back(record);
  }
  probe_.written.add(static_cast<double>(keys.size()));
  const auto settled = [this, bulk, keys = std::move(keys)] {
    if (--bulk->shards_open > 0)
      return;
    bulk->written += keys.size();
    for (const auto key : keys)
      changed(key);
    write_next(bulk);
  };
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    if (by_shard[shard].empty())
      continue;
    ++bulk->shards_open;
    self_->request(shards_[shard], no_timer, shard_upsert{std::move(by_shard[shard])})
        .then([settled](const done&) { settled(); }, [settled](const caf::error&) { settled(); });
  }
}

caf::result<item_ptr> item_catalog_state::patch(patch_item& what) {
  if (!take_place())
    return to_error(too_many_writes);
  auto answer = self_->make_response_promise<item_ptr>();
  const auto refuse = [this, answer](caf::error& why) mutable {
    answer.deliver(std::move(why));
    leave_place();
  };
  self_->request(log_, no_timer, write_patch{std::move(what), time_.now()})
      .then(
          [this, answer, refuse](const item_ptr& written) {
            const auto key = key_of(written->id);
            self_->request(shard_for(key), no_timer, shard_upsert{{written}})
                .then(
                    [this, answer, written, key](const done&) mutable {
                      probe_.written.add();
                      changed(key);
                      answer.deliver(written);
                      leave_place();
                    },
                    refuse);
          },
          refuse);
  return answer;
}

caf::result<done> item_catalog_state::remove(const remove_item& what) {
  if (!take_place())
    return to_error(too_many_writes);
  auto answer = self_->make_response_promise<done>();
  const auto refuse = [this, answer](caf::error& why) mutable {
    answer.deliver(std::move(why));
    leave_place();
  };
  self_->request(log_, no_timer, erase_item{what.id})
      .then(
          [this, answer, refuse, key = key_of(what.id)](const done&) {
            self_->request(shard_for(key), no_timer, shard_remove{key})
                .then(
                    [this, answer, key](const done&) mutable {
                      probe_.removed.add();
                      changed(key);
                      answer.deliver(done{});
                      leave_place();
                    },
                    refuse);
          },
          refuse);
  return answer;
}

void item_catalog_state::changed(item_key key) {
  if (changed_.empty())
    self_->delayed_send(self_, options_.tell_interval, tell_changes{});
  changed_.push_back(key);
}

void item_catalog_state::tell() {
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  const items_changed news{
      std::make_shared<const std::vector<item_key>>(std::exchange(changed_, {}))};
  for (const auto& directory : directories_)
    self_->send(directory, news);
}

// -- reading ---------------------------------------------------------------------------------

caf::result<item_ptr> item_catalog_state::find(const read_item& what) {
  auto answer = self_->make_response_promise<item_ptr>();
  const auto key = key_of(what.id);
  self_->request(shard_for(key), options_.slates.request_timeout, shard_find{key})
      .then(
          [answer](const item_ptr& record) mutable {
            if (record)
              answer.deliver(record);
            else
              answer.deliver(to_error({errc::not_found, "no item has this id"}));
          },
          [answer](caf::error& why) mutable { answer.deliver(std::move(why)); });
  return answer;
}

result<std::size_t> item_catalog_state::check_k(std::size_t k) const {
  if (k > options_.slates.k_max)
    return failure{errc::invalid_argument,
                   fmt::format("k: at most {}, got {}", options_.slates.k_max, k)};
  return k == 0 ? options_.slates.k_default : k;
}

namespace {

result<std::shared_ptr<const model::filter>> parse_filter(const std::string& text,
                                                          std::size_t bytes_max) {
  if (text.empty())
    return std::shared_ptr<const model::filter>{};
  return model::filter::parse(text, bytes_max);
}

slate_item to_slate_item(model::candidate&& found) {
  slate_item out;
  out.score = found.score;
  for (std::size_t which = 0; which < signal_count; ++which)
    if (found.parts[which] != 0)
      out.why.shares.push_back({static_cast<signal>(which), found.parts[which]});
  std::stable_sort(out.why.shares.begin(), out.why.shares.end(),
                   [](const reason::share& a, const reason::share& b) {
                     return a.contribution > b.contribution;
                   });
  out.what = std::move(found.what);
  return out;
}

} // namespace

template <class Message>
void item_catalog_state::ask_all(const std::shared_ptr<shard_gather>& gather,
                                 const Message& message) {
  gather->open = shards_.size();
  for (const auto& shard : shards_)
    self_->request(shard, options_.slates.deadline, message)
        .then(
            [this, gather](scored_candidates& part) {
              std::move(part.list.found.begin(), part.list.found.end(),
                        std::back_inserter(gather->found));
              ++gather->answered;
              settle(gather);
            },
            [this, gather](const caf::error&) {
              gather->partial = true;
              settle(gather);
            });
}

void item_catalog_state::settle(const std::shared_ptr<shard_gather>& gather) {
  if (--gather->open > 0)
    return;
  if (gather->answered == 0)
    return void(gather->answer.deliver(
        to_error({errc::timeout, "no part of the catalogue answered in time"})));
  std::sort(gather->found.begin(), gather->found.end(),
            [](const model::candidate& a, const model::candidate& b) {
              return a.score != b.score ? a.score > b.score : a.what->id < b.what->id;
            });
  scored_items out;
  out.partial = gather->partial;
  for (auto& one : gather->found)
    if (one.key != gather->without && out.items.size() < gather->k)
      out.items.push_back(to_slate_item(std::move(one)));
  gather->answer.deliver(std::move(out));
}

caf::result<scored_items> item_catalog_state::similar(const read_similar& what) {
  auto k = check_k(what.k);
  if (!k)
    return to_error(k.error());
  auto only = parse_filter(what.filter, options_.slates.filter_bytes_max);
  if (!only)
    return to_error(only.error());
  auto gather = std::make_shared<shard_gather>();
  gather->answer = self_->make_response_promise<scored_items>();
  gather->k = *k;
  const auto key = key_of(what.id);
  gather->without = key;
  self_->request(shard_for(key), options_.slates.request_timeout, shard_find{key})
      .then(
          [this, gather, key, filter = std::move(*only)](const item_ptr& record) {
            if (!record)
              return void(
                  gather->answer.deliver(to_error({errc::not_found, "no item has this id"})));
            ask_all(gather, shard_similar{key, record, gather->k + 1, filter});
          },
          [gather](caf::error& why) { gather->answer.deliver(std::move(why)); });
  return gather->answer;
}

caf::result<scored_items> item_catalog_state::popular(const read_popular& what) {
  auto k = check_k(what.k);
  if (!k)
    return to_error(k.error());
  if (what.half_life >= options_.half_lives)
    return to_error(
        {errc::invalid_argument, fmt::format("half_life: an index below {}", options_.half_lives)});
  auto only = parse_filter(what.filter, options_.slates.filter_bytes_max);
  if (!only)
    return to_error(only.error());
  auto gather = std::make_shared<shard_gather>();
  gather->answer = self_->make_response_promise<scored_items>();
  gather->k = *k;
  ask_all(gather, shard_popular{what.half_life, gather->k, std::move(*only)});
  return gather->answer;
}

caf::result<catalog_stats> item_catalog_state::stats() {
  auto answer = self_->make_response_promise<catalog_stats>();
  auto open = std::make_shared<std::size_t>(shards_.size());
  auto out = std::make_shared<catalog_stats>();
  out->shards.resize(shards_.size());
  const auto settled = [answer, open, out] {
    if (--*open == 0)
      caf::typed_response_promise<catalog_stats>{answer}.deliver(*out);
  };
  for (std::size_t shard = 0; shard < shards_.size(); ++shard)
    self_->request(shards_[shard], options_.slates.request_timeout, read_slice_stats{})
        .then(
            [out, shard, settled](const model::slice_stats& found) {
              out->shards[shard] = found;
              settled();
            },
            [settled](const caf::error&) { settled(); });
  return answer;
}

} // namespace troupe::actors
