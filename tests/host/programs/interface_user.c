/*
 * A Windows program that finds the device of tests/host/drivers/interfaces.c by its interfaces.
 */
#include <initguid.h>
#include <windows.h>
#include <cfgmgr32.h>
#include <stdio.h>
#include <string.h>

DEFINE_GUID(FIRST, 0x5d624f94, 0x8850, 0x40c3, 0xa3, 0xfa, 0xa4, 0xfd, 0x20, 0x80, 0xba, 0xf3);
DEFINE_GUID(SECOND, 0x5d624f94, 0x8850, 0x40c3, 0xa3, 0xfa, 0xa4, 0xfd, 0x20, 0x80, 0xba, 0xf4);
DEFINE_GUID(NONE, 0x5d624f94, 0x8850, 0x40c3, 0xa3, 0xfa, 0xa4, 0xfd, 0x20, 0x80, 0xba, 0xf5);

static int failures;

static void expect(int holds, const char *what)
{
    if (holds) return;
    ++failures;
    printf("FAILED: %s (last error %lu)\n", what, GetLastError());
}

static ULONG size_of(const GUID *of, const char *device)
{
    ULONG size = 99;

    expect(CM_Get_Device_Interface_List_SizeA(&size, (LPGUID)of, (char *)device, 0) == CR_SUCCESS, "a size");
    return size;
}

static HANDLE open_first(const GUID *of, const WCHAR *more)
{
    WCHAR list[512], name[512];
    ULONG size = 0, i, k;

    expect(CM_Get_Device_Interface_List_SizeW(&size, (LPGUID)of, NULL, 0) == CR_SUCCESS, "the size");
    expect(size > 2 && size < 512, "there is one");
    expect(CM_Get_Device_Interface_ListW((LPGUID)of, NULL, list, size - 1, 0) == CR_BUFFER_SMALL,
           "one character more");
    expect(CM_Get_Device_Interface_ListW((LPGUID)of, NULL, list, size, 0) == CR_SUCCESS, "the list");
    expect(list[size - 1] == 0 && list[size - 2] == 0, "two terminators at the end");
    for (i = 0; list[i] != 0; ++i) name[i] = list[i];
    for (k = 0; more[k] != 0; ++k) name[i + k] = more[k];
    name[i + k] = 0;
    return CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
}

int main(void)
{
    char narrow[256] = {0};
    WCHAR path[16];
    ULONG size;
    DWORD bytes = 0;
    HANDLE file = open_first(&FIRST, L"\\port");

    expect(file != INVALID_HANDLE_VALUE, "it opens");
    expect(ReadFile(file, path, sizeof path, &bytes, NULL) && bytes == 10 &&
           memcmp(path, L"\\port", 10) == 0, "with the path behind its name");
    size = size_of(&SECOND, NULL);
    expect(CM_Get_Device_Interface_List_ExA((LPGUID)&SECOND, NULL, narrow, sizeof narrow, 0, NULL) ==
           CR_SUCCESS && size == strlen(narrow) + 2, "the second interface");
    expect(strcmp(narrow, "\\\\?\\ROOT#BELAY#0000#{5d624f94-8850-40c3-a3fa-a4fd2080baf4}") == 0, "its link");
    expect(size_of(&SECOND, "root\\belay\\0000") == size, "of that device");
    expect(size_of(&SECOND, "ROOT\\BELAY\\0001") == 1, "of another");
    expect(size_of(&NONE, NULL) == 1, "nobody has it");
    expect(CM_Get_Device_Interface_ListA((LPGUID)&NONE, NULL, narrow, sizeof narrow, 0) == CR_SUCCESS &&
           narrow[0] == 0, "an empty list");
    expect(WriteFile(file, "-", 1, &bytes, NULL), "disabled");
    expect(size_of(&SECOND, NULL) == 1, "it is gone");
    expect(WriteFile(file, "+", 1, &bytes, NULL), "enabled");
    expect(size_of(&SECOND, NULL) == size, "it is back");
    CloseHandle(file);
    file = open_first(&SECOND, L"");
    expect(file != INVALID_HANDLE_VALUE, "it opens by the second, too");
    CloseHandle(file);
    expect(CM_Get_Device_Interface_List_SizeA(NULL, (LPGUID)&FIRST, NULL, 0) == CR_INVALID_POINTER, "NULL");
    expect(CM_Get_Device_Interface_List_SizeA(&size, (LPGUID)&FIRST, NULL, 8) == CR_INVALID_FLAG, "a flag");
    expect(CM_Get_Device_Interface_List_SizeA(&size, (LPGUID)&FIRST, NULL,
                                              CM_GET_DEVICE_INTERFACE_LIST_ALL_DEVICES) ==
           CR_CALL_NOT_IMPLEMENTED, "those that are not enabled");
    printf(failures == 0 ? "all well\n" : "%d failures\n", failures);
    return failures != 0;
}
