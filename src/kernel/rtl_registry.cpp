// The registry by path: one value, one key.
//
// Paths are relative to a few known keys, to a handle, or absolute. Callers: PASSIVE_LEVEL.
#include "kernel/registry_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

constexpr std::u16string_view known_keys[RTL_REGISTRY_MAXIMUM] = {
    u"",
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Services",
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Control",
    u"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
    u"\\Registry\\Machine\\Hardware\\DeviceMap",
    u"\\Registry\\User\\.Default",
};

}  // namespace

NTSTATUS relative_key::find(ULONG relative_to, PCWSTR path, bool make) {
  if (relative_to >= RTL_REGISTRY_MAXIMUM) return STATUS_INVALID_PARAMETER;
  const captured_name rest(path);
  if (rest.status() != STATUS_SUCCESS) return rest.status();
  const bool absolute = relative_to == RTL_REGISTRY_ABSOLUTE;
  if (absolute && !rest.view().starts_with(u'\\')) return STATUS_OBJECT_PATH_SYNTAX_BAD;
  key_reference from;
  const NTSTATUS status = find_key(nullptr, known_keys[relative_to], from.out());
  if (status != STATUS_SUCCESS) return status;
  bool made = false;
  return make ? make_key(from.get(), rest.view(), {}, false, false, key_.out(), &made)
              : find_key(from.get(), rest.view(), key_.out());
}

relative_key::relative_key(ULONG relative_to, PCWSTR path, bool make) {
  if ((relative_to & RTL_REGISTRY_HANDLE) != 0) {
    handle_.emplace(const_cast<WCHAR*>(path));
    status_ = handle_->status();
  } else {
    status_ = find(relative_to & ~ULONG{RTL_REGISTRY_OPTIONAL}, path, make);
  }
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

/// Sets a value; makes the key, if only the last on the path is missing.
///
/// Returns: what ZwCreateKey and ZwSetValueKey return.
NTSTATUS RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName, ULONG ValueType,
                               PVOID ValueData, ULONG ValueLength) {
  BELAY_EXPORT(RtlWriteRegistryValue, nullptr);
  use_registry(sync::access_kind::update);
  const captured_name name(ValueName);
  if (name.status() != STATUS_SUCCESS) return name.status();
  const relative_key key(RelativeTo, Path, true);
  if (key.status() != STATUS_SUCCESS) return key.status();
  sync::touch(ValueData, ValueLength, sync::access_kind::read);
  return set_value(key.key(), name.view(), ValueType, ValueData, ValueLength, false);
}

/// Returns: what ZwOpenKey and ZwDeleteValueKey return.
NTSTATUS RtlDeleteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName) {
  BELAY_EXPORT(RtlDeleteRegistryValue, nullptr);
  use_registry(sync::access_kind::update);
  const captured_name name(ValueName);
  if (name.status() != STATUS_SUCCESS) return name.status();
  const relative_key key(RelativeTo, Path, false);
  if (key.status() != STATUS_SUCCESS) return key.status();
  return delete_value(key.key(), name.view());
}

/// Returns: STATUS_SUCCESS if the key is there, else what ZwOpenKey returns.
NTSTATUS RtlCheckRegistryKey(ULONG RelativeTo, PWSTR Path) {
  BELAY_EXPORT(RtlCheckRegistryKey, nullptr);
  use_registry(sync::access_kind::read);
  return relative_key(RelativeTo, Path, false).status();
}

/// Returns: STATUS_SUCCESS if the key was there or is now, else what ZwCreateKey returns.
NTSTATUS RtlCreateRegistryKey(ULONG RelativeTo, PWSTR Path) {
  BELAY_EXPORT(RtlCreateRegistryKey, nullptr);
  use_registry(sync::access_kind::update);
  return relative_key(RelativeTo, Path, true).status();
}

}  // extern "C"
