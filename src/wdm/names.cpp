// The object manager's directory, as far as devices need it: device names and symbolic links.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Invariants: names are kept in one form: "\??\", "\DosDevices\" and "\DosDevices\Global\" are
// "\GLOBAL??\"; what a link leads to is kept as given. Two names are the same if they differ in
// ASCII case only.
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr int most_links = 16;

// A name on our stack, without a terminator.
struct plain_name {
  char16_t text[longest_name];
  std::size_t length = 0;
};

char16_t fold(char16_t c) {
  return c >= u'a' && c <= u'z' ? static_cast<char16_t>(c - u'a' + u'A') : c;
}

bool same(const char16_t* a, std::size_t a_length, const char16_t* b, std::size_t b_length) {
  if (a_length != b_length) return false;
  for (std::size_t i = 0; i < a_length; ++i) {
    if (fold(a[i]) != fold(b[i])) return false;
  }
  return true;
}

bool starts_with(const plain_name& name, const char16_t* prefix, std::size_t length) {
  return name.length >= length && same(name.text, length, prefix, length);
}

void replace_prefix(plain_name& name, std::size_t old_length) {
  static constexpr char16_t global[] = u"\\GLOBAL??\\";
  constexpr std::size_t new_length = sizeof(global) / 2 - 1;
  plain_name result;
  for (std::size_t i = 0; i < new_length; ++i) result.text[i] = global[i];
  result.length = new_length;
  for (std::size_t i = old_length; i < name.length && result.length < longest_name; ++i) {
    result.text[result.length++] = name.text[i];
  }
  name = result;
}

NTSTATUS take(PCUNICODE_STRING from, plain_name& to) {
  if (from == nullptr || from->Buffer == nullptr || from->Length == 0) {
    return STATUS_OBJECT_NAME_INVALID;
  }
  sync::touch(from->Buffer, from->Length, sync::access_kind::read);
  to.length = from->Length / sizeof(WCHAR);
  if (to.length > longest_name - 16) return STATUS_NAME_TOO_LONG;
  for (std::size_t i = 0; i < to.length; ++i) to.text[i] = static_cast<char16_t>(from->Buffer[i]);
  return to.text[0] == u'\\' ? STATUS_SUCCESS : STATUS_OBJECT_PATH_SYNTAX_BAD;
}

void unalias(plain_name& to) {
  static constexpr struct {
    const char16_t* text;
    std::size_t length;
  } aliases[] = {{u"\\DosDevices\\Global\\", 19},
                 {u"\\??\\Global\\", 11},
                 {u"\\DosDevices\\", 12},
                 {u"\\??\\", 4},
                 {u"\\\\.\\", 4}};
  for (const auto& alias : aliases) {
    if (starts_with(to, alias.text, alias.length)) {
      return replace_prefix(to, alias.length);
    }
  }
}

NTSTATUS normalise(PCUNICODE_STRING from, plain_name& to) {
  const NTSTATUS status = take(from, to);
  if (NT_SUCCESS(status)) unalias(to);
  return status;
}

char16_t* copy_of(const char16_t* text, std::size_t length) {
  auto* copy = static_cast<char16_t*>(sync::allocate((length + 1) * 2, sync::memory_use::internal));
  if (copy == nullptr) return nullptr;
  for (std::size_t i = 0; i < length; ++i) copy[i] = text[i];
  return copy;
}

char* text_of(PCUNICODE_STRING name) {
  const std::size_t length = name->Length / sizeof(WCHAR);
  auto* text = static_cast<char*>(sync::allocate(length + 1, sync::memory_use::internal));
  if (text == nullptr) return nullptr;
  for (std::size_t i = 0; i < length; ++i) {
    const auto c = static_cast<unsigned>(name->Buffer[i]);
    text[i] = c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '?';
  }
  return text;
}

named_object* find_exact(const char16_t* name, std::size_t length) {
  for (named_object* n = io().names; n != nullptr; n = n->next) {
    if (same(n->name, n->length, name, length)) return n;
  }
  return nullptr;
}

// The object whose name is `name` or a path prefix of it; `used` says how much of it.
named_object* find_prefix(const plain_name& name, std::size_t& used) {
  for (std::size_t length = name.length; length > 1; --length) {
    if (length != name.length && name.text[length] != u'\\') continue;
    if (named_object* found = find_exact(name.text, length)) {
      used = length;
      return found;
    }
  }
  return nullptr;
}

void release(named_object* object) {
  sync::deallocate(object->name);
  sync::deallocate(object->text);
  sync::deallocate(object->target);
  sync::deallocate(object);
}

// Each character of `text` is an `element`.
template <class element, class character>
UNICODE_STRING string_of(const character* text, sync::memory_use use) {
  std::size_t length = 0;
  while (text[length] != 0) ++length;
  UNICODE_STRING result{};
  result.Buffer = static_cast<PWSTR>(sync::allocate((length + 1) * sizeof(WCHAR), use));
  if (result.Buffer == nullptr) return result;
  for (std::size_t i = 0; i < length; ++i) {
    result.Buffer[i] = static_cast<WCHAR>(static_cast<element>(text[i]));
  }
  result.Length = static_cast<USHORT>(length * sizeof(WCHAR));
  result.MaximumLength = static_cast<USHORT>(result.Length + sizeof(WCHAR));
  return result;
}

// `name` becomes what `link` leads to, with what follows the first `used` of it.
void follow(const named_object* link, std::size_t used, plain_name& name) {
  plain_name followed;
  for (std::size_t i = 0; i < link->target_length; ++i) followed.text[i] = link->target[i];
  followed.length = link->target_length;
  unalias(followed);
  for (std::size_t i = used; i < name.length && followed.length < longest_name; ++i) {
    followed.text[followed.length++] = name.text[i];
  }
  name = followed;
}

PDEVICE_OBJECT device_at(plain_name name) {
  unalias(name);
  for (int links = 0; links < most_links; ++links) {
    const named_object* found = find_exact(name.text, name.length);
    if (found == nullptr || found->device != nullptr) {
      return found == nullptr ? nullptr : found->device;
    }
    follow(found, name.length, name);
  }
  return nullptr;
}

PDEVICE_OBJECT device_of(const named_object* link) {
  plain_name name;
  follow(link, 0, name);
  return device_at(name);
}

// The directories that there are.
bool is_directory(const char16_t* name, std::size_t length) {
  static constexpr struct {
    const char16_t* text;
    std::size_t length;
  } directories[] = {{u"", 0},
                     {u"\\Device", 7},
                     {u"\\GLOBAL??", 9},
                     {u"\\??", 3},
                     {u"\\DosDevices", 11},
                     {u"\\Driver", 7},
                     {u"\\BaseNamedObjects", 17},
                     {u"\\Callback", 9}};
  for (const auto& each : directories) {
    if (same(name, length, each.text, each.length)) return true;
  }
  return false;
}

// What is said of a name where there is nothing: whether only its last part is missing.
NTSTATUS status_of_missing(const plain_name& name) {
  std::size_t parent = name.length;
  while (name.text[parent - 1] != u'\\') --parent;
  if (is_directory(name.text, name.length) || name.length == 1) return STATUS_OBJECT_TYPE_MISMATCH;
  return is_directory(name.text, parent - 1) ? STATUS_OBJECT_NAME_NOT_FOUND
                                             : STATUS_OBJECT_PATH_NOT_FOUND;
}

}  // namespace

NTSTATUS add_name(PCUNICODE_STRING name, PDEVICE_OBJECT device, PCUNICODE_STRING target,
                  PDRIVER_OBJECT driver, named_object** made) {
  plain_name plain, plain_target;
  NTSTATUS status = normalise(name, plain);
  if (!NT_SUCCESS(status)) return status;
  if (target != nullptr) {
    status = take(target, plain_target);
    if (!NT_SUCCESS(status)) return status;
  }
  const guard hold(io().lock);
  if (find_exact(plain.text, plain.length) != nullptr) return STATUS_OBJECT_NAME_COLLISION;
  auto* object = make<named_object>(sync::memory_use::internal);
  if (object == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  object->name = copy_of(plain.text, plain.length);
  object->length = plain.length;
  object->text = text_of(name);
  if (target != nullptr) object->target = copy_of(plain_target.text, plain_target.length);
  if (object->name == nullptr || object->text == nullptr ||
      (target != nullptr && object->target == nullptr)) {
    release(object);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  object->device = device;
  object->driver = driver;
  if (target != nullptr) {
    object->target_length = plain_target.length;
    PDEVICE_OBJECT at = device_at(plain_target);
    if (driver == nullptr && at != nullptr) object->driver = at->DriverObject;
  }
  object->next = io().names;
  io().names = object;
  if (made != nullptr) *made = object;
  return STATUS_SUCCESS;
}

void remove_name(named_object* object) {
  const guard hold(io().lock);
  named_object** link = &io().names;
  while (*link != nullptr && *link != object) link = &(*link)->next;
  if (*link == nullptr) return;
  *link = object->next;
  release(object);
}

NTSTATUS resolve_name(PCUNICODE_STRING name, PDEVICE_OBJECT* device, name_rest* rest) {
  plain_name plain;
  const NTSTATUS status = normalise(name, plain);
  if (!NT_SUCCESS(status)) return status;
  const guard hold(io().lock);
  for (int links = 0; links < most_links; ++links) {
    std::size_t used = 0;
    const named_object* found = find_prefix(plain, used);
    if (found == nullptr) return status_of_missing(plain);
    if (found->device != nullptr) {
      *device = found->device;
      if (rest == nullptr) return STATUS_SUCCESS;
      rest->length = plain.length - used;
      for (std::size_t i = 0; i < rest->length; ++i) {
        rest->text[i] = static_cast<WCHAR>(plain.text[used + i]);
      }
      return STATUS_SUCCESS;
    }
    follow(found, used, plain);
  }
  return STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS target_of_link(PCUNICODE_STRING name, name_rest* target) {
  plain_name plain;
  const NTSTATUS status = normalise(name, plain);
  if (!NT_SUCCESS(status)) return status;
  const guard hold(io().lock);
  const named_object* const found = find_exact(plain.text, plain.length);
  if (found == nullptr) return status_of_missing(plain);
  if (found->device != nullptr) return STATUS_OBJECT_TYPE_MISMATCH;
  target->length = found->target_length;
  for (std::size_t i = 0; i < found->target_length; ++i) {
    target->text[i] = static_cast<WCHAR>(found->target[i]);
  }
  return STATUS_SUCCESS;
}

named_object* link_to(PDEVICE_OBJECT device) {
  const guard hold(io().lock);
  for (named_object* n = io().names; n != nullptr; n = n->next) {
    if (n->device == nullptr && device_of(n) == device) return n;
  }
  return nullptr;
}

UNICODE_STRING make_string(const char* text, sync::memory_use use) {
  return string_of<unsigned char>(text, use);
}

UNICODE_STRING make_string(const char16_t* text, sync::memory_use use) {
  return string_of<char16_t>(text, use);
}

bool leads_to(const char16_t* name, _DEVICE_OBJECT* device) {
  const sync::sealed seal;
  std::size_t length = 0;
  while (name[length] != 0) ++length;
  if (length > longest_name) return false;
  UNICODE_STRING wide{};
  wide.Buffer = reinterpret_cast<PWSTR>(const_cast<char16_t*>(name));
  wide.Length = wide.MaximumLength = static_cast<USHORT>(length * sizeof(WCHAR));
  PDEVICE_OBJECT found = nullptr;
  return NT_SUCCESS(resolve_name(&wide, &found, nullptr)) && top_of(found) == top_of(device);
}

std::size_t list_names(char16_t* to, std::size_t room) {
  const sync::sealed seal;
  const guard hold(io().lock);
  std::size_t needed = 1;
  for (const named_object* n = io().names; n != nullptr; n = n->next) needed += n->length + 1;
  if (needed > room) return needed;
  for (const named_object* n = io().names; n != nullptr; n = n->next) {
    for (std::size_t i = 0; i < n->length; ++i) *to++ = n->name[i];
    *to++ = 0;
  }
  *to = 0;
  return needed;
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

NTSTATUS NTAPI IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName) {
  BELAY_EXPORT(IoCreateSymbolicLink, nullptr);
  return wdm::add_name(SymbolicLinkName, nullptr, DeviceName, wdm::io().loading, nullptr);
}

NTSTATUS NTAPI IoCreateUnprotectedSymbolicLink(PUNICODE_STRING SymbolicLinkName,
                                               PUNICODE_STRING DeviceName) {
  return IoCreateSymbolicLink(SymbolicLinkName, DeviceName);
}

NTSTATUS NTAPI IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName) {
  BELAY_EXPORT(IoDeleteSymbolicLink, nullptr);
  wdm::plain_name plain;
  const NTSTATUS status = wdm::normalise(SymbolicLinkName, plain);
  if (!NT_SUCCESS(status)) return status;
  wdm::named_object* object;
  {
    const wdm::guard hold(wdm::io().lock);
    object = wdm::find_exact(plain.text, plain.length);
  }
  if (object == nullptr) return STATUS_OBJECT_NAME_NOT_FOUND;
  if (object->device != nullptr) return STATUS_OBJECT_TYPE_MISMATCH;
  wdm::remove_name(object);
  return STATUS_SUCCESS;
}

}  // extern "C"
