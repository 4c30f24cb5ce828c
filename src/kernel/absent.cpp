// What drivers may ask for and a process does not have: other processes, interrupts, security,
// callbacks of the system. Each answers as Windows does when there is none.
#include "kernel/dispatcher_nt.hpp"

using namespace belay;
using namespace belay::kernel;

extern "C" {

// ---- interrupts: there is no hardware to connect to
// ----------------------------------------------

NTSTATUS IoConnectInterrupt(PKINTERRUPT* InterruptObject, PKSERVICE_ROUTINE, PVOID, PKSPIN_LOCK,
                            ULONG, KIRQL, KIRQL, KINTERRUPT_MODE, BOOLEAN, KAFFINITY, BOOLEAN) {
  BELAY_EXPORT(IoConnectInterrupt, nullptr);
  *InterruptObject = nullptr;
  return STATUS_INSUFFICIENT_RESOURCES;
}
VOID IoDisconnectInterrupt(PKINTERRUPT InterruptObject) {
  BELAY_EXPORT(IoDisconnectInterrupt, InterruptObject);
}
/// Calls the routine at the level of a device's interrupt.
BOOLEAN KeSynchronizeExecution(PKINTERRUPT Interrupt, PKSYNCHRONIZE_ROUTINE SynchronizeRoutine,
                               PVOID SynchronizeContext) {
  BELAY_EXPORT(KeSynchronizeExecution, Interrupt);
  const KIRQL before = irql();
  if (before < SYNCH_LEVEL) sync::level() = SYNCH_LEVEL;
  const BOOLEAN result = SynchronizeRoutine(SynchronizeContext);
  sync::level() = before;
  return result;
}
KIRQL KeAcquireInterruptSpinLock(PKINTERRUPT Interrupt) {
  BELAY_EXPORT(KeAcquireInterruptSpinLock, Interrupt);
  const KIRQL before = irql();
  if (before < SYNCH_LEVEL) sync::level() = SYNCH_LEVEL;
  return before;
}
VOID KeReleaseInterruptSpinLock(PKINTERRUPT Interrupt, KIRQL OldIrql) {
  BELAY_EXPORT(KeReleaseInterruptSpinLock, Interrupt);
  sync::level() = OldIrql;
}

// ---- processes and threads of others
// -------------------------------------------------------------

NTSTATUS PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS* Process) {
  BELAY_EXPORT(PsLookupProcessByProcessId, nullptr);
  *Process = nullptr;
  if (ProcessId != PsGetCurrentProcessId()) return STATUS_INVALID_PARAMETER;
  *Process = IoGetCurrentProcess();
  reference_object(*Process);
  return STATUS_SUCCESS;
}
NTSTATUS PsLookupThreadByThreadId(HANDLE ThreadId, PETHREAD* Thread) {
  BELAY_EXPORT(PsLookupThreadByThreadId, nullptr);
  void* found = nullptr;
  {
    const guard hold(the_executive().lock);
    for (object_header* each = the_executive().objects; each != nullptr; each = each->next) {
      if (each->type != &thread_type) continue;
      const auto* const object = static_cast<const thread_object*>(each->body());
      if (object->owner != nullptr && object->number == reinterpret_cast<std::uint64_t>(ThreadId)) {
        found = each->body();
      }
    }
  }
  *Thread = static_cast<PETHREAD>(found);
  if (found == nullptr) return STATUS_INVALID_PARAMETER;
  reference_object(found);
  return STATUS_SUCCESS;
}
VOID KeStackAttachProcess(PRKPROCESS, PVOID) {}
VOID KeUnstackDetachProcess(PVOID) {}
// No process or thread comes or goes that a driver would be told of.
NTSTATUS PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE, BOOLEAN) {
  BELAY_EXPORT(PsSetCreateProcessNotifyRoutine, nullptr);
  return STATUS_SUCCESS;
}
NTSTATUS PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE) {
  BELAY_EXPORT(PsSetCreateThreadNotifyRoutine, nullptr);
  return STATUS_SUCCESS;
}
NTSTATUS PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE) {
  BELAY_EXPORT(PsRemoveCreateThreadNotifyRoutine, nullptr);
  return STATUS_SUCCESS;
}

// ---- names and security
// --------------------------------------------------------------------------

NTSTATUS ObReferenceObjectByName(PUNICODE_STRING, ULONG, PACCESS_STATE, ACCESS_MASK, POBJECT_TYPE,
                                 KPROCESSOR_MODE, PVOID, PVOID* Object) {
  BELAY_EXPORT(ObReferenceObjectByName, nullptr);
  *Object = nullptr;
  return STATUS_OBJECT_NAME_NOT_FOUND;
}
NTSTATUS ObQueryNameString(PVOID Object, POBJECT_NAME_INFORMATION ObjectNameInfo, ULONG Length,
                           PULONG ReturnLength) {
  BELAY_EXPORT(ObQueryNameString, Object);
  *ReturnLength = sizeof(OBJECT_NAME_INFORMATION);
  if (Length < sizeof(OBJECT_NAME_INFORMATION)) return STATUS_INFO_LENGTH_MISMATCH;
  ObjectNameInfo->Name = {};
  return STATUS_SUCCESS;
}
NTSTATUS ObGetObjectSecurity(PVOID Object, PSECURITY_DESCRIPTOR* SecurityDescriptor,
                             PBOOLEAN MemoryAllocated) {
  BELAY_EXPORT(ObGetObjectSecurity, Object);
  *SecurityDescriptor = nullptr;
  *MemoryAllocated = FALSE;
  return STATUS_SUCCESS;
}
VOID ObReleaseObjectSecurity(PSECURITY_DESCRIPTOR, BOOLEAN) {
  BELAY_EXPORT(ObReleaseObjectSecurity, nullptr);
}
NTSTATUS RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR, ULONG Revision) {
  BELAY_EXPORT(RtlCreateSecurityDescriptor, nullptr);
  return Revision == 1 ? STATUS_SUCCESS : STATUS_UNKNOWN_REVISION;
}
BOOLEAN SeSinglePrivilegeCheck(LUID, KPROCESSOR_MODE) {
  BELAY_EXPORT(SeSinglePrivilegeCheck, nullptr);
  return TRUE;
}
VOID SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT) {
  BELAY_EXPORT(SeCaptureSubjectContext, nullptr);
}
VOID SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT) {
  BELAY_EXPORT(SeReleaseSubjectContext, nullptr);
}

// ---- callback objects: nobody notifies
// -----------------------------------------------------------

NTSTATUS ExCreateCallback(PCALLBACK_OBJECT* CallbackObject, POBJECT_ATTRIBUTES, BOOLEAN, BOOLEAN) {
  BELAY_EXPORT(ExCreateCallback, nullptr);
  *CallbackObject = nullptr;
  return STATUS_NOT_SUPPORTED;
}
PVOID ExRegisterCallback(PCALLBACK_OBJECT, PCALLBACK_FUNCTION, PVOID) {
  BELAY_EXPORT(ExRegisterCallback, nullptr);
  return nullptr;
}
VOID ExUnregisterCallback(PVOID) { BELAY_EXPORT(ExUnregisterCallback, nullptr); }
VOID ExNotifyCallback(PVOID, PVOID, PVOID) { BELAY_EXPORT(ExNotifyCallback, nullptr); }

}  // extern "C"
