// What a driver asks about its physical device: properties and interfaces.
//
// Thread safety: any actor at PASSIVE_LEVEL.
#include "kernel/letters.hpp"
#include "wdm/pnp_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr char hex[] = "0123456789abcdef";

// A text as 16-bit characters, with as many terminators as asked for, into the caller's buffer.
NTSTATUS give_text(const char* text, int terminators, PVOID to, ULONG room, PULONG needed) {
  ULONG length = 0;
  while (text[length] != 0) ++length;
  *needed = (length + static_cast<ULONG>(terminators)) * sizeof(WCHAR);
  if (room < *needed) return STATUS_BUFFER_TOO_SMALL;
  sync::touch(to, *needed, sync::access_kind::write);
  auto at = static_cast<PWSTR>(to);
  for (ULONG i = 0; i < length; ++i)
    at[i] = static_cast<WCHAR>(static_cast<unsigned char>(text[i]));
  for (int i = 0; i < terminators; ++i) at[length + static_cast<ULONG>(i)] = 0;
  return STATUS_SUCCESS;
}

NTSTATUS give_number(ULONG value, PVOID to, ULONG room, PULONG needed) {
  *needed = sizeof(value);
  if (room < sizeof(value)) return STATUS_BUFFER_TOO_SMALL;
  sync::touch(to, sizeof(value), sync::access_kind::write);
  RtlCopyMemory(to, &value, sizeof(value));
  return STATUS_SUCCESS;
}

char* put(char* at, const char* text) {
  while (*text != 0) *at++ = *text++;
  return at;
}
char* put_hex(char* at, std::uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) *at++ = hex[(value >> (4 * i)) & 15];
  return at;
}

// "\??\ROOT#BELAY#0000#{…}"
UNICODE_STRING link_of(const pnp_node* node, const GUID& of) {
  char text[96];
  char* at = put(text, "\\??\\ROOT#BELAY#");
  at = put_hex(at, node->number, 4);
  at = put(at, "#{");
  at = put_hex(at, of.Data1, 8);
  at = put_hex(put(at, "-"), of.Data2, 4);
  at = put_hex(put(at, "-"), of.Data3, 4);
  at = put(at, "-");
  for (int i = 0; i < 8; ++i) {
    if (i == 2) at = put(at, "-");
    at = put_hex(at, of.Data4[i], 2);
  }
  *put(at, "}") = 0;
  return make_string(text, sync::memory_use::guest);  // exports read it
}

bool same(const GUID& a, const GUID& b) { return __builtin_memcmp(&a, &b, sizeof(a)) == 0; }

device_interface* find_interface(pnp_node* node, const GUID& of) {
  for (device_interface* i = node->interfaces; i != nullptr; i = i->next) {
    if (same(i->of, of)) return i;
  }
  return nullptr;
}

device_interface* add_interface(pnp_node* node, const GUID& of) {
  auto* made = make<device_interface>(sync::memory_use::internal);
  if (made == nullptr) return nullptr;
  made->of = of;
  made->link = link_of(node, of);
  if (made->link.Buffer == nullptr) {
    sync::deallocate(made);
    return nullptr;
  }
  made->next = node->interfaces;
  return node->interfaces = made;
}

// Whether a driver's string is `link`, or begins with it.
bool begins_with(PCUNICODE_STRING name, const UNICODE_STRING& link) {
  if (name->Length < link.Length) return false;
  sync::touch(name->Buffer, link.Length, sync::access_kind::read);
  for (std::size_t i = 0; i < link.Length / sizeof(WCHAR); ++i) {
    if (kernel::upper(name->Buffer[i]) != kernel::upper(link.Buffer[i])) return false;
  }
  return true;
}

// The link and "\reference", in memory that the driver frees with RtlFreeUnicodeString.
NTSTATUS give_link(const UNICODE_STRING& link, PCUNICODE_STRING reference, PUNICODE_STRING to) {
  const USHORT more = reference == nullptr || reference->Length == 0
                          ? 0
                          : static_cast<USHORT>(reference->Length + sizeof(WCHAR));
  const auto length = static_cast<USHORT>(link.Length + more);
  auto text =
      static_cast<PWSTR>(ExAllocatePoolWithTag(PagedPool, length + sizeof(WCHAR), 0x20206f49));
  if (text == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  RtlCopyMemory(text, link.Buffer, link.Length);
  if (more != 0) {
    text[link.Length / sizeof(WCHAR)] = L'\\';
    RtlCopyMemory(text + link.Length / sizeof(WCHAR) + 1, reference->Buffer, reference->Length);
  }
  text[length / sizeof(WCHAR)] = 0;
  to->Buffer = text;
  to->Length = length;
  to->MaximumLength = static_cast<USHORT>(length + sizeof(WCHAR));
  return STATUS_SUCCESS;
}

// Calls `visit` with the link of each interface of that kind, enabled or, with `all`, not.
template <class F>
void visit_links(const GUID& of, const DEVICE_OBJECT* pdo, bool all, F visit) {
  for (const pnp_node* n = io().nodes; n != nullptr; n = n->next) {
    if (pdo != nullptr && n->pdo != pdo) continue;
    for (const device_interface* i = n->interfaces; i != nullptr; i = i->next) {
      if (same(i->of, of) && (all || i->name != nullptr)) visit(i->link);
    }
  }
}

}  // namespace

device_interface* find_link(PCUNICODE_STRING name, pnp_node** owner) {
  for (pnp_node* n = io().nodes; n != nullptr; n = n->next) {
    for (device_interface* i = n->interfaces; i != nullptr; i = i->next) {
      if (!begins_with(name, i->link)) continue;
      *owner = n;
      return i;
    }
  }
  return nullptr;
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// Callers:  PASSIVE_LEVEL. Returns: STATUS_INVALID_DEVICE_REQUEST for a device that is no PDO,
///           STATUS_BUFFER_TOO_SMALL with the size, STATUS_OBJECT_NAME_NOT_FOUND for what a device
///           of the root bus does not have.
NTSTATUS NTAPI IoGetDeviceProperty(PDEVICE_OBJECT DeviceObject,
                                   DEVICE_REGISTRY_PROPERTY DeviceProperty, ULONG BufferLength,
                                   PVOID PropertyBuffer, PULONG ResultLength) {
  BELAY_EXPORT(IoGetDeviceProperty, DeviceObject);
  *ResultLength = 0;
  const wdm::pnp_node* node = wdm::node_of(DeviceObject);
  if (node == nullptr) return STATUS_INVALID_DEVICE_REQUEST;
  const auto text = [&](const char* value, int terminators = 1) {
    return wdm::give_text(value, terminators, PropertyBuffer, BufferLength, ResultLength);
  };
  switch (DeviceProperty) {
    case DevicePropertyDeviceDescription:
    case DevicePropertyFriendlyName:
      return text("Belay device");
    case DevicePropertyHardwareID:
      return text("ROOT\\BELAY", 2);
    case DevicePropertyClassName:
      return text("System");
    case DevicePropertyClassGuid:
      return text(wdm::device_class);
    case DevicePropertyDriverKeyName: {
      char name[64];
      char* const end = wdm::put(wdm::put(name, wdm::device_class), "\\");
      *wdm::put_hex(end, node->number, 4) = 0;
      return text(name);
    }
    case DevicePropertyManufacturer:
      return text("Belay");
    case DevicePropertyEnumeratorName:
      return text("ROOT");
    case DevicePropertyPhysicalDeviceObjectName:
      return text(wdm::extra_of(node->pdo)->name->text);
    case DevicePropertyInstallState:
      return wdm::give_number(0, PropertyBuffer, BufferLength, ResultLength);  // installed
    case DevicePropertyRemovalPolicy:
      return wdm::give_number(3, PropertyBuffer, BufferLength, ResultLength);  // by surprise
    default:
      return STATUS_OBJECT_NAME_NOT_FOUND;
  }
}

/// Names an interface of a PDO; programs find the device by it once it is enabled.
///
/// Callers:  PASSIVE_LEVEL; the caller frees the name with RtlFreeUnicodeString.
/// Returns:  STATUS_SUCCESS, also when it was registered before; STATUS_INVALID_DEVICE_REQUEST for
///           a device that is no PDO; STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject,
                                         const GUID* InterfaceClassGuid,
                                         PUNICODE_STRING ReferenceString,
                                         PUNICODE_STRING SymbolicLinkName) {
  BELAY_EXPORT(IoRegisterDeviceInterface, PhysicalDeviceObject);
  RtlZeroMemory(SymbolicLinkName, sizeof(*SymbolicLinkName));
  wdm::pnp_node* node = wdm::node_of(PhysicalDeviceObject);
  if (node == nullptr) return STATUS_INVALID_DEVICE_REQUEST;
  const wdm::device_interface* of = wdm::find_interface(node, *InterfaceClassGuid);
  if (of == nullptr) of = wdm::add_interface(node, *InterfaceClassGuid);
  if (of == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  return wdm::give_link(of->link, ReferenceString, SymbolicLinkName);
}

/// Returns: STATUS_SUCCESS; STATUS_OBJECT_NAME_EXISTS if it was enabled already;
///          STATUS_OBJECT_NAME_NOT_FOUND for no interface, or one to disable that is not enabled.
NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable) {
  BELAY_EXPORT(IoSetDeviceInterfaceState, nullptr);
  wdm::pnp_node* node = nullptr;
  wdm::device_interface* of = wdm::find_link(SymbolicLinkName, &node);
  return of == nullptr ? STATUS_OBJECT_NAME_NOT_FOUND
                       : wdm::enable_interface(node, of, Enable != FALSE);
}

/// Lists links, each with its terminator, and one more; the caller frees the list.
///
/// Callers:  PASSIVE_LEVEL. Returns: STATUS_SUCCESS, also for an empty list;
///           STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS NTAPI IoGetDeviceInterfaces(const GUID* InterfaceClassGuid,
                                     PDEVICE_OBJECT PhysicalDeviceObject, ULONG Flags,
                                     PZZWSTR* SymbolicLinkList) {
  BELAY_EXPORT(IoGetDeviceInterfaces, PhysicalDeviceObject);
  const bool all = (Flags & DEVICE_INTERFACE_INCLUDE_NONACTIVE) != 0;
  std::size_t room = 2;
  wdm::visit_links(*InterfaceClassGuid, PhysicalDeviceObject, all,
                   [&](const UNICODE_STRING& link) { room += link.Length / sizeof(WCHAR) + 1; });
  auto list =
      static_cast<PWSTR>(ExAllocatePoolWithTag(PagedPool, room * sizeof(WCHAR), 0x20697049));
  *SymbolicLinkList = list;
  if (list == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  PWSTR at = list;
  wdm::visit_links(*InterfaceClassGuid, PhysicalDeviceObject, all, [&](const UNICODE_STRING& link) {
    RtlCopyMemory(at, link.Buffer, link.Length);
    at += link.Length / sizeof(WCHAR);
    *at++ = 0;
  });
  at[0] = 0;
  list[room - 1] = 0;
  return STATUS_SUCCESS;
}

}  // extern "C"
