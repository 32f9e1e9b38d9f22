#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::model {

/// Where a slate comes from: enough to compute it again from the event log (promise P10).
struct slate_origin {
  std::uint64_t user_hash = 0;   ///< stable_hash of the user's id, low 32 bits
  std::uint64_t profile_seq = 0; ///< the user's last event it reflects
  std::uint64_t model_version = 0;
  std::int64_t created_ms = 0; ///< since 1970
  std::uint64_t number = 0;    ///< tells slates of one user and millisecond apart
  std::vector<std::optional<std::uint64_t>> learned; ///< per shard; none: it missed the deadline
  /// Up to where in the log the blend's weights were learnt; 0: they were as configured.
  std::uint64_t blend_arrival = 0;

  friend bool operator==(const slate_origin&, const slate_origin&) = default;
};

/// "s1.<user>.<seq>.<version>.<created>.<number>.<newest>.<lag>-<lag>...", numbers in base 36:
/// `newest` is the largest learned arrival, each lag how far its shard was behind it, "x" for a
/// shard that is missing; behind it ".<blend_arrival>", unless that is 0. Readable, at most 256
/// bytes up to 58 shards.
[[nodiscard]] slate_id to_slate_id(const slate_origin& origin);

/// Errors: invalid_argument, for text that to_slate_id did not make.
[[nodiscard]] result<slate_origin> parse_slate_id(std::string_view text);

} // namespace troupe::model
