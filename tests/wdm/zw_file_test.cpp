// A driver's own opens of devices: ZwCreateFile, ZwReadFile and their kin.
#include "kernel/object.hpp"
#include "zw_fixture.hpp"

namespace belay::test {
namespace {

using majors = std::vector<UCHAR>;

// ---- opening

// WDM-FILE-009, WDM-FILE-001
TEST_F(zw_file_test, an_open_says_how_and_its_handle_names_a_file_object) {
  on[IRP_MJ_CREATE] = [](PDEVICE_OBJECT, PIRP irp) {
    const IO_STACK_LOCATION& stack = *IoGetCurrentIrpStackLocation(irp);
    EXPECT_EQ(irp->RequestorMode, KernelMode);
    EXPECT_EQ(stack.Parameters.Create.Options, (ULONG{FILE_OPEN} << 24) | waits);
    EXPECT_EQ(stack.Parameters.Create.ShareAccess, FILE_SHARE_READ);
    EXPECT_EQ(stack.Parameters.Create.FileAttributes, FILE_ATTRIBUTE_NORMAL);
    EXPECT_EQ(stack.Parameters.Create.SecurityContext->DesiredAccess,
              ACCESS_MASK{FILE_GENERIC_READ | FILE_GENERIC_WRITE});
    EXPECT_TRUE(stack.FileObject->Flags & FO_SYNCHRONOUS_IO);
    return complete(irp, STATUS_SUCCESS, FILE_OPENED);
  };
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  EXPECT_EQ(block.Status, STATUS_SUCCESS);
  EXPECT_EQ(block.Information, ULONG_PTR{FILE_OPENED});
  PVOID object = nullptr;
  OBJECT_HANDLE_INFORMATION information{};
  EXPECT_EQ(ObReferenceObjectByHandle(file, 0, *ExEventObjectType, KernelMode, &object, nullptr),
            STATUS_OBJECT_TYPE_MISMATCH);
  ASSERT_EQ(
      ObReferenceObjectByHandle(file, 0, *IoFileObjectType, KernelMode, &object, &information),
      STATUS_SUCCESS);
  EXPECT_EQ(static_cast<PFILE_OBJECT>(object)->DeviceObject, device);
  EXPECT_EQ(information.GrantedAccess, ACCESS_MASK{FILE_GENERIC_READ | FILE_GENERIC_WRITE});
  EXPECT_EQ(ZwClose(file), STATUS_SUCCESS);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_CLEANUP}));
  ObDereferenceObject(object);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE}));
  file = nullptr;
}

// WDM-FILE-009
TEST_F(zw_file_test, what_follows_the_name_is_the_files_also_behind_a_link) {
  std::u16string name;
  on[IRP_MJ_CREATE] = [&](PDEVICE_OBJECT, PIRP irp) {
    const PFILE_OBJECT object = IoGetCurrentIrpStackLocation(irp)->FileObject;
    name = object->RelatedFileObject != nullptr ? u"related:" : u"";
    for (int i = 0; i < object->FileName.Length / 2; ++i)
      name += static_cast<char16_t>(object->FileName.Buffer[i]);
    return complete(irp, STATUS_SUCCESS);
  };
  UNICODE_STRING link = text(L"\\??\\Second"), leads = text(L"\\DosDevices\\Probe\\port");
  ASSERT_EQ(IoCreateSymbolicLink(&link, &leads), STATUS_SUCCESS);
  ASSERT_EQ(open_file(L"\\??\\Second\\1"), STATUS_SUCCESS);
  EXPECT_EQ(name, u"\\port\\1");
  root = file;
  ASSERT_EQ(open_file(L"part"), STATUS_SUCCESS);
  EXPECT_EQ(name, u"related:part");
  ZwClose(root);
  IoDeleteSymbolicLink(&link);
}

// WDM-FILE-009
TEST_F(zw_file_test, names_that_no_device_has) {
  EXPECT_EQ(open_file(L"\\Device\\Missing"), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(open_file(L"\\??\\Missing"), STATUS_OBJECT_NAME_NOT_FOUND);
  EXPECT_EQ(open_file(L"\\Device\\Missing\\file"), STATUS_OBJECT_PATH_NOT_FOUND);
  EXPECT_EQ(open_file(L"\\??\\C:\\Windows\\notepad.exe"), STATUS_OBJECT_PATH_NOT_FOUND);
  EXPECT_EQ(open_file(L"\\SystemRoot\\notepad.exe"), STATUS_OBJECT_PATH_NOT_FOUND);
  EXPECT_EQ(open_file(L"\\Device"), STATUS_OBJECT_TYPE_MISMATCH);
  EXPECT_EQ(open_file(L"Probe"), STATUS_OBJECT_PATH_SYNTAX_BAD);
  EXPECT_EQ(open_file(L""), STATUS_OBJECT_PATH_SYNTAX_BAD);
  EXPECT_TRUE(seen.empty());
  root = make_event();
  EXPECT_EQ(open_file(L"Probe"), STATUS_OBJECT_TYPE_MISMATCH);
  ZwClose(root);
  EXPECT_EQ(open_file(L"Probe"), STATUS_INVALID_HANDLE);
}

// WDM-FILE-009
TEST_F(zw_file_test, options_that_contradict_each_other) {
  EXPECT_EQ(open_probe(FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT),
            STATUS_INVALID_PARAMETER);
  EXPECT_EQ(open_probe(waits, FILE_READ_DATA), STATUS_INVALID_PARAMETER) << "no SYNCHRONIZE";
  EXPECT_EQ(open_probe(FILE_DELETE_ON_CLOSE), STATUS_INVALID_PARAMETER) << "no DELETE";
  EXPECT_EQ(open_probe(FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE), STATUS_INVALID_PARAMETER);
  EXPECT_TRUE(seen.empty());
}

// WDM-FILE-009, WDM-FILE-001
TEST_F(zw_file_test, an_open_that_the_driver_refuses) {
  on[IRP_MJ_CREATE] = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_DEVICE_BUSY, 5); };
  EXPECT_EQ(open_probe(), STATUS_DEVICE_BUSY);
  EXPECT_EQ(file, nullptr);
  EXPECT_EQ(block.Status, STATUS_DEVICE_BUSY);
  EXPECT_EQ(block.Information, 5u);
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE}));
}

// ---- transfers

// WDM-FILE-009
TEST_F(zw_file_test, reads_in_all_three_ways) {
  on[IRP_MJ_READ] = [this](PDEVICE_OBJECT, PIRP irp) {
    EXPECT_EQ(irp->MdlAddress != nullptr, (device->Flags & DO_DIRECT_IO) != 0);
    EXPECT_EQ(irp->AssociatedIrp.SystemBuffer != nullptr, (device->Flags & DO_BUFFERED_IO) != 0);
    return answer_read(irp, "seven", 6);
  };
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  for (const ULONG flags : {DO_BUFFERED_IO, DO_DIRECT_IO, 0}) {
    device->Flags = (device->Flags & ~ULONG{DO_BUFFERED_IO | DO_DIRECT_IO}) | flags;
    RtlZeroMemory(data, sizeof data);
    EXPECT_EQ(read(), STATUS_SUCCESS);
    EXPECT_STREQ(data, "seven");
    EXPECT_EQ(block.Information, 6u);
  }
}

// WDM-FILE-009
TEST_F(zw_file_test, control_codes_in_all_ways) {
  on[IRP_MJ_DEVICE_CONTROL] = [](PDEVICE_OBJECT, PIRP irp) {
    const auto& control = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl;
    const bool neither = (control.IoControlCode & 3) == METHOD_NEITHER;
    const char* const in =
        static_cast<char*>(neither ? control.Type3InputBuffer : irp->AssociatedIrp.SystemBuffer);
    const std::string answer = "!" + std::string(in, control.InputBufferLength);
    return answer_read(irp, answer.c_str(), answer.size());
  };
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  char question[] = {'h', 'i'};
  for (const ULONG method : {METHOD_BUFFERED, METHOD_OUT_DIRECT, METHOD_NEITHER}) {
    RtlZeroMemory(data, sizeof data);
    EXPECT_EQ(ZwDeviceIoControlFile(file, nullptr, nullptr, nullptr, &block,
                                    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, method, FILE_ANY_ACCESS),
                                    question, sizeof question, data, sizeof data),
              STATUS_SUCCESS);
    EXPECT_STREQ(data, "!hi");  // and not the system buffer, where the method is not buffered
  }
}

// WDM-FILE-009
TEST_F(zw_file_test, a_synchronous_handle_waits) {
  sync::actor_id other = sync::no_actor;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    EXPECT_TRUE(IoIsOperationSynchronous(irp));
    IoMarkIrpPending(irp);
    other = sync::spawn(
        {}, [](void* packet) { answer_read(static_cast<PIRP>(packet), "later", 6); }, irp);
    return STATUS_PENDING;
  };
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  HANDLE event = make_event();
  EXPECT_EQ(read(event), STATUS_SUCCESS);
  EXPECT_STREQ(data, "later");
  EXPECT_EQ(block.Information, 6u);
  EXPECT_TRUE(is_set(event));
  sync::join(other);
  ZwClose(event);
}

// WDM-FILE-009, WDM-FILE-004
TEST_F(zw_file_test, an_asynchronous_handle_does_not) {
  keep_reads();
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  HANDLE event = make_event();
  block.Status = STATUS_PENDING;
  EXPECT_EQ(read(event), STATUS_PENDING);
  EXPECT_FALSE(is_set(event)) << "cleared when it begins";
  EXPECT_EQ(block.Status, STATUS_PENDING);
  RtlCopyMemory(held->AssociatedIrp.SystemBuffer, "done", 5);
  finish_held(STATUS_SUCCESS, 5);
  EXPECT_TRUE(is_set(event));
  EXPECT_EQ(block.Status, STATUS_SUCCESS);
  EXPECT_EQ(block.Information, 5u);
  EXPECT_STREQ(data, "done");
  EXPECT_FALSE(is_set(file)) << "an event of the caller's is signalled instead of the file";
  EXPECT_EQ(read(), STATUS_PENDING);
  finish_held(STATUS_DEVICE_NOT_READY);
  EXPECT_TRUE(is_set(file));
  EXPECT_EQ(block.Status, STATUS_DEVICE_NOT_READY) << "an error that was pended is told";
  ZwClose(event);
}

// WDM-FILE-004
TEST_F(zw_file_test, an_error_that_was_not_pended_is_only_returned) {
  on[IRP_MJ_READ] = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_DEVICE_NOT_READY); };
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  HANDLE event = make_event();
  block.Status = 17;
  EXPECT_EQ(read(event), STATUS_DEVICE_NOT_READY);
  EXPECT_EQ(block.Status, 17);
  EXPECT_FALSE(is_set(event));
  EXPECT_EQ(ZwReadFile(file, file, nullptr, nullptr, &block, data, 1, nullptr, nullptr),
            STATUS_INVALID_PARAMETER)
      << "no offset";
  LARGE_INTEGER start{};
  EXPECT_EQ(ZwReadFile(file, file, nullptr, nullptr, &block, data, 1, &start, nullptr),
            STATUS_OBJECT_TYPE_MISMATCH)
      << "no event";
  ZwClose(event);
}

VOID count_call(PVOID context, PIO_STATUS_BLOCK block, ULONG) {
  EXPECT_EQ(block->Status, STATUS_SUCCESS);
  ++*static_cast<int*>(context);
}

// WDM-FILE-009
TEST_F(zw_file_test, the_apc_routine_runs_on_the_issuing_thread) {
  keep_reads();
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  int calls = 0;
  ASSERT_EQ(read(nullptr, &count_call, &calls), STATUS_PENDING);
  sync::join(sync::spawn(
      {}, [](void* self) { static_cast<zw_file_test*>(self)->finish_held(STATUS_SUCCESS); }, this));
  EXPECT_EQ(calls, 0) << "another thread completed it";
  LARGE_INTEGER moment{};
  KeDelayExecutionThread(KernelMode, TRUE, &moment);
  EXPECT_EQ(calls, 1);
  KeDelayExecutionThread(KernelMode, TRUE, &moment);
  EXPECT_EQ(calls, 1);
}

// WDM-FILE-009
TEST_F(zw_file_test, what_a_handle_was_opened_for_is_not_looked_at) {
  LARGE_INTEGER start{};
  ASSERT_EQ(open_probe(waits, FILE_GENERIC_WRITE), STATUS_SUCCESS);
  EXPECT_EQ(read(), STATUS_SUCCESS);
  HANDLE writer = file;
  ASSERT_EQ(open_probe(waits, FILE_GENERIC_READ), STATUS_SUCCESS);
  EXPECT_EQ(
      ZwWriteFile(file, nullptr, nullptr, nullptr, &block, data, sizeof data, &start, nullptr),
      STATUS_SUCCESS);
  EXPECT_EQ(ZwDeviceIoControlFile(file, nullptr, nullptr, nullptr, &block,
                                  CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED,
                                           FILE_READ_ACCESS | FILE_WRITE_ACCESS),
                                  nullptr, 0, nullptr, 0),
            STATUS_SUCCESS);
  HANDLE same = nullptr;
  ASSERT_EQ(ZwDuplicateObject(ZwCurrentProcess(), file, ZwCurrentProcess(), &same, 0, 0,
                              DUPLICATE_SAME_ACCESS),
            STATUS_SUCCESS);
  EXPECT_EQ(ZwFlushBuffersFile(same, &block), STATUS_SUCCESS);
  FILE_ACCESS_INFORMATION rights{};
  EXPECT_EQ(ZwQueryInformationFile(same, &block, &rights, sizeof rights, FileAccessInformation),
            STATUS_SUCCESS);
  EXPECT_EQ(rights.AccessFlags, ULONG{FILE_GENERIC_READ});
  ZwClose(same);
  ZwClose(writer);
  EXPECT_EQ(ZwFlushBuffersFile(writer, &block), STATUS_INVALID_HANDLE);
}

// WDM-FILE-009
TEST_F(zw_file_test, a_synchronous_file_has_a_position) {
  std::vector<LONGLONG> offsets;
  on[IRP_MJ_READ] = on[IRP_MJ_WRITE] = [&](PDEVICE_OBJECT, PIRP irp) {
    offsets.push_back(IoGetCurrentIrpStackLocation(irp)->Parameters.Read.ByteOffset.QuadPart);
    return complete(irp, STATUS_SUCCESS, 4);
  };
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  LARGE_INTEGER at;
  at.QuadPart = 100;
  const auto read_at = [&](PLARGE_INTEGER offset) {
    return ZwReadFile(file, nullptr, nullptr, nullptr, &block, data, 4, offset, nullptr);
  };
  EXPECT_EQ(read_at(nullptr), STATUS_SUCCESS);
  EXPECT_EQ(read_at(nullptr), STATUS_SUCCESS);
  EXPECT_EQ(read_at(&at), STATUS_SUCCESS);
  at.HighPart = -1;
  at.LowPart = FILE_USE_FILE_POINTER_POSITION;
  EXPECT_EQ(read_at(&at), STATUS_SUCCESS);
  at.LowPart = FILE_WRITE_TO_END_OF_FILE;
  EXPECT_EQ(ZwWriteFile(file, nullptr, nullptr, nullptr, &block, data, 4, &at, nullptr),
            STATUS_SUCCESS);
  EXPECT_EQ(read_at(&at), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(offsets, (std::vector<LONGLONG>{0, 4, 100, 104, -1}));
  FILE_POSITION_INFORMATION position{};
  EXPECT_EQ(
      ZwQueryInformationFile(file, &block, &position, sizeof position, FilePositionInformation),
      STATUS_SUCCESS);
  EXPECT_EQ(position.CurrentByteOffset.QuadPart, 108);
  position.CurrentByteOffset.QuadPart = 7;
  EXPECT_EQ(ZwSetInformationFile(file, &block, &position, sizeof position, FilePositionInformation),
            STATUS_SUCCESS);
  EXPECT_EQ(read_at(nullptr), STATUS_SUCCESS);
  EXPECT_EQ(offsets.back(), 7);
}

// ---- information

// WDM-FILE-009
TEST_F(zw_file_test, information_is_the_drivers_or_the_io_managers) {
  on[IRP_MJ_QUERY_INFORMATION] = [](PDEVICE_OBJECT, PIRP irp) {
    const auto& query = IoGetCurrentIrpStackLocation(irp)->Parameters.QueryFile;
    EXPECT_EQ(query.FileInformationClass, FileStandardInformation);
    FILE_STANDARD_INFORMATION answer{};
    answer.EndOfFile.QuadPart = 99;
    return answer_read(irp, &answer, sizeof answer);
  };
  on[IRP_MJ_SET_INFORMATION] = [](PDEVICE_OBJECT, PIRP irp) {
    const auto& set = IoGetCurrentIrpStackLocation(irp)->Parameters.SetFile;
    EXPECT_EQ(set.FileInformationClass, FileEndOfFileInformation);
    EXPECT_EQ(static_cast<FILE_END_OF_FILE_INFORMATION*>(irp->AssociatedIrp.SystemBuffer)
                  ->EndOfFile.QuadPart,
              5);
    return complete(irp, STATUS_SUCCESS);
  };
  for (const ULONG options : {ULONG{waits}, ULONG{0}}) {
    ASSERT_EQ(open_probe(options), STATUS_SUCCESS);
    device->AlignmentRequirement = FILE_WORD_ALIGNMENT;
    FILE_STANDARD_INFORMATION standard{};
    const auto query = [&](auto& what, FILE_INFORMATION_CLASS which) {
      block = {};
      return ZwQueryInformationFile(file, &block, &what, sizeof what, which);
    };
    EXPECT_EQ(query(standard, FileStandardInformation), STATUS_SUCCESS);
    EXPECT_EQ(standard.EndOfFile.QuadPart, 99);
    EXPECT_EQ(block.Information, sizeof standard);
    FILE_END_OF_FILE_INFORMATION end{};
    end.EndOfFile.QuadPart = 5;
    EXPECT_EQ(ZwSetInformationFile(file, &block, &end, sizeof end, FileEndOfFileInformation),
              STATUS_SUCCESS);
    const std::size_t asked = seen.size();
    FILE_MODE_INFORMATION mode{};
    EXPECT_EQ(query(mode, FileModeInformation), STATUS_SUCCESS);
    EXPECT_EQ(mode.Mode, options);
    mode.Mode = options | FILE_WRITE_THROUGH;
    EXPECT_EQ(ZwSetInformationFile(file, &block, &mode, sizeof mode, FileModeInformation),
              STATUS_SUCCESS);
    EXPECT_EQ(query(mode, FileModeInformation), STATUS_SUCCESS);
    EXPECT_EQ(mode.Mode, options | FILE_WRITE_THROUGH);
    mode.Mode = options ^ waits;
    EXPECT_EQ(ZwSetInformationFile(file, &block, &mode, sizeof mode, FileModeInformation),
              STATUS_INVALID_PARAMETER);
    FILE_ACCESS_INFORMATION access{};
    EXPECT_EQ(query(access, FileAccessInformation), STATUS_SUCCESS);
    EXPECT_EQ(access.AccessFlags, ACCESS_MASK{FILE_GENERIC_READ | FILE_GENERIC_WRITE});
    FILE_ALIGNMENT_INFORMATION alignment{};
    EXPECT_EQ(query(alignment, FileAlignmentInformation), STATUS_SUCCESS);
    EXPECT_EQ(alignment.AlignmentRequirement, ULONG{FILE_WORD_ALIGNMENT});
    EXPECT_EQ(query(access, FileStandardInformation), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(query(access, FileMaximumInformation), STATUS_INVALID_INFO_CLASS);
    EXPECT_EQ(seen.size(), asked) << "no driver was asked";
    ZwClose(file);
    file = nullptr;
  }
}

// ---- symbolic links

// WDM-FILE-009
TEST_F(zw_file_test, a_symbolic_link_says_where_it_leads) {
  const auto open_link = [](UNICODE_STRING name, HANDLE* link) {
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, 0, nullptr, nullptr);
    return ZwOpenSymbolicLinkObject(link, GENERIC_READ, &attributes);
  };
  HANDLE link = nullptr;
  EXPECT_EQ(open_link(text(L"\\Device\\Probe"), &link), STATUS_OBJECT_TYPE_MISMATCH);
  EXPECT_EQ(open_link(text(L"\\??\\Missing"), &link), STATUS_OBJECT_NAME_NOT_FOUND);
  ASSERT_EQ(open_link(text(L"\\??\\Probe"), &link), STATUS_SUCCESS);
  WCHAR room[32] = {};
  UNICODE_STRING target = {0, 4, room};
  ULONG needed = 0;
  EXPECT_EQ(ZwQuerySymbolicLinkObject(link, &target, &needed), STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(needed, sizeof(L"\\Device\\Probe") - sizeof(WCHAR));
  target.MaximumLength = sizeof room;
  ASSERT_EQ(ZwQuerySymbolicLinkObject(link, &target, nullptr), STATUS_SUCCESS);
  UNICODE_STRING expected = text(L"\\Device\\Probe");
  EXPECT_TRUE(RtlEqualUnicodeString(&target, &expected, FALSE));
  EXPECT_EQ(read(), STATUS_INVALID_HANDLE);
  ZwClose(link);
  EXPECT_EQ(ZwQuerySymbolicLinkObject(link, &target, nullptr), STATUS_INVALID_HANDLE);
}

// ---- what a driver must not do

// WDM-FILE-010
TEST_F(zw_file_test, a_handle_left_open_is_reported_at_unload) {
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  const void* const opened = kernel::object_of_handle(file);
  driver->DriverUnload = [](PDRIVER_OBJECT gone) { IoDeleteDevice(gone->DeviceObject); };
  const kernel::violation what = expect_broken("WDM-FILE-010", [&] { wdm::unload_driver(driver); });
  EXPECT_EQ(what.object, opened);
  file = nullptr;
  abandon();
}

// WDM-FILE-006
TEST_F(zw_file_test, a_status_block_on_the_stack_of_a_routine_that_returns_is_reported) {
  keep_reads();
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  on[IRP_MJ_WRITE] = [&](PDEVICE_OBJECT, PIRP irp) {
    IO_STATUS_BLOCK local;
    LARGE_INTEGER start{};
    EXPECT_EQ(ZwReadFile(file, nullptr, nullptr, nullptr, &local, data, 4, &start, nullptr),
              STATUS_PENDING);
    return complete(irp, STATUS_SUCCESS);
  };
  const wdm::open_result client = open();
  lost_request write({.file = client.file, .major = IRP_MJ_WRITE});
  expect_broken("WDM-FILE-006", [&] { write.request.start(); });
  file = nullptr;
  abandon();
}

}  // namespace
}  // namespace belay::test
