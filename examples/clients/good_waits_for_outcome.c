/*
 * A program that reads from the Doorbell (../drivers/good_01_cancel_routine_left_set.c), overlapped,
 * while another thread rings, and gives up: it cancels the read, waits until it knows what became of
 * it, and then frees its memory.
 *
 * The right twin of bad_freed_before_outcome.c.
 */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct _READ {
    OVERLAPPED Overlapped;
    char Buffer[16];
} READ;

static DWORD WINAPI Ring(LPVOID Parameter)
{
    DWORD written;
    HANDLE bell = CreateFileW(L"\\\\.\\Doorbell", GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);

    UNREFERENCED_PARAMETER(Parameter);
    if (bell == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    WriteFile(bell, "x", 1, &written, NULL);
    CloseHandle(bell);
    return 0;
}

int main(void)
{
    HANDLE door, ringer;
    DWORD bytes, error = ERROR_SUCCESS;
    READ *read;

    door = CreateFileW(L"\\\\.\\Doorbell", GENERIC_READ, 0, NULL, OPEN_EXISTING,
                       FILE_FLAG_OVERLAPPED, NULL);
    if (door == INVALID_HANDLE_VALUE) {
        printf("no doorbell: error %lu\n", GetLastError());
        return 1;
    }
    ringer = CreateThread(NULL, 0, Ring, NULL, 0, NULL);

    read = calloc(1, sizeof(*read));
    if (!ReadFile(door, read->Buffer, sizeof(read->Buffer), NULL, &read->Overlapped) &&
        GetLastError() == ERROR_IO_PENDING) {
        CancelIoEx(door, &read->Overlapped);
        /* Asked for is not done: the bell may be ringing, and the driver still has the read. */
        if (!GetOverlappedResult(door, &read->Overlapped, &bytes, TRUE)) {
            error = GetLastError();
        }
    }
    free(read);
    printf("%s\n", error == ERROR_OPERATION_ABORTED ? "gave up" : "it rang");

    WaitForSingleObject(ringer, INFINITE);
    CloseHandle(ringer);
    CloseHandle(door);
    return 0;
}
