#include "kernel/registry.hpp"

#include <algorithm>
#include <utility>

#include "kernel/letters.hpp"
#include "kernel/registry_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

constexpr std::size_t longest_key_name = 255;

registry_state& the_registry() { return *the_executive().registry; }

void copy_characters(char16_t* to, std::u16string_view from) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
}

int compare(std::u16string_view a, std::u16string_view b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const int difference = upper(a[i]) - upper(b[i]);
    if (difference != 0) return difference;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

/// Takes the next name off `path`. Separators may be doubled, and stand at the end.
std::u16string_view next_name(std::u16string_view& path) {
  while (!path.empty() && path.front() == u'\\') path.remove_prefix(1);
  const std::u16string_view name = path.substr(0, path.find(u'\\'));
  path.remove_prefix(name.size());
  return name;
}

/// Splits the last name off.
std::u16string_view last_name(std::u16string_view& path) {
  while (!path.empty() && path.back() == u'\\') path.remove_suffix(1);
  const std::size_t at = path.rfind(u'\\') + 1;  // npos + 1: 0
  const std::u16string_view name = path.substr(at);
  path.remove_suffix(name.size());
  return name;
}

void* allocate_block(std::size_t bytes, bool vital) {
  return vital ? sync::allocate_vital(bytes, sync::memory_use::internal)
               : sync::allocate(bytes, sync::memory_use::internal);
}

registry_key* new_key(std::u16string_view name, std::u16string_view class_name, bool vital) {
  void* const memory = allocate_block(
      sizeof(registry_key) + (name.size() + class_name.size()) * sizeof(char16_t), vital);
  if (memory == nullptr) return nullptr;
  auto* const key = new (memory) registry_key;
  key->name_length = name.size();
  key->class_length = class_name.size();
  copy_characters(key->characters(), name);
  copy_characters(key->characters() + name.size(), class_name);
  key->written = system_time();
  return key;
}

// ---- under the lock

registry_key* find_subkey_locked(const registry_key* of, std::u16string_view name) {
  for (registry_key* each = of->first; each != nullptr; each = each->sibling) {
    if (compare(each->name(), name) != 0) continue;
    return each->link != nullptr ? each->link : each;
  }
  return nullptr;
}

NTSTATUS find_locked(registry_key* from, std::u16string_view path, registry_key** found) {
  if (from == nullptr) from = the_registry().top;
  if (from->deleted) return STATUS_KEY_DELETED;
  for (;;) {
    const std::u16string_view name = next_name(path);
    if (name.empty()) break;
    from = find_subkey_locked(from, name);
    if (from == nullptr || from->deleted) return STATUS_OBJECT_NAME_NOT_FOUND;
  }
  *found = from;
  return STATUS_SUCCESS;
}

void insert_locked(registry_key* parent, registry_key* key) {
  registry_key** link = &parent->first;
  while (*link != nullptr && compare((*link)->name(), key->name()) < 0) link = &(*link)->sibling;
  key->sibling = *link;
  *link = key;
  key->parent = parent;
  ++parent->references;
  parent->written = key->written;
  push_front(the_registry().all, key);
}

registry_value** find_value_locked(registry_key* key, std::u16string_view name) {
  registry_value** link = &key->values;
  while (*link != nullptr && compare((*link)->name(), name) != 0) link = &(*link)->next;
  return link;
}

/// Takes it out of the tree. Returns: its values, to be let go.
registry_value* take_out_locked(registry_key* key) {
  registry_key** link = &key->parent->first;
  while (*link != key) link = &(*link)->sibling;
  *link = key->sibling;
  key->sibling = nullptr;
  key->parent->written = system_time();
  key->deleted = true;
  return std::exchange(key->values, nullptr);
}

void release_values(registry_value* first) {
  while (registry_value* const each = first) {
    first = each->next;
    release_value(each);
  }
}

void widest(ULONG& most, std::size_t one) {
  if (one > most) most = static_cast<ULONG>(one);
}

void destroy_key_object(void* body) { release_key(static_cast<key_object*>(body)->key); }

/// Makes the keys on the path that are not there. `to` is empty if a name is too long.
void make_path(std::u16string_view path, key_reference& to) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find(u'\\', end + 1), path.size());
    bool made = false;
    if (make_key(nullptr, path.substr(0, end), {}, false, true, to.out(), &made) != 0) return;
  }
}

void delete_tree(registry_key* key) {
  key_reference child;
  while (subkey_at(key, 0, child.out()) == STATUS_SUCCESS) delete_tree(child.get());
  delete_key(key);
}

}  // namespace

const object_type key_type{"Key", nullptr, &destroy_key_object, false};

void use_registry(sync::access_kind kind) {
  sync::point(kind, &the_executive().registry, sizeof(void*));
  make_registry();
}

// ---- keys

NTSTATUS find_key(registry_key* from, std::u16string_view path, registry_key** found) {
  const guard hold(the_registry().lock);
  const NTSTATUS status = find_locked(from, path, found);
  if (status == STATUS_SUCCESS) ++(*found)->references;
  return status;
}

NTSTATUS make_key(registry_key* from, std::u16string_view path, std::u16string_view class_name,
                  bool is_volatile, bool vital, registry_key** found, bool* made) {
  *made = false;
  const NTSTATUS known = find_key(from, path, found);
  if (known != STATUS_OBJECT_NAME_NOT_FOUND) return known;
  const std::u16string_view name = last_name(path);
  if (name.size() > longest_key_name) return STATUS_INVALID_PARAMETER;
  registry_key* const key = new_key(name, class_name, vital);
  if (key == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status;
  {
    const guard hold(the_registry().lock);
    registry_key* parent = nullptr;
    status = find_locked(from, path, &parent);
    if (status == STATUS_SUCCESS) {
      *found = find_subkey_locked(parent, name);
      if (*found != nullptr) {  // somebody was faster
        ++(*found)->references;
      } else if (parent->is_volatile && !is_volatile) {
        status = STATUS_CHILD_MUST_BE_VOLATILE;
      } else {
        key->is_volatile = is_volatile;
        insert_locked(parent, key);
        ++key->references;
        *found = key;
        *made = true;
      }
    }
  }
  if (!*made) sync::deallocate(key);
  return status;
}

NTSTATUS delete_key(registry_key* key) {
  registry_value* values = nullptr;
  {
    const guard hold(the_registry().lock);
    if (key->deleted) return STATUS_KEY_DELETED;
    if (key->first != nullptr || key->parent == nullptr) return STATUS_CANNOT_DELETE;
    values = take_out_locked(key);
  }
  release_values(values);
  release_key(key);  // the tree's
  return STATUS_SUCCESS;
}

NTSTATUS subkey_at(registry_key* key, ULONG index, registry_key** found) {
  const guard hold(the_registry().lock);
  if (key->deleted) return STATUS_KEY_DELETED;
  registry_key* each = key->first;
  while (each != nullptr && index-- > 0) each = each->sibling;
  if (each == nullptr) return STATUS_NO_MORE_ENTRIES;
  ++each->references;
  *found = each;
  return STATUS_SUCCESS;
}

NTSTATUS count_key(registry_key* key, key_facts* facts) {
  *facts = {};
  const guard hold(the_registry().lock);
  if (key->deleted) return STATUS_KEY_DELETED;
  facts->written = key->written;
  for (const registry_key* each = key->first; each != nullptr; each = each->sibling) {
    ++facts->subkeys;
    widest(facts->longest_subkey, each->name_length * sizeof(WCHAR));
    widest(facts->longest_class, each->class_length * sizeof(WCHAR));
  }
  for (const registry_value* each = key->values; each != nullptr; each = each->next) {
    ++facts->values;
    widest(facts->longest_value_name, each->name_length * sizeof(WCHAR));
    widest(facts->longest_data, each->size);
  }
  return STATUS_SUCCESS;
}

std::size_t path_length(const registry_key* key) {
  std::size_t length = 0;
  for (; key->parent != nullptr; key = key->parent) length += 1 + key->name_length;
  return length;
}

void write_path(const registry_key* key, char16_t* to) {
  std::size_t end = path_length(key);
  for (; key->parent != nullptr; key = key->parent) {
    end -= key->name_length;
    copy_characters(to + end, key->name());
    to[--end] = u'\\';
  }
}

void release_key(registry_key* key) {
  while (key != nullptr) {
    {
      const guard hold(the_registry().lock);
      if (--key->references > 0) return;
      unlink(the_registry().all, key);
    }
    sync::deallocate(std::exchange(key, key->parent));
  }
}

NTSTATUS give_key_handle(registry_key* key, PHANDLE handle, const void* site) {
  auto* const object =
      static_cast<key_object*>(create_object(&key_type, sizeof(key_object), site, "Key"));
  if (object == nullptr) {
    release_key(key);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  object->key = key;
  *handle = create_handle(object);
  dereference_object(object);
  return *handle != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

// ---- values

NTSTATUS find_value(registry_key* key, std::u16string_view name, registry_value** found) {
  const guard hold(the_registry().lock);
  if (key->deleted) return STATUS_KEY_DELETED;
  registry_value* const value = *find_value_locked(key, name);
  if (value == nullptr) return STATUS_OBJECT_NAME_NOT_FOUND;
  ++value->references;
  *found = value;
  return STATUS_SUCCESS;
}

NTSTATUS value_at(registry_key* key, ULONG index, registry_value** found) {
  const guard hold(the_registry().lock);
  if (key->deleted) return STATUS_KEY_DELETED;
  registry_value* each = key->values;
  while (each != nullptr && index-- > 0) each = each->next;
  if (each == nullptr) return STATUS_NO_MORE_ENTRIES;
  ++each->references;
  *found = each;
  return STATUS_SUCCESS;
}

NTSTATUS set_value(registry_key* key, std::u16string_view name, ULONG type, const void* data,
                   std::size_t bytes, bool vital) {
  void* const memory =
      allocate_block(sizeof(registry_value) + name.size() * sizeof(char16_t) + bytes, vital);
  if (memory == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  auto* value = new (memory) registry_value;
  value->type = type;
  value->size = static_cast<ULONG>(bytes);
  value->name_length = name.size();
  copy_characters(value->characters(), name);
  copy_bytes(value->characters() + name.size(), data, bytes);
  NTSTATUS status = STATUS_KEY_DELETED;
  {
    const guard hold(the_registry().lock);
    if (!key->deleted) {
      registry_value** const link = find_value_locked(key, name);
      if (*link != nullptr) value->next = (*link)->next;
      value = std::exchange(*link, value);  // the one before, or nullptr
      key->written = system_time();
      status = STATUS_SUCCESS;
    }
  }
  if (value != nullptr) release_value(value);
  return status;
}

NTSTATUS delete_value(registry_key* key, std::u16string_view name) {
  registry_value* value = nullptr;
  {
    const guard hold(the_registry().lock);
    if (key->deleted) return STATUS_KEY_DELETED;
    registry_value** const link = find_value_locked(key, name);
    value = *link;
    if (value == nullptr) return STATUS_OBJECT_NAME_NOT_FOUND;
    *link = value->next;
    key->written = system_time();
  }
  release_value(value);
  return STATUS_SUCCESS;
}

void release_value(registry_value* value) {
  {
    const guard hold(the_registry().lock);
    if (--value->references > 0) return;
  }
  sync::deallocate(value);
}

// ---- content from outside

bool registry_made() { return the_executive().registry != nullptr; }

void change_registry(const registry_change& change) {
  make_registry();
  key_reference key;
  switch (change.action) {
    case registry_action::make_key:
      return make_path(change.key, key);
    case registry_action::set_value:
      make_path(change.key, key);
      if (key.get() == nullptr) return;
      set_value(key.get(), change.name, change.type, change.data, change.bytes, true);
      return;
    case registry_action::delete_key:
      if (find_key(nullptr, change.key, key.out()) == STATUS_SUCCESS) delete_tree(key.get());
      return;
    case registry_action::delete_value:
      if (find_key(nullptr, change.key, key.out()) == STATUS_SUCCESS)
        delete_value(key.get(), change.name);
      return;
  }
}

void add_registry_value(const registry_change& value) {
  make_registry();
  key_reference key;
  value_reference known;
  make_path(value.key, key);
  if (key.get() == nullptr || find_value(key.get(), value.name, known.out()) == STATUS_SUCCESS)
    return;
  set_value(key.get(), value.name, value.type, value.data, value.bytes, true);
}

std::int32_t open_registry_key(std::u16string_view path, bool create, void** handle,
                               const void* site) {
  use_registry(create ? sync::access_kind::update : sync::access_kind::read);
  key_reference key;
  NTSTATUS status = find_key(nullptr, path, key.out());
  if (status == STATUS_OBJECT_NAME_NOT_FOUND && create) {
    make_path(path, key);
    status = key.get() != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
  }
  return status == STATUS_SUCCESS ? give_key_handle(key.take(), handle, site) : status;
}

// ---- start() and stop()

void make_registry() {
  if (registry_made()) return;
  auto* const state = make<registry_state>();
  the_executive().registry = state;
  state->top = new_key({}, {}, true);
  push_front(state->all, state->top);
  key_reference key;
  for (const std::u16string_view path :
       {u"\\REGISTRY\\MACHINE\\HARDWARE\\DESCRIPTION\\SYSTEM",
        u"\\REGISTRY\\MACHINE\\HARDWARE\\DEVICEMAP",
        u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Control\\Class",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Enum",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services", u"\\REGISTRY\\USER\\.Default",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet"}) {
    make_path(path, key);
  }
  registry_key* const link = key.get();
  find_key(nullptr, u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001",
           &link->link);  // with a reference
  if (the_executive().call.fill_registry != nullptr) the_executive().call.fill_registry();
}

void free_registry() {
  if (!registry_made()) return;
  registry_state* const state = the_executive().registry;
  while (registry_key* const key = state->all) {
    unlink(state->all, key);
    while (registry_value* const value = key->values) {
      key->values = value->next;
      sync::deallocate(value);
    }
    sync::deallocate(key);
  }
  discard(state);
  the_executive().registry = nullptr;
}

}  // namespace belay::inline BELAY_BUILD::kernel
