// Why somebody asked for cancellation.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

enum class reason_kind : std::uint8_t {
  none,          ///< not said, or nobody asked
  user,          ///< the user or the program did not want it any more
  timeout,       ///< its deadline passed
  shutdown,      ///< the program or the machine stops
  service_stop,  ///< the service that performs it stops
  client_gone,   ///< whoever waited for it left
  parent,        ///< the operation that it is a part of was cancelled
};

/// A kind, and 24 bits whose meaning the requester and the reader agree on.
class reason {
 public:
  constexpr reason() noexcept = default;
  constexpr reason(reason_kind kind, std::uint32_t code = 0) noexcept  // NOLINT: meant to convert
      : bits_(static_cast<std::uint32_t>(kind) << 24 | (code & 0xff'ffff)) {}

  constexpr reason_kind kind() const noexcept { return static_cast<reason_kind>(bits_ >> 24); }
  constexpr std::uint32_t code() const noexcept { return bits_ & 0xff'ffff; }

  constexpr std::uint32_t bits() const noexcept { return bits_; }
  static constexpr reason from_bits(std::uint32_t bits) noexcept {
    reason result;
    result.bits_ = bits;
    return result;
  }

  friend constexpr bool operator==(reason, reason) noexcept = default;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace belay::inline BELAY_BUILD
