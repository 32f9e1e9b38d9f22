#include "model/safetensors.hpp"

#include "base/ids.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

using namespace troupe;
using namespace troupe::model;

namespace {

/// The length of a header in front of it, as a file begins.
std::string framed(const std::string& header, const std::string& data = {}) {
  std::string out;
  for (int shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<char>((std::uint64_t{header.size()} >> shift) & 0xff));
  return out + header + data;
}

/// A file of one tensor "w" with these fields, and zeros as data.
std::string of_fields(const std::string& fields, std::size_t data_bytes = 8) {
  return framed("{\"w\":{" + fields + "}}", std::string(data_bytes, '\0'));
}

std::string bytes_of(std::initializer_list<float> values) {
  std::string out(values.size() * sizeof(float), '\0');
  std::memcpy(out.data(), values.begin(), out.size());
  return out;
}

/// The failure of a read that must fail. Every one is short, of one line and names the format.
failure refusal(std::string_view bytes, const safetensors_limits& limits = {}) {
  const auto read = read_safetensors(bytes, limits);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().context.starts_with("safetensors: "));
  CHECK(read.error().context.size() < 400);
  CHECK(is_utf8(read.error().context));
  CHECK(read.error().context.find('\n') == std::string::npos);
  return read.error();
}

void check_refused(const std::string& bytes, errc code, const std::string& saying,
                   const safetensors_limits& limits = {}) {
  CAPTURE(bytes);
  const auto why = refusal(bytes, limits);
  CHECK(why.code == code);
  CAPTURE(why.context);
  CHECK(why.context.find(saying) != std::string::npos);
}

tensor_map sample_tensors() {
  return {{"a", {{}, {-1.5F}}},
          {"b.weight", {{2, 3}, {0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 2.5F}}},
          {"z.empty", {{0, 4}, {}}},
          {"\xC3\xA9\"\\\n\x7F\xE2\x80\xA8", {{2}, {1e-40F, 3.4e38F}}}};
}

} // namespace

TEST_SUITE("model.safetensors") {

  // What safetensors.numpy.save of the Python package 0.8.0 wrote for the sample.
  TEST_CASE("the bytes are those of the format's own library") {
    const std::string header =
        "{\"__metadata__\":{\"kind\":\"recurrent/\\u0001<\xC3\xA9\"},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]},"
        "\"z.empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[28,28]},"
        "\"\xC3\xA9\\\"\\\\\\n\x7F\xE2\x80\xA8\":"
        "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[28,36]}}     ";
    const std::string data{"\x00\x00\xC0\xBF\x00\x00\x00\x00\x00\x00\x00?\x00\x00\x80?\x00\x00\xC0?"
                           "\x00\x00\x00@\x00\x00 @\xC2\x16\x01\x00\x9E\xC9\x7F\x7F",
                           36};
    const auto expected = "(\x01" + std::string(6, '\0') + header + data;
    const safetensors_metadata metadata{{"kind", "recurrent/\x01<\xC3\xA9"}};
    CHECK(write_safetensors(sample_tensors(), metadata) == expected);
    const auto read = read_safetensors(expected);
    REQUIRE(read.has_value());
    CHECK(read->tensors == sample_tensors());
    CHECK(read->metadata == metadata);
    CHECK(write_safetensors({}, {}) == framed("{}      "));
  }

  // What safetensors.numpy.save of the Python package 0.8.0 wrote for these.
  TEST_CASE("int8 tensors stand behind the others, a byte a value") {
    const int8_tensor_map codes{{"a", {{2, 2}, {-128, -1, 0, 127}}}, {"none", {{0}, {}}}};
    const tensor_map tensors{{"b", {{1}, {1}}}};
    const auto expected =
        framed("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
               "\"a\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[4,8]},"
               "\"none\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[8,8]}}     ",
               bytes_of({1}) + std::string{"\x80\xFF\x00\x7F", 4});
    CHECK(write_safetensors(tensors, {}, codes) == expected);
    CHECK(check_safetensors(tensors, {}, {}, codes).has_value());
    const auto read = read_safetensors(expected);
    REQUIRE(read.has_value());
    CHECK(read->tensors == tensors);
    CHECK(read->int8_tensors == codes);
    const auto of_bytes = [](const std::string& offsets, std::size_t bytes) {
      return of_fields(R"("dtype":"I8","shape":[5],"data_offsets":)" + offsets, bytes);
    };
    CHECK(read_safetensors(of_bytes("[0,5]", 5)).has_value());
    check_refused(of_bytes("[0,20]", 20), errc::corrupt_data, "the shape [5] needs 5");
    check_refused(of_bytes("[0,4]", 4), errc::corrupt_data, "hold 4 bytes");
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(read_safetensors(expected.substr(0, i)).has_error());
  }

  TEST_CASE("int8 tensors that could not be read again are found before they are written") {
    const auto code_of = [](const int8_tensor_map& codes, const safetensors_limits& limits = {}) {
      const auto fine = check_safetensors({{"w", {{1}, {1}}}}, {}, limits, codes);
      return fine ? errc::none : fine.error().code;
    };
    CHECK(code_of({{"c", {{2}, {1, 2}}}}) == errc::none);
    CHECK(code_of({{"c", {{2}, {1}}}}) == errc::invalid_argument);
    CHECK(code_of({{"w", {{1}, {1}}}}) == errc::invalid_argument); // both kinds have it
    CHECK(code_of({{"", {{1}, {1}}}}) == errc::invalid_argument);
    safetensors_limits limits;
    limits.tensors_max = 1;
    CHECK(code_of({{"c", {{2}, {1, 2}}}}, limits) == errc::too_large);
    limits = {};
    limits.bytes_max = write_safetensors({{"w", {{1}, {1}}}}, {}, {{"c", {{2}, {1, 2}}}}).size();
    CHECK(code_of({{"c", {{2}, {1, 2}}}}, limits) == errc::none);
    --limits.bytes_max;
    CHECK(code_of({{"c", {{2}, {1, 2}}}}, limits) == errc::too_large);
  }

  TEST_CASE("what is written comes back, and its data is aligned") {
    for (std::size_t length = 1; length < 20; ++length) {
      const tensor_map tensors{{std::string(length, 'n'), {{2, 1, 2}, {1, 2, 3, 4}}}};
      const safetensors_metadata metadata{{"key", ""}, {"other", "text"}};
      const auto bytes = write_safetensors(tensors, metadata);
      CHECK((bytes.size() - 16) % 8 == 0);
      CHECK(check_safetensors(tensors, metadata).has_value());
      const auto read = read_safetensors(bytes);
      REQUIRE(read.has_value());
      CHECK(read->tensors == tensors);
      CHECK(read->metadata == metadata);
    }
  }

  TEST_CASE("tensors may stand in any order, and bytes at any address") {
    const auto bytes = framed("{\"b\":{\"shape\":[1],\"data_offsets\":[4,8],\"dtype\":\"F32\"},"
                              "\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4],\"shape\":[]}} ",
                              bytes_of({1, 2}));
    for (std::size_t shift = 0; shift < 4; ++shift) {
      const auto moved = std::string(shift, ' ') + bytes;
      const auto read = read_safetensors(std::string_view{moved}.substr(shift));
      REQUIRE(read.has_value());
      CHECK(read->tensors == tensor_map{{"a", {{}, {1}}}, {"b", {{1}, {2}}}});
    }
  }

  TEST_CASE("a file cut anywhere is refused, as is one with more") {
    const auto bytes = write_safetensors(sample_tensors(), {{"key", "value"}});
    for (std::size_t length = 0; length < bytes.size(); ++length)
      CHECK(refusal(std::string_view{bytes}.substr(0, length)).code == errc::corrupt_data);
    check_refused(bytes + '\0', errc::corrupt_data, "the last 1 of 37 bytes of data");
  }

  TEST_CASE("the length of the header must fit the file and the limit") {
    check_refused("1234567", errc::corrupt_data, "7 bytes, expected at least 8");
    check_refused(std::string(8, '\xFF'), errc::corrupt_data,
                  "a header of 18446744073709551615 bytes is announced and 0 follow");
    safetensors_limits limits;
    limits.header_bytes_max = 16;
    CHECK(read_safetensors(framed("{}" + std::string(14, ' ')), limits).has_value());
    check_refused(framed("{}" + std::string(15, ' ')), errc::too_large,
                  "the header has 17 bytes, the limit is 16", limits);
    limits.bytes_max = 9;
    check_refused(framed("{}"), errc::too_large, "10 bytes, the limit is 9", limits);
  }

  TEST_CASE("a header that is no JSON object padded with spaces is refused") {
    for (const std::string header : {"", "   ", " {}", "{}\n", "{}\t ", "[]", "{", "}", "\"{}\""})
      check_refused(framed(header), errc::corrupt_data, "not a JSON object padded with spaces");
    for (const std::string header : {"{]}", "{}{}", "{\"a\"}", "{\"\xFF\":{}}", "{'a':{}}"})
      check_refused(framed(header), errc::corrupt_data, "the header is not JSON");
    check_refused(framed("{\"\\udc00\":{}}"), errc::corrupt_data, "");
    check_refused(of_fields("\"shape\":[[2]]"), errc::corrupt_data, "nested deeper than 3 levels");
    std::string deep(100'000, '[');
    check_refused(framed("{\"a\":" + deep + "}"), errc::corrupt_data, "nested deeper");
  }

  TEST_CASE("a tensor has a dtype, a shape and offsets, once each and nothing else") {
    const std::string dtype = "\"dtype\":\"F32\"";
    const std::string shape = "\"shape\":[2]";
    const std::string offsets = "\"data_offsets\":[0,8]";
    REQUIRE(read_safetensors(of_fields(dtype + "," + shape + "," + offsets)).has_value());
    check_refused(framed("{\"w\":[]}"), errc::corrupt_data, "\"w\": expected an object, found []");
    check_refused(of_fields(shape + "," + offsets), errc::corrupt_data, "\"w\": dtype is missing");
    check_refused(of_fields(dtype + "," + offsets), errc::corrupt_data, "\"w\": shape is missing");
    check_refused(of_fields(dtype + "," + shape), errc::corrupt_data, "data_offsets is missing");
    check_refused(of_fields(dtype + "," + dtype), errc::corrupt_data, "dtype is given twice");
    check_refused(of_fields(shape + "," + shape), errc::corrupt_data, "shape is given twice");
    check_refused(of_fields(offsets + "," + offsets), errc::corrupt_data, "is given twice");
    check_refused(of_fields(dtype + ",\"stride\":1"), errc::corrupt_data,
                  "\"stride\" is none of dtype, shape, data_offsets");
  }

  TEST_CASE("a dtype other than F32 and I8 is said to be unsupported, not damaged") {
    for (const std::string dtype : {"F16", "BF16", "F64", "U8", "f32", "i8", ""})
      check_refused(of_fields("\"dtype\":\"" + dtype + "\""), errc::unsupported_format,
                    "tensor \"w\": the dtype is \"" + dtype
                        + "\", this program reads \"F32\" and \"I8\"");
    check_refused(of_fields("\"dtype\":32"), errc::corrupt_data,
                  "dtype: expected \"F32\" or \"I8\", found 32");
  }

  TEST_CASE("shapes and offsets are arrays of whole numbers from 0") {
    check_refused(of_fields("\"shape\":2"), errc::corrupt_data,
                  "shape: expected an array, found 2");
    check_refused(of_fields("\"shape\":[1,-2]"), errc::corrupt_data,
                  "shape[1]: expected a whole number from 0, found -2");
    check_refused(of_fields("\"shape\":[2.0]"), errc::corrupt_data, "shape[0]: expected a whole");
    check_refused(of_fields("\"shape\":[\"2\"]"), errc::corrupt_data, "found \"2\"");
    check_refused(of_fields("\"shape\":[18446744073709551616]"), errc::corrupt_data, "not JSON");
    for (const std::string bad : {"8", "[]", "[0]", "[0,4,8]", "\"0,8\"", "null"})
      check_refused(of_fields("\"data_offsets\":" + bad), errc::corrupt_data,
                    "data_offsets: expected [begin, end], found " + bad);
    check_refused(of_fields("\"data_offsets\":[0,-8]"), errc::corrupt_data,
                  "data_offsets[1]: expected a whole number from 0, found -8");
  }

  TEST_CASE("a shape needs exactly the bytes its offsets hold") {
    const auto with = [](const std::string& shape, const std::string& offsets) {
      return of_fields("\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
    };
    CHECK(read_safetensors(with("[2]", "[0,8]")).has_value());
    check_refused(with("[3]", "[0,8]"), errc::corrupt_data,
                  "[0, 8] hold 8 bytes, the shape [3] needs 12");
    check_refused(with("[1]", "[0,8]"), errc::corrupt_data, "the shape [1] needs 4");
    check_refused(with("[]", "[0,8]"), errc::corrupt_data, "the shape [] needs 4");
    check_refused(with("[0]", "[0,8]"), errc::corrupt_data, "the shape [0] needs 0");
    check_refused(with("[3]", "[0,12]"), errc::corrupt_data, "no part of the 8 bytes of data");
    check_refused(with("[2]", "[8,0]"), errc::corrupt_data, "no part of the 8 bytes of data");
    check_refused(with("[2]", "[18446744073709551608,18446744073709551615]"), errc::corrupt_data,
                  "no part of");
  }

  TEST_CASE("a shape whose product overflows is refused, also where it wraps to what fits") {
    const auto with = [](const std::string& shape) {
      return of_fields("\"dtype\":\"F32\",\"data_offsets\":[0,8],\"shape\":" + shape);
    };
    check_refused(with("[4294967296,4294967296,2]"), errc::corrupt_data, "overflows");
    check_refused(with("[18446744073709551615]"), errc::corrupt_data, "overflows");
    check_refused(with("[4611686018427387906]"), errc::corrupt_data,
                  "overflows"); // 4 * it wraps to 8
    check_refused(with("[4611686018427387904,4,0]"), errc::corrupt_data, "overflows");
  }

  TEST_CASE("every byte of the data belongs to one tensor") {
    const auto of_two = [](const std::string& first, const std::string& second,
                           std::size_t data_bytes) {
      return framed("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + first
                        + "},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" + second
                        + "}}",
                    std::string(data_bytes, '\0'));
    };
    CHECK(read_safetensors(of_two("[0,8]", "[8,12]", 12)).has_value());
    CHECK(read_safetensors(of_two("[4,12]", "[0,4]", 12)).has_value());
    check_refused(of_two("[0,8]", "[4,8]", 8), errc::corrupt_data,
                  "tensor \"b\" begins at byte 4 of the data, the one before it ends at 8");
    check_refused(of_two("[0,8]", "[12,16]", 16), errc::corrupt_data,
                  "bytes 8 to 12 of the data, before tensor \"b\", belong to no tensor");
    check_refused(of_two("[4,12]", "[12,16]", 16), errc::corrupt_data, "bytes 0 to 4");
    check_refused(of_two("[0,8]", "[8,12]", 16), errc::corrupt_data, "the last 4 of 16 bytes");
    check_refused(framed("{}", "x"), errc::corrupt_data, "the last 1 of 1 bytes");
    check_refused(framed("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                         "\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}",
                         std::string(8, '\0')),
                  errc::corrupt_data, "tensor \"b\" begins at byte 4");
  }

  TEST_CASE("a name that stands there twice is refused, written differently or not") {
    const std::string one = "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
    check_refused(framed("{\"a\":" + one + ",\"a\":" + one + "}"), errc::corrupt_data,
                  "tensor \"a\" is given twice");
    check_refused(framed("{\"a\":" + one + ",\"\\u0061\":" + one + "}"), errc::corrupt_data,
                  "tensor \"a\" is given twice");
    check_refused(framed("{\"__metadata__\":{},\"__metadata__\":{}}"), errc::corrupt_data,
                  "__metadata__ is given twice");
    check_refused(framed("{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}"), errc::corrupt_data,
                  "__metadata__ \"k\" is given twice");
  }

  TEST_CASE("metadata is text for text") {
    check_refused(framed("{\"__metadata__\":null}"), errc::corrupt_data,
                  "expected an object of strings, found null");
    check_refused(framed("{\"__metadata__\":{\"k\":1}}"), errc::corrupt_data,
                  "__metadata__ \"k\": expected a string, found 1");
    check_refused(framed("{\"__metadata__\":{\"k\":{\"dtype\":\"F32\"}}}"), errc::corrupt_data,
                  "expected a string, found {");
    check_refused(framed("{\"__metadata__\":{\"\":\"\"}}"), errc::corrupt_data, "empty name");
    safetensors_limits limits;
    limits.metadata_max = 1;
    check_refused(framed("{\"__metadata__\":{\"a\":\"\",\"b\":\"\"}}"), errc::too_large,
                  "more than 1 entries", limits);
  }

  TEST_CASE("the number of tensors, of dimensions and the length of names have limits") {
    const std::string one = "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
    const auto two = framed("{\"a\":" + one + ",\"b\":" + one + "}");
    safetensors_limits limits;
    limits.tensors_max = 2;
    CHECK(read_safetensors(two, limits).has_value());
    limits.tensors_max = 1;
    check_refused(two, errc::too_large, "more than 1 tensors", limits);
    limits = {};
    check_refused(framed("{\"" + std::string(257, 'n') + "\":" + one + "}"), errc::too_large,
                  "has 257 bytes, the limit is 256");
    check_refused(framed("{\"\":" + one + "}"), errc::corrupt_data, "empty name");
    check_refused(of_fields("\"shape\":[1,1,1,1,1,1,1,1,2]"), errc::too_large,
                  "tensor \"w\": its shape has 9 dimensions, the limit is 8");
  }

  TEST_CASE("a long name from outside is cut between its characters in an error") {
    std::string name;
    for (int i = 0; i < 40; ++i)
      name += "\xE2\x82\xAC\x7F";
    const auto why = refusal(framed("{\"" + name + "\":1}"));
    CHECK(why.context.find("\xE2\x82\xAC?") != std::string::npos);
    CHECK(why.context.find("...\"") != std::string::npos);
  }

  TEST_CASE("a value that is not finite is refused with its tensor and place") {
    constexpr auto inf = std::numeric_limits<float>::infinity();
    for (const auto bad : {inf, -inf, std::numeric_limits<float>::quiet_NaN()}) {
      const tensor_map tensors{{"fine", {{1}, {1}}}, {"w", {{2, 3}, {0, 1, 2, 3, bad, bad}}}};
      check_refused(write_safetensors(tensors, {}), errc::corrupt_data,
                    "tensor \"w\": the value at [1, 1] (number 4 of 6) is");
      const auto before = check_safetensors(tensors, {});
      REQUIRE_FALSE(before.has_value());
      CHECK(before.error().code == errc::invalid_argument);
      CHECK(before.error().context.find("[1, 1]") != std::string::npos);
    }
    const tensor_map edge{
        {"w",
         {{3},
          {std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(), -0.0F}}}};
    CHECK(read_safetensors(write_safetensors(edge, {}))->tensors == edge);
  }

  TEST_CASE("what could not be read again is found before it is written") {
    const auto code_of = [](const tensor_map& tensors, const safetensors_metadata& metadata = {},
                            const safetensors_limits& limits = {}) {
      const auto fine = check_safetensors(tensors, metadata, limits);
      return fine ? errc::none : fine.error().code;
    };
    CHECK(code_of(sample_tensors()) == errc::none);
    CHECK(code_of({{"w", {{2}, {1}}}}) == errc::invalid_argument);
    CHECK(code_of({{"w", {{}, {}}}}) == errc::invalid_argument);
    CHECK(code_of({{"", {{1}, {1}}}}) == errc::invalid_argument);
    CHECK(code_of({{"\xFF", {{1}, {1}}}}) == errc::invalid_argument);
    CHECK(code_of({{"__metadata__", {{1}, {1}}}}) == errc::invalid_argument);
    CHECK(code_of({{"w", {{0, std::size_t{1} << 62, 16}, {}}}}) == errc::none);
    CHECK(code_of({{"w", {{std::size_t{1} << 62, 16, 0}, {}}}}) == errc::invalid_argument);
    CHECK(code_of({}, {{"\xFF", ""}}) == errc::invalid_argument);
    CHECK(code_of({}, {{"k", "\xFF"}}) == errc::invalid_argument);
    CHECK(code_of({{std::string(257, 'n'), {{1}, {1}}}}) == errc::too_large);
    CHECK(code_of({{"w", {std::vector<std::size_t>(9, 1), {1}}}}) == errc::too_large);
    safetensors_limits limits;
    limits.tensors_max = 3;
    CHECK(code_of(sample_tensors(), {}, limits) == errc::too_large);
    limits = {};
    limits.metadata_max = 1;
    CHECK(code_of({}, {{"a", ""}, {"b", ""}}, limits) == errc::too_large);
    limits = {};
    limits.header_bytes_max = 8;
    CHECK(code_of({}, {}, limits) == errc::none);
    CHECK(code_of({}, {{"a", ""}}, limits) == errc::too_large);
    limits = {};
    const auto size = write_safetensors(sample_tensors(), {}).size();
    limits.bytes_max = size;
    CHECK(code_of(sample_tensors(), {}, limits) == errc::none);
    limits.bytes_max = size - 1;
    CHECK(code_of(sample_tensors(), {}, limits) == errc::too_large);
  }

} // TEST_SUITE
