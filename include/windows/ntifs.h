// Belay's own text. What a file system or filter driver includes: ntddk.h and a little more.

#ifndef BELAY_WINDOWS_NTIFS_H_
#define BELAY_WINDOWS_NTIFS_H_

#ifndef _NTIFS_
#define _NTIFS_
#endif

#include "ntddk.h"

#ifdef __cplusplus
extern "C" {
#endif

// Waits that end with STATUS_CANCELLED when the IRP is cancelled, or with
// STATUS_THREAD_IS_TERMINATING.
NTKERNELAPI NTSTATUS NTAPI FsRtlCancellableWaitForSingleObject(PVOID Object, PLARGE_INTEGER Timeout,
                                                               PIRP Irp);
NTKERNELAPI NTSTATUS NTAPI FsRtlCancellableWaitForMultipleObjects(ULONG Count, PVOID ObjectArray[],
                                                                  WAIT_TYPE WaitType,
                                                                  PLARGE_INTEGER Timeout,
                                                                  PKWAIT_BLOCK WaitBlockArray,
                                                                  PIRP Irp);
#define FsRtlEnterFileSystem() KeEnterCriticalRegion()
#define FsRtlExitFileSystem() KeLeaveCriticalRegion()
NTKERNELAPI VOID NTAPI KeStackAttachProcess(PRKPROCESS Process, PVOID ApcState);
NTKERNELAPI VOID NTAPI KeUnstackDetachProcess(PVOID ApcState);

typedef enum _KAPC_ENVIRONMENT {
  OriginalApcEnvironment,
  AttachedApcEnvironment,
  CurrentApcEnvironment,
  InsertApcEnvironment
} KAPC_ENVIRONMENT;
NTKERNELAPI VOID NTAPI KeInitializeApc(PRKAPC Apc, PRKTHREAD Thread, KAPC_ENVIRONMENT Environment,
                                       PKKERNEL_ROUTINE KernelRoutine,
                                       PKRUNDOWN_ROUTINE RundownRoutine,
                                       PKNORMAL_ROUTINE NormalRoutine,
                                       KPROCESSOR_MODE ProcessorMode, PVOID NormalContext);
NTKERNELAPI BOOLEAN NTAPI KeInsertQueueApc(PRKAPC Apc, PVOID SystemArgument1,
                                           PVOID SystemArgument2, KPRIORITY Increment);

#ifdef __cplusplus
}
#endif

#endif
