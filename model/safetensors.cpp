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

/// Adds the entries of tensors of one type to a header.
template <class Map>
void put_entries(const Map& tensors, std::string_view dtype, std::size_t& begin, std::string& to) {
  for (const auto& [name, what] : tensors) {
    const auto end = begin + what.values.size() * sizeof(what.values[0]);
    if (to.size() > 1)
      to.push_back(',');
    to += fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                      json_string(name), dtype, fmt::join(what.shape, ","), begin, end);
    begin = end;
  }
}

std::string make_header(const tensor_map& tensors, const int8_tensor_map& int8_tensors,
                        const safetensors_metadata& metadata) {
  std::string out{"{"};
  if (!metadata.empty())
    out += fmt::format("\"{}\":{}", metadata_key, nlohmann::json(metadata).dump());
  std::size_t begin = 0;
  put_entries(tensors, "F32", begin, out);
  put_entries(int8_tensors, "I8", begin, out);
  out.push_back('}');
  out.resize((out.size() + header_alignment - 1) / header_alignment * header_alignment, ' ');
  return out;
}

template <class Map>
std::size_t data_bytes_of(const Map& tensors) {
  std::size_t bytes = 0;
  for (const auto& [name, what] : tensors)
    bytes += what.values.size() * sizeof(what.values[0]);
  return bytes;
}

template <class Map>
void put_values(const Map& tensors, std::string& to) {
  for (const auto& [name, what] : tensors)
    to.append(reinterpret_cast<const char*>(what.values.data()),
              what.values.size() * sizeof(what.values[0]));
}

template <class Tensor>
result<void> check_tensor(const std::string& name, const Tensor& what,
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
  return {};
}

result<void> check_all(const tensor_map& tensors, const safetensors_metadata& metadata,
                       const safetensors_limits& limits, const int8_tensor_map& int8_tensors) {
  if (const auto count = tensors.size() + int8_tensors.size(); count > limits.tensors_max)
    return refuse(errc::too_large, "{} tensors, the limit is {}", count, limits.tensors_max);
  for (const auto& [name, what] : tensors) {
    if (auto fine = check_tensor(name, what, limits); !fine)
      return fine;
    if (auto fine = check_finite(name, what); !fine)
      return fine;
  }
  for (const auto& [name, what] : int8_tensors) {
    if (auto fine = check_tensor(name, what, limits); !fine)
      return fine;
    if (tensors.contains(name))
      return refuse(errc::corrupt_data, "tensor \"{}\" is given twice", printable(name));
  }
  if (auto fine = check_metadata(metadata, limits); !fine)
    return fine;
  const auto header_bytes = make_header(tensors, int8_tensors, metadata).size();
  if (header_bytes > limits.header_bytes_max)
    return refuse(errc::too_large, "the header would have {} bytes, the limit is {}", header_bytes,
                  limits.header_bytes_max);
  const auto bytes =
      length_bytes + header_bytes + data_bytes_of(tensors) + data_bytes_of(int8_tensors);
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
  if (what.end - what.begin != *count * bytes_of(what.dtype))
    return refuse(errc::corrupt_data,
                  "tensor \"{}\": data_offsets [{}, {}] hold {} bytes, the shape [{}] needs {}",
                  printable(name), what.begin, what.end, what.end - what.begin,
                  fmt::join(what.shape, ", "), *count * bytes_of(what.dtype));
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

/// REQUIRES: the bytes fill the shape.
template <class Tensor>
Tensor take_tensor(const std::vector<std::size_t>& shape, std::string_view bytes) {
  Tensor made;
  made.shape = shape;
  made.values.resize(bytes.size() / sizeof(made.values[0]));
  if (!made.values.empty()) // memcpy takes no null, not even for nothing
    std::memcpy(made.values.data(), bytes.data(), bytes.size());
  return made;
}

} // namespace

std::string write_safetensors(const tensor_map& tensors, const safetensors_metadata& metadata,
                              const int8_tensor_map& int8_tensors) {
  const auto head = make_header(tensors, int8_tensors, metadata);
  const std::uint64_t length = head.size();
  std::string out;
  out.reserve(length_bytes + head.size() + data_bytes_of(tensors) + data_bytes_of(int8_tensors));
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out += head;
  put_values(tensors, out);
  put_values(int8_tensors, out);
  return out;
}

result<void> check_safetensors(const tensor_map& tensors, const safetensors_metadata& metadata,
                               const safetensors_limits& limits,
                               const int8_tensor_map& int8_tensors) {
  auto fine = check_all(tensors, metadata, limits, int8_tensors);
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
    const auto values = data.substr(what.begin, what.end - what.begin);
    if (what.dtype == safetensors_dtype::i8) {
      out.int8_tensors.emplace(name, take_tensor<int8_tensor>(what.shape, values));
      continue;
    }
    auto read = take_tensor<tensor>(what.shape, values);
    if (auto fine = check_finite(name, read); !fine)
      return fine.error();
    out.tensors.emplace(name, std::move(read));
  }
  return out;
}

} // namespace troupe::model
