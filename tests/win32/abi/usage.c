// A program that uses what programs use: must compile as C and as C++, without a warning.

#define INITGUID

#include <windows.h>
//
#include <cfgmgr32.h>
#include <conio.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strsafe.h>
#include <tchar.h>
#include <time.h>
#include <winioctl.h>

DEFINE_GUID(GUID_USAGE, 0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);
#define IOCTL_USAGE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

C_ASSERT(sizeof(WCHAR) == 2);
C_ASSERT(sizeof(DWORD) == 4);
C_ASSERT(sizeof(OVERLAPPED) == 32);

static CRITICAL_SECTION lock;
static SRWLOCK slim = SRWLOCK_INIT;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static volatile LONG count;

static VOID CALLBACK completed(DWORD error, DWORD bytes, LPOVERLAPPED overlapped) {
  UNREFERENCED_PARAMETER(overlapped);
  printf("%lu %lu\n", error, bytes);
}

static DWORD WINAPI worker(LPVOID parameter) {
  OVERLAPPED overlapped;
  char data[16];
  HANDLE file = (HANDLE)parameter;
  ZeroMemory(&overlapped, sizeof(overlapped));
  overlapped.hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
  if (!ReadFile(file, data, sizeof(data), NULL, &overlapped) && GetLastError() != ERROR_IO_PENDING)
    return GetLastError();
  if (!HasOverlappedIoCompleted(&overlapped)) CancelIoEx(file, &overlapped);
  ReadFileEx(file, data, sizeof(data), &overlapped, completed);
  SleepEx(INFINITE, TRUE);
  EnterCriticalSection(&lock);
  InterlockedIncrement(&count);
  LeaveCriticalSection(&lock);
  AcquireSRWLockExclusive(&slim);
  ReleaseSRWLockExclusive(&slim);
  ExitThread(0);
}

static BOOL WINAPI initialize(PINIT_ONCE which, PVOID parameter, PVOID* context) {
  UNREFERENCED_PARAMETER(which);
  UNREFERENCED_PARAMETER(context);
  InitializeCriticalSection((LPCRITICAL_SECTION)parameter);
  return TRUE;
}

static BOOL WINAPI interrupted(DWORD kind) { return kind == CTRL_C_EVENT; }

static void load_driver(void) {
  SERVICE_STATUS status;
  TCHAR path[MAX_PATH];
  SC_HANDLE manager = OpenSCManager(NULL, NULL, SC_MANAGER_ALL_ACCESS);
  SC_HANDLE service;
  GetCurrentDirectory(MAX_PATH, path);
  if (FAILED(StringCbCat(path, sizeof(path), _T("\\usage.sys")))) return;
  service = CreateService(manager, TEXT("usage"), TEXT("usage"), SERVICE_ALL_ACCESS,
                          SERVICE_KERNEL_DRIVER, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, path,
                          NULL, NULL, NULL, NULL, NULL);
  StartService(service, 0, NULL);
  ControlService(service, SERVICE_CONTROL_STOP, &status);
  DeleteService(service);
  CloseServiceHandle(service);
  CloseServiceHandle(manager);
}

static void use_text(const wchar_t* wide, const char* narrow) {
  wchar_t copy[32];
  char bytes[32];
  WCHAR* end;
  int (*compare)(const wchar_t*, const wchar_t*) = wcscmp;
  wcscpy_s(copy, _countof(copy), wide);
  wcscat_s(copy, _countof(copy), L"!");
  StringCchPrintfW(copy, _countof(copy), L"%s %S", wide, narrow);
  StringCchCopyA(bytes, sizeof(bytes), narrow);
  sprintf_s(bytes, sizeof(bytes), "%ws %I64d %Iu", wide, 5LL, sizeof(bytes));
  _snprintf_s(bytes, sizeof(bytes), _TRUNCATE, "%s", narrow);
  wprintf(L"%ws %hs %lu\n", copy, bytes, (DWORD)wcslen(copy));
  if (_wcsicmp(copy, wide) == 0 || _stricmp(bytes, narrow) == 0 || compare(copy, wide) == 0) return;
  if (sscanf_s(narrow, "%31s", bytes, (unsigned)sizeof(bytes)) != 1) puts("none");
  count = _wtoi(wide) + (LONG)wcstol(wide, &end, 0);
  _tprintf(_T("%d\n"), rand());
}

static void use_memory(void) {
  char* a = (char*)malloc(10);
  char* b = (char*)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 10);
  void* c = LocalAlloc(LPTR, 10);
  a = (char*)realloc(a, 20);
  memset(a, 0, 20);
  memcpy(b, a, 10);
  free(a);
  HeapFree(GetProcessHeap(), 0, b);
  LocalFree(c);
  free(_strdup("copy"));
}

static void show_error(void) {
  LPTSTR text = NULL;
  FormatMessage(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM, NULL, GetLastError(),
                0, (LPTSTR)&text, 0, NULL);
  _fputts(text, stderr);
  LocalFree(text);
}

int usage(HANDLE* threads) {
  DWORD identifier = 0;
  DWORD bytes = 0;
  ULONG_PTR key = 0;
  LPOVERLAPPED which = NULL;
  ULONG length = 0;
  LARGE_INTEGER due;
  HANDLE file;
  HANDLE port;
  SetConsoleCtrlHandler(interrupted, TRUE);
  InitOnceExecuteOnce(&once, initialize, &lock, NULL);
  file = CreateFile(TEXT("\\\\.\\Usage"), GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                    FILE_FLAG_OVERLAPPED, NULL);
  if (file == INVALID_HANDLE_VALUE) {
    if (GetLastError() == ERROR_FILE_NOT_FOUND) load_driver();
    show_error();
    return 1;
  }
  port = CreateIoCompletionPort(file, NULL, 7, 0);
  threads[0] = CreateThread(NULL, 0, worker, file, 0, &identifier);
  threads[1] = (HANDLE)_beginthreadex(NULL, 0, (_beginthreadex_proc_type)worker, file, 0, NULL);
  DeviceIoControl(file, IOCTL_USAGE, NULL, 0, NULL, 0, &bytes, NULL);
  GetQueuedCompletionStatus(port, &bytes, &key, &which, 100);
  PostQueuedCompletionStatus(port, 0, key, which);
  due.QuadPart = Int32x32To64(-10000, 5);
  SetWaitableTimer(threads[0], &due, 0, NULL, NULL, FALSE);
  CM_Get_Device_Interface_List_Size(&length, (LPGUID)&GUID_USAGE, NULL,
                                    CM_GET_DEVICE_INTERFACE_LIST_PRESENT);
  while (!_kbhit() && WaitForMultipleObjects(2, threads, TRUE, 1000) == WAIT_TIMEOUT) Sleep(1);
  CloseHandle(file);
  use_text(L"wide", "narrow");
  use_memory();
  srand((unsigned)time(NULL));
  return 0;
}

#ifdef UNICODE
int wmain(int argc, wchar_t* argv[])
#else
int __cdecl main(_In_ int argc, _In_reads_(argc) char* argv[])
#endif
{
  HANDLE threads[2];
  if (argc > 5) exit((int)_tcslen(argv[1]));
  return usage(threads);
}
