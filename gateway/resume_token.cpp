#include "gateway/resume_token.hpp"

#include "gateway/json_codec.hpp"

#include <openssl/evp.h>

#include <vector>

namespace troupe::gateway {

namespace {

constexpr char version = 1;
constexpr std::size_t token_bytes_max = 2048;

void put(std::string& out, std::string_view part) {
  out += static_cast<char>(part.size() >> 8U);
  out += static_cast<char>(part.size() & 0xffU);
  out += part;
}

bool take(std::string_view& rest, std::string& out) {
  if (rest.size() < 2)
    return false;
  const auto size = static_cast<std::size_t>(static_cast<unsigned char>(rest[0])) << 8U
                    | static_cast<unsigned char>(rest[1]);
  rest.remove_prefix(2);
  if (size > rest.size())
    return false;
  out.assign(rest.substr(0, size));
  rest.remove_prefix(size);
  return true;
}

} // namespace

std::string make_resume_token(const user_id& user, std::string_view surface,
                              const slate_id& slate) {
  std::string plain{version};
  put(plain, user.value);
  put(plain, surface);
  put(plain, slate.value);
  std::string out(4 * ((plain.size() + 2) / 3) + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                    reinterpret_cast<const unsigned char*>(plain.data()),
                                    static_cast<int>(plain.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<resume_point> read_resume_token(std::string_view token) {
  if (token.empty() || token.size() > token_bytes_max || token.size() % 4 != 0)
    return std::nullopt;
  std::string plain(token.size() / 4 * 3 + 1, '\0');
  const auto size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                                    reinterpret_cast<const unsigned char*>(token.data()),
                                    static_cast<int>(token.size()));
  if (size < 1)
    return std::nullopt;
  const std::size_t padding = token.ends_with("==") ? 2 : token.ends_with('=') ? 1 : 0;
  auto rest = std::string_view{plain}.substr(0, static_cast<std::size_t>(size) - padding);
  if (rest.empty() || rest.front() != version)
    return std::nullopt;
  rest.remove_prefix(1);
  resume_point out;
  if (!take(rest, out.user.value) || !take(rest, out.surface) || !take(rest, out.slate.value)
      || !rest.empty())
    return std::nullopt;
  // A token may not bring in what hello could not.
  if (!check_id(out.user.value, "user_id") || !check_id(out.surface, "surface")
      || out.surface.size() > surface_bytes_max
      || (!out.slate.empty() && !check_id(out.slate.value, "slate_id")))
    return std::nullopt;
  // OpenSSL passes over white space, and over bits and padding that stand for nothing.
  if (make_resume_token(out.user, out.surface, out.slate) != token)
    return std::nullopt;
  return out;
}

} // namespace troupe::gateway
