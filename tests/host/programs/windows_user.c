/*
 * A Windows program that uses tests/host/drivers/probe.c in every way, and says where it goes wrong.
 */
#include <windows.h>
#include <winioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_REVERSE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define PROBE_WAIT    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define PROBE_UNKNOWN CTL_CODE(FILE_DEVICE_UNKNOWN, 0x8ff, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define BIG (3 * 1024 * 1024 + 5)

static int failures;

static void expect(int holds, const char *what)
{
    if (holds) return;
    ++failures;
    printf("FAILED: %s (last error %lu)\n", what, GetLastError());
}

static HANDLE open_probe(DWORD flags)
{
    return CreateFileA("\\\\.\\Probe", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, flags, NULL);
}

static void overlapped_and_cancelled(HANDLE file)
{
    char buffer[16];
    OVERLAPPED first = {0}, second = {0};
    DWORD bytes = 0;

    first.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    second.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    expect(!ReadFile(file, buffer, sizeof buffer, NULL, &first) && GetLastError() == ERROR_IO_PENDING,
           "an overlapped read is pending");
    expect(!DeviceIoControl(file, PROBE_WAIT, NULL, 0, NULL, 0, NULL, &second) &&
           GetLastError() == ERROR_IO_PENDING, "an overlapped control is pending");
    expect(!GetOverlappedResult(file, &first, &bytes, FALSE) && GetLastError() == ERROR_IO_INCOMPLETE,
           "and not over");
    expect(CancelIoEx(file, &first), "CancelIoEx finds it");
    expect(!GetOverlappedResult(file, &first, &bytes, TRUE) && GetLastError() == ERROR_OPERATION_ABORTED,
           "the read was aborted");
    expect(WaitForSingleObject(first.hEvent, 0) == WAIT_OBJECT_0, "its event is set");
    expect(!HasOverlappedIoCompleted(&second), "the other goes on");
    expect(CancelIoEx(file, NULL), "CancelIoEx finds the other");
    expect(!GetOverlappedResult(file, &second, &bytes, TRUE) && GetLastError() == ERROR_OPERATION_ABORTED,
           "it was aborted");
    expect(!CancelIoEx(file, NULL) && GetLastError() == ERROR_NOT_FOUND, "there is none left");
    CloseHandle(first.hEvent);
    CloseHandle(second.hEvent);
}

static void read_and_written(HANDLE file)
{
    char buffer[16] = {0};
    OVERLAPPED reading = {0}, writing = {0};
    DWORD bytes = 0;

    reading.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    writing.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    ReadFile(file, buffer, sizeof buffer, NULL, &reading);
    if (!WriteFile(file, "hello", 5, NULL, &writing)) GetOverlappedResult(file, &writing, &bytes, TRUE);
    expect(writing.Internal == 0 && writing.InternalHigh == 5, "the write took five bytes");
    expect(GetOverlappedResult(file, &reading, &bytes, TRUE) && bytes == 5, "the read got five bytes");
    expect(memcmp(buffer, "hello", 5) == 0, "the same bytes");
    CloseHandle(reading.hEvent);
    CloseHandle(writing.hEvent);
}

static void controls(HANDLE file)
{
    unsigned char *in = malloc(BIG), *out = malloc(BIG);
    DWORD bytes = 0, i, wrong = 0;

    for (i = 0; i < BIG; ++i) in[i] = (unsigned char)(i * 7);
    expect(DeviceIoControl(file, PROBE_REVERSE, in, BIG, out, BIG, &bytes, NULL) && bytes == BIG,
           "a control with large buffers");
    for (i = 0; i < BIG; ++i) wrong += out[i] != in[BIG - 1 - i];
    expect(wrong == 0, "the bytes are reversed");
    expect(!DeviceIoControl(file, PROBE_UNKNOWN, NULL, 0, NULL, 0, &bytes, NULL) &&
           GetLastError() == ERROR_INVALID_FUNCTION, "an unknown code is an invalid function");
    free(in);
    free(out);
}

static void ports(HANDLE file)
{
    HANDLE port = CreateIoCompletionPort(file, NULL, 77, 0);
    char buffer[4];
    OVERLAPPED read = {0}, *which = NULL;
    ULONG_PTR key = 0;
    DWORD bytes = 0;

    expect(port != NULL, "a port");
    ReadFile(file, buffer, sizeof buffer, NULL, &read);
    CancelIo(file);
    expect(!GetQueuedCompletionStatus(port, &bytes, &key, &which, INFINITE) &&
           GetLastError() == ERROR_OPERATION_ABORTED, "the port tells of an aborted request");
    expect(which == &read && key == 77, "of that read");
    CloseHandle(port);
}

static DWORD WINAPI reader(PVOID argument)
{
    char buffer[4];
    DWORD bytes = 0;

    return ReadFile(argument, buffer, sizeof buffer, &bytes, NULL) ? 0 : GetLastError();
}

static void synchronous(void)
{
    HANDLE file = open_probe(0), thread = CreateThread(NULL, 0, reader, file, 0, NULL);
    DWORD code = 0;

    while (!CancelSynchronousIo(thread) && GetLastError() == ERROR_NOT_FOUND) SwitchToThread();
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &code);
    expect(code == ERROR_OPERATION_ABORTED, "CancelSynchronousIo ends the read");
    CloseHandle(thread);
    CloseHandle(file);
}

static void closed_with_requests(void)
{
    HANDLE file = open_probe(FILE_FLAG_OVERLAPPED);
    OVERLAPPED read = {0};
    char buffer[4];

    read.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    ReadFile(file, buffer, sizeof buffer, NULL, &read);
    CloseHandle(file);  /* IRP_MJ_CLEANUP cancels what waits */
    expect(WaitForSingleObject(read.hEvent, INFINITE) == WAIT_OBJECT_0, "cleanup ends the read");
    expect((DWORD)read.Internal == 0xC0000120, "as cancelled");
    CloseHandle(read.hEvent);
}

int main(void)
{
    HANDLE file;

    expect(CreateFileA("\\\\.\\Nothing", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) ==
           INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_NOT_FOUND, "no such device");
    file = open_probe(FILE_FLAG_OVERLAPPED);
    expect(file != INVALID_HANDLE_VALUE, "the device opens");
    if (file == INVALID_HANDLE_VALUE) return 1;
    overlapped_and_cancelled(file);
    read_and_written(file);
    ports(file);
    CloseHandle(file);
    file = open_probe(0);
    controls(file);
    CloseHandle(file);
    synchronous();
    closed_with_requests();
    printf(failures == 0 ? "all well\n" : "%d failures\n", failures);
    return failures != 0;
}
