#include "storage/snapshot_codec.hpp"

#include "storage/record_frame.hpp"
#include "troupe/v1/model.pb.h"

#include <utility>

namespace troupe::storage {

std::string encode_snapshot_manifest(const snapshot_manifest& what) {
  v1::SnapshotManifest out;
  out.set_format_version(what.format_version);
  out.set_version(what.version);
  out.set_parent_version(what.facts.parent);
  out.set_created_ms(to_millis(what.facts.created));
  out.set_encoder(what.facts.encoder);
  out.set_items(what.facts.items);
  out.set_event_position(what.facts.event_position);
  for (const auto& [name, value] : what.facts.metrics)
    (*out.mutable_metrics())[name] = value;
  for (const auto& [name, value] : what.facts.parameters)
    (*out.mutable_parameters())[name] = value;
  for (const auto& from : what.files) {
    auto& to = *out.add_files();
    to.set_name(from.name);
    to.set_bytes(from.bytes);
    to.set_sha256(from.sha256);
  }
  return pack(out);
}

result<snapshot_manifest> decode_snapshot_manifest(std::string_view bytes) {
  v1::SnapshotManifest in;
  if (auto read = unpack(bytes, "snapshot manifest", in); !read)
    return read.error();
  snapshot_manifest out;
  out.format_version = in.format_version();
  out.version = in.version();
  out.facts.parent = in.parent_version();
  out.facts.created = from_millis(in.created_ms());
  out.facts.encoder = std::move(*in.mutable_encoder());
  out.facts.items = in.items();
  out.facts.event_position = in.event_position();
  out.facts.metrics.insert(in.metrics().begin(), in.metrics().end());
  out.facts.parameters.insert(in.parameters().begin(), in.parameters().end());
  out.files.reserve(static_cast<std::size_t>(in.files_size()));
  for (auto& from : *in.mutable_files()) {
    auto& to = out.files.emplace_back();
    to.name = std::move(*from.mutable_name());
    to.bytes = from.bytes();
    to.sha256 = std::move(*from.mutable_sha256());
  }
  return out;
}

} // namespace troupe::storage
