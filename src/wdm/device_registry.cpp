// Keys in the registry that belong to drivers and devices.
//
// Thread safety: any actor at PASSIVE_LEVEL.
#include "kernel/registry.hpp"
#include "wdm/pnp_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr char hex[] = "0123456789abcdef";

// A path in the making.
class key_path {
 public:
  explicit key_path(std::u16string_view start) { *this << start; }
  key_path& operator<<(std::u16string_view more) {
    for (const char16_t each : more) put(each);
    return *this;
  }
  key_path& operator<<(const char* more) {
    while (*more != 0) put(static_cast<unsigned char>(*more++));
    return *this;
  }
  key_path& operator<<(const UNICODE_STRING& more) {
    for (std::size_t i = 0; i < more.Length / sizeof(WCHAR); ++i)
      put(static_cast<char16_t>(more.Buffer[i]));
    return *this;
  }
  key_path& number(std::uint32_t value) {
    for (int i = 3; i >= 0; --i) put(static_cast<unsigned char>(hex[value >> (4 * i) & 15]));
    return *this;
  }
  std::u16string_view view() const { return {text_, length_}; }

 private:
  void put(char16_t each) {
    if (length_ < std::size(text_)) text_[length_++] = each;
  }
  char16_t text_[600];
  std::size_t length_ = 0;
};

constexpr std::u16string_view control = u"\\Registry\\Machine\\System\\CurrentControlSet\\Control";
constexpr std::u16string_view devices = u"\\Registry\\Machine\\System\\CurrentControlSet\\Enum";
constexpr std::u16string_view services =
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Services";
constexpr std::u16string_view parameters = u"\\Device Parameters";

key_path device_key(const pnp_node* node) {
  key_path path(devices);
  (path << u"\\ROOT\\BELAY\\").number(node->number) << parameters;
  return path;
}

key_path class_key(const pnp_node* node) {
  key_path path(control);
  (path << u"\\Class\\" << device_class << u"\\").number(node->number);
  return path;
}

void add_number(const key_path& key, std::u16string_view name, std::uint32_t value) {
  kernel::add_registry_value(
      {.key = key.view(), .name = name, .type = REG_DWORD, .data = &value, .bytes = sizeof value});
}

void add_text(const key_path& key, std::u16string_view name, std::uint32_t type,
              const key_path& value) {
  kernel::add_registry_value({.key = key.view(),
                              .name = name,
                              .type = type,
                              .data = value.view().data(),
                              .bytes = value.view().size() * sizeof(char16_t)});
}

std::u16string_view end() { return {u"", 1}; }

}  // namespace

void add_service_key(const DRIVER_OBJECT* driver) {
  const UNICODE_STRING& name = driver->DriverExtension->ServiceKeyName;
  key_path key(services), image(u"\\SystemRoot\\System32\\drivers\\"), display(u"");
  key << u"\\" << name;
  add_number(key, u"Type", 1);          // SERVICE_KERNEL_DRIVER
  add_number(key, u"Start", 3);         // SERVICE_DEMAND_START
  add_number(key, u"ErrorControl", 1);  // SERVICE_ERROR_NORMAL
  add_text(key, u"ImagePath", REG_EXPAND_SZ, image << name << u".sys" << end());
  add_text(key, u"DisplayName", REG_SZ, display << name << end());
}

void add_device_keys() {
  for (const pnp_node* n = io().nodes; n != nullptr; n = n->next) add_device_keys(n);
}

void add_device_keys(const pnp_node* node) {
  kernel::change_registry({.key = device_key(node).view()});
  kernel::change_registry({.key = class_key(node).view()});
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// Opens the key of a physical device, or of its driver's settings for it.
///
/// Callers:  PASSIVE_LEVEL; the caller closes the handle with ZwClose.
/// Returns:  STATUS_SUCCESS; STATUS_INVALID_DEVICE_REQUEST for a device that is no PDO;
///           STATUS_NOT_SUPPORTED for a hardware profile; STATUS_INVALID_PARAMETER;
///           STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS NTAPI IoOpenDeviceRegistryKey(PDEVICE_OBJECT DeviceObject, ULONG DevInstKeyType,
                                       ACCESS_MASK, PHANDLE DeviceRegKey) {
  BELAY_EXPORT(IoOpenDeviceRegistryKey, DeviceObject);
  *DeviceRegKey = nullptr;
  const wdm::pnp_node* const node = wdm::node_of(DeviceObject);
  if (node == nullptr) return STATUS_INVALID_DEVICE_REQUEST;
  if ((DevInstKeyType & PLUGPLAY_REGKEY_CURRENT_HWPROFILE) != 0) return STATUS_NOT_SUPPORTED;
  if (DevInstKeyType != PLUGPLAY_REGKEY_DEVICE && DevInstKeyType != PLUGPLAY_REGKEY_DRIVER)
    return STATUS_INVALID_PARAMETER;
  const wdm::key_path key =
      DevInstKeyType == PLUGPLAY_REGKEY_DEVICE ? wdm::device_key(node) : wdm::class_key(node);
  return kernel::open_registry_key(key.view(), true, DeviceRegKey, BELAY_SITE);
}

/// Opens the key of an interface that IoRegisterDeviceInterface named; makes it if need be.
///
/// Callers:  PASSIVE_LEVEL; the caller closes the handle with ZwClose.
/// Returns:  STATUS_SUCCESS; STATUS_OBJECT_NAME_NOT_FOUND for a name of no interface;
///           STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS NTAPI IoOpenDeviceInterfaceRegistryKey(PUNICODE_STRING SymbolicLinkName, ACCESS_MASK,
                                                PHANDLE DeviceInterfaceRegKey) {
  BELAY_EXPORT(IoOpenDeviceInterfaceRegistryKey, nullptr);
  *DeviceInterfaceRegKey = nullptr;
  wdm::pnp_node* node = nullptr;
  const wdm::device_interface* const of = wdm::find_link(SymbolicLinkName, &node);
  if (of == nullptr) return STATUS_OBJECT_NAME_NOT_FOUND;
  char16_t link[128], reference[256];
  const std::size_t length = of->link.Length / sizeof(WCHAR);
  const std::size_t more = SymbolicLinkName->Length / sizeof(WCHAR) - length;
  if (length > std::size(link) || more > std::size(reference)) return STATUS_NAME_TOO_LONG;
  for (std::size_t i = 0; i < length; ++i) link[i] = static_cast<char16_t>(of->link.Buffer[i]);
  for (std::size_t i = 0; i < more; ++i)
    reference[i] = static_cast<char16_t>(SymbolicLinkName->Buffer[length + i]);
  // "\??\ROOT#BELAY#0000#{…}" and "\reference" become "{…}\##?#ROOT#BELAY#0000#{…}\#reference".
  const std::u16string_view whole(link, length), rest(reference, more);
  wdm::key_path key(wdm::control);
  key << u"\\DeviceClasses\\" << whole.substr(whole.rfind(u'#') + 1) << u"\\##?#" << whole.substr(4)
      << u"\\#" << rest.substr(rest.empty() ? 0 : 1) << wdm::parameters;
  return kernel::open_registry_key(key.view(), true, DeviceInterfaceRegKey, BELAY_SITE);
}

}  // extern "C"
