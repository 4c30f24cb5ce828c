// Values of a key, by its handle.
#include "kernel/registry_nt.hpp"

using namespace belay;
using namespace belay::kernel;

namespace {

NTSTATUS give_basic(const registry_value& value, answer& to) {
  constexpr std::size_t fixed = offsetof(KEY_VALUE_BASIC_INFORMATION, Name);
  const std::size_t name_bytes = value.name_length * sizeof(WCHAR);
  KEY_VALUE_BASIC_INFORMATION it{};
  it.Type = value.type;
  it.NameLength = static_cast<ULONG>(name_bytes);
  const NTSTATUS status = to.begin(fixed, fixed + name_bytes);
  if (status == STATUS_BUFFER_TOO_SMALL) return status;
  to.put(0, &it, fixed);
  to.put(fixed, value.name().data(), name_bytes);
  return status;
}

NTSTATUS give_full(const registry_value& value, std::size_t alignment, answer& to) {
  constexpr std::size_t fixed = offsetof(KEY_VALUE_FULL_INFORMATION, Name);
  const std::size_t name_bytes = value.name_length * sizeof(WCHAR);
  const std::size_t end = fixed + name_bytes;
  const std::size_t offset = (end + alignment - 1) & ~(alignment - 1);
  KEY_VALUE_FULL_INFORMATION it{};
  it.Type = value.type;
  it.DataOffset = value.size == 0 ? ~ULONG{0} : static_cast<ULONG>(offset);
  it.DataLength = value.size;
  it.NameLength = static_cast<ULONG>(name_bytes);
  const NTSTATUS status = to.begin(fixed, value.size == 0 ? end : offset + value.size);
  if (status == STATUS_BUFFER_TOO_SMALL) return status;
  to.put(0, &it, fixed);
  to.put(fixed, value.name().data(), name_bytes);
  to.put(offset, value.data(), value.size);
  return status;
}

template <class layout>
NTSTATUS give_partial(const registry_value& value, answer& to) {
  constexpr std::size_t fixed = offsetof(layout, Data);
  layout it{};
  it.Type = value.type;
  it.DataLength = value.size;
  const NTSTATUS status = to.begin(fixed, fixed + value.size);
  if (status == STATUS_BUFFER_TOO_SMALL) return status;
  to.put(0, &it, fixed);
  to.put(fixed, value.data(), value.size);
  return status;
}

NTSTATUS give_value(const registry_value& value, KEY_VALUE_INFORMATION_CLASS what, answer to) {
  switch (what) {
    case KeyValueBasicInformation:
      return give_basic(value, to);
    case KeyValueFullInformation:
      return give_full(value, sizeof(ULONG), to);
    case KeyValueFullInformationAlign64:
      return give_full(value, sizeof(ULONG64), to);
    case KeyValuePartialInformation:
      return give_partial<KEY_VALUE_PARTIAL_INFORMATION>(value, to);
    case KeyValuePartialInformationAlign64:
      return give_partial<KEY_VALUE_PARTIAL_INFORMATION_ALIGN64>(value, to);
    case KeyValueLayerInformation:
      return STATUS_NOT_SUPPORTED;
    default:
      return STATUS_INVALID_PARAMETER;
  }
}

}  // namespace

extern "C" {

/// An empty name is the key's default value.
///
/// Returns:  STATUS_OBJECT_NAME_NOT_FOUND; STATUS_BUFFER_TOO_SMALL where not even the fixed part
///           fits, STATUS_BUFFER_OVERFLOW where name and data do not, both with the length that is
///           needed.
NTSTATUS ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                         KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                         PVOID KeyValueInformation, ULONG Length, PULONG ResultLength) {
  BELAY_EXPORT(ZwQueryValueKey, KeyHandle);
  use_registry(sync::access_kind::read);
  const handled_key key(KeyHandle);
  const captured_name name(ValueName);
  if (key.status() != STATUS_SUCCESS) return key.status();
  if (name.status() != STATUS_SUCCESS) return name.status();
  value_reference value;
  const NTSTATUS status = find_value(key.key(), name.view(), value.out());
  if (status != STATUS_SUCCESS) return status;
  return give_value(*value, KeyValueInformationClass,
                    answer(KeyValueInformation, Length, ResultLength));
}

/// Values come in the order in which they were first set.
///
/// Returns:  STATUS_NO_MORE_ENTRIES; else as ZwQueryValueKey.
NTSTATUS ZwEnumerateValueKey(HANDLE KeyHandle, ULONG Index,
                             KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                             PVOID KeyValueInformation, ULONG Length, PULONG ResultLength) {
  BELAY_EXPORT(ZwEnumerateValueKey, KeyHandle);
  use_registry(sync::access_kind::read);
  const handled_key key(KeyHandle);
  if (key.status() != STATUS_SUCCESS) return key.status();
  value_reference value;
  const NTSTATUS status = value_at(key.key(), Index, value.out());
  if (status != STATUS_SUCCESS) return status;
  return give_value(*value, KeyValueInformationClass,
                    answer(KeyValueInformation, Length, ResultLength));
}

/// Sets a value, whether or not it is there. The data is not looked at.
///
/// Returns:  STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG, ULONG Type, PVOID Data,
                       ULONG DataSize) {
  BELAY_EXPORT(ZwSetValueKey, KeyHandle);
  use_registry(sync::access_kind::update);
  const handled_key key(KeyHandle);
  const captured_name name(ValueName);
  if (key.status() != STATUS_SUCCESS) return key.status();
  if (name.status() != STATUS_SUCCESS) return name.status();
  sync::touch(Data, DataSize, sync::access_kind::read);
  return set_value(key.key(), name.view(), Type, Data, DataSize, false);
}

/// Returns:  STATUS_OBJECT_NAME_NOT_FOUND.
NTSTATUS ZwDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName) {
  BELAY_EXPORT(ZwDeleteValueKey, KeyHandle);
  use_registry(sync::access_kind::update);
  const handled_key key(KeyHandle);
  const captured_name name(ValueName);
  if (key.status() != STATUS_SUCCESS) return key.status();
  if (name.status() != STATUS_SUCCESS) return name.status();
  return delete_value(key.key(), name.view());
}

}  // extern "C"
