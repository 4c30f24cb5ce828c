// A Plug and Play driver: what it is sent, in which order, and what it may not do.
#include "probe_driver.hpp"
#include "wdm/pnp_manager.hpp"

namespace belay::test {
namespace {

constexpr GUID interface_class = {
    0x5d624f94, 0x8850, 0x40c3, {0xa3, 0xfa, 0xa4, 0xfd, 0x20, 0x80, 0xba, 0xf3}};

/// A function driver as the samples are, whose mistakes can be chosen.
class pnp_test : public ::testing::Test {
 protected:
  struct extension {
    PDEVICE_OBJECT pdo, lower;
    UNICODE_STRING link;
    IO_REMOVE_LOCK lock;
  };
  static extension& of(PDEVICE_OBJECT device) {
    return *static_cast<extension*>(device->DeviceExtension);
  }

  void SetUp() override {
    self = this;
    kernel::set_violation_sink([](const kernel::violation& what) { throw broken_contract{what}; });
    wdm::start();
  }
  void TearDown() override {
    if (driver != nullptr) wdm::unload_driver(driver);
    kernel::set_violation_sink(nullptr);
    wdm::stop();
    self = nullptr;
  }
  void load() {
    const wdm::load_result loaded = wdm::load_driver(&entry, "pnp");
    status = loaded.status;
    driver = loaded.driver;
  }
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
  static wdm::open_result open() {
    return wdm::open("\\??\\ROOT#BELAY#0000#{5d624f94-8850-40c3-a3fa-a4fd2080baf3}");
  }
  std::vector<int> take() { return std::exchange(minors, {}); }

  static NTSTATUS entry(PDRIVER_OBJECT object, PUNICODE_STRING) {
    object->DriverExtension->AddDevice = &add;
    object->DriverUnload = [](PDRIVER_OBJECT) {};
    for (auto& routine : object->MajorFunction) {
      routine = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_SUCCESS); };
    }
    object->MajorFunction[IRP_MJ_PNP] = &on_pnp;
    object->MajorFunction[IRP_MJ_POWER] = &on_power;
    return STATUS_SUCCESS;
  }
  static NTSTATUS add(PDRIVER_OBJECT object, PDEVICE_OBJECT pdo) {
    if (!NT_SUCCESS(self->add_status)) return self->add_status;
    PDEVICE_OBJECT fdo = nullptr;
    NTSTATUS status =
        IoCreateDevice(object, sizeof(extension), nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &fdo);
    if (!NT_SUCCESS(status)) return status;
    self->fdo = fdo;
    of(fdo).pdo = pdo;
    IoInitializeRemoveLock(&of(fdo).lock, 'pnpB', 0, 0);
    of(fdo).lower = IoAttachDeviceToDeviceStack(fdo, pdo);
    status = IoRegisterDeviceInterface(pdo, &interface_class, nullptr, &of(fdo).link);
    if (!self->keep_initializing) fdo->Flags &= ~DO_DEVICE_INITIALIZING;
    return status;
  }
  static NTSTATUS pass(PDEVICE_OBJECT device, PIRP irp) {
    IoSkipCurrentIrpStackLocation(irp);
    return IoCallDriver(of(device).lower, irp);
  }
  static NTSTATUS on_pnp(PDEVICE_OBJECT device, PIRP irp) {
    const UCHAR minor = IoGetCurrentIrpStackLocation(irp)->MinorFunction;
    self->minors.push_back(minor);
    EXPECT_EQ(irp->IoStatus.Status, STATUS_NOT_SUPPORTED);
    if (self->odd && minor == self->odd_minor) return self->odd(device, irp);
    EXPECT_EQ(IoAcquireRemoveLock(&of(device).lock, irp), STATUS_SUCCESS);
    switch (minor) {
      case IRP_MN_START_DEVICE: {
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        if (IoForwardIrpSynchronously(of(device).lower, irp)) status = irp->IoStatus.Status;
        IoSetDeviceInterfaceState(&of(device).link, TRUE);
        IoReleaseRemoveLock(&of(device).lock, irp);
        return complete(irp, status);
      }
      case IRP_MN_REMOVE_DEVICE: {
        IoSetDeviceInterfaceState(&of(device).link, FALSE);
        RtlFreeUnicodeString(&of(device).link);
        irp->IoStatus.Status = STATUS_SUCCESS;
        IoReleaseRemoveLockAndWait(&of(device).lock, irp);
        const NTSTATUS status = pass(device, irp);
        IoDetachDevice(of(device).lower);
        IoDeleteDevice(device);
        return status;
      }
      case IRP_MN_QUERY_CAPABILITIES:
      case IRP_MN_QUERY_PNP_DEVICE_STATE:
      case IRP_MN_QUERY_DEVICE_RELATIONS:
        break;
      default:
        irp->IoStatus.Status = STATUS_SUCCESS;
    }
    const NTSTATUS status = pass(device, irp);
    IoReleaseRemoveLock(&of(device).lock, irp);
    return status;
  }
  static NTSTATUS on_power(PDEVICE_OBJECT device, PIRP irp) {
    const PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    if (stack->MinorFunction == IRP_MN_SET_POWER &&
        stack->Parameters.Power.Type == SystemPowerState) {
      POWER_STATE state;
      state.DeviceState = stack->Parameters.Power.State.SystemState == PowerSystemWorking
                              ? PowerDeviceD0
                              : PowerDeviceD3;
      EXPECT_EQ(
          PoRequestPowerIrp(of(device).pdo, IRP_MN_SET_POWER, state, &power_done, device, nullptr),
          STATUS_PENDING);
    }
    PoStartNextPowerIrp(irp);
    IoSkipCurrentIrpStackLocation(irp);
    return PoCallDriver(of(device).lower, irp);
  }
  static VOID power_done(PDEVICE_OBJECT, UCHAR minor, POWER_STATE state, PVOID context,
                         PIO_STATUS_BLOCK result) {
    EXPECT_EQ(minor, IRP_MN_SET_POWER);
    EXPECT_EQ(result->Status, STATUS_SUCCESS);
    self->before =
        PoSetPowerState(static_cast<PDEVICE_OBJECT>(context), DevicePowerState, state).DeviceState;
    self->now = state.DeviceState;
  }

  static inline pnp_test* self = nullptr;
  PDRIVER_OBJECT driver = nullptr;
  PDEVICE_OBJECT fdo = nullptr;
  NTSTATUS status = 0, add_status = STATUS_SUCCESS;
  bool keep_initializing = false;
  std::vector<int> minors;
  int odd_minor = -1;
  std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)> odd;
  DEVICE_POWER_STATE before = PowerDeviceUnspecified, now = PowerDeviceUnspecified;
};

using list = std::vector<int>;

// WDM-IRP-037, WDM-IRP-038, WDM-IRP-039
TEST_F(pnp_test, a_device_is_added_started_and_removed_in_order) {
  load();
  ASSERT_EQ(status, STATUS_SUCCESS);
  EXPECT_EQ(take(), (list{IRP_MN_START_DEVICE, IRP_MN_QUERY_CAPABILITIES,
                          IRP_MN_QUERY_PNP_DEVICE_STATE, IRP_MN_QUERY_DEVICE_RELATIONS}));
  EXPECT_TRUE(wdm::has_pnp_device(driver));
  const wdm::open_result opened = open();
  EXPECT_EQ(opened.status, STATUS_SUCCESS);
  EXPECT_EQ(wdm::remove_device(driver), STATUS_DEVICE_BUSY);
  EXPECT_EQ(take(), (list{IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_CANCEL_REMOVE_DEVICE}));
  wdm::close_handle(opened.file);
  EXPECT_EQ(wdm::remove_device(driver), STATUS_SUCCESS);
  EXPECT_EQ(take(), (list{IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE}));
  EXPECT_FALSE(wdm::has_pnp_device(driver));
  EXPECT_EQ(open().status, STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(wdm::remove_device(driver), STATUS_NO_SUCH_DEVICE);
}

TEST_F(pnp_test, unloading_removes_the_device) {
  load();
  take();
  wdm::unload_driver(std::exchange(driver, nullptr));
  EXPECT_EQ(take(), (list{IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE}));
}

TEST_F(pnp_test, a_stopped_device_starts_again) {
  load();
  take();
  EXPECT_EQ(wdm::stop_device(driver), STATUS_SUCCESS);
  EXPECT_EQ(wdm::stop_device(driver), STATUS_INVALID_DEVICE_STATE);
  EXPECT_EQ(take(), (list{IRP_MN_QUERY_STOP_DEVICE, IRP_MN_STOP_DEVICE}));
  EXPECT_EQ(wdm::start_device(driver), STATUS_SUCCESS);
  EXPECT_EQ(take()[0], IRP_MN_START_DEVICE);
  odd_minor = IRP_MN_QUERY_STOP_DEVICE;
  odd = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_UNSUCCESSFUL); };
  EXPECT_EQ(wdm::stop_device(driver), STATUS_UNSUCCESSFUL);
  EXPECT_EQ(take(), (list{IRP_MN_QUERY_STOP_DEVICE, IRP_MN_CANCEL_STOP_DEVICE}));
}

TEST_F(pnp_test, a_device_that_is_gone_is_removed_when_its_last_file_is_closed) {
  load();
  take();
  const wdm::open_result opened = open();
  EXPECT_EQ(wdm::surprise_remove(driver), STATUS_SUCCESS);
  EXPECT_EQ(take(), (list{IRP_MN_SURPRISE_REMOVAL}));
  EXPECT_EQ(open().status, STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(wdm::surprise_remove(driver), STATUS_NO_SUCH_DEVICE);
  wdm::close_handle(opened.file);
  EXPECT_EQ(take(), (list{IRP_MN_REMOVE_DEVICE}));
  EXPECT_EQ(driver->DeviceObject, nullptr);
}

TEST_F(pnp_test, a_device_that_is_not_added_or_not_started_is_gone) {
  add_status = STATUS_INSUFFICIENT_RESOURCES;
  load();
  EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(driver, nullptr);
  add_status = STATUS_SUCCESS;
  odd_minor = IRP_MN_START_DEVICE;
  odd = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_DEVICE_NOT_READY); };
  load();
  EXPECT_EQ(status, STATUS_DEVICE_NOT_READY);
  EXPECT_EQ(take(), (list{IRP_MN_START_DEVICE, IRP_MN_REMOVE_DEVICE}));
}

TEST_F(pnp_test, the_system_sleeps_and_wakes) {
  load();
  EXPECT_EQ(wdm::set_system_power(driver, false), STATUS_SUCCESS);
  EXPECT_EQ(before, PowerDeviceD0);
  EXPECT_EQ(now, PowerDeviceD3);
  EXPECT_EQ(wdm::set_system_power(driver, true), STATUS_SUCCESS);
  EXPECT_EQ(before, PowerDeviceD3);
  EXPECT_EQ(now, PowerDeviceD0);
}

TEST_F(pnp_test, properties_of_a_physical_device) {
  load();
  ULONG needed = 0;
  WCHAR text[64];
  PDEVICE_OBJECT pdo = of(fdo).pdo;
  EXPECT_EQ(IoGetDeviceProperty(pdo, DevicePropertyHardwareID, 0, nullptr, &needed),
            STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(needed, sizeof(L"ROOT\\BELAY") + sizeof(WCHAR));
  EXPECT_EQ(IoGetDeviceProperty(pdo, DevicePropertyEnumeratorName, sizeof(text), text, &needed),
            STATUS_SUCCESS);
  EXPECT_EQ(std::u16string(text, text + needed / 2 - 1), u"ROOT");
  EXPECT_EQ(IoGetDeviceProperty(pdo, DevicePropertyBusNumber, sizeof(text), text, &needed),
            STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(IoGetDeviceProperty(fdo, DevicePropertyHardwareID, 0, nullptr, &needed),
            STATUS_INVALID_DEVICE_REQUEST);
  EXPECT_EQ(IoGetDeviceProperty(pdo, DevicePropertyDriverKeyName, 0, nullptr, &needed),
            STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(needed, sizeof(L"{4d36e97d-e325-11ce-bfc1-08002be10318}\\0000"));
}

// The path of a key that is closed again, from the control set on.
std::u16string path_of(HANDLE key) {
  struct {
    KEY_NAME_INFORMATION head;
    WCHAR more[256];
  } it;
  ULONG needed = 0;
  EXPECT_EQ(ZwQueryKey(key, KeyNameInformation, &it, sizeof it, &needed), STATUS_SUCCESS);
  EXPECT_EQ(ZwClose(key), STATUS_SUCCESS);
  const std::u16string path(it.head.Name, it.head.Name + it.head.NameLength / sizeof(WCHAR));
  constexpr std::u16string_view before = u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\";
  EXPECT_TRUE(path.starts_with(before));
  return path.substr(before.size());
}

TEST_F(pnp_test, registry_keys_of_a_physical_device) {
  load();
  PDEVICE_OBJECT pdo = of(fdo).pdo;
  HANDLE key = nullptr;
  ASSERT_EQ(IoOpenDeviceRegistryKey(pdo, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &key), STATUS_SUCCESS);
  EXPECT_EQ(path_of(key), u"Enum\\ROOT\\BELAY\\0000\\Device Parameters");
  ASSERT_EQ(IoOpenDeviceRegistryKey(pdo, PLUGPLAY_REGKEY_DRIVER, KEY_WRITE, &key), STATUS_SUCCESS);
  EXPECT_EQ(path_of(key), u"Control\\Class\\{4d36e97d-e325-11ce-bfc1-08002be10318}\\0000");
  EXPECT_EQ(IoOpenDeviceRegistryKey(fdo, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &key),
            STATUS_INVALID_DEVICE_REQUEST);
  EXPECT_EQ(IoOpenDeviceRegistryKey(pdo, 3, KEY_READ, &key), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(IoOpenDeviceRegistryKey(pdo, PLUGPLAY_REGKEY_DEVICE | PLUGPLAY_REGKEY_CURRENT_HWPROFILE,
                                    KEY_READ, &key),
            STATUS_NOT_SUPPORTED);
}

TEST_F(pnp_test, registry_key_of_an_interface) {
  load();
  HANDLE key = nullptr;
  ASSERT_EQ(IoOpenDeviceInterfaceRegistryKey(&of(fdo).link, KEY_ALL_ACCESS, &key), STATUS_SUCCESS);
  EXPECT_EQ(path_of(key),
            u"Control\\DeviceClasses\\{5d624f94-8850-40c3-a3fa-a4fd2080baf3}\\"
            u"##?#ROOT#BELAY#0000#{5d624f94-8850-40c3-a3fa-a4fd2080baf3}\\#\\Device Parameters");
  UNICODE_STRING other = text(L"\\??\\ROOT#OTHER");
  EXPECT_EQ(IoOpenDeviceInterfaceRegistryKey(&other, KEY_READ, &key), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST_F(pnp_test, an_interface_is_enabled_and_disabled_once) {
  load();
  UNICODE_STRING link = of(fdo).link;
  EXPECT_EQ(IoSetDeviceInterfaceState(&link, TRUE), STATUS_OBJECT_NAME_EXISTS);
  EXPECT_EQ(IoSetDeviceInterfaceState(&link, FALSE), STATUS_SUCCESS);
  EXPECT_EQ(IoSetDeviceInterfaceState(&link, FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(open().status, STATUS_OBJECT_NAME_NOT_FOUND);
  PZZWSTR list = nullptr;
  EXPECT_EQ(IoGetDeviceInterfaces(&interface_class, nullptr, 0, &list), STATUS_SUCCESS);
  EXPECT_EQ(list[0], 0);
  ExFreePool(list);
  EXPECT_EQ(IoSetDeviceInterfaceState(&link, TRUE), STATUS_SUCCESS);
  EXPECT_EQ(IoGetDeviceInterfaces(&interface_class, of(fdo).pdo, 0, &list), STATUS_SUCCESS);
  EXPECT_EQ(std::u16string(list, list + link.Length / 2),
            std::u16string(link.Buffer, link.Buffer + link.Length / 2));
  EXPECT_EQ(list[link.Length / 2], 0);
  EXPECT_EQ(list[link.Length / 2 + 1], 0);
  ExFreePool(list);
}

// ---- what it may not do

// WDM-IRP-037
TEST_F(pnp_test, a_device_left_initializing_is_reported) {
  keep_initializing = true;
  EXPECT_EQ(expect_broken("WDM-IRP-037", [&] { load(); }).parameter[0], 0x243u);
}

// WDM-IRP-038
TEST_F(pnp_test, a_success_that_is_not_passed_down_is_reported) {
  odd_minor = IRP_MN_START_DEVICE;
  odd = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_SUCCESS); };
  const kernel::violation what = expect_broken("WDM-IRP-038", [&] { load(); });
  EXPECT_EQ(what.parameter[0], 0x22Eu);
  EXPECT_STREQ(what.rule, "PnpIrpCompletion");
}

// WDM-IRP-038
TEST_F(pnp_test, an_unknown_packet_that_is_completed_is_reported) {
  odd_minor = IRP_MN_QUERY_PNP_DEVICE_STATE;
  odd = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_NOT_SUPPORTED); };
  EXPECT_EQ(expect_broken("WDM-IRP-038", [&] { load(); }).parameter[0], 0x22Fu);
}

// WDM-IRP-038
TEST_F(pnp_test, a_failure_that_is_passed_down_is_reported) {
  odd_minor = IRP_MN_START_DEVICE;
  odd = [](PDEVICE_OBJECT device, PIRP irp) {
    irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
    return pass(device, irp);
  };
  EXPECT_EQ(expect_broken("WDM-IRP-038", [&] { load(); }).parameter[0], 0x215u);
}

// WDM-IRP-038
TEST_F(pnp_test, a_removal_that_fails_is_reported) {
  load();
  odd_minor = IRP_MN_SURPRISE_REMOVAL;
  odd = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_UNSUCCESSFUL); };
  EXPECT_EQ(expect_broken("WDM-IRP-038", [&] { wdm::surprise_remove(driver); }).parameter[0],
            0x306u);
  driver = nullptr;
}

// WDM-IRP-039
TEST_F(pnp_test, a_device_that_stays_after_its_removal_is_reported) {
  load();
  odd_minor = IRP_MN_REMOVE_DEVICE;
  odd = [](PDEVICE_OBJECT device, PIRP irp) {
    irp->IoStatus.Status = STATUS_SUCCESS;
    return pass(device, irp);
  };
  EXPECT_EQ(expect_broken("WDM-IRP-039", [&] { wdm::remove_device(driver); }).parameter[0], 0x21Du);
  driver = nullptr;
}

// WDM-IRP-039
TEST_F(pnp_test, a_device_deleted_too_early_is_reported) {
  load();
  odd_minor = IRP_MN_SURPRISE_REMOVAL;
  odd = [](PDEVICE_OBJECT device, PIRP irp) {
    irp->IoStatus.Status = STATUS_SUCCESS;
    const NTSTATUS status = pass(device, irp);
    IoDetachDevice(of(device).lower);
    return status;
  };
  EXPECT_EQ(expect_broken("WDM-IRP-039", [&] { wdm::surprise_remove(driver); }).parameter[0],
            0x241u);
  driver = nullptr;
}

// WDM-FILE-007
TEST_F(pnp_test, the_removal_is_the_only_one_to_wait_for_the_remove_lock) {
  load();
  odd_minor = IRP_MN_SURPRISE_REMOVAL;
  odd = [](PDEVICE_OBJECT device, PIRP irp) {
    IoAcquireRemoveLock(&of(device).lock, irp);
    IoReleaseRemoveLockAndWait(&of(device).lock, irp);
    return pass(device, irp);
  };
  EXPECT_STREQ(expect_broken("WDM-FILE-007", [&] { wdm::surprise_remove(driver); }).rule,
               "IoReleaseRemoveLockAndWaitOutsideRemoveDevice");
  driver = nullptr;
}

}  // namespace
}  // namespace belay::test
