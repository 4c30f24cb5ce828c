#include "explore/control_codes.hpp"

#include <algorithm>
#include <cstring>

namespace belay::inline BELAY_BUILD::explore {

std::vector<std::uint32_t> control_code_candidates(const guest_image& image,
                                                   std::uint32_t device_type) {
  constexpr std::size_t most = 64;
  std::vector<std::uint32_t> found;
  const auto [start, end] = image.code();
  for (std::uintptr_t at = start; at + 4 <= end && found.size() < 16 * most; ++at) {
    std::uint32_t value;
    std::memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
    // CTL_CODE: device type, access, function, method. Custom functions begin at 0x800.
    if (value >> 16 == device_type && ((value >> 2) & 0xfff) >= 0x800) found.push_back(value);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > most) found.resize(most);
  return found;
}

}  // namespace belay::inline BELAY_BUILD::explore
