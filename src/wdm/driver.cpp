// Driver objects: load, unload, and what must be gone afterwards.
//
// Thread safety: one actor at PASSIVE_LEVEL.
// Contract: WDM-FILE-010, WDM-IRP-002, WDM-IRP-009, WDM-IRP-019, WDM-IRP-027
#include "kernel/registry.hpp"
#include "wdm/io_state.hpp"
#include "wdm/pnp_manager.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// A block of IoAllocateDriverObjectExtension.
struct driver_extension_block {
  driver_extension_block* next = nullptr;
  PVOID identification = nullptr;
  PVOID memory = nullptr;
};

/// What lies behind a driver object.
struct driver_extra {
  DRIVER_EXTENSION visible{};
  PDRIVER_OBJECT next = nullptr;
  driver_extension_block* extensions = nullptr;
  code_range code;
};

inline driver_extra* extra_of(PDRIVER_OBJECT driver) {
  return reinterpret_cast<driver_extra*>(driver + 1);
}

namespace {

UNICODE_STRING joined(const char* prefix, const char* name) {
  char text[256];
  std::size_t length = 0;
  for (const char* part : {prefix, name}) {
    while (*part != 0 && length < sizeof(text) - 1) text[length++] = *part++;
  }
  text[length] = 0;
  return make_string(text, sync::memory_use::guest);
}

void free_driver(PDRIVER_OBJECT driver);

PDRIVER_OBJECT make_driver(driver_entry entry, const char* service_name, code_range code) {
  auto driver = static_cast<PDRIVER_OBJECT>(kernel::create_object(
      &kernel::driver_type, sizeof(DRIVER_OBJECT) + sizeof(driver_extra), nullptr));
  if (driver == nullptr) return nullptr;
  driver->Type = IO_TYPE_DRIVER;
  driver->Size = sizeof(DRIVER_OBJECT);
  driver->DriverInit = reinterpret_cast<PDRIVER_INITIALIZE>(entry);
  driver->DriverName = joined("\\Driver\\", service_name);
  driver->DriverExtension = &extra_of(driver)->visible;
  driver->DriverExtension->DriverObject = driver;
  driver->DriverExtension->ServiceKeyName = joined("", service_name);
  driver->HardwareDatabase = make<UNICODE_STRING>(sync::memory_use::guest);
  if (driver->HardwareDatabase != nullptr) {
    *driver->HardwareDatabase = joined("\\REGISTRY\\MACHINE\\HARDWARE\\DESCRIPTION\\SYSTEM", "");
  }
  for (auto& routine : driver->MajorFunction) routine = &invalid_device_request;
  extra_of(driver)->code = code;
  extra_of(driver)->next = io().drivers;
  io().drivers = driver;
  if (driver->DriverName.Buffer != nullptr && driver->HardwareDatabase != nullptr &&
      driver->HardwareDatabase->Buffer != nullptr &&
      driver->DriverExtension->ServiceKeyName.Buffer != nullptr) {
    if (kernel::registry_made()) add_service_key(driver);
    return driver;
  }
  free_driver(driver);
  return nullptr;
}

void free_driver(PDRIVER_OBJECT driver) {
  PDRIVER_OBJECT* link = &io().drivers;
  while (*link != driver) link = &extra_of(*link)->next;
  *link = extra_of(driver)->next;
  for (driver_extension_block* b = extra_of(driver)->extensions; b != nullptr;) {
    driver_extension_block* next = b->next;
    sync::deallocate(b->memory);
    sync::deallocate(b);
    b = next;
  }
  sync::deallocate(driver->DriverName.Buffer);
  sync::deallocate(driver->DriverExtension->ServiceKeyName.Buffer);
  if (driver->HardwareDatabase != nullptr) sync::deallocate(driver->HardwareDatabase->Buffer);
  sync::deallocate(driver->HardwareDatabase);
  kernel::dereference_object(driver);
}

void check_names(PDRIVER_OBJECT driver) {
  if (driver->DeviceObject != nullptr) {
    const device_extra* extra = extra_of(driver->DeviceObject);
    kernel::fail("WDM-IRP-027", "", 0xCE, {word(driver->DeviceObject), 0, 0, 0},
                 driver->DeviceObject, "the driver is gone but its device %s %s",
                 extra->name != nullptr ? extra->name->text : "(unnamed)",
                 extra->delete_pending ? "is still open or referenced" : "was not deleted");
  }
  for (const named_object* n = io().names; n != nullptr; n = n->next) {
    if (n->driver != driver || n->device != nullptr) continue;
    kernel::fail("WDM-IRP-027", "", 0, {word(n), 0, 0, 0}, n,
                 "the driver is gone but its symbolic link %s was not deleted", n->text);
  }
}

// A function device has no name: programs find the physical device beneath it.
PDEVICE_OBJECT lowest_under(PDEVICE_OBJECT device) {
  while (extra_of(device)->attached_to != nullptr) device = extra_of(device)->attached_to;
  return device;
}

bool is_alone(PDRIVER_OBJECT driver) {
  return io().drivers == driver && extra_of(driver)->next == nullptr;
}

// A packet that lives on when the driver is gone may be another driver's.
bool concerns(const irp_record* r, PDRIVER_OBJECT driver) {
  if (is_alone(driver)) return true;
  const code_range& code = extra_of(driver)->code;
  const bool made_here = code.size != 0 && word(r->site) - word(code.start) < code.size;
  return made_here || r->creator == driver ||
         (r->device != nullptr && r->device->DriverObject == driver);
}

void check_irps(PDRIVER_OBJECT driver) {
  for (const irp_record* r = io().first; r != nullptr; r = r->next) {
    if (!concerns(r, driver)) continue;
    switch (r->kind) {
      case irp_kind::user:
      case irp_kind::synchronous:
      case irp_kind::internal:
        if (state_of(r) == irp_state::completed) continue;
        kernel::fail("WDM-IRP-002", "", 0xCE, {word(r->irp), 0, 0, 0}, r->irp,
                     "the driver is gone but the IRP %p that it accepted was never completed",
                     static_cast<const void*>(r->irp));
      case irp_kind::in_place:
        continue;
      case irp_kind::allocated:
      case irp_kind::asynchronous:
      case irp_kind::associated:
        kernel::fail("WDM-IRP-009", "", 0xC4, {0x62, word(r->irp), 1, 0}, r->irp,
                     "the driver is gone but the IRP %p that it allocated was never freed",
                     static_cast<const void*>(r->irp));
    }
  }
}

// What Windows does when DriverEntry succeeded.
void make_ready(PDRIVER_OBJECT driver) {
  for (auto& routine : driver->MajorFunction) {
    if (routine == nullptr) routine = &invalid_device_request;
  }
  for (PDEVICE_OBJECT d = driver->DeviceObject; d != nullptr; d = d->NextDevice) {
    d->Flags &= ~static_cast<ULONG>(DO_DEVICE_INITIALIZING);
  }
}

// Nothing of a driver that is not there may be left.
void check_gone(PDRIVER_OBJECT driver) {
  const code_range own = is_alone(driver) ? code_range{} : extra_of(driver)->code;
  check_open_handles(driver, is_alone(driver), own);
  check_names(driver);
  check_irps(driver);
  if (is_alone(driver)) check_remove_locks(nullptr, 0, "the driver is gone");
  kernel::check_unload(own.start, own.size);
}

}  // namespace

void fill_registry() {
  if (!started()) return;
  for (PDRIVER_OBJECT d = io().drivers; d != nullptr; d = extra_of(d)->next) add_service_key(d);
  add_device_keys();
}

void forget_drivers() {
  while (io().drivers != nullptr) free_driver(io().drivers);
}

load_result load_driver(driver_entry entry, const char* service_name, code_range code) {
  const sync::sealed seal;
  load_result result;
  PDRIVER_OBJECT driver = make_driver(entry, service_name, code);
  if (driver == nullptr) {
    result.status = STATUS_INSUFFICIENT_RESOURCES;
    return result;
  }
  auto* path = make<UNICODE_STRING>(sync::memory_use::guest);
  if (path != nullptr) {
    *path = joined("\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\", service_name);
  }
  if (path == nullptr || path->Buffer == nullptr) {
    sync::deallocate(path);
    free_driver(driver);
    result.status = STATUS_INSUFFICIENT_RESOURCES;
    return result;
  }
  io().loading = driver;
  const kernel::routine_state before = kernel::routine_entered();
  {
    const sync::unsealed open;
    result.status = entry(driver, path);
  }
  kernel::routine_returned(before, "DriverEntry", reinterpret_cast<const void*>(entry),
                           "WDM-IRP-024", 0xC8, 0);
  io().loading = nullptr;
  sync::deallocate(path->Buffer);
  sync::deallocate(path);
  if (NT_SUCCESS(result.status)) {
    make_ready(driver);
    result.status = add_device(driver);
    result.driver = driver;
    if (NT_SUCCESS(result.status)) return result;
    result.driver = nullptr;
    unload_driver(driver);
    return result;
  }
  check_gone(driver);
  free_driver(driver);
  return result;
}

void unload_driver(_DRIVER_OBJECT* driver) {
  const sync::sealed seal;
  leave_device(driver);
  if (driver->DriverUnload == nullptr) return;  // Windows refuses to unload it
  const void* routine = reinterpret_cast<const void*>(driver->DriverUnload);
  const kernel::routine_state before = kernel::routine_entered();
  {
    const sync::unsealed open;
    driver->DriverUnload(driver);
  }
  kernel::routine_returned(before, "the unload routine", routine, "WDM-IRP-024", 0xC8, 0);
  kernel::flush_dpcs();  // as Windows does before it gives up the image
  check_gone(driver);
  free_driver(driver);
}

void visit_devices(const _DRIVER_OBJECT* driver, bool (*visit)(void* context, const device_view&),
                   void* context) {
  for (PDEVICE_OBJECT d = driver->DeviceObject; d != nullptr; d = d->NextDevice) {
    const device_extra* extra = extra_of(d);
    if (extra->delete_pending) continue;
    const named_object* link = link_to(d);
    if (link == nullptr && extra->name == nullptr) link = link_to(lowest_under(d));
    device_view view;
    view.device = d;
    view.name = extra->name != nullptr ? extra->name->text : nullptr;
    view.link = link != nullptr ? link->text : nullptr;
    view.device_type = d->DeviceType;
    view.flags = d->Flags;
    view.exclusive = (d->Flags & DO_EXCLUSIVE) != 0;
    view.security = extra->security;
    if (!visit(context, view)) return;
  }
}

bool serves(const _DRIVER_OBJECT* driver, std::uint8_t major) {
  return major <= IRP_MJ_MAXIMUM_FUNCTION &&
         driver->MajorFunction[major] != &invalid_device_request;
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

NTSTATUS NTAPI IoAllocateDriverObjectExtension(PDRIVER_OBJECT DriverObject,
                                               PVOID ClientIdentificationAddress,
                                               ULONG DriverObjectExtensionSize,
                                               PVOID* DriverObjectExtension) {
  BELAY_EXPORT(IoAllocateDriverObjectExtension, DriverObject);
  *DriverObjectExtension = nullptr;
  wdm::driver_extra* extra = wdm::extra_of(DriverObject);
  for (const auto* b = extra->extensions; b != nullptr; b = b->next) {
    if (b->identification == ClientIdentificationAddress) return STATUS_OBJECT_NAME_COLLISION;
  }
  auto* block = wdm::make<wdm::driver_extension_block>(sync::memory_use::internal);
  if (block == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  block->identification = ClientIdentificationAddress;
  block->memory = sync::allocate(DriverObjectExtensionSize, sync::memory_use::guest);
  if (block->memory == nullptr) {
    sync::deallocate(block);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  block->next = extra->extensions;
  extra->extensions = block;
  *DriverObjectExtension = block->memory;
  return STATUS_SUCCESS;
}

PVOID NTAPI IoGetDriverObjectExtension(PDRIVER_OBJECT DriverObject,
                                       PVOID ClientIdentificationAddress) {
  BELAY_EXPORT(IoGetDriverObjectExtension, DriverObject);
  for (const auto* b = wdm::extra_of(DriverObject)->extensions; b != nullptr; b = b->next) {
    if (b->identification == ClientIdentificationAddress) return b->memory;
  }
  return nullptr;
}

VOID NTAPI IoRegisterDriverReinitialization(PDRIVER_OBJECT DriverObject,
                                            PDRIVER_REINITIALIZE Routine, PVOID Context) {
  BELAY_EXPORT(IoRegisterDriverReinitialization, DriverObject);
  Routine(DriverObject, Context, ++DriverObject->DriverExtension->Count);
}

VOID NTAPI IoRegisterBootDriverReinitialization(PDRIVER_OBJECT DriverObject,
                                                PDRIVER_REINITIALIZE Routine, PVOID Context) {
  IoRegisterDriverReinitialization(DriverObject, Routine, Context);
}

}  // extern "C"
