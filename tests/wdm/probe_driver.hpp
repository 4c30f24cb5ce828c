// A driver for the I/O manager's tests: its dispatch routines are the test's own functions.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/contract.hpp"
#include "kernel/executive.hpp"
#include "wdm/io_manager.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::test {

/// What the violation sink throws out of the guest.
struct broken_contract {
  kernel::violation what;
};

/// A literal as a UNICODE_STRING.
template <std::size_t N>
UNICODE_STRING text(const WCHAR (&literal)[N]) {
  return {(N - 1) * sizeof(WCHAR), N * sizeof(WCHAR), const_cast<PWSTR>(literal)};
}

/// A request whose end is never reached, because the execution ends before.
class lost_request {
 public:
  explicit lost_request(const wdm::request_options& options) : request(options) {}
  ~lost_request() {}
  union {
    wdm::request request;
  };
};

/// Completes `irp` at the current location.
inline NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information = 0) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = information;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

/// The I/O manager with one driver that has one device, "\Device\Probe".
class probe_test : public ::testing::Test {
 protected:
  using dispatch = std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)>;

  void SetUp() override {
    self = this;
    kernel::set_violation_sink([](const kernel::violation& what) { throw broken_contract{what}; });
    wdm::start();
    const wdm::load_result loaded = wdm::load_driver(&driver_entry, "probe");
    ASSERT_EQ(loaded.status, STATUS_SUCCESS);
    driver = loaded.driver;
    device = driver->DeviceObject;
  }

  void TearDown() override {
    if (driver != nullptr) wdm::unload_driver(driver);
    kernel::set_violation_sink(nullptr);
    wdm::stop();
    self = nullptr;
  }

  /// The execution ends in the middle of things: nothing is unloaded.
  void abandon() { driver = nullptr; }

  /// Runs `what`, which must break `clause`. Returns what was reported.
  template <class F>
  kernel::violation expect_broken(const std::string& clause, F what) {
    try {
      what();
    } catch (const broken_contract& broken) {
      EXPECT_EQ(broken.what.clause, clause) << broken.what.text;
      return broken.what;
    }
    ADD_FAILURE() << clause << " was not reported";
    return {};
  }

  wdm::open_result open() { return wdm::open("\\\\.\\Probe"); }

  static NTSTATUS driver_entry(PDRIVER_OBJECT object, PUNICODE_STRING) {
    UNICODE_STRING name = text(L"\\Device\\Probe");
    UNICODE_STRING link = text(L"\\DosDevices\\Probe");
    PDEVICE_OBJECT made = nullptr;
    const NTSTATUS status = IoCreateDevice(object, 64, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &made);
    if (!NT_SUCCESS(status)) return status;
    made->Flags |= DO_BUFFERED_IO;
    for (auto& routine : object->MajorFunction) routine = &on_any;
    object->DriverUnload = &unload;
    return IoCreateSymbolicLink(&link, &name);
  }
  static VOID unload(PDRIVER_OBJECT object) {
    UNICODE_STRING link = text(L"\\??\\Probe");
    IoDeleteSymbolicLink(&link);
    while (object->DeviceObject != nullptr) IoDeleteDevice(object->DeviceObject);
  }
  static NTSTATUS on_any(PDEVICE_OBJECT target, PIRP irp) {
    const UCHAR major = IoGetCurrentIrpStackLocation(irp)->MajorFunction;
    self->seen.push_back(major);
    const dispatch& routine = self->on[major];
    return routine ? routine(target, irp) : complete(irp, STATUS_SUCCESS);
  }

  static inline probe_test* self = nullptr;
  PDRIVER_OBJECT driver = nullptr;
  PDEVICE_OBJECT device = nullptr;
  dispatch on[IRP_MJ_MAXIMUM_FUNCTION + 1];
  std::vector<UCHAR> seen;
};

}  // namespace belay::test
