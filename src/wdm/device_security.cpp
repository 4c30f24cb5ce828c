// IoCreateDeviceSecure, and the security descriptors that come with it.
//
// Nobody is refused here: the text is looked at, kept, and shown.
//
// Thread safety: any actor at PASSIVE_LEVEL.
#include "wdm/io_state.hpp"

// clang-format off: after the above
#include <wdmsec.h>
// clang-format on

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// A light look at SDDL: parts "O:", "G:", "D:" and "S:", parentheses that close.
bool looks_like_sddl(PCUNICODE_STRING text) {
  const std::size_t length = text->Length / sizeof(WCHAR);
  bool any = false;
  std::size_t i = 0;
  while (i < length) {
    const auto part = static_cast<char16_t>(text->Buffer[i]);
    if (i + 1 >= length || text->Buffer[i + 1] != u':') return false;
    if (part != u'O' && part != u'G' && part != u'D' && part != u'S') return false;
    any = true;
    i += 2;
    bool inside = false;
    for (; i < length; ++i) {
      const auto c = static_cast<char16_t>(text->Buffer[i]);
      if (c == u'(') {
        if (inside) return false;
        inside = true;
      } else if (c == u')') {
        if (!inside) return false;
        inside = false;
      } else if (!inside && i + 1 < length && text->Buffer[i + 1] == u':') {
        break;
      }
    }
    if (inside) return false;
  }
  return any;
}

char* narrow(PCUNICODE_STRING text) {
  const std::size_t length = text->Length / sizeof(WCHAR);
  auto* copy = static_cast<char*>(sync::allocate(length + 1, sync::memory_use::internal));
  for (std::size_t i = 0; copy != nullptr && i < length; ++i) {
    copy[i] = static_cast<char>(text->Buffer[i]);
  }
  return copy;
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

NTSTATUS NTAPI IoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                    PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                    ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                    PCUNICODE_STRING DefaultSDDLString, LPCGUID DeviceClassGuid,
                                    PDEVICE_OBJECT* DeviceObject) {
  BELAY_EXPORT(IoCreateDeviceSecure, DriverObject);
  (void)DeviceClassGuid;
  *DeviceObject = nullptr;
  if (!wdm::looks_like_sddl(DefaultSDDLString)) return STATUS_INVALID_PARAMETER;
  const NTSTATUS status =
      wdm::create_device(DriverObject, DeviceExtensionSize, DeviceName, DeviceType,
                         DeviceCharacteristics, Exclusive, BELAY_SITE, DeviceObject);
  if (NT_SUCCESS(status)) wdm::extra_of(*DeviceObject)->security = wdm::narrow(DefaultSDDLString);
  return status;
}

#define BELAY_SDDL(name, text) \
  const UNICODE_STRING name = {sizeof(text) - sizeof(WCHAR), sizeof(text), const_cast<PWSTR>(text)}
BELAY_SDDL(SDDL_DEVOBJ_KERNEL_ONLY, L"D:P");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL, L"D:P(A;;GA;;;SY)");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_ALL, L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RX, L"D:P(A;;GA;;;SY)(A;;GRGX;;;BA)");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R, L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R_RES_R,
           L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)(A;;GR;;;RC)");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RW_RES_R,
           L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGW;;;WD)(A;;GR;;;RC)");
BELAY_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RWX_RES_RWX,
           L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGWGX;;;WD)(A;;GRGWGX;;;RC)");

}  // extern "C"
