// Why somebody asked for cancellation: 32 bits that become visible together with the request.
//
// The first request counts, and its reason with it: reason and decision can never disagree, because
// both stand in the one word that a single compare-and-swap changes.
//
// What is cancelled because the whole of which it is a part was cancelled says so (its kind is
// `parent`) and keeps the reason that began it (origin()), however far up that was:
//
//   root.cancel({reason_kind::timeout, 7});
//   leaf.reason().kind()            == reason_kind::parent
//   leaf.reason().origin().kind()   == reason_kind::timeout
//   leaf.reason().origin().code()   == 7
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

/// At most 127 of them. Kinds of your own begin at `own`.
enum class reason_kind : std::uint8_t {
  none,          ///< not said, or nobody asked
  user,          ///< the user or the program did not want it any more
  timeout,       ///< its deadline passed
  shutdown,      ///< the program or the machine stops
  service_stop,  ///< the service that performs it stops
  client_gone,   ///< whoever waited for it left
  parent,        ///< the operation that it is a part of was cancelled; see reason::origin()
  superseded,    ///< a later request made this one pointless
  overload,      ///< there was more to do than could be done
  internal,      ///< a part that it needs failed
  own = 64,
};

/// A kind, and 24 bits whose meaning the requester and the reader agree on. A value: copy it
/// freely.
class reason {
 public:
  constexpr reason() noexcept = default;
  /// Meant to convert: cancel(reason_kind::user) and cancel({reason_kind::user, 5}).
  constexpr reason(reason_kind kind, std::uint32_t code = 0) noexcept  // NOLINT
      : bits_(static_cast<std::uint32_t>(kind) << 24 | (code & 0xff'ffff)) {}

  /// `parent` for an inherited reason.
  constexpr reason_kind kind() const noexcept {
    return is_inherited() ? reason_kind::parent : static_cast<reason_kind>(bits_ >> 24);
  }
  /// The low 24 bits. An inherited reason has those of its origin.
  constexpr std::uint32_t code() const noexcept { return bits_ & 0xff'ffff; }

  /// The same reason as a part of the cancelled whole gets it. Inheriting it again changes nothing.
  constexpr reason inherited() const noexcept { return from_bits(bits_ | inherited_bit); }
  constexpr bool is_inherited() const noexcept { return (bits_ & inherited_bit) != 0; }
  /// What was given where the cancellation began; itself unless inherited.
  constexpr reason origin() const noexcept { return from_bits(bits_ & ~inherited_bit); }

  /// All of it as a number, to store or to send.
  constexpr std::uint32_t bits() const noexcept { return bits_; }
  static constexpr reason from_bits(std::uint32_t bits) noexcept {
    reason result;
    result.bits_ = bits;
    return result;
  }

  friend constexpr bool operator==(reason, reason) noexcept = default;

 private:
  static constexpr std::uint32_t inherited_bit = 0x8000'0000;
  std::uint32_t bits_ = 0;
};

}  // namespace belay::inline BELAY_BUILD
