// Plug and play, power and WMI, as a machine answers on which there is none of it: no device is a
// PDO, no interface is registered, nothing ever arrives or leaves.
//
// Thread safety: any actor.
#include "wdm/io_state.hpp"

using namespace belay;

extern "C" {

NTSTATUS NTAPI IoRegisterPlugPlayNotification(IO_NOTIFICATION_EVENT_CATEGORY, ULONG, PVOID,
                                              PDRIVER_OBJECT, PDRIVER_NOTIFICATION_CALLBACK_ROUTINE,
                                              PVOID, PVOID* NotificationEntry) {
  // Registered; there will be nothing to notify of.
  *NotificationEntry = sync::allocate(sizeof(PVOID), sync::memory_use::internal);
  return *NotificationEntry != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS NTAPI IoUnregisterPlugPlayNotification(PVOID NotificationEntry) {
  sync::deallocate(NotificationEntry);
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoUnregisterPlugPlayNotificationEx(PVOID NotificationEntry) {
  return IoUnregisterPlugPlayNotification(NotificationEntry);
}

NTSTATUS NTAPI IoGetDeviceProperty(PDEVICE_OBJECT, DEVICE_REGISTRY_PROPERTY, ULONG, PVOID,
                                   PULONG ResultLength) {
  if (ResultLength != nullptr) *ResultLength = 0;
  return STATUS_INVALID_DEVICE_REQUEST;  // documented: the device is no PDO
}

NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT, const GUID*, PUNICODE_STRING,
                                         PUNICODE_STRING SymbolicLinkName) {
  if (SymbolicLinkName != nullptr) RtlZeroMemory(SymbolicLinkName, sizeof(*SymbolicLinkName));
  return STATUS_INVALID_DEVICE_REQUEST;
}

NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING, BOOLEAN) {
  return STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS NTAPI IoGetDeviceInterfaces(const GUID*, PDEVICE_OBJECT, ULONG,
                                     PZZWSTR* SymbolicLinkList) {
  auto list = static_cast<PWSTR>(
      ExAllocatePoolWithTag(PagedPool, 2 * sizeof(WCHAR), 0x20697049));  // the caller frees it
  *SymbolicLinkList = list;
  if (list == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  list[0] = list[1] = 0;
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI IoOpenDeviceRegistryKey(PDEVICE_OBJECT, ULONG, ACCESS_MASK, PHANDLE DeviceRegKey) {
  if (DeviceRegKey != nullptr) *DeviceRegKey = nullptr;
  return STATUS_INVALID_DEVICE_REQUEST;
}

NTSTATUS NTAPI IoOpenDeviceInterfaceRegistryKey(PUNICODE_STRING, ACCESS_MASK,
                                                PHANDLE DeviceInterfaceRegKey) {
  if (DeviceInterfaceRegKey != nullptr) *DeviceInterfaceRegKey = nullptr;
  return STATUS_OBJECT_NAME_NOT_FOUND;
}

VOID NTAPI IoInvalidateDeviceRelations(PDEVICE_OBJECT, DEVICE_RELATION_TYPE) {}
VOID NTAPI IoInvalidateDeviceState(PDEVICE_OBJECT) {}
VOID NTAPI IoRequestDeviceEject(PDEVICE_OBJECT) {}
NTSTATUS NTAPI IoReportTargetDeviceChange(PDEVICE_OBJECT, PVOID) {
  return STATUS_INVALID_DEVICE_REQUEST;
}

// WMI: registered, and never asked.
NTSTATUS NTAPI IoWMIRegistrationControl(PDEVICE_OBJECT, ULONG) { return STATUS_SUCCESS; }
ULONG NTAPI IoWMIDeviceObjectToProviderId(PDEVICE_OBJECT DeviceObject) {
  return static_cast<ULONG>(wdm::word(DeviceObject));
}
NTSTATUS NTAPI IoWMIWriteEvent(PVOID) { return STATUS_UNSUCCESSFUL; }

// Power: the machine is in S0 and stays there.
NTSTATUS NTAPI PoRequestPowerIrp(PDEVICE_OBJECT, UCHAR, POWER_STATE, PREQUEST_POWER_COMPLETE, PVOID,
                                 PIRP*) {
  return STATUS_INVALID_DEVICE_REQUEST;
}
POWER_STATE NTAPI PoSetPowerState(PDEVICE_OBJECT, POWER_STATE_TYPE Type, POWER_STATE State) {
  POWER_STATE before = State;
  if (Type == DevicePowerState) before.DeviceState = PowerDeviceD0;
  return before;
}
PULONG NTAPI PoRegisterDeviceForIdleDetection(PDEVICE_OBJECT, ULONG, ULONG, DEVICE_POWER_STATE) {
  return nullptr;
}
VOID NTAPI PoSetDeviceBusyEx(PULONG) {}
VOID NTAPI PoSetSystemState(EXECUTION_STATE) {}
PVOID NTAPI PoRegisterSystemState(PVOID StateHandle, EXECUTION_STATE) { return StateHandle; }
VOID NTAPI PoUnregisterSystemState(PVOID) {}
NTSTATUS NTAPI PoRegisterPowerSettingCallback(PDEVICE_OBJECT, LPCGUID, PPOWER_SETTING_CALLBACK,
                                              PVOID, PVOID* Handle) {
  if (Handle != nullptr) *Handle = nullptr;
  return STATUS_SUCCESS;
}
NTSTATUS NTAPI PoUnregisterPowerSettingCallback(PVOID) { return STATUS_SUCCESS; }

}  // extern "C"
