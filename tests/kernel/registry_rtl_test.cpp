// The registry by path, and by table.
#include "registry.hpp"

namespace {

using namespace kernel_tests;
using registry_rtl = registry_test;

constexpr WCHAR path[] = L"Test";

NTSTATUS write(PCWSTR name, ULONG type, const void* data, std::size_t bytes) {
  return RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, path, name, type, const_cast<void*>(data),
                               static_cast<ULONG>(bytes));
}

/// What a routine was called with.
struct seen {
  std::u16string name, text;
  ULONG type, length;
  bool operator==(const seen&) const = default;
};
std::vector<seen> calls;
NTSTATUS answer = STATUS_SUCCESS;

NTSTATUS NTAPI routine(PWSTR name, ULONG type, PVOID data, ULONG length, PVOID context,
                       PVOID entry_context) {
  EXPECT_EQ(context, &calls);
  EXPECT_EQ(entry_context, &answer);
  seen one{u"", u"", type, length};
  while (name != nullptr && *name != 0) one.name += static_cast<char16_t>(*name++);
  if (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ)
    one.text = text_of(static_cast<PWSTR>(data), length);
  calls.push_back(one);
  return answer;
}

RTL_QUERY_REGISTRY_TABLE called(const WCHAR* name, ULONG flags = 0, ULONG type = REG_NONE,
                                const void* data = nullptr, ULONG length = 0) {
  return {&routine, flags, const_cast<PWSTR>(name), &answer, type, const_cast<void*>(data), length};
}
RTL_QUERY_REGISTRY_TABLE direct(const WCHAR* name, void* to, ULONG flags = 0, ULONG type = REG_NONE,
                                const void* data = nullptr, ULONG length = 0) {
  return {nullptr,
          RTL_QUERY_REGISTRY_DIRECT | flags,
          const_cast<PWSTR>(name),
          to,
          type,
          const_cast<void*>(data),
          length};
}

NTSTATUS query(std::vector<RTL_QUERY_REGISTRY_TABLE> table, PVOID environment = nullptr,
               PCWSTR from = path) {
  calls.clear();
  answer = STATUS_SUCCESS;
  table.push_back({});
  return RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, from, table.data(), &calls, environment);
}

TEST_F(registry_rtl, one_value_by_path) {
  const ULONG one = 1;
  EXPECT_EQ(write(L"One", REG_DWORD, &one, sizeof one), STATUS_SUCCESS);
  EXPECT_EQ(number(key, u"One"), 1u);
  EXPECT_EQ(RtlWriteRegistryValue(RTL_REGISTRY_HANDLE, static_cast<PCWSTR>(key), L"Two", REG_DWORD,
                                  const_cast<ULONG*>(&one), sizeof one),
            STATUS_SUCCESS);
  EXPECT_EQ(number(key, u"Two"), 1u);
  EXPECT_EQ(RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, L"\\Registry\\Machine\\Software\\Made",
                                  L"One", REG_DWORD, const_cast<ULONG*>(&one), sizeof one),
            STATUS_SUCCESS);
  EXPECT_EQ(
      RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, L"\\Registry\\Machine\\Software\\Made", L"One"),
      STATUS_SUCCESS);
  EXPECT_EQ(RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, path, L"Three"),
            STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, L"Nothing", L"Three"),
            STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(RtlWriteRegistryValue(6, path, L"One", REG_DWORD, const_cast<ULONG*>(&one), 4),
            STATUS_INVALID_PARAMETER);
}

TEST_F(registry_rtl, keys_by_path) {
  WCHAR made[] = L"Test\\Made", below[] = L"Test\\Nothing\\Below", relative[] = L"Registry";
  EXPECT_EQ(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, made), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, made), STATUS_SUCCESS);
  EXPECT_EQ(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, made), STATUS_SUCCESS);
  EXPECT_EQ(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, made), STATUS_SUCCESS);
  EXPECT_EQ(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, below), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, relative), STATUS_OBJECT_PATH_SYNTAX_BAD);
  for (const ULONG known : {RTL_REGISTRY_SERVICES, RTL_REGISTRY_CONTROL, RTL_REGISTRY_WINDOWS_NT,
                            RTL_REGISTRY_DEVICEMAP, RTL_REGISTRY_USER}) {
    EXPECT_EQ(RtlCheckRegistryKey(known, nullptr), STATUS_SUCCESS) << known;
  }
}

TEST_F(registry_rtl, named_values_are_handed_to_the_routine) {
  const ULONG one = 1;
  write(L"Number", REG_DWORD, &one, sizeof one);
  write(L"Text", REG_SZ, L"abc", sizeof L"abc");
  EXPECT_EQ(query({called(L"Number"), called(L"text")}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"Number", u"", REG_DWORD, 4},
                                      {u"Text", std::u16string(u"abc\0", 4), REG_SZ, 8}}));
}

TEST_F(registry_rtl, a_routine_that_fails_ends_it) {
  const ULONG one = 1;
  write(L"Number", REG_DWORD, &one, sizeof one);
  std::vector<RTL_QUERY_REGISTRY_TABLE> table{called(L"Number"), called(L"Number"), {}};
  calls.clear();
  answer = STATUS_UNSUCCESSFUL;
  EXPECT_EQ(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, path, table.data(), &calls, nullptr),
            STATUS_UNSUCCESSFUL);
  EXPECT_EQ(calls.size(), 1u);
}

TEST_F(registry_rtl, a_missing_value_has_its_default_or_is_required) {
  EXPECT_EQ(query({called(L"Gone")}), STATUS_SUCCESS);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(query({called(L"Gone", RTL_QUERY_REGISTRY_REQUIRED)}), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(query({called(L"Gone", 0, REG_SZ, L"xy")}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"Gone", std::u16string(u"xy\0", 3), REG_SZ, 6}}));
  EXPECT_EQ(query({called(L"Gone", 0, REG_MULTI_SZ, L"a\0bc\0")}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"Gone", std::u16string(u"a\0", 2), REG_SZ, 4},
                                      {u"Gone", std::u16string(u"bc\0", 3), REG_SZ, 6}}));
  ULONG to = 0;
  const ULONG fallback = 77;
  EXPECT_EQ(query({direct(L"Gone", &to, 0, REG_DWORD, &fallback, sizeof fallback)}),
            STATUS_SUCCESS);
  EXPECT_EQ(to, 77u);
  EXPECT_EQ(query({}, nullptr, L"Nothing"), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(registry_rtl, several_strings_come_one_by_one_or_whole) {
  constexpr WCHAR strings[] = L"one\0two\0";
  write(L"Strings", REG_MULTI_SZ, strings, sizeof strings);
  EXPECT_EQ(query({called(L"Strings")}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"Strings", std::u16string(u"one\0", 4), REG_SZ, 8},
                                      {u"Strings", std::u16string(u"two\0", 4), REG_SZ, 8}}));
  EXPECT_EQ(query({called(L"Strings", RTL_QUERY_REGISTRY_NOEXPAND)}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"Strings", std::u16string(u"one\0two\0\0", 9), REG_MULTI_SZ,
                                       sizeof strings}}));
  UNICODE_STRING to{};
  EXPECT_EQ(query({direct(L"Strings", &to)}), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(query({direct(L"Strings", &to, RTL_QUERY_REGISTRY_NOEXPAND)}), STATUS_SUCCESS);
  EXPECT_EQ(text_of(to.Buffer, to.Length), std::u16string(u"one\0two\0", 8));
  RtlFreeUnicodeString(&to);
}

TEST_F(registry_rtl, variables_are_expanded) {
  constexpr WCHAR text[] = L"<%Name%%other%%>";
  WCHAR environment[] = L"Names=no\0NAME=here\0";
  write(L"Text", REG_EXPAND_SZ, text, sizeof text);
  EXPECT_EQ(query({called(L"Text")}, environment), STATUS_SUCCESS);
  EXPECT_EQ(calls,
            (std::vector<seen>{{u"Text", std::u16string(u"<here%other%%>\0", 15), REG_SZ, 30}}));
  EXPECT_EQ(query({called(L"Text", RTL_QUERY_REGISTRY_NOEXPAND)}, environment), STATUS_SUCCESS);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].type, ULONG{REG_EXPAND_SZ});
  EXPECT_EQ(query({called(L"Text")}), STATUS_SUCCESS);
  EXPECT_EQ(calls[0].length, sizeof text);
}

TEST_F(registry_rtl, strings_are_stored) {
  write(L"Text", REG_SZ, L"abc", sizeof L"abc");
  UNICODE_STRING to{};
  EXPECT_EQ(query({direct(L"Text", &to, RTL_QUERY_REGISTRY_REQUIRED)}), STATUS_SUCCESS);
  EXPECT_EQ(text_of(to.Buffer, to.Length), u"abc");
  EXPECT_EQ(to.MaximumLength, 8);
  RtlFreeUnicodeString(&to);
  WCHAR room[5] = {9, 9, 9, 9, 9};
  UNICODE_STRING own{0, sizeof room, room};
  EXPECT_EQ(query({direct(L"Text", &own)}), STATUS_SUCCESS);
  EXPECT_EQ(own.Length, 6);
  EXPECT_EQ(room[3], 0);
  EXPECT_EQ(room[4], 9);
  own.MaximumLength = 6;
  EXPECT_EQ(query({direct(L"Text", &own)}), STATUS_BUFFER_TOO_SMALL);
}

TEST_F(registry_rtl, bytes_are_stored) {
  const ULONG number = 0x01020304;
  write(L"Number", REG_DWORD, &number, sizeof number);
  ULONG to = 0;
  EXPECT_EQ(query({direct(L"Number", &to)}), STATUS_SUCCESS);
  EXPECT_EQ(to, number);
  const UCHAR data[] = {1, 2, 3, 4, 5, 6};
  write(L"Raw", REG_BINARY, data, sizeof data);
  struct {
    LONG size;
    ULONG type;
    UCHAR data[6];
  } with_head{14, 0, {}};
  EXPECT_EQ(query({direct(L"Raw", &with_head)}), STATUS_SUCCESS);
  EXPECT_EQ(with_head.size, 6);
  EXPECT_EQ(with_head.type, ULONG{REG_BINARY});
  EXPECT_EQ(memcmp(with_head.data, data, sizeof data), 0);
  with_head.size = 13;
  EXPECT_EQ(query({direct(L"Raw", &with_head)}), STATUS_BUFFER_TOO_SMALL);
  union {
    LONG size;
    UCHAR data[6];
  } bare{-6};
  EXPECT_EQ(query({direct(L"Raw", &bare)}), STATUS_SUCCESS);
  EXPECT_EQ(memcmp(bare.data, data, sizeof data), 0);
  bare.size = -5;
  EXPECT_EQ(query({direct(L"Raw", &bare)}), STATUS_BUFFER_TOO_SMALL);
}

TEST_F(registry_rtl, types_are_checked) {
  const ULONG number = 5;
  write(L"Number", REG_DWORD, &number, sizeof number);
  ULONG to = 0;
  const auto checked = [&](const WCHAR* name, ULONG type, ULONG fallback = REG_NONE) {
    return query(
        {direct(name, &to, RTL_QUERY_REGISTRY_TYPECHECK,
                type << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT | fallback, &number, sizeof number)});
  };
  EXPECT_EQ(checked(L"Number", REG_SZ), STATUS_OBJECT_TYPE_MISMATCH);
  EXPECT_EQ(to, 0u);
  EXPECT_EQ(checked(L"Gone", REG_DWORD), STATUS_SUCCESS);
  EXPECT_EQ(to, 0u);
  EXPECT_EQ(checked(L"Gone", REG_DWORD, REG_DWORD), STATUS_SUCCESS);
  EXPECT_EQ(std::exchange(to, 0u), 5u);
  EXPECT_EQ(checked(L"Number", REG_DWORD), STATUS_SUCCESS);
  EXPECT_EQ(to, 5u);
}

TEST_F(registry_rtl, subkeys_and_back) {
  const ULONG one = 1, two = 2;
  write(L"Number", REG_DWORD, &one, sizeof one);
  ASSERT_EQ(RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, L"Test\\Parameters", L"Number", REG_DWORD,
                                  const_cast<ULONG*>(&two), sizeof two),
            STATUS_SUCCESS);
  ULONG below = 0, above = 0;
  RTL_QUERY_REGISTRY_TABLE subkey = called(L"Parameters", RTL_QUERY_REGISTRY_SUBKEY);
  subkey.QueryRoutine = nullptr;
  EXPECT_EQ(query({subkey, direct(L"Number", &below),
                   direct(L"Number", &above, RTL_QUERY_REGISTRY_TOPKEY)}),
            STATUS_SUCCESS);
  EXPECT_EQ(below, 2u);
  EXPECT_EQ(above, 1u);
  EXPECT_EQ(query({called(L"Parameters", RTL_QUERY_REGISTRY_SUBKEY)}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"Number", u"", REG_DWORD, 4}}));
  EXPECT_EQ(query({called(L"Gone", RTL_QUERY_REGISTRY_SUBKEY)}), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(registry_rtl, all_values_or_none) {
  EXPECT_EQ(query({called(nullptr, RTL_QUERY_REGISTRY_REQUIRED)}), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(query({called(nullptr)}), STATUS_SUCCESS);
  const ULONG one = 1;
  write(L"A", REG_DWORD, &one, sizeof one);
  write(L"B", REG_DWORD, &one, sizeof one);
  EXPECT_EQ(query({called(nullptr)}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"A", u"", REG_DWORD, 4}, {u"B", u"", REG_DWORD, 4}}));
  EXPECT_EQ(query({called(nullptr, RTL_QUERY_REGISTRY_NOVALUE)}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"", u"", REG_NONE, 0}}));
}

TEST_F(registry_rtl, what_was_read_may_be_deleted) {
  const ULONG one = 1;
  for (const WCHAR* name : {L"A", L"B", L"C"}) write(name, REG_DWORD, &one, sizeof one);
  EXPECT_EQ(query({called(L"B", RTL_QUERY_REGISTRY_DELETE)}), STATUS_SUCCESS);
  EXPECT_EQ(number(key, u"B"), 0xdeadbeef);
  EXPECT_EQ(query({called(nullptr, RTL_QUERY_REGISTRY_DELETE)}), STATUS_SUCCESS);
  EXPECT_EQ(calls, (std::vector<seen>{{u"A", u"", REG_DWORD, 4}, {u"C", u"", REG_DWORD, 4}}));
  EXPECT_EQ(number(key, u"A"), 0xdeadbeef);
}

TEST_F(registry_rtl, entries_that_make_no_sense) {
  ULONG to = 0;
  EXPECT_EQ(query({direct(nullptr, &to)}), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(query({direct(L"x", &to, RTL_QUERY_REGISTRY_SUBKEY)}), STATUS_INVALID_PARAMETER);
  RTL_QUERY_REGISTRY_TABLE both = called(L"x", RTL_QUERY_REGISTRY_DIRECT);
  EXPECT_EQ(query({both}), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(query({called(nullptr, RTL_QUERY_REGISTRY_SUBKEY)}), STATUS_INVALID_PARAMETER);
}

}  // namespace
