// Which Win32 error a status becomes: the documented pairs.
#include "win32/error_codes.hpp"

#include <algorithm>
#include <iterator>

#define WIN32_NO_STATUS 1
#include <ntstatus.h>
#include <windows.h>

namespace belay::inline BELAY_BUILD::win32 {

namespace {

struct pair {
  std::uint32_t status;
  std::uint32_t error;
};

struct name {
  std::uint32_t error;
  const char* text;
};

#define BELAY_ERROR(status, error) \
  {static_cast<std::uint32_t>(status), static_cast<std::uint32_t>(error)},
constexpr pair pairs[] = {
#include "win32/error_pairs_1.inc"
#include "win32/error_pairs_2.inc"
};
#undef BELAY_ERROR

#define BELAY_ERROR(status, error) {static_cast<std::uint32_t>(error), #error},
constexpr name names[] = {
#include "win32/error_pairs_1.inc"
#include "win32/error_pairs_2.inc"
};
#undef BELAY_ERROR

constexpr bool less(const pair& left, const pair& right) { return left.status < right.status; }
static_assert(std::is_sorted(std::begin(pairs), std::end(pairs), less));

constexpr std::uint32_t customer = 0x2000'0000;
constexpr std::uint32_t from_hresult = 0x1000'0000;
constexpr std::uint32_t from_error = 0xC007'0000;

}  // namespace

std::uint32_t error_of(std::int32_t status) {
  std::uint32_t value = static_cast<std::uint32_t>(status);
  if ((value & customer) != 0) return value;
  if ((value & 0xf000'0000) == 0xd000'0000) value &= ~from_hresult;
  const pair* const found =
      std::lower_bound(std::begin(pairs), std::end(pairs), pair{value, 0}, less);
  if (found != std::end(pairs) && found->status == value) return found->error;
  if ((value & 0xffff'0000) == from_error) return value & 0xffff;
  return ERROR_MR_MID_NOT_FOUND;
}

const char* error_name(std::uint32_t error) {
  const name* const found = std::find_if(std::begin(names), std::end(names),
                                         [error](const name& each) { return each.error == error; });
  return found == std::end(names) ? nullptr : found->text;
}

}  // namespace belay::inline BELAY_BUILD::win32
