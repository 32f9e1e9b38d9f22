#include "model/safetensors.hpp"

#include "model/safetensors_header.hpp"
#include "model/safetensors_rules.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

namespace troupe::model {

static_assert(std::endian::native == std::endian::little, "values are copied as they are");

namespace {

using safetensors_rules::check_finite;
using safetensors_rules::check_metadata;
using safetensors_rules::check_name;
using safetensors_rules::check_rank;
using safetensors_rules::count_of;
using safetensors_rules::metadata_key;
using safetensors_rules::printable;
using safetensors_rules::refuse;

constexpr std::size_t length_bytes = 8;     // of the header's length
constexpr std::size_t header_alignment = 8; // so that values are aligned in a mapped file

/// `text` as a JSON string. REQUIRES: text is UTF-8.
std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump();
}

std::string make_header(const tensor_map& tensors, const safetensors_metadata& metadata) {
  std::string out{"{"};
  if (!metadata.empty())
    out += fmt::format("\"{}\":{}", metadata_key, nlohmann::json(metadata).dump());
  std::size_t begin = 0;
  for (const auto& [name, what] : tensors) {
    const auto end = begin + what.values.size() * sizeof(float);
    if (out.size() > 1)
      out.push_back(',');
    out += fmt::format(R"({}:{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})",
                       json_string(name), fmt::join(what.shape, ","), begin, end);
    begin = end;
  }
  out.push_back('}');
  out.resize((out.size() + header_alignment - 1) / header_alignment * header_alignment, ' ');
  return out;
}

std::size_t data_bytes_of(const tensor_map& tensors) {
  std::size_t bytes = 0;
  for (const auto& [name, what] : tensors)
    bytes += what.values.size() * sizeof(float);
  return bytes;
}

result<void> check_tensor(const std::string& name, const tensor& what,
                          const safetensors_limits& limits) {
  if (auto fine = check_name(name, "tensor", limits.name_bytes_max); !fine)
    return fine;
  if (name == metadata_key)
    return refuse(errc::corrupt_data, "no tensor can be called \"{}\": the format uses that name",
                  name);
  if (auto fine = check_rank(name, what.shape.size(), limits); !fine)
    return fine;
  const auto count = count_of(what.shape);
  if (!count || *count != what.values.size())
    return refuse(errc::corrupt_data, "tensor \"{}\": {} values do not fill the shape [{}]",
                  printable(name), what.values.size(), fmt::join(what.shape, ", "));
  return check_finite(name, what);
}

result<void> check_all(const tensor_map& tensors, const safetensors_metadata& metadata,
                       const safetensors_limits& limits) {
  if (tensors.size() > limits.tensors_max)
    return refuse(errc::too_large, "{} tensors, the limit is {}", tensors.size(),
                  limits.tensors_max);
  for (const auto& [name, what] : tensors)
    if (auto fine = check_tensor(name, what, limits); !fine)
      return fine;
  if (auto fine = check_metadata(metadata, limits); !fine)
    return fine;
  const auto header_bytes = make_header(tensors, metadata).size();
  if (header_bytes > limits.header_bytes_max)
    return refuse(errc::too_large, "the header would have {} bytes, the limit is {}", header_bytes,
                  limits.header_bytes_max);
  const auto bytes = length_bytes + header_bytes + data_bytes_of(tensors);
  if (bytes > limits.bytes_max)
    return refuse(errc::too_large, "{} bytes, the limit is {}", bytes, limits.bytes_max);
  return {};
}

/// The header's text, without its length and padding.
result<std::string_view> find_header(std::string_view bytes, const safetensors_limits& limits,
                                     std::string_view& data) {
  if (bytes.size() > limits.bytes_max)
    return refuse(errc::too_large, "{} bytes, the limit is {}", bytes.size(), limits.bytes_max);
  if (bytes.size() < length_bytes)
    return refuse(errc::corrupt_data, "{} bytes, expected at least {}, the length of the header",
                  bytes.size(), length_bytes);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.remove_prefix(length_bytes);
  if (length > bytes.size())
    return refuse(errc::corrupt_data,
                  "a header of {} bytes is announced and {} follow: cut, or no safetensors file",
                  length, bytes.size());
  if (length > limits.header_bytes_max)
    return refuse(errc::too_large, "the header has {} bytes, the limit is {}", length,
                  limits.header_bytes_max);
  data = bytes.substr(length);
  auto text = bytes.substr(0, length);
  if (const auto last = text.find_last_not_of(' '); last != std::string_view::npos)
    text = text.substr(0, last + 1);
  if (!text.starts_with('{') || !text.ends_with('}'))
    return refuse(errc::corrupt_data, "the header is not a JSON object padded with spaces");
  return text;
}

/// Whether a tensor's part of the data is where there is data, and as large as its shape needs.
result<void> check_extent(std::string_view name, const safetensors_entry& what,
                          std::uint64_t data_bytes) {
  if (what.begin > what.end || what.end > data_bytes)
    return refuse(errc::corrupt_data,
                  "tensor \"{}\": data_offsets [{}, {}] are no part of the {} bytes of data",
                  printable(name), what.begin, what.end, data_bytes);
  const auto count = count_of(what.shape);
  if (!count)
    return refuse(errc::corrupt_data, "tensor \"{}\": the shape [{}] overflows", printable(name),
                  fmt::join(what.shape, ", "));
  if (what.end - what.begin != *count * sizeof(float))
    return refuse(errc::corrupt_data,
                  "tensor \"{}\": data_offsets [{}, {}] hold {} bytes, the shape [{}] needs {}",
                  printable(name), what.begin, what.end, what.end - what.begin,
                  fmt::join(what.shape, ", "), *count * sizeof(float));
  return {};
}

/// Whether the tensors fill the data, each byte belonging to one of them.
result<void> check_extents(const safetensors_header& head, std::uint64_t data_bytes) {
  using place = decltype(safetensors_header::entries)::const_iterator;
  std::vector<place> order;
  for (auto at = head.entries.begin(); at != head.entries.end(); ++at) {
    if (auto fine = check_extent(at->first, at->second, data_bytes); !fine)
      return fine;
    order.push_back(at);
  }
  std::sort(order.begin(), order.end(), [](const place& a, const place& b) {
    return std::pair{a->second.begin, a->second.end} < std::pair{b->second.begin, b->second.end};
  });
  std::uint64_t filled = 0;
  for (const auto& at : order) {
    if (at->second.begin > filled)
      return refuse(errc::corrupt_data,
                    "bytes {} to {} of the data, before tensor \"{}\", belong to no tensor", filled,
                    at->second.begin, printable(at->first));
    if (at->second.begin < filled)
      return refuse(errc::corrupt_data,
                    "tensor \"{}\" begins at byte {} of the data, the one before it ends at {}",
                    printable(at->first), at->second.begin, filled);
    filled = at->second.end;
  }
  if (filled != data_bytes)
    return refuse(errc::corrupt_data, "the last {} of {} bytes of data belong to no tensor",
                  data_bytes - filled, data_bytes);
  return {};
}

} // namespace

std::string write_safetensors(const tensor_map& tensors, const safetensors_metadata& metadata) {
  const auto head = make_header(tensors, metadata);
  const std::uint64_t length = head.size();
  std::string out;
  out.reserve(length_bytes + head.size() + data_bytes_of(tensors));
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out += head;
  for (const auto& [name, what] : tensors)
    out.append(reinterpret_cast<const char*>(what.values.data()),
               what.values.size() * sizeof(float));
  return out;
}

result<void> check_safetensors(const tensor_map& tensors, const safetensors_metadata& metadata,
                               const safetensors_limits& limits) {
  auto fine = check_all(tensors, metadata, limits);
  if (!fine && fine.error().code == errc::corrupt_data) // here it is the caller's
    return failure{errc::invalid_argument, fine.error().context};
  return fine;
}

result<safetensors> read_safetensors(std::string_view bytes, const safetensors_limits& limits) {
  std::string_view data;
  const auto text = find_header(bytes, limits, data);
  if (!text)
    return text.error();
  auto head = read_safetensors_header(*text, limits);
  if (!head)
    return head.error();
  if (auto fine = check_extents(*head, data.size()); !fine)
    return fine.error();
  safetensors out;
  out.metadata = std::move(head->metadata);
  for (auto& [name, what] : head->entries) {
    tensor read;
    read.shape = std::move(what.shape);
    read.values.resize((what.end - what.begin) / sizeof(float));
    if (!read.values.empty()) // memcpy takes no null, not even for nothing
      std::memcpy(read.values.data(), data.data() + what.begin, what.end - what.begin);
    if (auto fine = check_finite(name, read); !fine)
      return fine.error();
    out.tensors.emplace(name, std::move(read));
  }
  return out;
}

} // namespace troupe::model
