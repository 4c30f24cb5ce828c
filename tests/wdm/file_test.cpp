#include "probe_driver.hpp"

namespace belay::test {
namespace {

using majors = std::vector<UCHAR>;

// WDM-FILE-001
TEST_F(probe_test, create_cleanup_close_in_this_order) {
  const wdm::open_result opened = open();
  ASSERT_EQ(opened.status, STATUS_SUCCESS);
  ASSERT_NE(opened.file, nullptr);
  EXPECT_EQ(device->ReferenceCount, 1);
  EXPECT_EQ(wdm::close_handle(opened.file), STATUS_SUCCESS);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE}));
  EXPECT_EQ(device->ReferenceCount, 0);
}

// WDM-FILE-001
TEST_F(probe_test, a_create_that_fails_is_never_closed) {
  on[IRP_MJ_CREATE] = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_ACCESS_DENIED); };
  const wdm::open_result opened = open();
  EXPECT_EQ(opened.status, STATUS_ACCESS_DENIED);
  EXPECT_EQ(opened.file, nullptr);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE}));
}

// WDM-FILE-001
TEST_F(probe_test, an_outstanding_irp_keeps_the_file_from_being_closed) {
  PIRP pending = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    pending = irp;
    return STATUS_PENDING;
  };
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file, .output_size = 4});
  EXPECT_EQ(read.start(), STATUS_PENDING);
  wdm::close_handle(opened.file);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_READ, IRP_MJ_CLEANUP}));
  EXPECT_FALSE(read.wait(0));
  complete(pending, STATUS_SUCCESS);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_READ, IRP_MJ_CLEANUP, IRP_MJ_CLOSE}));
}

// WDM-FILE-001: a driver's own reference counts as well.
TEST_F(probe_test, a_reference_of_the_driver_delays_close) {
  const wdm::open_result opened = open();
  ObReferenceObject(opened.file);
  wdm::close_handle(opened.file);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_CLEANUP}));
  ObDereferenceObject(opened.file);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE}));
}

TEST_F(probe_test, a_device_is_found_under_each_alias_of_its_name) {
  for (const char* name :
       {"\\Device\\Probe", "\\device\\PROBE", "\\DosDevices\\Probe", "\\??\\Probe",
        "\\GLOBAL??\\Probe", "\\\\.\\probe", "\\DosDevices\\Global\\Probe"}) {
    const wdm::open_result opened = wdm::open(name);
    EXPECT_EQ(opened.status, STATUS_SUCCESS) << name;
    if (opened.file != nullptr) wdm::close_handle(opened.file);
  }
  EXPECT_EQ(wdm::open("\\Device\\Prob").status, STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(wdm::open("Probe").status, STATUS_OBJECT_PATH_SYNTAX_BAD);
}

TEST_F(probe_test, what_follows_the_name_is_the_file_name) {
  std::u16string name;
  on[IRP_MJ_CREATE] = [&](PDEVICE_OBJECT, PIRP irp) {
    const UNICODE_STRING& given = IoGetCurrentIrpStackLocation(irp)->FileObject->FileName;
    for (int i = 0; i < given.Length / 2; ++i) name += static_cast<char16_t>(given.Buffer[i]);
    return complete(irp, STATUS_SUCCESS);
  };
  wdm::close_handle(wdm::open("\\\\.\\Probe\\port\\1").file);
  EXPECT_EQ(name, u"\\port\\1");
}

TEST_F(probe_test, the_names_of_devices_are_listed) {
  char16_t names[64] = {1};
  const std::size_t needed = wdm::list_names(names, 3);
  EXPECT_EQ(names[0], 1) << "not enough room: nothing is written";
  ASSERT_EQ(wdm::list_names(names, 64), needed);
  EXPECT_EQ(std::u16string(names, needed),
            std::u16string(u"\\GLOBAL??\\Probe\0\\Device\\Probe\0\0", 31));
  for (const char16_t* name : {u"\\??\\probe", u"\\GLOBAL??\\Probe\\port\\1", u"\\Device\\Probe"}) {
    EXPECT_TRUE(wdm::leads_to(name, device));
  }
  for (const char16_t* name : {u"", u"Probe", u"\\??\\Probes", u"\\Device"}) {
    EXPECT_FALSE(wdm::leads_to(name, device));
  }
}

// WDM-FILE-001
TEST_F(probe_test, who_opens_is_asked_of_the_packet) {
  ULONG process = 0;
  on[IRP_MJ_CREATE] = [&](PDEVICE_OBJECT, PIRP irp) {
    process = IoGetRequestorProcessId(irp);
    return complete(irp, STATUS_SUCCESS);
  };
  wdm::close_handle(wdm::open(device, {.process_id = 4711}).file);
  EXPECT_EQ(process, 4711u);
  wdm::close_handle(wdm::open(device).file);
  EXPECT_EQ(process, static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(PsGetCurrentProcessId())));
}

TEST_F(probe_test, a_name_is_taken_once) {
  UNICODE_STRING name = text(L"\\Device\\PROBE");
  PDEVICE_OBJECT other = nullptr;
  EXPECT_EQ(IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &other),
            STATUS_OBJECT_NAME_COLLISION);
  EXPECT_EQ(other, nullptr);
  UNICODE_STRING link = text(L"\\??\\probe");
  EXPECT_EQ(IoCreateSymbolicLink(&link, &name), STATUS_OBJECT_NAME_COLLISION);
  UNICODE_STRING missing = text(L"\\??\\missing");
  EXPECT_EQ(IoDeleteSymbolicLink(&missing), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(probe_test, an_exclusive_device_is_opened_once) {
  device->Flags |= DO_EXCLUSIVE;
  const wdm::open_result first = open();
  EXPECT_EQ(open().status, STATUS_ACCESS_DENIED);
  wdm::close_handle(first.file);
  const wdm::open_result second = open();
  EXPECT_EQ(second.status, STATUS_SUCCESS);
  wdm::close_handle(second.file);
}

TEST_F(probe_test, a_deleted_device_stays_until_its_last_file_is_closed) {
  const wdm::open_result opened = open();
  IoDeleteDevice(device);
  EXPECT_EQ(driver->DeviceObject, device);
  EXPECT_EQ(open().status, STATUS_OBJECT_NAME_NOT_FOUND);
  wdm::close_handle(opened.file);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE}));
  EXPECT_EQ(driver->DeviceObject, nullptr);
}

TEST_F(probe_test, devices_and_their_names_are_shown) {
  std::string names;
  wdm::visit_devices(
      driver,
      [](void* context, const wdm::device_view& view) {
        *static_cast<std::string*>(context) += std::string(view.name) + " " + view.link;
        return true;
      },
      &names);
  EXPECT_EQ(names, "\\Device\\Probe \\DosDevices\\Probe");
  EXPECT_TRUE(wdm::serves(driver, IRP_MJ_READ));
}

// WDM-IRP-027
TEST_F(probe_test, a_link_left_behind_is_reported_at_unload) {
  UNICODE_STRING link = text(L"\\??\\Left");
  UNICODE_STRING name = text(L"\\Device\\Probe");
  ASSERT_EQ(IoCreateSymbolicLink(&link, &name), STATUS_SUCCESS);
  expect_broken("WDM-IRP-027", [&] { wdm::unload_driver(driver); });
  abandon();
}

// WDM-IRP-027
TEST_F(probe_test, a_device_left_behind_is_reported_at_unload) {
  driver->DriverUnload = [](PDRIVER_OBJECT) {};
  const kernel::violation what = expect_broken("WDM-IRP-027", [&] { wdm::unload_driver(driver); });
  EXPECT_NE(std::string(what.text).find("\\Device\\Probe"), std::string::npos);
  abandon();
}

// WDM-IRP-009
TEST_F(probe_test, an_irp_never_freed_is_reported_at_unload) {
  IoAllocateIrp(1, FALSE);
  expect_broken("WDM-IRP-009", [&] { wdm::unload_driver(driver); });
  abandon();
}

TEST_F(probe_test, attached_devices_get_the_requests) {
  PDEVICE_OBJECT filter = nullptr;
  ASSERT_EQ(IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &filter),
            STATUS_SUCCESS);
  EXPECT_EQ(IoAttachDeviceToDeviceStack(filter, device), device);
  EXPECT_EQ(filter->StackSize, 2);
  EXPECT_EQ(IoGetAttachedDevice(device), filter);
  PDEVICE_OBJECT got = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT target, PIRP irp) {
    got = target;
    return complete(irp, STATUS_SUCCESS);
  };
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file});
  read.start();
  read.wait();
  EXPECT_EQ(got, filter);
  wdm::close_handle(opened.file);
  IoDetachDevice(device);
  EXPECT_EQ(IoGetAttachedDevice(device), device);
}

// WDM-FILE-002, WDM-FILE-001: what is not cancellable may stay, and more may come until close.
TEST_F(probe_test, a_file_takes_requests_between_cleanup_and_close) {
  std::vector<PIRP> held;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    held.push_back(irp);
    return STATUS_PENDING;
  };
  const wdm::open_result opened = open();
  wdm::request early({.file = opened.file}), late({.file = opened.file});
  early.start();
  ObReferenceObject(opened.file);
  wdm::close_handle(opened.file);
  EXPECT_TRUE(opened.file->Flags & FO_CLEANUP_COMPLETE);
  EXPECT_EQ(late.start(), STATUS_PENDING);
  ObDereferenceObject(opened.file);
  for (PIRP irp : held) complete(irp, STATUS_SUCCESS);
  EXPECT_TRUE(early.wait() && late.wait());
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_READ, IRP_MJ_CLEANUP, IRP_MJ_READ, IRP_MJ_CLOSE}));
}

// WDM-FILE-008, WDM-FILE-003: as if its thread ended.
TEST_F(probe_test, a_request_built_on_a_thread_is_cancelled_when_that_ends) {
  static KEVENT event;
  static IO_STATUS_BLOCK result;
  KeInitializeEvent(&event, NotificationEvent, FALSE);
  PIRP unattached = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    IoSetCancelRoutine(irp, [](PDEVICE_OBJECT, PIRP packet) {
      IoReleaseCancelSpinLock(packet->CancelIrql);
      complete(packet, STATUS_CANCELLED);
    });
    return STATUS_PENDING;
  };
  PIRP never_sent =
      IoBuildSynchronousFsdRequest(IRP_MJ_READ, device, nullptr, 0, nullptr, &event, &result);
  IoCallDriver(device, IoBuildSynchronousFsdRequest(IRP_MJ_READ, device, nullptr, 0, nullptr,
                                                    &event, &result));
  unattached = IoBuildAsynchronousFsdRequest(IRP_MJ_READ, device, nullptr, 0, nullptr, nullptr);
  IoSetCompletionRoutine(
      unattached,
      [](PDEVICE_OBJECT, PIRP, PVOID) -> NTSTATUS { return STATUS_MORE_PROCESSING_REQUIRED; },
      nullptr, TRUE, TRUE, TRUE);
  IoCallDriver(device, unattached);
  wdm::cancel_thread_requests();
  EXPECT_NE(KeReadStateEvent(&event), 0);
  EXPECT_EQ(result.Status, STATUS_CANCELLED);
  EXPECT_FALSE(unattached->Cancel);
  EXPECT_FALSE(never_sent->Cancel);
  EXPECT_TRUE(IoCancelIrp(unattached));
  IoFreeIrp(unattached);
  KeClearEvent(&event);
  IoCallDriver(device, never_sent);
  wdm::cancel_thread_requests();
}

}  // namespace
}  // namespace belay::test
