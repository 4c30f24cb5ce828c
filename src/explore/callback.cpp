#include "explore/callback.hpp"

#include <fmt/format.h>

namespace belay::inline BELAY_BUILD::explore {

namespace {

constexpr std::uint8_t device_control = 14, internal_device_control = 15, shutdown = 16, power = 22,
                       system_control = 23, pnp = 27;

constexpr const char* major_names[callback::majors] = {"IRP_MJ_CREATE",
                                                       "IRP_MJ_CREATE_NAMED_PIPE",
                                                       "IRP_MJ_CLOSE",
                                                       "IRP_MJ_READ",
                                                       "IRP_MJ_WRITE",
                                                       "IRP_MJ_QUERY_INFORMATION",
                                                       "IRP_MJ_SET_INFORMATION",
                                                       "IRP_MJ_QUERY_EA",
                                                       "IRP_MJ_SET_EA",
                                                       "IRP_MJ_FLUSH_BUFFERS",
                                                       "IRP_MJ_QUERY_VOLUME_INFORMATION",
                                                       "IRP_MJ_SET_VOLUME_INFORMATION",
                                                       "IRP_MJ_DIRECTORY_CONTROL",
                                                       "IRP_MJ_FILE_SYSTEM_CONTROL",
                                                       "IRP_MJ_DEVICE_CONTROL",
                                                       "IRP_MJ_INTERNAL_DEVICE_CONTROL",
                                                       "IRP_MJ_SHUTDOWN",
                                                       "IRP_MJ_LOCK_CONTROL",
                                                       "IRP_MJ_CLEANUP",
                                                       "IRP_MJ_CREATE_MAILSLOT",
                                                       "IRP_MJ_QUERY_SECURITY",
                                                       "IRP_MJ_SET_SECURITY",
                                                       "IRP_MJ_POWER",
                                                       "IRP_MJ_SYSTEM_CONTROL",
                                                       "IRP_MJ_DEVICE_CHANGE",
                                                       "IRP_MJ_QUERY_QUOTA",
                                                       "IRP_MJ_SET_QUOTA",
                                                       "IRP_MJ_PNP"};

}  // namespace

std::string callback::name() const {
  switch (kind) {
    case callback_kind::entry:
      return "DriverEntry";
    case callback_kind::add_device:
      return "AddDevice";
    case callback_kind::dispatch:
      return major < majors ? major_names[major] : "?";
    case callback_kind::dpc:
      return fmt::format("DPC of device {}", device + 1);
    case callback_kind::unload:
      return "DriverUnload";
  }
  return "?";
}

bool callback::has_file() const {
  return kind == callback_kind::dispatch && major != shutdown && major != power &&
         major != system_control && major != pnp;
}

bool callback::is_control() const {
  return kind == callback_kind::dispatch &&
         (major == device_control || major == internal_device_control);
}

std::string describe(const callback& what) {
  std::string out = what.name();
  if (!what.routine.empty() && what.routine != out) out += fmt::format(" ({})", what.routine);
  out += " by itself";
  if (what.is_control()) out += fmt::format(", control code {:#x}", what.control_code);
  if (what.started) out += ", after IRP_MN_START_DEVICE";
  if (what.opened) out += what.started ? " and IRP_MJ_CREATE" : ", after IRP_MJ_CREATE";
  if (what.kind == callback_kind::dispatch || what.kind == callback_kind::dpc)
    out += fmt::format(", lower driver: {}", name_of(what.lower));
  return out;
}

const char* name_of(wdm::lower_answer answer) {
  return lower_answer_names[static_cast<int>(answer)];
}

}  // namespace belay::inline BELAY_BUILD::explore
