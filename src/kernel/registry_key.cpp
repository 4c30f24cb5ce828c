// Keys by handle: opened, made, deleted, enumerated, described.
//
// What a handle was opened for is enforced, for drivers too, as the pages of these functions ask.
#include "kernel/registry_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

handled_key::handled_key(HANDLE handle) {
  void* object = nullptr;
  status_ = hold_object(handle, key_type, &object);
  object_ = static_cast<key_object*>(object);
}

handled_key::~handled_key() {
  if (object_ != nullptr) dereference_object(object_);
}

captured_name::captured_name(const UNICODE_STRING* from) {
  if (from == nullptr) return;
  sync::touch(from, sizeof *from, sync::access_kind::read);
  if (from->Length == 0) return;
  if (from->Buffer == nullptr || from->Length % sizeof(WCHAR) != 0) {
    status_ = STATUS_OBJECT_NAME_INVALID;
    return;
  }
  sync::touch(from->Buffer, from->Length, sync::access_kind::read);
  copy(from->Buffer, from->Length / sizeof(WCHAR));
}

captured_name::captured_name(const WCHAR* from) {
  if (from == nullptr) return;
  std::size_t length = 0;
  while (from[length] != 0) ++length;
  sync::touch(from, (length + 1) * sizeof(WCHAR), sync::access_kind::read);
  copy(from, length);
}

void captured_name::copy(const WCHAR* from, std::size_t length) {
  if (length > std::size(small_)) {
    text_ = static_cast<char16_t*>(
        sync::allocate(length * sizeof(char16_t), sync::memory_use::internal));
  }
  if (text_ == nullptr) {
    status_ = STATUS_INSUFFICIENT_RESOURCES;
    return;
  }
  for (std::size_t i = 0; i < length; ++i) text_[i] = static_cast<char16_t>(from[i]);
  length_ = length;
}

captured_name::~captured_name() {
  if (text_ != small_) sync::deallocate(text_);
}

NTSTATUS answer::begin(std::size_t fixed, std::size_t whole) {
  sync::touch(needed_, sizeof *needed_, sync::access_kind::write);
  *needed_ = static_cast<ULONG>(whole);
  if (room_ < fixed) return STATUS_BUFFER_TOO_SMALL;
  sync::touch(to_, room_ < whole ? room_ : whole, sync::access_kind::write);
  return room_ < whole ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

void answer::put(std::size_t offset, const void* from, std::size_t bytes) {
  if (offset >= room_) return;
  copy_bytes(to_ + offset, from, bytes < room_ - offset ? bytes : room_ - offset);
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

namespace {

#define BELAY_SITE __builtin_return_address(0)

/// What an ObjectAttributes names: a path, from the top or from a key.
class place {
 public:
  explicit place(POBJECT_ATTRIBUTES attributes)
      : name_(attributes != nullptr ? attributes->ObjectName : nullptr),
        root_(attributes != nullptr ? attributes->RootDirectory : nullptr),
        rooted_(attributes != nullptr && attributes->RootDirectory != nullptr) {
    if (attributes == nullptr) {
      status_ = STATUS_INVALID_PARAMETER;
    } else if ((attributes->Attributes & OBJ_OPENLINK) != 0) {
      status_ = STATUS_NOT_SUPPORTED;
    } else if (rooted_ && root_.status() != STATUS_SUCCESS) {
      status_ = root_.status();
    } else if (name_.status() != STATUS_SUCCESS) {
      status_ = name_.status();
    } else if (rooted_ == path().starts_with(u'\\')) {
      status_ = STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
  }
  NTSTATUS status() const { return status_; }
  registry_key* from() const { return rooted_ ? root_.key() : nullptr; }
  std::u16string_view path() const { return name_.view(); }

 private:
  captured_name name_;
  handled_key root_;
  bool rooted_;
  NTSTATUS status_ = STATUS_SUCCESS;
};

NTSTATUS open_key(PHANDLE handle, POBJECT_ATTRIBUTES attributes, const void* site) {
  sync::touch(handle, sizeof *handle, sync::access_kind::write);
  use_registry(sync::access_kind::read);
  const place where(attributes);
  if (where.status() != STATUS_SUCCESS) return where.status();
  key_reference key;
  const NTSTATUS status = find_key(where.from(), where.path(), key.out());
  if (status != STATUS_SUCCESS) return status;
  return give_key_handle(key.take(), handle, site);
}

std::size_t aligned(std::size_t offset, std::size_t to) { return (offset + to - 1) & ~(to - 1); }

// Where a class name that follows `before` bytes lies, as ClassOffset says it.
ULONG class_offset(const registry_key* key, std::size_t before) {
  constexpr auto none = ~ULONG{0};
  return key->class_length == 0 ? none : static_cast<ULONG>(aligned(before, sizeof(ULONG)));
}

NTSTATUS give_path(const registry_key* key, answer& to) {
  constexpr std::size_t fixed = offsetof(KEY_NAME_INFORMATION, Name);
  const std::size_t length = path_length(key);
  const auto bytes = static_cast<ULONG>(length * sizeof(WCHAR));
  auto* const text =
      static_cast<char16_t*>(sync::allocate(bytes + sizeof(WCHAR), sync::memory_use::internal));
  if (text == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  write_path(key, text);
  const NTSTATUS status = to.begin(fixed, fixed + bytes);
  if (status != STATUS_BUFFER_TOO_SMALL) {
    to.put(0, &bytes, sizeof bytes);
    to.put(fixed, text, bytes);
  }
  sync::deallocate(text);
  return status;
}

NTSTATUS give_full(const registry_key* key, const key_facts& facts, answer& to) {
  constexpr std::size_t fixed = offsetof(KEY_FULL_INFORMATION, Class);
  const std::size_t class_bytes = key->class_length * sizeof(WCHAR);
  KEY_FULL_INFORMATION it{};
  it.LastWriteTime.QuadPart = facts.written;
  it.ClassOffset = class_offset(key, fixed);
  it.ClassLength = static_cast<ULONG>(class_bytes);
  it.SubKeys = facts.subkeys;
  it.MaxNameLen = facts.longest_subkey;
  it.MaxClassLen = facts.longest_class;
  it.Values = facts.values;
  it.MaxValueNameLen = facts.longest_value_name;
  it.MaxValueDataLen = facts.longest_data;
  const NTSTATUS status = to.begin(fixed, fixed + class_bytes);
  if (status == STATUS_BUFFER_TOO_SMALL) return status;
  to.put(0, &it, fixed);
  to.put(fixed, key->class_name().data(), class_bytes);
  return status;
}

NTSTATUS give_node(const registry_key* key, const key_facts& facts, answer& to) {
  constexpr std::size_t fixed = offsetof(KEY_NODE_INFORMATION, Name);
  const std::size_t name_bytes = key->name_length * sizeof(WCHAR);
  const std::size_t class_bytes = key->class_length * sizeof(WCHAR);
  KEY_NODE_INFORMATION it{};
  it.LastWriteTime.QuadPart = facts.written;
  it.ClassOffset = class_offset(key, fixed + name_bytes);
  it.ClassLength = static_cast<ULONG>(class_bytes);
  it.NameLength = static_cast<ULONG>(name_bytes);
  const std::size_t whole = class_bytes == 0 ? fixed + name_bytes : it.ClassOffset + class_bytes;
  const NTSTATUS status = to.begin(fixed, whole);
  if (status == STATUS_BUFFER_TOO_SMALL) return status;
  to.put(0, &it, fixed);
  to.put(fixed, key->name().data(), name_bytes);
  if (class_bytes != 0) to.put(it.ClassOffset, key->class_name().data(), class_bytes);
  return status;
}

NTSTATUS give_basic(const registry_key* key, const key_facts& facts, answer& to) {
  constexpr std::size_t fixed = offsetof(KEY_BASIC_INFORMATION, Name);
  const std::size_t name_bytes = key->name_length * sizeof(WCHAR);
  KEY_BASIC_INFORMATION it{};
  it.LastWriteTime.QuadPart = facts.written;
  it.NameLength = static_cast<ULONG>(name_bytes);
  const NTSTATUS status = to.begin(fixed, fixed + name_bytes);
  if (status == STATUS_BUFFER_TOO_SMALL) return status;
  to.put(0, &it, fixed);
  to.put(fixed, key->name().data(), name_bytes);
  return status;
}

NTSTATUS give_key(registry_key* key, KEY_INFORMATION_CLASS what, answer to) {
  key_facts facts;
  const NTSTATUS status = count_key(key, &facts);
  if (status != STATUS_SUCCESS) return status;
  switch (what) {
    case KeyBasicInformation:
      return give_basic(key, facts, to);
    case KeyNodeInformation:
      return give_node(key, facts, to);
    case KeyFullInformation:
      return give_full(key, facts, to);
    case KeyNameInformation:
      return give_path(key, to);
    case KeyCachedInformation:
    case KeyFlagsInformation:
    case KeyVirtualizationInformation:
    case KeyHandleTagsInformation:
    case KeyTrustInformation:
    case KeyLayerInformation:
      return STATUS_NOT_SUPPORTED;
    default:
      return STATUS_INVALID_PARAMETER;
  }
}

}  // namespace

extern "C" {

/// Opens a key, or makes the last one on the path.
///
/// Returns:  STATUS_SUCCESS; STATUS_OBJECT_NAME_NOT_FOUND if a key before the last one is missing;
///           STATUS_CHILD_MUST_BE_VOLATILE; STATUS_KEY_DELETED for a RootDirectory that is;
///           STATUS_OBJECT_PATH_SYNTAX_BAD; STATUS_NOT_SUPPORTED for links, and backup and restore;
///           STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK, POBJECT_ATTRIBUTES ObjectAttributes, ULONG,
                     PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition) {
  BELAY_EXPORT(ZwCreateKey, nullptr);
  if ((CreateOptions & ~ULONG{REG_OPTION_VOLATILE}) != 0) return STATUS_NOT_SUPPORTED;
  sync::touch(KeyHandle, sizeof *KeyHandle, sync::access_kind::write);
  use_registry(sync::access_kind::update);
  const place where(ObjectAttributes);
  const captured_name class_name(Class);
  if (where.status() != STATUS_SUCCESS) return where.status();
  if (class_name.status() != STATUS_SUCCESS) return class_name.status();
  key_reference key;
  bool made = false;
  NTSTATUS status = make_key(where.from(), where.path(), class_name.view(),
                             (CreateOptions & REG_OPTION_VOLATILE) != 0, false, key.out(), &made);
  if (status != STATUS_SUCCESS) return status;
  status = give_key_handle(key.take(), KeyHandle, BELAY_SITE);
  if (status == STATUS_SUCCESS && Disposition != nullptr) {
    sync::touch(Disposition, sizeof *Disposition, sync::access_kind::write);
    *Disposition = made ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
  }
  return status;
}

/// Returns: as ZwCreateKey; STATUS_OBJECT_NAME_NOT_FOUND if any key on the path is missing.
NTSTATUS ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK, POBJECT_ATTRIBUTES ObjectAttributes) {
  BELAY_EXPORT(ZwOpenKey, nullptr);
  return open_key(KeyHandle, ObjectAttributes, BELAY_SITE);
}
/// Options, all of which are for links, backup and restore, are not supported.
NTSTATUS ZwOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK, POBJECT_ATTRIBUTES ObjectAttributes,
                     ULONG OpenOptions) {
  BELAY_EXPORT(ZwOpenKeyEx, nullptr);
  if (OpenOptions != 0) return STATUS_NOT_SUPPORTED;
  return open_key(KeyHandle, ObjectAttributes, BELAY_SITE);
}

/// Deletes a key at once; what other handles to it are asked is answered with STATUS_KEY_DELETED.
///
/// Returns:  STATUS_CANNOT_DELETE if it has subkeys.
NTSTATUS ZwDeleteKey(HANDLE KeyHandle) {
  BELAY_EXPORT(ZwDeleteKey, KeyHandle);
  use_registry(sync::access_kind::update);
  const handled_key key(KeyHandle);
  return key.status() == STATUS_SUCCESS ? delete_key(key.key()) : key.status();
}

/// Subkeys come in alphabetical order.
///
/// Returns:  STATUS_NO_MORE_ENTRIES; STATUS_BUFFER_TOO_SMALL where not even the fixed part fits,
///           STATUS_BUFFER_OVERFLOW where the name does not, both with the length that is needed.
NTSTATUS ZwEnumerateKey(HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass,
                        PVOID KeyInformation, ULONG Length, PULONG ResultLength) {
  BELAY_EXPORT(ZwEnumerateKey, KeyHandle);
  use_registry(sync::access_kind::read);
  const handled_key key(KeyHandle);
  if (key.status() != STATUS_SUCCESS) return key.status();
  key_reference subkey;
  const NTSTATUS status = subkey_at(key.key(), Index, subkey.out());
  if (status != STATUS_SUCCESS) return status;
  return give_key(subkey.get(), KeyInformationClass, answer(KeyInformation, Length, ResultLength));
}

/// Returns:  as ZwEnumerateKey.
NTSTATUS ZwQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass,
                    PVOID KeyInformation, ULONG Length, PULONG ResultLength) {
  BELAY_EXPORT(ZwQueryKey, KeyHandle);
  use_registry(sync::access_kind::read);
  const handled_key key(KeyHandle);
  if (key.status() != STATUS_SUCCESS) return key.status();
  return give_key(key.key(), KeyInformationClass, answer(KeyInformation, Length, ResultLength));
}

/// There is no disk behind it.
NTSTATUS ZwFlushKey(HANDLE KeyHandle) {
  BELAY_EXPORT(ZwFlushKey, KeyHandle);
  use_registry(sync::access_kind::read);
  const handled_key key(KeyHandle);
  key_facts facts;
  return key.status() == STATUS_SUCCESS ? count_key(key.key(), &facts) : key.status();
}

}  // extern "C"
