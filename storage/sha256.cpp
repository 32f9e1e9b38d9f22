#include "storage/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>

namespace troupe::storage {

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  // With an algorithm that every OpenSSL has, this fails for want of memory only.
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1
      || size != digest.size())
    throw std::bad_alloc{};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * digest.size());
  for (const auto byte : digest) {
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 0xfU]);
  }
  return out;
}

} // namespace troupe::storage
