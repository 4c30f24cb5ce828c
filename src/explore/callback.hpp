// A call of one routine that a driver registered, by itself: which, and what is true before it.
//
// Thread safety: a value.
#pragma once

#include <cstdint>
#include <string>

#include "guest/source_location.hpp"
#include "wdm/callbacks.hpp"

namespace belay::inline BELAY_BUILD::explore {

enum class callback_kind : std::uint8_t { entry, add_device, dispatch, dpc, unload };

inline constexpr const char* callback_kind_names[] = {"entry", "add_device", "dispatch", "dpc",
                                                      "unload"};
inline constexpr const char* lower_answer_names[] = {"success", "failure", "pending"};

struct callback {
  static constexpr int majors = 28, devices = 4;  ///< of what can be called

  callback_kind kind = callback_kind::entry;
  std::uint8_t major = 0;  ///< of a dispatch routine
  int device = 0;          ///< of a DPC: its number
  std::uint32_t control_code = 0;
  wdm::lower_answer lower = wdm::lower_answer::success;
  bool started = false;               ///< IRP_MN_START_DEVICE went before
  bool opened = false;                ///< IRP_MJ_CREATE went before
  std::string routine = {};           ///< the driver's name for it
  guest::source_location where = {};  ///< … and its place

  /// "DriverEntry", "IRP_MJ_READ", "DPC of device 1" …
  std::string name() const;
  /// Its packet belongs to a file.
  bool has_file() const;
  /// Its packet carries a control code.
  bool is_control() const;
};

/// "IRP_MJ_READ (DispatchRead) by itself, after IRP_MN_START_DEVICE, lower driver: failure".
std::string describe(const callback& what);

const char* name_of(wdm::lower_answer answer);

}  // namespace belay::inline BELAY_BUILD::explore
