// The tree of keys and values behind the registry's exports.
//
// Thread safety: links, counts and marks change under the registry's lock only; what a value holds
// and a key's name and class never change, so that a reference is enough to read them.
// Invariants: a key's references are the tree's, its subkeys' and those of open handles, so that
// the way up from a key is always there. A deleted key is marked, in no list but that of all keys,
// and has no values.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "kernel/dispatcher_nt.hpp"
#include "kernel/registry.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// One block of memory with its name and data behind it.
struct registry_value {
  registry_value* next = nullptr;  ///< in the order in which they were first set
  std::int64_t references = 1;     ///< the key's, and of those who read it
  ULONG type = REG_NONE;
  ULONG size = 0;
  std::size_t name_length = 0;

  char16_t* characters() { return reinterpret_cast<char16_t*>(this + 1); }
  std::u16string_view name() const {
    return {reinterpret_cast<const char16_t*>(this + 1), name_length};
  }
  const void* data() const { return name().data() + name_length; }
};

/// One block of memory with its name and class behind it.
struct registry_key {
  registry_key* next = nullptr;  ///< all of the registry
  registry_key* previous = nullptr;
  registry_key* parent = nullptr;  ///< nullptr: the top, whose one subkey is "REGISTRY"
  registry_key* sibling = nullptr;
  registry_key* first = nullptr;  ///< of its subkeys, in alphabetical order
  registry_key* link = nullptr;   ///< the key that it stands for
  registry_value* values = nullptr;
  std::int64_t references = 1;
  LONGLONG written = 0;
  bool is_volatile = false;
  bool deleted = false;
  std::size_t name_length = 0;
  std::size_t class_length = 0;

  char16_t* characters() { return reinterpret_cast<char16_t*>(this + 1); }
  std::u16string_view name() const {
    return {reinterpret_cast<const char16_t*>(this + 1), name_length};
  }
  std::u16string_view class_name() const { return {name().data() + name_length, class_length}; }
};

struct registry_state {
  sync::inner_lock lock;
  registry_key* all = nullptr;
  registry_key* top = nullptr;
};

/// What can be counted about a key; lengths in bytes.
struct key_facts {
  LONGLONG written;
  ULONG subkeys, longest_subkey, longest_class, values, longest_value_name, longest_data;
};

/// The body of a key's handle.
struct key_object {
  registry_key* key;
};
extern const object_type key_type;

/// The point of an export that reads or changes the registry.
void use_registry(sync::access_kind kind);

// Each that gives out a key or value gives a reference with it. They return STATUS_KEY_DELETED for
// a key that is deleted.

/// Follows `path` from `from`, or from the top.
NTSTATUS find_key(registry_key* from, std::u16string_view path, registry_key** found);
/// The same, and makes the last key on the path if it is not there. `vital`: memory is not refused.
///
/// Returns: also STATUS_CHILD_MUST_BE_VOLATILE, STATUS_INSUFFICIENT_RESOURCES and, for a name
///          longer than 255 characters, STATUS_INVALID_PARAMETER.
NTSTATUS make_key(registry_key* from, std::u16string_view path, std::u16string_view class_name,
                  bool is_volatile, bool vital, registry_key** found, bool* made);
/// Returns: STATUS_CANNOT_DELETE if it has subkeys.
NTSTATUS delete_key(registry_key* key);
/// Subkey number `index`. Returns: STATUS_NO_MORE_ENTRIES.
NTSTATUS subkey_at(registry_key* key, ULONG index, registry_key** found);
NTSTATUS count_key(registry_key* key, key_facts* facts);
/// Its path in characters, and the path into `to`, which has room for it.
std::size_t path_length(const registry_key* key);
void write_path(const registry_key* key, char16_t* to);
void release_key(registry_key* key);

/// Returns: STATUS_OBJECT_NAME_NOT_FOUND.
NTSTATUS find_value(registry_key* key, std::u16string_view name, registry_value** found);
/// Value number `index`. Returns: STATUS_NO_MORE_ENTRIES.
NTSTATUS value_at(registry_key* key, ULONG index, registry_value** found);
/// Returns: STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS set_value(registry_key* key, std::u16string_view name, ULONG type, const void* data,
                   std::size_t bytes, bool vital);
/// Returns: STATUS_OBJECT_NAME_NOT_FOUND.
NTSTATUS delete_value(registry_key* key, std::u16string_view name);
void release_value(registry_value* value);

/// A handle to `key`, whose reference it takes over, whatever comes of it.
NTSTATUS give_key_handle(registry_key* key, PHANDLE handle, const void* site);

/// A reference, let go at the end of a scope.
class key_reference {
 public:
  key_reference() = default;
  ~key_reference() { reset(); }
  key_reference(const key_reference&) = delete;
  key_reference& operator=(const key_reference&) = delete;
  void reset() {
    if (key_ != nullptr) release_key(key_);
    key_ = nullptr;
  }
  registry_key** out() {
    reset();
    return &key_;
  }
  registry_key* get() const { return key_; }
  registry_key* take() { return std::exchange(key_, nullptr); }

 private:
  registry_key* key_ = nullptr;
};

class value_reference {
 public:
  value_reference() = default;
  ~value_reference() {
    if (value_ != nullptr) release_value(value_);
  }
  value_reference(const value_reference&) = delete;
  value_reference& operator=(const value_reference&) = delete;
  registry_value** out() { return &value_; }
  const registry_value* operator->() const { return value_; }
  const registry_value& operator*() const { return *value_; }

 private:
  registry_value* value_ = nullptr;
};

/// The key behind a driver's handle, for the length of a scope. What the handle was opened for is
/// not looked at: Windows' kernel lets its own callers do all.
class handled_key {
 public:
  explicit handled_key(HANDLE handle);
  ~handled_key();
  handled_key(const handled_key&) = delete;
  handled_key& operator=(const handled_key&) = delete;
  /// STATUS_SUCCESS, STATUS_INVALID_HANDLE or STATUS_OBJECT_TYPE_MISMATCH.
  NTSTATUS status() const { return status_; }
  registry_key* key() const { return object_->key; }

 private:
  key_object* object_ = nullptr;
  NTSTATUS status_;
};

/// A driver's buffer for an answer, and where it wants the length that is needed.
class answer {
 public:
  answer(PVOID to, ULONG room, PULONG needed)
      : to_(static_cast<unsigned char*>(to)), room_(room), needed_(needed) {}
  /// The answer has `whole` bytes, of which the driver must have room for `fixed`.
  ///
  /// Returns: STATUS_SUCCESS; STATUS_BUFFER_OVERFLOW: put() writes what fits;
  ///          STATUS_BUFFER_TOO_SMALL: nothing is to be written.
  NTSTATUS begin(std::size_t fixed, std::size_t whole);
  void put(std::size_t offset, const void* from, std::size_t bytes);

 private:
  unsigned char* to_;
  ULONG room_;
  PULONG needed_;
};

/// A driver's string, copied.
class captured_name {
 public:
  explicit captured_name(const UNICODE_STRING* from);
  explicit captured_name(const WCHAR* from);  ///< up to its 0; nullptr: empty
  ~captured_name();
  captured_name(const captured_name&) = delete;
  captured_name& operator=(const captured_name&) = delete;
  NTSTATUS status() const { return status_; }
  std::u16string_view view() const { return {text_, length_}; }

 private:
  void copy(const WCHAR* from, std::size_t length);

  NTSTATUS status_ = STATUS_SUCCESS;
  char16_t small_[128];
  char16_t* text_ = small_;
  std::size_t length_ = 0;
};

/// The key that an Rtl function's `RelativeTo` and `Path` name, for the length of a scope.
class relative_key {
 public:
  /// `make`: the last key on the path may be made.
  relative_key(ULONG relative_to, PCWSTR path, bool make);
  relative_key(const relative_key&) = delete;
  relative_key& operator=(const relative_key&) = delete;
  /// STATUS_SUCCESS; STATUS_INVALID_PARAMETER; what find_key, make_key and handled_key say.
  NTSTATUS status() const { return status_; }
  registry_key* key() const { return handle_.has_value() ? handle_->key() : key_.get(); }

 private:
  NTSTATUS find(ULONG relative_to, PCWSTR path, bool make);

  std::optional<handled_key> handle_;
  key_reference key_;
  NTSTATUS status_;
};

}  // namespace belay::inline BELAY_BUILD::kernel
