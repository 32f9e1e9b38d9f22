#include "model/safetensors.hpp"
#include "tests/fuzz/require.hpp"

#include <cmath>
#include <cstdint>
#include <string>

// Whatever the bytes, the reader refuses them with a proper error, or gives tensors that hold the
// limits, that it would have written itself, and that are the same after being written and read
// again. Bytes are taken as a whole file, and as the header of one with some data behind it.

namespace {

using namespace troupe;
using fuzz::require;
using model::safetensors;

model::safetensors_limits small_limits() {
  model::safetensors_limits limits; // so that short inputs reach them
  limits.bytes_max = 4096;
  limits.header_bytes_max = 1024;
  limits.tensors_max = 4;
  limits.name_bytes_max = 16;
  limits.rank_max = 4;
  limits.metadata_max = 2;
  return limits;
}

const model::safetensors_limits limits = small_limits();

void check_refusal(const failure& why, std::string_view input) {
  require(why.code == errc::corrupt_data || why.code == errc::too_large
              || why.code == errc::unsupported_format,
          "the code of the error", input);
  require(why.context.starts_with("safetensors: "), "the error names the format", input);
  require(why.context.size() < 512, "the error is short", input);
  require(is_utf8(why.context), "the error is UTF-8", input);
}

template <class Map>
std::size_t check_shapes(const Map& tensors, std::string_view input) {
  std::size_t bytes = 0;
  for (const auto& [name, what] : tensors) {
    std::size_t count = 1;
    for (const auto size : what.shape)
      count *= size;
    require(what.values.size() == count, "the values fill the shape", input);
    bytes += count * sizeof(what.values[0]);
  }
  return bytes;
}

void check_taken(const safetensors& taken, std::string_view input) {
  const auto bytes = check_shapes(taken.tensors, input) + check_shapes(taken.int8_tensors, input);
  require(bytes <= input.size(), "no more values than bytes", input);
  for (const auto& [name, what] : taken.tensors)
    for (const auto value : what.values)
      require(std::isfinite(value), "values are finite", input);
  const auto fine =
      model::check_safetensors(taken.tensors, taken.metadata, limits, taken.int8_tensors);
  // Written anew, a header can only be longer by its padding and by what had no escapes.
  require(fine.has_value() || fine.error().code == errc::too_large, "what was read holds", input);
  const auto written = model::write_safetensors(taken.tensors, taken.metadata, taken.int8_tensors);
  const auto again = model::read_safetensors(written);
  require(again.has_value(), "a written file can be read", input);
  require(again->tensors == taken.tensors && again->metadata == taken.metadata
              && again->int8_tensors == taken.int8_tensors,
          "the same", input);
  require(model::write_safetensors(again->tensors, again->metadata, again->int8_tensors) == written,
          "stable", input);
}

void run(std::string_view input) {
  const auto read = model::read_safetensors(input, limits);
  if (read)
    check_taken(*read, input);
  else
    check_refusal(read.error(), input);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t data_bytes = 16;
  const auto input = fuzz::text_of(data, size);
  run(input);
  std::string file;
  for (int shift = 0; shift < 64; shift += 8)
    file.push_back(static_cast<char>((std::uint64_t{size} >> shift) & 0xff));
  file += input;
  file.append(data_bytes, '\x3f');
  run(file);
  return 0;
}
