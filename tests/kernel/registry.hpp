// Short forms for tests of the registry.
#pragma once

#include <string>
#include <vector>

#include "fixture.hpp"
#include "kernel/registry.hpp"

namespace kernel_tests {

/// A text as a UNICODE_STRING; lives as long as this does.
class counted {
 public:
  explicit counted(std::u16string_view text) : text_(text.begin(), text.end()) {
    const auto bytes = static_cast<USHORT>(text_.size() * sizeof(WCHAR));
    string_ = {bytes, bytes, text_.data()};
  }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  operator PUNICODE_STRING() { return &string_; }

 private:
  std::vector<WCHAR> text_;
  UNICODE_STRING string_;
};

inline std::u16string text_of(const WCHAR* from, std::size_t bytes) {
  return {from, from + bytes / sizeof(WCHAR)};
}

constexpr std::u16string_view services =
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Services";

inline NTSTATUS open_key(std::u16string_view path, HANDLE* key, ACCESS_MASK access = KEY_ALL_ACCESS,
                         HANDLE root = nullptr) {
  counted name(path);
  OBJECT_ATTRIBUTES attributes;
  InitializeObjectAttributes(&attributes, name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, root,
                             nullptr);
  return ZwOpenKey(key, access, &attributes);
}

inline NTSTATUS create_key(std::u16string_view path, HANDLE* key,
                           ACCESS_MASK access = KEY_ALL_ACCESS, HANDLE root = nullptr,
                           ULONG options = 0, ULONG* disposition = nullptr,
                           PUNICODE_STRING class_name = nullptr) {
  counted name(path);
  OBJECT_ATTRIBUTES attributes;
  InitializeObjectAttributes(&attributes, name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, root,
                             nullptr);
  return ZwCreateKey(key, access, &attributes, 0, class_name, options, disposition);
}

inline NTSTATUS set_number(HANDLE key, std::u16string_view name, ULONG value) {
  return ZwSetValueKey(key, counted(name), 0, REG_DWORD, &value, sizeof value);
}

/// The number of that name; 0xdeadbeef: there is none.
inline ULONG number(HANDLE key, std::u16string_view name) {
  struct {
    KEY_VALUE_PARTIAL_INFORMATION head;
    UCHAR more[64];
  } it;
  ULONG needed = 0;
  if (ZwQueryValueKey(key, counted(name), KeyValuePartialInformation, &it, sizeof it, &needed) !=
          STATUS_SUCCESS ||
      it.head.Type != REG_DWORD)
    return 0xdeadbeef;
  ULONG value;
  memcpy(&value, it.head.Data, sizeof value);
  return value;
}

/// A key to write to, below the services.
class registry_test : public executive_test {
 protected:
  void SetUp() override {
    executive_test::SetUp();
    ASSERT_EQ(create_key(std::u16string(services) + u"\\Test", &key), STATUS_SUCCESS);
  }
  void TearDown() override {
    ZwClose(key);
    executive_test::TearDown();
  }
  HANDLE key = nullptr;
};

}  // namespace kernel_tests
