#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// Feeds the files of a corpus to a fuzzer's entry point, without libFuzzer: so the corpus is
// checked by every compiler and sanitizer the tests run with.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& where) {
  std::vector<std::filesystem::path> files;
  for (const auto& each : std::filesystem::directory_iterator{where})
    if (each.is_regular_file())
      files.push_back(each.path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

int main(int count, char** arguments) {
  std::size_t ran = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& path : files_of(arguments[i])) {
      // Printed first: a crash then shows its input.
      std::printf("%s\n", path.filename().c_str());
      std::fflush(stdout);
      std::ifstream in{path, std::ios::binary};
      const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
      const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
      if (LLVMFuzzerTestOneInput(input.data(), input.size()) != 0)
        return EXIT_FAILURE;
      ++ran;
    }
  }
  std::printf("%zu inputs ran clean\n", ran);
  // A run of nothing would show nothing.
  return ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
