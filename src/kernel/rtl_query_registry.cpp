// RtlQueryRegistryValues: values by a table, handed to a routine of the driver or stored.
//
// Thread safety: each value is read in a step of its own.
// Invariants: what a routine is given is a copy, which is gone when it returns.
#include "kernel/letters.hpp"
#include "kernel/pool.hpp"
#include "kernel/registry_nt.hpp"

using namespace belay;
using namespace belay::kernel;

namespace {

#define BELAY_SITE __builtin_return_address(0)

constexpr ULONG tag = 0x76527452;  // 'RtRv'

/// Memory that a driver sees for the length of a scope.
class guest_copy {
 public:
  explicit guest_copy(std::size_t bytes)
      : memory_(sync::allocate(bytes == 0 ? 1 : bytes, sync::memory_use::guest)) {}
  ~guest_copy() { sync::deallocate(memory_); }
  guest_copy(const guest_copy&) = delete;
  guest_copy& operator=(const guest_copy&) = delete;
  void* get() const { return memory_; }
  PWSTR text() const { return static_cast<PWSTR>(memory_); }

 private:
  void* memory_;
};

bool is_text(ULONG type) { return type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ; }

/// A value on its way to the driver.
struct item {
  PWSTR name;
  ULONG type;
  const void* data;
  ULONG length;
};

// ---- %NAME% in a text

/// Calls `put` with each character of `text`, variables of `environment` replaced. Those that it
/// does not have stay as they are.
template <class F>
void expand(const WCHAR* text, std::size_t length, const WCHAR* environment, F put) {
  for (std::size_t i = 0; i < length; ++i) {
    std::size_t end = i + 1;
    while (end < length && text[end] != L'%') ++end;
    const WCHAR* found = nullptr;
    if (text[i] == L'%' && end < length) {
      const std::size_t size = end - i - 1;
      for (const WCHAR* at = environment; at != nullptr && *at != 0 && found == nullptr;) {
        std::size_t same = 0;
        while (same < size && upper(static_cast<char16_t>(at[same])) ==
                                  upper(static_cast<char16_t>(text[i + 1 + same])))
          ++same;
        if (same == size && at[same] == L'=') found = at + size + 1;
        while (*at != 0) ++at;
        ++at;
      }
    }
    if (found == nullptr) {
      put(text[i]);
      continue;
    }
    for (; *found != 0; ++found) put(*found);
    i = end;
  }
}

// ---- one value

class query {
 public:
  query(PVOID context, PVOID environment, const void* site)
      : context_(context), environment_(static_cast<const WCHAR*>(environment)), site_(site) {}

  /// One entry, for the value that it names or for all values of `key`.
  NTSTATUS named(const RTL_QUERY_REGISTRY_TABLE& entry, registry_key* key) const;
  NTSTATUS all(const RTL_QUERY_REGISTRY_TABLE& entry, registry_key* key) const;
  /// Calls the routine without a value.
  NTSTATUS no_value(const RTL_QUERY_REGISTRY_TABLE& entry) const {
    return call(entry, {nullptr, REG_NONE, nullptr, 0});
  }

 private:
  NTSTATUS found(const RTL_QUERY_REGISTRY_TABLE& entry, const registry_value& value) const;
  NTSTATUS missing(const RTL_QUERY_REGISTRY_TABLE& entry) const;
  NTSTATUS deliver(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const;
  NTSTATUS deliver_strings(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const;
  NTSTATUS deliver_expanded(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const;
  NTSTATUS hand_over(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const;
  NTSTATUS call(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const;
  NTSTATUS store_text(UNICODE_STRING* to, const item& what) const;

  PVOID context_;
  const WCHAR* environment_;
  const void* site_;
};

NTSTATUS query::call(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const {
  return entry.QueryRoutine(what.name, what.type, const_cast<void*>(what.data), what.length,
                            context_, entry.EntryContext);
}

// A string without a buffer gets one from pool, which the driver frees.
NTSTATUS query::store_text(UNICODE_STRING* to, const item& what) const {
  sync::touch(to, sizeof *to, sync::access_kind::write);
  const auto* const text = static_cast<const WCHAR*>(what.data);
  ULONG content = what.length & ~ULONG{1};
  if (content != 0 && text[content / sizeof(WCHAR) - 1] == 0) content -= sizeof(WCHAR);
  if (content > 0xfffc) return STATUS_BUFFER_TOO_SMALL;
  if (to->Buffer == nullptr) {
    void* const memory = allocate_pool(content + sizeof(WCHAR), tag, true, site_);
    if (memory == nullptr) return STATUS_NO_MEMORY;
    to->Buffer = static_cast<PWSTR>(memory);
    to->MaximumLength = static_cast<USHORT>(content + sizeof(WCHAR));
  } else if (what.length > to->MaximumLength) {
    return STATUS_BUFFER_TOO_SMALL;
  }
  const bool ends = content + sizeof(WCHAR) <= to->MaximumLength;
  sync::touch(to->Buffer, content + (ends ? sizeof(WCHAR) : 0), sync::access_kind::write);
  copy_bytes(to->Buffer, text, content);
  if (ends) to->Buffer[content / sizeof(WCHAR)] = 0;
  to->Length = static_cast<USHORT>(content);
  return STATUS_SUCCESS;
}

// More than a ULONG: the buffer begins with its size, which is negative where only data is wanted.
NTSTATUS store_bytes(void* to, const item& what) {
  if (what.length <= sizeof(ULONG)) {
    sync::touch(to, what.length, sync::access_kind::write);
    copy_bytes(to, what.data, what.length);
    return STATUS_SUCCESS;
  }
  sync::touch(to, sizeof(LONG), sync::access_kind::read);
  LONG room = 0;
  copy_bytes(&room, to, sizeof room);
  const ULONG head[] = {what.length, what.type};
  const std::size_t before = room < 0 ? 0 : sizeof head;
  const std::size_t size = room < 0 ? 0 - static_cast<std::size_t>(room) : static_cast<ULONG>(room);
  if (size < before + what.length) return STATUS_BUFFER_TOO_SMALL;
  sync::touch(to, before + what.length, sync::access_kind::write);
  copy_bytes(to, head, before);
  copy_bytes(static_cast<unsigned char*>(to) + before, what.data, what.length);
  return STATUS_SUCCESS;
}

NTSTATUS query::hand_over(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const {
  if ((entry.Flags & RTL_QUERY_REGISTRY_DIRECT) == 0) return call(entry, what);
  if (entry.EntryContext == nullptr) return STATUS_INVALID_PARAMETER;
  return is_text(what.type) ? store_text(static_cast<UNICODE_STRING*>(entry.EntryContext), what)
                            : store_bytes(entry.EntryContext, what);
}

NTSTATUS query::deliver_strings(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const {
  if ((entry.Flags & RTL_QUERY_REGISTRY_DIRECT) != 0) return STATUS_INVALID_PARAMETER;
  const auto* at = static_cast<const WCHAR*>(what.data);
  const WCHAR* const end = at + what.length / sizeof(WCHAR);
  while (at < end && *at != 0) {
    const WCHAR* next = at;
    while (next < end && *next != 0) ++next;
    if (next < end) ++next;
    const auto bytes = static_cast<ULONG>((next - at) * static_cast<long>(sizeof(WCHAR)));
    const NTSTATUS status = call(entry, {what.name, REG_SZ, at, bytes});
    if (!NT_SUCCESS(status)) return status;
    at = next;
  }
  return STATUS_SUCCESS;
}

NTSTATUS query::deliver_expanded(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const {
  const auto* const text = static_cast<const WCHAR*>(what.data);
  std::size_t length = 0;
  expand(text, what.length / sizeof(WCHAR), environment_, [&](WCHAR) { ++length; });
  const guest_copy whole(length * sizeof(WCHAR));
  if (whole.get() == nullptr) return STATUS_NO_MEMORY;
  PWSTR at = whole.text();
  expand(text, what.length / sizeof(WCHAR), environment_, [&](WCHAR each) { *at++ = each; });
  return hand_over(entry,
                   {what.name, REG_SZ, whole.get(), static_cast<ULONG>(length * sizeof(WCHAR))});
}

NTSTATUS query::deliver(const RTL_QUERY_REGISTRY_TABLE& entry, const item& what) const {
  const bool whole = (entry.Flags & RTL_QUERY_REGISTRY_NOEXPAND) != 0;
  if (what.type == REG_MULTI_SZ && !whole) return deliver_strings(entry, what);
  if (what.type == REG_EXPAND_SZ && !whole) return deliver_expanded(entry, what);
  return hand_over(entry, what);
}

NTSTATUS query::found(const RTL_QUERY_REGISTRY_TABLE& entry, const registry_value& value) const {
  constexpr ULONG checked = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
  if ((entry.Flags & checked) == checked &&
      entry.DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT != value.type) {
    return STATUS_OBJECT_TYPE_MISMATCH;
  }
  const guest_copy name((value.name_length + 1) * sizeof(WCHAR)), data(value.size);
  if (name.get() == nullptr || data.get() == nullptr) return STATUS_NO_MEMORY;
  copy_bytes(name.get(), value.name().data(), value.name_length * sizeof(WCHAR));
  copy_bytes(data.get(), value.data(), value.size);
  return deliver(entry, {name.text(), value.type, data.get(), value.size});
}

// Bytes of a default text, terminators and all.
ULONG text_length(const WCHAR* text, ULONG type) {
  std::size_t length = 0;
  while (text[length] != 0 || (type == REG_MULTI_SZ && length != 0 && text[length - 1] != 0))
    ++length;
  return static_cast<ULONG>((length + 1) * sizeof(WCHAR));
}

NTSTATUS query::missing(const RTL_QUERY_REGISTRY_TABLE& entry) const {
  if ((entry.Flags & RTL_QUERY_REGISTRY_REQUIRED) != 0) return STATUS_OBJECT_NAME_NOT_FOUND;
  const ULONG type = (entry.Flags & RTL_QUERY_REGISTRY_TYPECHECK) != 0
                         ? entry.DefaultType & ((1u << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT) - 1)
                         : entry.DefaultType;
  if (type == REG_NONE) return STATUS_SUCCESS;
  ULONG length = entry.DefaultLength;
  if (length == 0 && is_text(type) && entry.DefaultData != nullptr)
    length = text_length(static_cast<const WCHAR*>(entry.DefaultData), type);
  sync::touch(entry.DefaultData, length, sync::access_kind::read);
  return deliver(entry, {entry.Name, type, entry.DefaultData, length});
}

NTSTATUS query::named(const RTL_QUERY_REGISTRY_TABLE& entry, registry_key* key) const {
  const captured_name name(entry.Name);
  if (name.status() != STATUS_SUCCESS) return name.status();
  const bool deletes = (entry.Flags & RTL_QUERY_REGISTRY_DELETE) != 0;
  use_registry(deletes ? sync::access_kind::update : sync::access_kind::read);
  value_reference value;
  NTSTATUS status = find_value(key, name.view(), value.out());
  if (status == STATUS_OBJECT_NAME_NOT_FOUND) return missing(entry);
  if (status == STATUS_SUCCESS) status = found(entry, *value);
  if (NT_SUCCESS(status) && deletes) delete_value(key, name.view());
  return status;
}

NTSTATUS query::all(const RTL_QUERY_REGISTRY_TABLE& entry, registry_key* key) const {
  const bool deletes = (entry.Flags & RTL_QUERY_REGISTRY_DELETE) != 0;
  ULONG index = 0;
  for (bool any = false;; any = true) {
    use_registry(deletes ? sync::access_kind::update : sync::access_kind::read);
    value_reference value;
    NTSTATUS status = value_at(key, index, value.out());
    if (status == STATUS_NO_MORE_ENTRIES) {
      const bool required = (entry.Flags & RTL_QUERY_REGISTRY_REQUIRED) != 0;
      return required && !any ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_SUCCESS;
    }
    if (status == STATUS_SUCCESS) status = found(entry, *value);
    if (!NT_SUCCESS(status)) return status;
    if (!deletes || delete_value(key, value->name()) != STATUS_SUCCESS) ++index;
  }
}

bool is_last(const RTL_QUERY_REGISTRY_TABLE& entry) {
  constexpr ULONG without_routine = RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_DIRECT;
  return entry.QueryRoutine == nullptr && (entry.Flags & without_routine) == 0;
}

bool is_wrong(const RTL_QUERY_REGISTRY_TABLE& entry) {
  const bool subkey = (entry.Flags & RTL_QUERY_REGISTRY_SUBKEY) != 0;
  if ((entry.Flags & RTL_QUERY_REGISTRY_DIRECT) != 0)
    return entry.Name == nullptr || subkey || entry.QueryRoutine != nullptr;
  return subkey && entry.Name == nullptr;
}

}  // namespace

extern "C" {

/// Goes through the entries of a table until one fails or has neither routine nor DIRECT or SUBKEY.
///
/// An entry with SUBKEY turns to a subkey of the first key, and its routine gets all values there;
/// one with TOPKEY turns back. Of the others, one with a name gets that value or its default, one
/// with NOVALUE a call without a value, any other all values of the key.
///
/// Returns:  STATUS_OBJECT_NAME_NOT_FOUND for a key, or a REQUIRED value, that is not there;
///           STATUS_OBJECT_TYPE_MISMATCH with TYPECHECK; STATUS_BUFFER_TOO_SMALL with DIRECT;
///           STATUS_INVALID_PARAMETER for an entry that makes no sense, and a REG_MULTI_SZ that is
///           wanted DIRECT without NOEXPAND; STATUS_NO_MEMORY; what a routine returned.
NTSTATUS RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path, PRTL_QUERY_REGISTRY_TABLE QueryTable,
                                PVOID Context, PVOID Environment) {
  BELAY_EXPORT(RtlQueryRegistryValues, nullptr);
  use_registry(sync::access_kind::read);
  const relative_key top(RelativeTo, Path, false);
  NTSTATUS status = top.status();
  const query values(Context, Environment, BELAY_SITE);
  key_reference subkey;
  for (; NT_SUCCESS(status); ++QueryTable) {
    sync::touch(QueryTable, sizeof *QueryTable, sync::access_kind::read);
    const RTL_QUERY_REGISTRY_TABLE entry = *QueryTable;
    if (is_last(entry)) break;
    if (is_wrong(entry)) return STATUS_INVALID_PARAMETER;
    if ((entry.Flags & (RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_SUBKEY)) != 0)
      subkey.reset();
    registry_key* const key = subkey.get() != nullptr ? subkey.get() : top.key();
    if ((entry.Flags & RTL_QUERY_REGISTRY_SUBKEY) != 0) {
      const captured_name name(entry.Name);
      status = name.status();
      if (status == STATUS_SUCCESS) status = find_key(key, name.view(), subkey.out());
      if (status == STATUS_SUCCESS && entry.QueryRoutine != nullptr)
        status = values.all(entry, subkey.get());
    } else if (entry.Name != nullptr) {
      status = values.named(entry, key);
    } else if ((entry.Flags & RTL_QUERY_REGISTRY_NOVALUE) != 0) {
      status = values.no_value(entry);
    } else {
      status = values.all(entry, key);
    }
  }
  return status;
}

}  // extern "C"
