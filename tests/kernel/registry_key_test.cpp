// Keys of the registry by handle.
#include "registry.hpp"

namespace {

using namespace kernel_tests;
using registry_key = registry_test;

struct basic_information {
  KEY_BASIC_INFORMATION head;
  WCHAR more[64];
  std::u16string name() const { return text_of(head.Name, head.NameLength); }
};

std::u16string name_at(HANDLE key, ULONG index) {
  basic_information it;
  ULONG needed = 0;
  return ZwEnumerateKey(key, index, KeyBasicInformation, &it, sizeof it, &needed) == STATUS_SUCCESS
             ? it.name()
             : u"(none)";
}

std::u16string path_of(HANDLE key) {
  struct {
    KEY_NAME_INFORMATION head;
    WCHAR more[128];
  } it;
  ULONG needed = 0;
  EXPECT_EQ(ZwQueryKey(key, KeyNameInformation, &it, sizeof it, &needed), STATUS_SUCCESS);
  return text_of(it.head.Name, it.head.NameLength);
}

TEST_F(registry_key, known_keys_are_there) {
  for (const std::u16string_view path :
       {u"\\Registry\\Machine\\System\\CurrentControlSet\\Services",
        u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Control\\Class",
        u"\\registry\\machine\\system\\currentcontrolset\\enum\\",
        u"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
        u"\\Registry\\User\\.Default"}) {
    HANDLE found = nullptr;
    ASSERT_EQ(open_key(path, &found, KEY_READ), STATUS_SUCCESS);
    EXPECT_EQ(ZwClose(found), STATUS_SUCCESS);
  }
}

TEST_F(registry_key, the_current_control_set_is_a_link) {
  HANDLE same = nullptr;
  ASSERT_EQ(open_key(u"\\Registry\\Machine\\SYSTEM\\ControlSet001\\services\\TEST", &same),
            STATUS_SUCCESS);
  EXPECT_EQ(set_number(key, u"Value", 5), STATUS_SUCCESS);
  EXPECT_EQ(number(same, u"vALUE"), 5u);
  EXPECT_EQ(path_of(key), u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\Test");
  ZwClose(same);
}

TEST_F(registry_key, is_made_once) {
  ULONG disposition = 0;
  HANDLE one = nullptr, two = nullptr;
  EXPECT_EQ(create_key(u"One", &one, KEY_ALL_ACCESS, key, 0, &disposition), STATUS_SUCCESS);
  EXPECT_EQ(disposition, ULONG{REG_CREATED_NEW_KEY});
  EXPECT_EQ(create_key(u"oNE", &two, KEY_ALL_ACCESS, key, 0, &disposition), STATUS_SUCCESS);
  EXPECT_EQ(disposition, ULONG{REG_OPENED_EXISTING_KEY});
  EXPECT_EQ(path_of(two), path_of(one));
  ZwClose(one);
  ZwClose(two);
}

TEST_F(registry_key, paths_that_lead_nowhere) {
  HANDLE none = nullptr;
  EXPECT_EQ(open_key(u"\\Registry\\Machine\\Nothing", &none), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(open_key(u"\\Device\\Nothing", &none), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(create_key(u"A\\B", &none, KEY_READ, key), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(open_key(u"Registry\\Machine", &none), STATUS_OBJECT_PATH_SYNTAX_BAD);
  EXPECT_EQ(open_key(u"\\One", &none, KEY_READ, key), STATUS_OBJECT_PATH_SYNTAX_BAD);
  EXPECT_EQ(create_key(std::u16string(256, u'x'), &none, KEY_READ, key), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(open_key(u"One", &none, KEY_READ, reinterpret_cast<HANDLE>(0x7777)),
            STATUS_INVALID_HANDLE);
  EXPECT_EQ(ZwOpenKey(&none, KEY_READ, nullptr), STATUS_INVALID_PARAMETER);
  HANDLE event = nullptr;
  ASSERT_EQ(ZwCreateEvent(&event, EVENT_ALL_ACCESS, nullptr, NotificationEvent, FALSE),
            STATUS_SUCCESS);
  EXPECT_EQ(open_key(u"One", &none, KEY_READ, event), STATUS_OBJECT_TYPE_MISMATCH);
  EXPECT_EQ(ZwFlushKey(event), STATUS_OBJECT_TYPE_MISMATCH);
  ZwClose(event);
}

TEST_F(registry_key, what_is_not_supported) {
  HANDLE none = nullptr;
  counted name(u"One");
  OBJECT_ATTRIBUTES attributes;
  InitializeObjectAttributes(&attributes, name, OBJ_OPENLINK, key, nullptr);
  EXPECT_EQ(ZwOpenKey(&none, KEY_READ, &attributes), STATUS_NOT_SUPPORTED);
  attributes.Attributes = 0;
  EXPECT_EQ(ZwOpenKeyEx(&none, KEY_READ, &attributes, REG_OPTION_BACKUP_RESTORE),
            STATUS_NOT_SUPPORTED);
  EXPECT_EQ(ZwOpenKeyEx(&none, KEY_READ, &attributes, 0), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(create_key(u"One", &none, KEY_READ, key, REG_OPTION_CREATE_LINK), STATUS_NOT_SUPPORTED);
}

TEST_F(registry_key, subkeys_come_in_alphabetical_order) {
  for (const std::u16string_view name : {u"beta", u"Gamma", u"Alpha"}) {
    HANDLE made = nullptr;
    ASSERT_EQ(create_key(name, &made, KEY_READ, key), STATUS_SUCCESS);
    ZwClose(made);
  }
  EXPECT_EQ(name_at(key, 0), u"Alpha");
  EXPECT_EQ(name_at(key, 1), u"beta");
  EXPECT_EQ(name_at(key, 2), u"Gamma");
  basic_information it;
  ULONG needed = 0;
  EXPECT_EQ(ZwEnumerateKey(key, 3, KeyBasicInformation, &it, sizeof it, &needed),
            STATUS_NO_MORE_ENTRIES);
}

TEST_F(registry_key, a_short_buffer_gets_what_fits) {
  HANDLE made = nullptr;
  ASSERT_EQ(create_key(u"Alpha", &made, KEY_READ, key), STATUS_SUCCESS);
  ZwClose(made);
  basic_information it{};
  constexpr ULONG fixed = FIELD_OFFSET(KEY_BASIC_INFORMATION, Name);
  ULONG needed = 0;
  EXPECT_EQ(ZwEnumerateKey(key, 0, KeyBasicInformation, nullptr, 0, &needed),
            STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(needed, fixed + 10);
  EXPECT_EQ(ZwEnumerateKey(key, 0, KeyBasicInformation, &it, fixed - 1, &needed),
            STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(it.head.NameLength, 0u);
  EXPECT_EQ(ZwEnumerateKey(key, 0, KeyBasicInformation, &it, fixed + 4, &needed),
            STATUS_BUFFER_OVERFLOW);
  EXPECT_EQ(it.head.NameLength, 10u);
  EXPECT_EQ(text_of(it.head.Name, 6), std::u16string(u"Al\0", 3));
  EXPECT_EQ(ZwEnumerateKey(key, 0, KeyBasicInformation, &it, fixed + 10, &needed), STATUS_SUCCESS);
  EXPECT_EQ(it.name(), u"Alpha");
  EXPECT_EQ(ZwQueryKey(key, KeyNameInformation, &it, 3, &needed), STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(ZwQueryKey(key, KeyNameInformation, &it, 8, &needed), STATUS_BUFFER_OVERFLOW);
}

TEST_F(registry_key, is_described) {
  HANDLE made = nullptr;
  ASSERT_EQ(create_key(u"Odd", &made, KEY_ALL_ACCESS, key, 0, nullptr, counted(u"Kind")),
            STATUS_SUCCESS);
  set_number(key, u"Four", 4);
  set_number(key, u"", 4);
  struct {
    KEY_FULL_INFORMATION head;
    WCHAR more[16];
  } full{};
  ULONG needed = 0;
  ASSERT_EQ(ZwQueryKey(key, KeyFullInformation, &full, sizeof full, &needed), STATUS_SUCCESS);
  EXPECT_EQ(needed, ULONG{FIELD_OFFSET(KEY_FULL_INFORMATION, Class)});
  EXPECT_EQ(full.head.ClassOffset, ~0u);
  EXPECT_EQ(full.head.SubKeys, 1u);
  EXPECT_EQ(full.head.MaxNameLen, 6u);
  EXPECT_EQ(full.head.MaxClassLen, 8u);
  EXPECT_EQ(full.head.Values, 2u);
  EXPECT_EQ(full.head.MaxValueNameLen, 8u);
  EXPECT_EQ(full.head.MaxValueDataLen, 4u);
  LARGE_INTEGER now;
  KeQuerySystemTime(&now);
  EXPECT_GT(full.head.LastWriteTime.QuadPart, 0);
  EXPECT_LE(full.head.LastWriteTime.QuadPart, now.QuadPart);
  ASSERT_EQ(ZwQueryKey(made, KeyFullInformation, &full, sizeof full, &needed), STATUS_SUCCESS);
  EXPECT_EQ(text_of(full.head.Class, full.head.ClassLength), u"Kind");
  struct {
    KEY_NODE_INFORMATION head;
    WCHAR more[16];
  } node{};
  ASSERT_EQ(ZwEnumerateKey(key, 0, KeyNodeInformation, &node, sizeof node, &needed),
            STATUS_SUCCESS);
  EXPECT_EQ(text_of(node.head.Name, node.head.NameLength), u"Odd");
  EXPECT_EQ(node.head.ClassOffset % 4, 0u);
  EXPECT_EQ(needed, node.head.ClassOffset + 8);
  EXPECT_EQ(text_of(reinterpret_cast<const WCHAR*>(reinterpret_cast<char*>(&node) +
                                                   node.head.ClassOffset),
                    node.head.ClassLength),
            u"Kind");
  EXPECT_EQ(ZwQueryKey(key, KeyCachedInformation, &full, sizeof full, &needed),
            STATUS_NOT_SUPPORTED);
  EXPECT_EQ(ZwQueryKey(key, static_cast<KEY_INFORMATION_CLASS>(77), &full, sizeof full, &needed),
            STATUS_INVALID_PARAMETER);
  ZwClose(made);
}

TEST_F(registry_key, deleted_is_gone_for_every_handle) {
  HANDLE one = nullptr, two = nullptr, none = nullptr;
  ASSERT_EQ(create_key(u"One", &one, KEY_ALL_ACCESS, key), STATUS_SUCCESS);
  ASSERT_EQ(open_key(u"One", &two, KEY_ALL_ACCESS, key), STATUS_SUCCESS);
  set_number(one, u"Value", 1);
  EXPECT_EQ(ZwDeleteKey(key), STATUS_CANNOT_DELETE);
  EXPECT_EQ(ZwDeleteKey(one), STATUS_SUCCESS);
  basic_information it;
  ULONG needed = 0;
  EXPECT_EQ(set_number(two, u"Value", 1), STATUS_KEY_DELETED);
  EXPECT_EQ(ZwQueryKey(two, KeyBasicInformation, &it, sizeof it, &needed), STATUS_KEY_DELETED);
  EXPECT_EQ(
      ZwQueryValueKey(two, counted(u"Value"), KeyValueBasicInformation, &it, sizeof it, &needed),
      STATUS_KEY_DELETED);
  EXPECT_EQ(ZwEnumerateKey(two, 0, KeyBasicInformation, &it, sizeof it, &needed),
            STATUS_KEY_DELETED);
  EXPECT_EQ(ZwEnumerateValueKey(two, 0, KeyValueBasicInformation, &it, sizeof it, &needed),
            STATUS_KEY_DELETED);
  EXPECT_EQ(ZwDeleteValueKey(two, counted(u"Value")), STATUS_KEY_DELETED);
  EXPECT_EQ(ZwDeleteKey(two), STATUS_KEY_DELETED);
  EXPECT_EQ(ZwFlushKey(two), STATUS_KEY_DELETED);
  EXPECT_EQ(open_key(u"", &none, KEY_READ, two), STATUS_KEY_DELETED);
  EXPECT_EQ(create_key(u"More", &none, KEY_READ, two), STATUS_KEY_DELETED);
  EXPECT_EQ(open_key(u"One", &none, KEY_READ, key), STATUS_OBJECT_NAME_NOT_FOUND);
  ASSERT_EQ(create_key(u"One", &none, KEY_ALL_ACCESS, key), STATUS_SUCCESS);
  EXPECT_EQ(number(none, u"Value"), 0xdeadbeef) << "another key of the same name";
  for (const HANDLE each : {one, two, none}) EXPECT_EQ(ZwClose(each), STATUS_SUCCESS);
}

TEST_F(registry_key, a_parent_may_go_before_its_deleted_child_is_closed) {
  HANDLE parent = nullptr, child = nullptr;
  ASSERT_EQ(create_key(u"Parent", &parent, KEY_ALL_ACCESS, key), STATUS_SUCCESS);
  ASSERT_EQ(create_key(u"Child", &child, KEY_ALL_ACCESS, parent), STATUS_SUCCESS);
  EXPECT_EQ(ZwDeleteKey(child), STATUS_SUCCESS);
  EXPECT_EQ(ZwDeleteKey(parent), STATUS_SUCCESS);
  EXPECT_EQ(ZwClose(parent), STATUS_SUCCESS);
  EXPECT_EQ(ZwClose(child), STATUS_SUCCESS);
}

TEST_F(registry_key, what_a_volatile_key_has_is_volatile) {
  HANDLE one = nullptr, none = nullptr;
  ASSERT_EQ(create_key(u"One", &one, KEY_ALL_ACCESS, key, REG_OPTION_VOLATILE), STATUS_SUCCESS);
  EXPECT_EQ(create_key(u"Two", &none, KEY_ALL_ACCESS, one), STATUS_CHILD_MUST_BE_VOLATILE);
  ASSERT_EQ(create_key(u"Two", &none, KEY_ALL_ACCESS, one, REG_OPTION_VOLATILE), STATUS_SUCCESS);
  ZwClose(none);
  ZwClose(one);
}

// Windows' kernel lets its own callers do all with a handle.
TEST_F(registry_key, what_a_handle_was_opened_for_is_not_looked_at) {
  const auto with = [&](ACCESS_MASK access, auto what) {
    HANDLE handle = nullptr;
    EXPECT_EQ(open_key(u"", &handle, access, key), STATUS_SUCCESS);
    const NTSTATUS status = what(handle);
    ZwClose(handle);
    return status;
  };
  set_number(key, u"Value", 1);
  ULONG needed = 0;
  basic_information it;
  const auto query = [&](HANDLE handle) {
    return ZwQueryValueKey(handle, counted(u"Value"), KeyValueBasicInformation, &it, sizeof it,
                           &needed);
  };
  const auto set = [&](HANDLE handle) { return set_number(handle, u"Value", 2); };
  EXPECT_EQ(with(GENERIC_READ, query), STATUS_SUCCESS);
  EXPECT_EQ(with(KEY_WRITE, query), STATUS_SUCCESS);
  EXPECT_EQ(with(KEY_READ, set), STATUS_SUCCESS);
  EXPECT_EQ(number(key, u"Value"), 2u);
  EXPECT_EQ(with(KEY_READ, [](HANDLE h) { return ZwDeleteKey(h); }), STATUS_SUCCESS);
}

// WDM-IRP-017
TEST_F(registry_key, calls_need_passive_level) {
  EXPECT_VIOLATION(
      {
        KeRaiseIrqlToDpcLevel();
        ZwFlushKey(key);
      },
      "WDM-IRP-017: .*ZwFlushKey called at DISPATCH_LEVEL", "0x000000C4");
}

TEST_F(registry_key, content_from_outside) {
  using belay::kernel::registry_action;
  const std::u16string path = std::u16string(services) + u"\\Other\\Deep\\Parameters";
  const ULONG value = 7;
  belay::kernel::change_registry({.action = registry_action::set_value,
                                  .key = path,
                                  .name = u"Seven",
                                  .type = REG_DWORD,
                                  .data = &value,
                                  .bytes = sizeof value});
  HANDLE found = nullptr;
  ASSERT_EQ(open_key(path, &found), STATUS_SUCCESS);
  EXPECT_EQ(number(found, u"Seven"), 7u);
  const ULONG other = 8;
  belay::kernel::add_registry_value(
      {.key = path, .name = u"seven", .type = REG_DWORD, .data = &other, .bytes = sizeof other});
  EXPECT_EQ(number(found, u"Seven"), 7u);
  belay::kernel::change_registry(
      {.action = registry_action::delete_value, .key = path, .name = u"SEVEN"});
  EXPECT_EQ(number(found, u"Seven"), 0xdeadbeef);
  belay::kernel::change_registry(
      {.action = registry_action::delete_key, .key = std::u16string(services) + u"\\Other"});
  EXPECT_EQ(ZwFlushKey(found), STATUS_KEY_DELETED);
  ZwClose(found);
  EXPECT_EQ(open_key(std::u16string(services) + u"\\Other", &found), STATUS_OBJECT_NAME_NOT_FOUND);
}

}  // namespace
