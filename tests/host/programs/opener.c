/*
 * A Windows program that opens tests/host/drivers/opens.c in every way.
 *
 *   (no argument)  all of it; says where it goes wrong
 *   wait           opens \\.\Opens\wait and says how that ended
 *   read           opens for reading and, refused, for writing
 */
#include <windows.h>
#include <winioctl.h>
#include <stdio.h>
#include <string.h>

#define NAME_LENGTH 64
#define EVERYTHING (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

typedef struct {
    ULONG Access, Share, Disposition, Options, Attributes, FileFlags, Process, NameLength;
    WCHAR Name[NAME_LENGTH];
} REPORT;

static int failures;

static void expect(int holds, const char *what)
{
    if (holds) return;
    ++failures;
    printf("FAILED: %s (last error %lu)\n", what, GetLastError());
}

/* The error with which it fails; 0: it is open. */
static DWORD error_of(const char *name, DWORD access, DWORD share, DWORD disposition, HANDLE *file)
{
    *file = CreateFileA(name, access, share, NULL, disposition, 0, NULL);
    return *file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
}

static void asked_for(void)
{
    REPORT report = {0};
    DWORD bytes = 0;
    HANDLE file = CreateFileW(L"\\\\.\\Opens\\a\\path\x3b1 behind", GENERIC_READ | DELETE, FILE_SHARE_DELETE,
                              NULL, OPEN_ALWAYS,
                              FILE_FLAG_WRITE_THROUGH | FILE_FLAG_RANDOM_ACCESS | FILE_ATTRIBUTE_HIDDEN, NULL);

    expect(file != INVALID_HANDLE_VALUE, "the device opens");
    expect(GetLastError() == ERROR_ALREADY_EXISTS, "FILE_OPENED for OPEN_ALWAYS: it was there");
    expect(ReadFile(file, &report, sizeof report, &bytes, NULL) && bytes == sizeof report, "the report");
    expect(report.Access == (DELETE | FILE_GENERIC_READ), "the rights");
    expect(report.Share == FILE_SHARE_DELETE, "the share mode");
    expect(report.Disposition == 3, "FILE_OPEN_IF");
    expect((report.Options & 0x2) != 0, "FILE_WRITE_THROUGH");
    expect((report.Options & 0x20) != 0, "FILE_SYNCHRONOUS_IO_NONALERT");
    expect((report.Options & 0x800) != 0, "FILE_RANDOM_ACCESS");
    expect(report.Attributes == FILE_ATTRIBUTE_HIDDEN, "the attributes");
    expect((report.FileFlags & 0x2) != 0, "FO_SYNCHRONOUS_IO");
    expect(report.NameLength == 15 && memcmp(report.Name, L"\\a\\path\x3b1 behind", 30) == 0,
           "the path behind the name");
    expect(!WriteFile(file, "x", 1, &bytes, NULL) && GetLastError() == ERROR_ACCESS_DENIED,
           "the handle may not write");
    CloseHandle(file);
}

static void named(void)
{
    HANDLE file;

    expect(error_of("//./opens/any/where", 0, 0, OPEN_EXISTING, &file) == 0, "slashes, another case");
    CloseHandle(file);
    expect(error_of("\\\\?\\GLOBALROOT\\Device\\OpensDevice\\x", GENERIC_READ, 0, OPEN_EXISTING, &file) == 0,
           "the device's own name");
    CloseHandle(file);
    expect(error_of("\\\\?\\Opens\\a/b", GENERIC_READ, 0, OPEN_EXISTING, &file) == 0, "a slash that stands");
    CloseHandle(file);
    expect(error_of("\\\\.\\OpensX", GENERIC_READ, 0, OPEN_EXISTING, &file) == ERROR_FILE_NOT_FOUND,
           "no such device");
    expect(error_of("\\\\?\\Opens/x", GENERIC_READ, 0, OPEN_EXISTING, &file) == ERROR_FILE_NOT_FOUND,
           "a slash is no separator there");
}

static void shared(void)
{
    HANDLE alone, first, second;

    expect(error_of("\\\\.\\Opens", GENERIC_READ, 0, OPEN_EXISTING, &alone) == 0, "exclusively");
    expect(error_of("\\\\.\\Opens", GENERIC_READ, EVERYTHING, OPEN_EXISTING, &first) ==
           ERROR_SHARING_VIOLATION, "a second one is refused");
    expect(error_of("\\\\.\\Opens", 0, 0, OPEN_EXISTING, &first) == 0, "one without rights is not");
    CloseHandle(first);
    CloseHandle(alone);
    expect(error_of("\\\\.\\Opens", GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, &first) == 0,
           "for reading");
    expect(error_of("\\\\.\\Opens", GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, &second) == 0,
           "for reading once more");
    CloseHandle(second);
    expect(error_of("\\\\.\\Opens", GENERIC_WRITE, EVERYTHING, OPEN_EXISTING, &second) ==
           ERROR_SHARING_VIOLATION, "but not for writing");
    CloseHandle(first);
    expect(error_of("\\\\.\\Opens", GENERIC_WRITE, 0, OPEN_EXISTING, &second) == 0,
           "when the others are closed");
    CloseHandle(second);
}

static void disposed(void)
{
    HANDLE file;

    expect(error_of("\\\\.\\Opens\\file", GENERIC_READ, 0, OPEN_EXISTING, &file) == ERROR_FILE_NOT_FOUND,
           "it is not there");
    expect(error_of("\\\\.\\Opens\\file", GENERIC_WRITE, 0, TRUNCATE_EXISTING, &file) ==
           ERROR_FILE_NOT_FOUND, "nor to truncate");
    expect(error_of("\\\\.\\Opens\\file", GENERIC_READ, 0, CREATE_NEW, &file) == 0 &&
           GetLastError() == ERROR_SUCCESS, "it is created");
    CloseHandle(file);
    expect(error_of("\\\\.\\Opens\\file", GENERIC_READ, 0, CREATE_NEW, &file) == ERROR_FILE_EXISTS,
           "it is there");
    expect(error_of("\\\\.\\Opens\\file", GENERIC_READ, 0, CREATE_ALWAYS, &file) == 0 &&
           GetLastError() == ERROR_ALREADY_EXISTS, "it is overwritten");
    CloseHandle(file);
    expect(error_of("\\\\.\\Opens\\file", GENERIC_READ, 0, OPEN_EXISTING, &file) == 0, "it opens");
    CloseHandle(file);
}

static void refused(void)
{
    static const struct { const char *name; DWORD error; } all[] = {
        {"\\\\.\\Opens\\status\\C0000022", ERROR_ACCESS_DENIED},
        {"\\\\.\\Opens\\status\\C0000034", ERROR_FILE_NOT_FOUND},
        {"\\\\.\\Opens\\status\\C000003A", ERROR_PATH_NOT_FOUND},
        {"\\\\.\\Opens\\status\\C0000043", ERROR_SHARING_VIOLATION},
        {"\\\\.\\Opens\\status\\C00000AE", ERROR_PIPE_BUSY},
        {"\\\\.\\Opens\\status\\C00000A3", ERROR_NOT_READY},
        {"\\\\.\\Opens\\status\\C00000BB", ERROR_NOT_SUPPORTED},
        {"\\\\.\\Opens\\status\\C0000056", ERROR_ACCESS_DENIED},
        {"\\\\.\\Opens\\status\\E0001234", 0xE0001234},
    };
    HANDLE file;
    unsigned i;

    for (i = 0; i < sizeof all / sizeof *all; ++i) {
        expect(error_of(all[i].name, GENERIC_READ, 0, OPEN_EXISTING, &file) == all[i].error, all[i].name);
    }
}

static DWORD WINAPI opener(PVOID file)
{
    return error_of("\\\\.\\Opens\\wait", GENERIC_READ, 0, OPEN_EXISTING, file);
}

static void waited_for(void)
{
    REPORT report;
    HANDLE file = NULL, other, thread = CreateThread(NULL, 0, opener, &file, 0, NULL);
    DWORD code = 1, bytes;

    while (!CancelSynchronousIo(thread) && WaitForSingleObject(thread, 0) == WAIT_TIMEOUT) SwitchToThread();
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &code);
    expect(code == ERROR_OPERATION_ABORTED, "CancelSynchronousIo ends an open");
    CloseHandle(thread);
    thread = CreateThread(NULL, 0, opener, &file, 0, NULL);
    while (WaitForSingleObject(thread, 0) == WAIT_TIMEOUT) {
        expect(error_of("\\\\.\\Opens\\go", 0, 0, OPEN_EXISTING, &other) == 0, "go");
        CloseHandle(other);
    }
    GetExitCodeThread(thread, &code);
    expect(code == 0, "an open that waits succeeds");
    expect(ReadFile(file, &report, sizeof report, &bytes, NULL) && bytes == sizeof report, "and reads");
    CloseHandle(thread);
    CloseHandle(file);
}

static void only_reads(void)
{
    static unsigned char many[100000];
    REPORT report;
    DWORD bytes = 0, sum = 0, i, wanted = 0;
    HANDLE file;

    expect(error_of("\\\\.\\Opens", GENERIC_READ | GENERIC_WRITE, 0, OPEN_EXISTING, &file) ==
           ERROR_ACCESS_DENIED, "no right to write");
    expect(error_of("\\\\.\\Opens", GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, &file) == 0, "to read");
    expect(ReadFile(file, &report, sizeof report, &bytes, NULL) && bytes == sizeof report, "the report");
    expect(report.Share == FILE_SHARE_READ && (report.Access & FILE_WRITE_DATA) == 0, "what was asked for");
    for (i = 0; i < sizeof many; ++i) wanted += many[i] = (unsigned char)(i * 7);
    expect(DeviceIoControl(file, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS), many,
                           sizeof many, &sum, sizeof sum, &bytes, NULL) && sum == wanted, "a large control");
    CloseHandle(file);
}

int main(int count, char **words)
{
    HANDLE file;

    if (count > 1 && strcmp(words[1], "wait") == 0) {
        printf("%lu\n", opener(&file));
        return 0;
    }
    if (count > 1) {
        only_reads();
    } else {
        asked_for();
        named();
        shared();
        disposed();
        refused();
        waited_for();
    }
    printf(failures == 0 ? "all well\n" : "%d failures\n", failures);
    return failures != 0;
}
