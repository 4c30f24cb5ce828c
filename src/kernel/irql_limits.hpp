// At which IRQL each exported function may be called: the one table.
//
// From the `req.irql` of each function's page; where Driver Verifier's DDI compliance checking has
// a rule for it, its name and code (bug check 0xC4). String functions whose pages say PASSIVE_LEVEL
// are allowed at APC_LEVEL too: what they need is pageable memory, and no rule of the verifier
// forbids it. Functions that check their level themselves, because another clause speaks of it, are
// under `any`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct irql_band {
  std::uint8_t least;
  std::uint8_t most;
  std::uint32_t code = 0;  ///< first parameter of bug check 0xC4; 0: no rule of the verifier
  const char* rule = "";
  bool waits = false;  ///< satisfies the promise of Wait = TRUE
};

struct irql_limit : irql_band {
  constexpr irql_limit(const char* function, const irql_band& band)
      : irql_band(band), name(function) {}
  const char* name;
};

namespace band {
inline constexpr irql_band any{0, 15};
inline constexpr irql_band wait{0, 15, 0, "", true};
inline constexpr irql_band passive{0, 0};
inline constexpr irql_band apc{0, 1};
inline constexpr irql_band dispatch_lte{0, 2};
inline constexpr irql_band apc_20002{0, 1, 0x20002, "IrqlApcLte"};
inline constexpr irql_band dispatch_20003{2, 2, 0x20003, "IrqlDispatch"};
inline constexpr irql_band pool_20004{0, 2, 0x20004, "IrqlExAllocatePool"};
inline constexpr irql_band fast_mutex_20005{0, 1, 0x20005, "IrqlExApcLte1"};
inline constexpr irql_band apc_20006{0, 1, 0x20006, "IrqlExApcLte2"};
inline constexpr irql_band apc_20007{0, 1, 0x20007, "IrqlExApcLte3"};
inline constexpr irql_band passive_20008{0, 0, 0x20008, "IrqlExPassive"};
inline constexpr irql_band apc_20009{0, 1, 0x20009, "IrqlIoApcLte"};
inline constexpr irql_band io_build_2000a{0, 1, 0x2000A, "IrqlIoPassive1"};
inline constexpr irql_band passive_2000b{0, 0, 0x2000B, "IrqlIoPassive2"};
inline constexpr irql_band passive_2000c{0, 0, 0x2000C, "IrqlIoPassive3"};
inline constexpr irql_band passive_2000d{0, 0, 0x2000D, "IrqlIoPassive4"};
inline constexpr irql_band apc_2000f{0, 1, 0x2000F, "IrqlKeApcLte1"};
inline constexpr irql_band apc_20010{0, 1, 0x20010, "IrqlKeApcLte2"};
inline constexpr irql_band dispatch_lte_20011{0, 2, 0x20011, "IrqlKeDispatchLte"};
inline constexpr irql_band set_event_20016{0, 2, 0x20016, "IrqlKeSetEvent"};
inline constexpr irql_band apc_20019{0, 1, 0x20019, "IrqlMmApcLte"};
inline constexpr irql_band passive_2001b{0, 0, 0x2001B, "IrqlObPassive"};
inline constexpr irql_band passive_2001c{0, 0, 0x2001C, "IrqlPsPassive"};
inline constexpr irql_band passive_2001e{0, 0, 0x2001E, "IrqlRtlPassive"};
inline constexpr irql_band zw_2001f{0, 0, 0x2001F, "IrqlZwPassive"};
}  // namespace band

namespace table {
using namespace band;
// clang-format off
inline constexpr irql_limit limits[] = {
    {"DbgBreakPoint", any}, {"DbgBreakPointWithStatus", any}, {"DbgPrint", any},
    {"DbgPrintEx", any}, {"DbgPrintReturnControlC", any}, {"DbgQueryDebugFilterState", any},
    {"DbgSetDebugFilterState", any}, {"EtwWrite", any}, {"ExAcquireFastMutexUnsafe", any},
    {"ExAcquireSpinLockExclusiveAtDpcLevel", any}, {"ExAcquireSpinLockSharedAtDpcLevel", any},
    {"ExFreePool2", any}, {"ExInitializeFastMutex", any}, {"ExInterlockedAddLargeInteger", any},
    {"ExInterlockedAddUlong", any}, {"ExInterlockedInsertHeadList", any},
    {"ExInterlockedInsertTailList", any}, {"ExInterlockedPopEntryList", any},
    {"ExInterlockedPushEntryList", any}, {"ExInterlockedRemoveHeadList", any},
    {"ExLocalTimeToSystemTime", any}, {"ExRaiseAccessViolation", any},
    {"ExRaiseDatatypeMisalignment", any}, {"ExRaiseStatus", any}, {"ExReleaseFastMutex", any},
    {"ExReleaseFastMutexUnsafe", any}, {"ExReleaseSpinLock", any},
    {"ExReleaseSpinLockExclusive", any}, {"ExReleaseSpinLockExclusiveFromDpcLevel", any},
    {"ExReleaseSpinLockShared", any}, {"ExReleaseSpinLockSharedFromDpcLevel", any},
    {"ExSystemTimeToLocalTime", any}, {"ExTryAcquireSpinLockExclusiveAtDpcLevel", any},
    {"ExTryConvertSharedSpinLockExclusive", any}, {"ExVerifySuite", any},
    {"ExpInterlockedFlushSList", any}, {"ExpInterlockedPopEntrySList", any},
    {"ExpInterlockedPushEntrySList", any}, {"FsRtlIsNameInExpression", any},
    {"IoCsqInitialize", any}, {"IoCsqInitializeEx", any}, {"IoFreeErrorLogEntry", any},
    {"IoGetCurrentProcess", any}, {"IoGetStackLimits", any}, {"IoInitializeWorkItem", any},
    {"IoIsOperationSynchronous", any}, {"IoQueueThreadIrp", any}, {"IoReleaseCancelSpinLock", any},
    {"IoSetCancelRoutine", any}, {"IoSetStartIoAttributes", any}, {"IoSizeofWorkItem", any},
    {"IoStartNextPacket", any}, {"IoStartNextPacketByKey", any}, {"IoUninitializeWorkItem", any},
    {"IofCallDriver", any}, {"IofCompleteRequest", any}, {"KdRefreshDebuggerNotPresent", any},
    {"KeAcquireInStackQueuedSpinLockAtDpcLevel", any},
    {"KeAcquireInStackQueuedSpinLockForDpc", any}, {"KeAcquireInterruptSpinLock", any},
    {"KeAcquireSpinLockAtDpcLevel", any}, {"KeAcquireSpinLockForDpc", any},
    {"KeAcquireSpinLockRaiseToSynch", any}, {"KeBugCheck", any}, {"KeBugCheckEx", any},
    {"KeDeregisterBugCheckCallback", any}, {"KeDeregisterBugCheckReasonCallback", any},
    {"KeGetCurrentIrql", any}, {"KeGetCurrentProcessorNumber", any},
    {"KeGetCurrentProcessorNumberEx", any}, {"KeGetCurrentThread", any}, {"KeInitializeApc", any},
    {"KeInitializeCrashDumpHeader", any}, {"KeInitializeDpc", any}, {"KeInitializeEvent", any},
    {"KeInitializeMutant", any}, {"KeInitializeMutex", any}, {"KeInitializeSemaphore", any},
    {"KeInitializeSpinLock", any}, {"KeInitializeThreadedDpc", any}, {"KeInsertQueueDpc", any},
    {"KeLowerIrql", any}, {"KeQueryActiveProcessorCount", any},
    {"KeQueryActiveProcessorCountEx", any}, {"KeQueryActiveProcessors", any},
    {"KeQueryInterruptTime", any}, {"KeQueryInterruptTimePrecise", any},
    {"KeQueryMaximumProcessorCount", any}, {"KeQueryMaximumProcessorCountEx", any},
    {"KeQueryPerformanceCounter", any}, {"KeQueryPriorityThread", any}, {"KeQuerySystemTime", any},
    {"KeQuerySystemTimePrecise", any}, {"KeQueryTickCount", any}, {"KeQueryTimeIncrement", any},
    {"KeQueryUnbiasedInterruptTime", any}, {"KeRaiseIrql", any}, {"KeRaiseIrqlToSynchLevel", any},
    {"KeReadStateSemaphore", any}, {"KeRegisterBugCheckCallback", any},
    {"KeRegisterBugCheckReasonCallback", any}, {"KeReleaseInStackQueuedSpinLock", any},
    {"KeReleaseInStackQueuedSpinLockForDpc", any},
    {"KeReleaseInStackQueuedSpinLockFromDpcLevel", any}, {"KeReleaseInterruptSpinLock", any},
    {"KeReleaseSpinLock", any}, {"KeReleaseSpinLockForDpc", any},
    {"KeReleaseSpinLockFromDpcLevel", any}, {"KeRemoveQueueDpc", any},
    {"KeRevertToUserAffinityThread", any}, {"KeSetImportanceDpc", any},
    {"KeSetTargetProcessorDpc", any}, {"KeSetTargetProcessorDpcEx", any},
    {"KeStallExecutionProcessor", any}, {"KeSynchronizeExecution", any}, {"KeTestSpinLock", any},
    {"KeTryToAcquireSpinLockAtDpcLevel", any}, {"KfAcquireSpinLock", any}, {"KfLowerIrql", any},
    {"KeInitializeApc", any}, {"KfRaiseIrql", any}, {"KfReleaseSpinLock", any}, {"MmGetPhysicalAddress", any},
    {"MmIsThisAnNtAsSystem", any}, {"MmQuerySystemSize", any}, {"MmSizeOfMdl", any},
    {"NtCancelIoFile", any}, {"NtCancelIoFileEx", any}, {"NtCancelSynchronousIoFile", any},
    {"ObReferenceObjectByName", any}, {"ObfDereferenceObjectWithTag", any},
    {"ObfReferenceObjectWithTag", any}, {"PoSetDeviceBusyEx", any}, {"PoSetPowerState", any},
    {"PsGetCurrentProcess", any}, {"PsGetCurrentProcessId", any}, {"PsGetCurrentThread", any},
    {"PsGetCurrentThreadId", any}, {"PsGetProcessId", any}, {"PsGetThreadProcess", any},
    {"PsGetThreadProcessId", any}, {"RtlAppendAsciizToString", any},
    {"RtlAppendUnicodeStringToString", any}, {"RtlAppendUnicodeToString", any}, {"RtlAssert", any},
    {"RtlCompareMemory", any}, {"RtlCompareMemoryUlong", any}, {"RtlCopyMemory", any},
    {"RtlCopyMemoryNonTemporal", any}, {"RtlCopyString", any}, {"RtlCopyUnicodeString", any},
    {"RtlDuplicateUnicodeString", any}, {"RtlFailFast", any}, {"RtlFillMemory", any},
    {"RtlFindLeastSignificantBit", any}, {"RtlGetCallersAddress", any}, {"RtlInitAnsiString", any},
    {"RtlInitString", any}, {"RtlInitUnicodeString", any}, {"RtlInitUnicodeStringEx", any},
    {"RtlInitializeBitMap", any}, {"RtlMoveMemory", any}, {"RtlPrefixString", any},
    {"RtlTimeFieldsToTime", any}, {"RtlTimeToTimeFields", any}, {"RtlValidateUnicodeString", any},
    {"RtlWalkFrameChain", any}, {"RtlZeroMemory", any}, {"_snprintf", any}, {"_snwprintf", any},
    {"_vsnprintf", any}, {"_vsnwprintf", any}, {"sprintf_s", any}, {"swprintf_s", any},
    {"vDbgPrintEx", any}, {"vDbgPrintExWithPrefix", any},
    {"ExCreateCallback", apc}, {"ExInitializeRundownProtection", apc},
    {"ExReInitializeRundownProtection", apc}, {"ExRegisterCallback", apc},
    {"ExReleaseResourceAndLeaveCriticalRegion", apc}, {"ExRundownCompleted", apc},
    {"ExUnregisterCallback", apc}, {"ExWaitForRundownProtectionRelease", apc},
    {"IoBuildAsynchronousFsdRequest", apc}, {"IoForwardIrpSynchronously", apc},
    {"IoRaiseHardError", apc}, {"IoSynchronousCallDriver", apc}, {"IoWMIWriteEvent", apc},
    {"IoWithinStackLimits", apc}, {"KeExpandKernelStackAndCallout", apc},
    {"KeInitializeGuardedMutex", apc}, {"KeStackAttachProcess", apc},
    {"KeUnstackDetachProcess", apc}, {"ObOpenObjectByPointer", apc}, {"ObQueryNameString", apc},
    {"PoRegisterDeviceForIdleDetection", apc}, {"PoRegisterSystemState", apc},
    {"PoUnregisterSystemState", apc}, {"PsGetProcessExitStatus", apc},
    {"PsGetThreadExitStatus", apc}, {"PsLookupProcessByProcessId", apc},
    {"PsLookupThreadByThreadId", apc}, {"PsRemoveCreateThreadNotifyRoutine", apc},
    {"RtlAnsiStringToUnicodeSize", apc}, {"RtlAnsiStringToUnicodeString", apc},
    {"RtlAppendStringToString", apc}, {"RtlCharToInteger", apc}, {"RtlCheckRegistryKey", apc},
    {"RtlClearAllBits", apc}, {"RtlClearBit", apc}, {"RtlClearBits", apc},
    {"RtlCompareString", apc}, {"RtlCompareUnicodeString", apc}, {"RtlCreateRegistryKey", apc},
    {"RtlCreateSecurityDescriptor", apc}, {"RtlCreateUnicodeString", apc},
    {"RtlDowncaseUnicodeChar", apc}, {"RtlDowncaseUnicodeString", apc}, {"RtlEqualString", apc},
    {"RtlEqualUnicodeString", apc}, {"RtlFindClearBits", apc}, {"RtlFindClearBitsAndSet", apc},
    {"RtlFreeAnsiString", apc}, {"RtlFreeOemString", apc}, {"RtlFreeUnicodeString", apc},
    {"RtlGUIDFromString", apc}, {"RtlGetVersion", apc}, {"RtlHashUnicodeString", apc},
    {"RtlInt64ToUnicodeString", apc}, {"RtlIntegerToUnicodeString", apc},
    {"RtlIsNtDdiVersionAvailable", apc}, {"RtlIsServicePackVersionInstalled", apc},
    {"RtlLengthSecurityDescriptor", apc}, {"RtlMultiByteToUnicodeN", apc},
    {"RtlMultiByteToUnicodeSize", apc}, {"RtlNtStatusToDosError", apc},
    {"RtlNtStatusToDosErrorNoTeb", apc}, {"RtlNumberOfSetBits", apc},
    {"RtlPrefixUnicodeString", apc}, {"RtlQueryRegistryValues", apc}, {"RtlRandom", apc},
    {"RtlRandomEx", apc}, {"RtlSetAllBits", apc}, {"RtlSetBit", apc}, {"RtlSetBits", apc},
    {"RtlSetDaclSecurityDescriptor", apc}, {"RtlStringFromGUID", apc}, {"RtlTestBit", apc},
    {"RtlUnicodeStringToAnsiSize", apc}, {"RtlUnicodeStringToAnsiString", apc},
    {"RtlUnicodeStringToInteger", apc}, {"RtlUnicodeToMultiByteN", apc},
    {"RtlUnicodeToMultiByteSize", apc}, {"RtlUpcaseUnicodeChar", apc},
    {"RtlUpcaseUnicodeString", apc}, {"RtlUpperChar", apc}, {"RtlUpperString", apc},
    {"RtlValidSecurityDescriptor", apc}, {"RtlVerifyVersionInfo", apc},
    {"RtlWriteRegistryValue", apc}, {"RtlxAnsiStringToUnicodeSize", apc},
    {"RtlxUnicodeStringToAnsiSize", apc},
    {"ObGetObjectSecurity", apc_20002}, {"ObReleaseObjectSecurity", apc_20002},
    {"ExAllocateFromPagedLookasideList", apc_20006}, {"ExDeletePagedLookasideList", apc_20006},
    {"ExFreeToPagedLookasideList", apc_20006}, {"ExInitializePagedLookasideList", apc_20006},
    {"ExSetTimerResolution", apc_20006}, {"ProbeForRead", apc_20006}, {"ProbeForWrite", apc_20006},
    {"ExAcquireResourceExclusiveLite", apc_20007}, {"ExAcquireResourceSharedLite", apc_20007},
    {"ExAcquireSharedStarveExclusive", apc_20007}, {"ExAcquireSharedWaitForExclusive", apc_20007},
    {"ExConvertExclusiveToSharedLite", apc_20007}, {"ExDeleteResourceLite", apc_20007},
    {"ExEnterCriticalRegionAndAcquireResourceExclusive", apc_20007},
    {"ExEnterCriticalRegionAndAcquireResourceShared", apc_20007},
    {"IoCreateDevice", apc_20009}, {"IoCreateDeviceSecure", apc_20009},
    {"IoDeleteDevice", apc_20009}, {"IoGetInitialStack", apc_20009},
    {"WdmlibIoCreateDeviceSecure", apc_20009},
    {"KeAcquireGuardedMutex", apc_2000f}, {"KeAcquireGuardedMutexUnsafe", apc_2000f},
    {"KeDelayExecutionThread", apc_2000f}, {"KeReleaseGuardedMutex", apc_2000f},
    {"KeReleaseGuardedMutexUnsafe", apc_2000f}, {"KeTryToAcquireGuardedMutex", apc_2000f},
    {"KeEnterCriticalRegion", apc_20010}, {"KeEnterGuardedRegion", apc_20010},
    {"KeLeaveCriticalRegion", apc_20010}, {"KeLeaveGuardedRegion", apc_20010},
    {"MmAllocateNonCachedMemory", apc_20019}, {"MmAllocatePagesForMdl", apc_20019},
    {"MmFreeNonCachedMemory", apc_20019}, {"MmFreePagesFromMdl", apc_20019},
    {"MmLockPagableDataSection", apc_20019}, {"MmPageEntireDriver", apc_20019},
    {"MmResetDriverPaging", apc_20019}, {"MmUnlockPagableImageSection", apc_20019},
    {"KeInsertByKeyDeviceQueue", dispatch_20003}, {"KeInsertDeviceQueue", dispatch_20003},
    {"KeRemoveByKeyDeviceQueue", dispatch_20003},
    {"KeRemoveByKeyDeviceQueueIfBusy", dispatch_20003}, {"KeRemoveDeviceQueue", dispatch_20003},
    {"ExAcquireRundownProtection", dispatch_lte}, {"ExAcquireRundownProtectionEx", dispatch_lte},
    {"ExAcquireSpinLock", dispatch_lte}, {"ExAcquireSpinLockExclusive", dispatch_lte},
    {"ExAcquireSpinLockShared", dispatch_lte}, {"ExAllocateFromLookasideListEx", dispatch_lte},
    {"ExAllocateFromNPagedLookasideList", dispatch_lte}, {"ExAllocateTimer", dispatch_lte},
    {"ExCancelTimer", dispatch_lte}, {"ExDeleteLookasideListEx", dispatch_lte},
    {"ExDeleteNPagedLookasideList", dispatch_lte}, {"ExDeleteTimer", dispatch_lte},
    {"ExFlushLookasideListEx", dispatch_lte}, {"ExFreePool", dispatch_lte},
    {"ExFreePoolWithTag", dispatch_lte}, {"ExFreeToLookasideListEx", dispatch_lte},
    {"ExFreeToNPagedLookasideList", dispatch_lte}, {"ExGetExclusiveWaiterCount", dispatch_lte},
    {"ExGetPreviousMode", dispatch_lte}, {"ExGetSharedWaiterCount", dispatch_lte},
    {"ExInitializeLookasideListEx", dispatch_lte},
    {"ExInitializeNPagedLookasideList", dispatch_lte}, {"ExInitializeResourceLite", dispatch_lte},
    {"ExIsResourceAcquiredExclusiveLite", dispatch_lte},
    {"ExIsResourceAcquiredSharedLite", dispatch_lte}, {"ExNotifyCallback", dispatch_lte},
    {"ExQueryDepthSList", dispatch_lte}, {"ExQueueWorkItem", dispatch_lte},
    {"ExReinitializeResourceLite", dispatch_lte}, {"ExReleaseResourceForThreadLite", dispatch_lte},
    {"ExReleaseResourceLite", dispatch_lte}, {"ExReleaseRundownProtection", dispatch_lte},
    {"ExReleaseRundownProtectionEx", dispatch_lte}, {"ExSetTimer", dispatch_lte},
    {"IoAcquireCancelSpinLock", dispatch_lte}, {"IoAcquireRemoveLockEx", dispatch_lte},
    {"IoAllocateDriverObjectExtension", dispatch_lte}, {"IoAllocateErrorLogEntry", dispatch_lte},
    {"IoAllocateIrp", dispatch_lte}, {"IoAllocateIrpEx", dispatch_lte},
    {"IoAllocateMdl", dispatch_lte}, {"IoAllocateWorkItem", dispatch_lte},
    {"IoAttachDeviceToDeviceStack", dispatch_lte},
    {"IoAttachDeviceToDeviceStackSafe", dispatch_lte}, {"IoBuildPartialMdl", dispatch_lte},
    {"IoCancelIrp", dispatch_lte}, {"IoCsqInsertIrp", dispatch_lte},
    {"IoCsqInsertIrpEx", dispatch_lte}, {"IoCsqRemoveIrp", dispatch_lte},
    {"IoCsqRemoveNextIrp", dispatch_lte}, {"IoFreeIrp", dispatch_lte}, {"IoFreeMdl", dispatch_lte},
    {"IoFreeWorkItem", dispatch_lte}, {"IoGetAttachedDevice", dispatch_lte},
    {"IoGetAttachedDeviceReference", dispatch_lte}, {"IoGetDriverObjectExtension", dispatch_lte},
    {"IoGetLowerDeviceObject", dispatch_lte}, {"IoGetRelatedDeviceObject", dispatch_lte},
    {"IoGetRequestorProcess", dispatch_lte}, {"IoGetRequestorProcessId", dispatch_lte},
    {"IoGetTopLevelIrp", dispatch_lte}, {"IoInitializeIrp", dispatch_lte},
    {"IoInvalidateDeviceRelations", dispatch_lte}, {"IoInvalidateDeviceState", dispatch_lte},
    {"IoIs32bitProcess", dispatch_lte}, {"IoMakeAssociatedIrp", dispatch_lte},
    {"IoQueueWorkItem", dispatch_lte}, {"IoQueueWorkItemEx", dispatch_lte},
    {"IoReleaseRemoveLockEx", dispatch_lte}, {"IoRequestDeviceEject", dispatch_lte},
    {"IoReuseIrp", dispatch_lte}, {"IoSetCompletionRoutineEx", dispatch_lte},
    {"IoSetHardErrorOrVerifyDevice", dispatch_lte}, {"IoSetTopLevelIrp", dispatch_lte},
    {"IoStartPacket", dispatch_lte}, {"IoStartTimer", dispatch_lte}, {"IoStopTimer", dispatch_lte},
    {"IoTryQueueWorkItem", dispatch_lte}, {"IoWMIDeviceObjectToProviderId", dispatch_lte},
    {"IoWriteErrorLogEntry", dispatch_lte}, {"KeAcquireInStackQueuedSpinLock", dispatch_lte},
    {"KeAreAllApcsDisabled", dispatch_lte}, {"KeAreApcsDisabled", dispatch_lte},
    {"KeReadStateMutex", dispatch_lte}, {"KeSetSystemAffinityThread", dispatch_lte},
    {"KeInsertQueueApc", dispatch_lte}, {"MmAllocateContiguousMemory", dispatch_lte}, {"MmBuildMdlForNonPagedPool", dispatch_lte},
    {"MmFreeContiguousMemory", dispatch_lte}, {"MmIsAddressValid", dispatch_lte},
    {"MmMapIoSpace", dispatch_lte}, {"MmMapLockedPages", dispatch_lte},
    {"MmMapLockedPagesSpecifyCache", dispatch_lte}, {"MmProbeAndLockPages", dispatch_lte},
    {"MmProtectMdlSystemAddress", dispatch_lte}, {"MmUnlockPages", dispatch_lte},
    {"MmUnmapIoSpace", dispatch_lte}, {"MmUnmapLockedPages", dispatch_lte},
    {"ObDereferenceObjectDeferDelete", dispatch_lte}, {"ObReferenceObjectByPointer", dispatch_lte},
    {"ObfDereferenceObject", dispatch_lte}, {"ObfReferenceObject", dispatch_lte},
    {"PoCallDriver", dispatch_lte}, {"PoRequestPowerIrp", dispatch_lte},
    {"PoSetSystemState", dispatch_lte}, {"PoStartNextPowerIrp", dispatch_lte},
    {"PsGetThreadId", dispatch_lte}, {"PsIsSystemThread", dispatch_lte},
    {"PsIsThreadTerminating", dispatch_lte},
    {"KeAcquireSpinLock", dispatch_lte_20011}, {"KeAcquireSpinLockRaiseToDpc", dispatch_lte_20011},
    {"KeCancelTimer", dispatch_lte_20011}, {"KeClearEvent", dispatch_lte_20011},
    {"KeInitializeDeviceQueue", dispatch_lte_20011}, {"KeInitializeTimer", dispatch_lte_20011},
    {"KeInitializeTimerEx", dispatch_lte_20011}, {"KePulseEvent", dispatch_lte_20011},
    {"KeRaiseIrqlToDpcLevel", dispatch_lte_20011}, {"KeReadStateEvent", dispatch_lte_20011},
    {"KeReadStateTimer", dispatch_lte_20011}, {"KeReleaseMutant", dispatch_lte_20011},
    {"KeReleaseMutex", dispatch_lte_20011}, {"KeRemoveEntryDeviceQueue", dispatch_lte_20011},
    {"KeResetEvent", dispatch_lte_20011}, {"KeSetCoalescableTimer", dispatch_lte_20011},
    {"KeSetTimer", dispatch_lte_20011}, {"KeSetTimerEx", dispatch_lte_20011},
    {"ExAcquireFastMutex", fast_mutex_20005}, {"ExTryToAcquireFastMutex", fast_mutex_20005},
    {"IoAttachDevice", io_build_2000a}, {"IoBuildDeviceIoControlRequest", io_build_2000a},
    {"IoBuildSynchronousFsdRequest", io_build_2000a},
    {"EtwRegister", passive}, {"EtwUnregister", passive}, {"IoGetDeviceInterfaces", passive},
    {"IoGetDeviceObjectPointer", passive}, {"IoGetDeviceProperty", passive},
    {"IoInitializeRemoveLockEx", passive}, {"IoInitializeTimer", passive},
    {"IoOpenDeviceInterfaceRegistryKey", passive}, {"IoOpenDeviceRegistryKey", passive},
    {"IoRegisterBootDriverReinitialization", passive}, {"IoRegisterDeviceInterface", passive},
    {"IoRegisterDriverReinitialization", passive},
    {"IoRegisterLastChanceShutdownNotification", passive},
    {"IoRegisterPlugPlayNotification", passive}, {"IoRegisterShutdownNotification", passive},
    {"IoReleaseRemoveLockAndWaitEx", passive}, {"IoRemoveShareAccess", passive},
    {"IoReportTargetDeviceChange", passive}, {"IoSetDeviceInterfaceState", passive},
    {"IoSetShareAccess", passive}, {"IoUnregisterPlugPlayNotification", passive},
    {"IoUnregisterPlugPlayNotificationEx", passive}, {"IoUnregisterShutdownNotification", passive},
    {"IoUpdateShareAccess", passive}, {"IoWMIRegistrationControl", passive},
    {"KeFlushQueuedDpcs", passive}, {"KeSetBasePriorityThread", passive},
    {"KeSetPriorityThread", passive}, {"MmGetSystemRoutineAddress", passive}, {"NtClose", passive},
    {"ObCloseHandle", passive}, {"ObReferenceObjectByHandleWithTag", passive},
    {"PoRegisterPowerSettingCallback", passive}, {"PoUnregisterPowerSettingCallback", passive},
    {"PsSetCreateProcessNotifyRoutine", passive}, {"PsSetCreateThreadNotifyRoutine", passive},
    {"SeAccessCheck", passive}, {"SeCaptureSubjectContext", passive},
    {"SeLockSubjectContext", passive}, {"SeReleaseSubjectContext", passive},
    {"SeSinglePrivilegeCheck", passive}, {"SeUnlockSubjectContext", passive},
    {"ExIsProcessorFeaturePresent", passive_20008}, {"ExUuidCreate", passive_20008},
    {"IoCheckShareAccess", passive_2000b}, {"IoConnectInterrupt", passive_2000b},
    {"IoDetachDevice", passive_2000c},
    {"IoCreateNotificationEvent", passive_2000d}, {"IoCreateSymbolicLink", passive_2000d},
    {"IoCreateSynchronizationEvent", passive_2000d},
    {"IoCreateUnprotectedSymbolicLink", passive_2000d}, {"IoDeleteSymbolicLink", passive_2000d},
    {"IoDisconnectInterrupt", passive_2000d},
    {"ObReferenceObjectByHandle", passive_2001b},
    {"PsCreateSystemThread", passive_2001c}, {"PsGetVersion", passive_2001c},
    {"PsTerminateSystemThread", passive_2001c},
    {"RtlDeleteRegistryValue", passive_2001e},
    {"ExAllocatePool", pool_20004}, {"ExAllocatePool2", pool_20004},
    {"ExAllocatePool3", pool_20004}, {"ExAllocatePoolWithQuota", pool_20004},
    {"ExAllocatePoolWithQuotaTag", pool_20004}, {"ExAllocatePoolWithTag", pool_20004},
    {"ExAllocatePoolWithTagPriority", pool_20004},
    {"KeReleaseSemaphore", set_event_20016}, {"KeSetEvent", set_event_20016},
    {"FsRtlCancellableWaitForMultipleObjects", wait}, {"FsRtlCancellableWaitForSingleObject", wait},
    {"KeWaitForMultipleObjects", wait}, {"KeWaitForMutexObject", wait},
    {"KeWaitForSingleObject", wait},
    {"ZwCancelIoFile", zw_2001f}, {"ZwCancelIoFileEx", zw_2001f},
    {"ZwCancelSynchronousIoFile", zw_2001f}, {"ZwClearEvent", zw_2001f}, {"ZwClose", zw_2001f},
    {"ZwCreateDirectoryObject", zw_2001f}, {"ZwCreateEvent", zw_2001f}, {"ZwCreateFile", zw_2001f},
    {"ZwCreateKey", zw_2001f}, {"ZwDeleteFile", zw_2001f}, {"ZwDeleteKey", zw_2001f},
    {"ZwDeleteValueKey", zw_2001f}, {"ZwDeviceIoControlFile", zw_2001f},
    {"ZwDuplicateObject", zw_2001f}, {"ZwEnumerateKey", zw_2001f},
    {"ZwEnumerateValueKey", zw_2001f}, {"ZwFlushBuffersFile", zw_2001f}, {"ZwFlushKey", zw_2001f},
    {"ZwLoadDriver", zw_2001f}, {"ZwMakeTemporaryObject", zw_2001f},
    {"ZwMapViewOfSection", zw_2001f}, {"ZwOpenEvent", zw_2001f}, {"ZwOpenFile", zw_2001f},
    {"ZwOpenKey", zw_2001f}, {"ZwOpenKeyEx", zw_2001f}, {"ZwOpenSection", zw_2001f}, {"ZwOpenSymbolicLinkObject", zw_2001f},
    {"ZwQueryInformationFile", zw_2001f}, {"ZwQueryInformationProcess", zw_2001f},
    {"ZwQueryKey", zw_2001f}, {"ZwQuerySymbolicLinkObject", zw_2001f},
    {"ZwQuerySystemInformation", zw_2001f}, {"ZwQueryValueKey", zw_2001f}, {"ZwReadFile", zw_2001f},
    {"ZwResetEvent", zw_2001f}, {"ZwSetEvent", zw_2001f}, {"ZwSetInformationFile", zw_2001f},
    {"ZwSetInformationThread", zw_2001f}, {"ZwSetValueKey", zw_2001f}, {"ZwUnloadDriver", zw_2001f},
    {"ZwUnmapViewOfSection", zw_2001f}, {"ZwWaitForSingleObject", zw_2001f},
    {"ZwWriteFile", zw_2001f},
};
// clang-format on
}  // namespace table

using table::limits;
inline constexpr const irql_limit (&irql_limits)[std::size(limits)] = limits;

/// Where `name` stands in the table. An export that is missing there does not compile.
consteval std::size_t irql_limit_index(std::string_view name) {
  for (std::size_t i = 0; i < std::size(limits); ++i) {
    if (name == limits[i].name) return i;
  }
  throw "this export has no line in src/kernel/irql_limits.hpp";
}

}  // namespace belay::inline BELAY_BUILD::kernel
