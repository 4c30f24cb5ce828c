// What drivers ask of Plug and Play, power and WMI that a machine with one device of theirs has
// not.
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

// Power: nobody measures how idle a device is, or sets a policy.
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
