// The name that CreateFile is given, as the NT path of a device.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

/// Takes "\\.\X" (either slash, dots and spaces at the end dropped), "\\?\X" as it stands, "\??\X",
/// "\\?\GLOBALROOT\Device\X", and the reserved names of devices (COM1, LPT1, NUL, CON).
class device_name {
 public:
  static constexpr std::size_t longest = 480;

  /// Returns: 0, or the error: ERROR_PATH_NOT_FOUND (empty, nullptr, or no more than the prefix),
  ///          ERROR_FILENAME_EXCED_RANGE (too long), ERROR_FILE_NOT_FOUND (a file's name: there are
  ///          only devices).
  std::uint32_t set(const char16_t* name);
  const char16_t* text() const { return text_; }

 private:
  std::uint32_t take(const char16_t* prefix, const char16_t* rest, bool tidy);

  char16_t text_[longest + 8] = {};
};

}  // namespace belay::inline BELAY_BUILD::win32
