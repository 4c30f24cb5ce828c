// What a driver finds in the registry when it is loaded.
#include "kernel/registry.hpp"

#include "probe_driver.hpp"

namespace belay::test {
namespace {

/// A driver whose DriverEntry is the test's.
class registry_test : public ::testing::Test {
 protected:
  void SetUp() override {
    self = this;
    wdm::start();
  }
  void TearDown() override { wdm::stop(); }
  static NTSTATUS driver_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path) {
    driver->DriverUnload = [](PDRIVER_OBJECT) {};
    return self->entry(path);
  }
  NTSTATUS load() {
    const wdm::load_result loaded = wdm::load_driver(&driver_entry, "toaster");
    if (loaded.driver != nullptr) wdm::unload_driver(loaded.driver);
    return loaded.status;
  }
  std::function<NTSTATUS(PUNICODE_STRING)> entry;
  static inline registry_test* self = nullptr;
};

NTSTATUS NTAPI take(PWSTR, ULONG type, PVOID data, ULONG length, PVOID context, PVOID) {
  EXPECT_EQ(type, ULONG{REG_SZ});
  const auto* const text = static_cast<const WCHAR*>(data);
  static_cast<std::u16string*>(context)->assign(text, text + length / sizeof(WCHAR) - 1);
  return STATUS_SUCCESS;
}

TEST_F(registry_test, the_service_is_described) {
  std::u16string name, image;
  ULONG type = 0, start = 0, control = 0;
  entry = [&](PUNICODE_STRING path) {
    RTL_QUERY_REGISTRY_TABLE table[6] = {};
    const auto number = [&](int i, PCWSTR value, ULONG* to) {
      table[i].Flags =
          RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK | RTL_QUERY_REGISTRY_REQUIRED;
      table[i].Name = const_cast<PWSTR>(value);
      table[i].EntryContext = to;
      table[i].DefaultType = REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    };
    number(0, L"Type", &type);
    number(1, L"Start", &start);
    number(2, L"ErrorControl", &control);
    table[3].QueryRoutine = &take;
    table[3].Name = const_cast<PWSTR>(L"DisplayName");
    NTSTATUS status =
        RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, path->Buffer, table, &name, nullptr);
    if (!NT_SUCCESS(status)) return status;
    table[3].Name = const_cast<PWSTR>(L"ImagePath");
    status = RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"Toaster", table, &image, nullptr);
    return status;
  };
  EXPECT_EQ(load(), STATUS_SUCCESS);
  EXPECT_EQ(type, 1u);
  EXPECT_EQ(start, 3u);
  EXPECT_EQ(control, 1u);
  EXPECT_EQ(name, u"toaster");
  EXPECT_EQ(image, u"\\SystemRoot\\System32\\drivers\\toaster.sys");
}

TEST_F(registry_test, what_was_there_before_stays) {
  const ULONG boot = 0;
  kernel::change_registry(
      {.action = kernel::registry_action::set_value,
       .key = u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\Toaster",
       .name = u"START",
       .type = REG_DWORD,
       .data = &boot,
       .bytes = sizeof boot});
  ULONG start = 77;
  entry = [&](PUNICODE_STRING path) {
    RTL_QUERY_REGISTRY_TABLE table[2] = {};
    table[0].Flags = RTL_QUERY_REGISTRY_DIRECT;
    table[0].Name = const_cast<PWSTR>(L"Start");
    table[0].EntryContext = &start;
    return RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, path->Buffer, table, nullptr, nullptr);
  };
  EXPECT_EQ(load(), STATUS_SUCCESS);
  EXPECT_EQ(start, 0u);
}

TEST_F(registry_test, what_a_driver_wrote_is_there_when_it_is_loaded_again) {
  ULONG loads = 0;
  entry = [&](PUNICODE_STRING path) {
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr,
                               nullptr);
    HANDLE service = nullptr, key = nullptr;
    NTSTATUS status = ZwOpenKey(&service, KEY_READ, &attributes);
    if (!NT_SUCCESS(status)) return status;
    UNICODE_STRING below = text(L"Parameters");
    attributes.RootDirectory = service;
    attributes.ObjectName = &below;
    status = ZwCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, nullptr, REG_OPTION_NON_VOLATILE,
                         nullptr);
    ZwClose(service);
    if (!NT_SUCCESS(status)) return status;
    UNICODE_STRING name = text(L"Loads");
    KEY_VALUE_PARTIAL_INFORMATION known;
    ULONG needed = 0;
    static_assert(sizeof known >= FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + sizeof loads);
    loads = 0;
    if (ZwQueryValueKey(key, &name, KeyValuePartialInformation, &known, sizeof known, &needed) ==
        STATUS_SUCCESS)
      memcpy(&loads, known.Data, sizeof loads);
    ++loads;
    status = ZwSetValueKey(key, &name, 0, REG_DWORD, &loads, sizeof loads);
    ZwClose(key);
    return status;
  };
  EXPECT_EQ(load(), STATUS_SUCCESS);
  EXPECT_EQ(loads, 1u);
  EXPECT_EQ(load(), STATUS_SUCCESS);
  EXPECT_EQ(loads, 2u);
}

}  // namespace
}  // namespace belay::test
