// Values of a key by its handle.
#include "registry.hpp"

namespace {

using namespace kernel_tests;
using registry_value = registry_test;

TEST_F(registry_value, is_set_replaced_and_deleted) {
  EXPECT_EQ(number(key, u"Value"), 0xdeadbeef);
  EXPECT_EQ(set_number(key, u"Value", 1), STATUS_SUCCESS);
  EXPECT_EQ(set_number(key, u"VALUE", 2), STATUS_SUCCESS);
  EXPECT_EQ(number(key, u"value"), 2u);
  EXPECT_EQ(set_number(key, u"", 3), STATUS_SUCCESS);
  EXPECT_EQ(number(key, u""), 3u);
  EXPECT_EQ(ZwDeleteValueKey(key, counted(u"value")), STATUS_SUCCESS);
  EXPECT_EQ(ZwDeleteValueKey(key, counted(u"value")), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(number(key, u"Value"), 0xdeadbeef);
  EXPECT_EQ(number(key, u""), 3u);
}

TEST_F(registry_value, comes_in_the_order_of_setting) {
  set_number(key, u"Zeta", 1);
  set_number(key, u"Alpha", 2);
  set_number(key, u"Zeta", 3);
  std::vector<std::u16string> names;
  for (ULONG i = 0;; ++i) {
    struct {
      KEY_VALUE_BASIC_INFORMATION head;
      WCHAR more[16];
    } it;
    ULONG needed = 0;
    const NTSTATUS status =
        ZwEnumerateValueKey(key, i, KeyValueBasicInformation, &it, sizeof it, &needed);
    if (status != STATUS_SUCCESS) {
      EXPECT_EQ(status, STATUS_NO_MORE_ENTRIES);
      break;
    }
    EXPECT_EQ(it.head.Type, ULONG{REG_DWORD});
    names.push_back(text_of(it.head.Name, it.head.NameLength));
  }
  EXPECT_EQ(names, (std::vector<std::u16string>{u"Zeta", u"Alpha"}));
}

TEST_F(registry_value, in_every_form) {
  UCHAR data[] = {1, 2, 3, 4, 5};
  ASSERT_EQ(ZwSetValueKey(key, counted(u"Raw"), 0, REG_BINARY, data, sizeof data), STATUS_SUCCESS);
  alignas(8) unsigned char room[64];
  ULONG needed = 0;
  const auto query = [&](KEY_VALUE_INFORMATION_CLASS form, ULONG length) {
    memset(room, 0xcc, sizeof room);
    return ZwQueryValueKey(key, counted(u"raw"), form, room, length, &needed);
  };
  // The name at 20, the data after it on a boundary of 4 or 8.
  ASSERT_EQ(query(KeyValueFullInformation, sizeof room), STATUS_SUCCESS);
  const auto* full = reinterpret_cast<const KEY_VALUE_FULL_INFORMATION*>(room);
  EXPECT_EQ(text_of(full->Name, full->NameLength), u"Raw");
  EXPECT_EQ(full->DataOffset, 28u);
  EXPECT_EQ(full->DataLength, 5u);
  EXPECT_EQ(memcmp(room + 28, data, sizeof data), 0);
  EXPECT_EQ(needed, 33u);
  ASSERT_EQ(query(KeyValueFullInformationAlign64, sizeof room), STATUS_SUCCESS);
  EXPECT_EQ(full->DataOffset, 32u);
  EXPECT_EQ(needed, 37u);
  EXPECT_EQ(query(KeyValueFullInformation, 30), STATUS_BUFFER_OVERFLOW);
  EXPECT_EQ(room[29], 2);
  EXPECT_EQ(room[30], 0xcc);
  EXPECT_EQ(query(KeyValueFullInformation, 19), STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(room[0], 0xcc);
  EXPECT_EQ(needed, 33u);

  ASSERT_EQ(query(KeyValuePartialInformation, 17), STATUS_SUCCESS);
  const auto* partial = reinterpret_cast<const KEY_VALUE_PARTIAL_INFORMATION*>(room);
  EXPECT_EQ(partial->Type, ULONG{REG_BINARY});
  EXPECT_EQ(memcmp(partial->Data, data, sizeof data), 0);
  EXPECT_EQ(query(KeyValuePartialInformation, 16), STATUS_BUFFER_OVERFLOW);
  EXPECT_EQ(partial->DataLength, 5u);
  EXPECT_EQ(needed, 17u);
  EXPECT_EQ(query(KeyValuePartialInformation, 11), STATUS_BUFFER_TOO_SMALL);
  ASSERT_EQ(query(KeyValuePartialInformationAlign64, 13), STATUS_SUCCESS);
  EXPECT_EQ(memcmp(room + 8, data, sizeof data), 0);
  EXPECT_EQ(query(KeyValueBasicInformation, 14), STATUS_BUFFER_OVERFLOW);
  EXPECT_EQ(needed, 18u);
  EXPECT_EQ(query(KeyValueLayerInformation, 64), STATUS_NOT_SUPPORTED);
  EXPECT_EQ(query(static_cast<KEY_VALUE_INFORMATION_CLASS>(77), 64), STATUS_INVALID_PARAMETER);
}

TEST_F(registry_value, may_be_empty) {
  ASSERT_EQ(ZwSetValueKey(key, counted(u"None"), 0, REG_NONE, nullptr, 0), STATUS_SUCCESS);
  struct {
    KEY_VALUE_FULL_INFORMATION head;
    WCHAR more[8];
  } it;
  ULONG needed = 0;
  ASSERT_EQ(
      ZwQueryValueKey(key, counted(u"None"), KeyValueFullInformation, &it, sizeof it, &needed),
      STATUS_SUCCESS);
  EXPECT_EQ(it.head.DataLength, 0u);
  EXPECT_EQ(needed, 28u);
}

TEST_F(registry_value, needs_a_key) {
  const auto none = reinterpret_cast<HANDLE>(0x7777);
  ULONG needed = 0;
  EXPECT_EQ(ZwSetValueKey(none, counted(u"x"), 0, REG_NONE, nullptr, 0), STATUS_INVALID_HANDLE);
  EXPECT_EQ(ZwQueryValueKey(none, counted(u"x"), KeyValueBasicInformation, nullptr, 0, &needed),
            STATUS_INVALID_HANDLE);
  EXPECT_EQ(ZwEnumerateValueKey(none, 0, KeyValueBasicInformation, nullptr, 0, &needed),
            STATUS_INVALID_HANDLE);
  EXPECT_EQ(ZwDeleteValueKey(none, counted(u"x")), STATUS_INVALID_HANDLE);
  EXPECT_EQ(ZwDeleteKey(none), STATUS_INVALID_HANDLE);
}

TEST_F(registry_value, threads_read_whole_values) {
  // Each value is one of two, of different lengths; a reader never sees a mixture.
  struct shared {
    HANDLE key;
    bool mixed = false;
  } it{key};
  const auto set = [](void* p) {
    for (int i = 0; i < 2000; ++i) {
      UCHAR data[32];
      const std::size_t length = i % 2 == 0 ? 8 : 32;
      memset(data, i % 2 == 0 ? 8 : 32, sizeof data);
      ZwSetValueKey(static_cast<shared*>(p)->key, counted(u"Value"), 0, REG_BINARY, data,
                    static_cast<ULONG>(length));
    }
  };
  set(&it);
  {
    actor writer(set, &it);
    actor reader(
        [](void* p) {
          auto& s = *static_cast<shared*>(p);
          for (int i = 0; i < 2000; ++i) {
            struct {
              KEY_VALUE_PARTIAL_INFORMATION head;
              UCHAR more[32];
            } v;
            ULONG needed = 0;
            if (ZwQueryValueKey(s.key, counted(u"Value"), KeyValuePartialInformation, &v, sizeof v,
                                &needed) != STATUS_SUCCESS)
              s.mixed = true;
            const UCHAR* const bytes = v.head.Data;
            for (ULONG n = 0; n < v.head.DataLength; ++n) {
              if (bytes[n] != v.head.DataLength) s.mixed = true;
            }
          }
        },
        &it);
  }
  EXPECT_FALSE(it.mixed);
}

}  // namespace
