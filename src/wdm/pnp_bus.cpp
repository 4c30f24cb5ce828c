// The driver of our root bus: the bottom of each Plug and Play device's stack.
//
// Thread safety: any actor, as IRPs come.
// Contract: WDM-IRP-038
#include "wdm/pnp_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr ULONG tag = 0x20706e50;  // "Pnp "

PVOID pool(std::size_t bytes) { return ExAllocatePoolWithTag(PagedPool, bytes, tag); }

// A multi-string of one, as a bus answers; the asker frees it.
PWSTR id_of(BUS_QUERY_ID_TYPE type) {
  const char* text = nullptr;
  switch (type) {
    case BusQueryDeviceID:
    case BusQueryHardwareIDs:
      text = "ROOT\\BELAY";
      break;
    case BusQueryInstanceID:
      text = "0000";
      break;
    default:
      return nullptr;
  }
  std::size_t length = 0;
  while (text[length] != 0) ++length;
  auto id = static_cast<PWSTR>(pool((length + 2) * sizeof(WCHAR)));
  if (id == nullptr) return nullptr;
  for (std::size_t i = 0; i < length; ++i) {
    id[i] = static_cast<WCHAR>(static_cast<unsigned char>(text[i]));
  }
  id[length] = id[length + 1] = 0;
  return id;
}

void fill(PDEVICE_CAPABILITIES capabilities) {
  sync::touch(capabilities, sizeof(*capabilities), sync::access_kind::write);
  capabilities->SurpriseRemovalOK = 1;
  capabilities->DeviceState[PowerSystemWorking] = PowerDeviceD0;
  for (int state = PowerSystemSleeping1; state < POWER_SYSTEM_MAXIMUM; ++state) {
    capabilities->DeviceState[state] = PowerDeviceD3;
  }
}

NTSTATUS target_relation(PDEVICE_OBJECT pdo, ULONG_PTR* answer) {
  auto relations = static_cast<PDEVICE_RELATIONS>(pool(sizeof(DEVICE_RELATIONS)));
  if (relations == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  relations->Count = 1;
  relations->Objects[0] = pdo;
  kernel::reference_object(pdo);
  *answer = reinterpret_cast<ULONG_PTR>(relations);
  return STATUS_SUCCESS;
}

// Returns: the status; that of the packet for what a bus like this does not know.
NTSTATUS answer_pnp(PDEVICE_OBJECT pdo, PIRP irp) {
  const PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
  switch (stack->MinorFunction) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
      return STATUS_SUCCESS;
    case IRP_MN_QUERY_CAPABILITIES:
      fill(stack->Parameters.DeviceCapabilities.Capabilities);
      return STATUS_SUCCESS;
    case IRP_MN_QUERY_ID: {
      PWSTR id = id_of(stack->Parameters.QueryId.IdType);
      if (id == nullptr) return irp->IoStatus.Status;
      irp->IoStatus.Information = reinterpret_cast<ULONG_PTR>(id);
      return STATUS_SUCCESS;
    }
    case IRP_MN_QUERY_DEVICE_RELATIONS:
      if (stack->Parameters.QueryDeviceRelations.Type != TargetDeviceRelation) {
        return irp->IoStatus.Status;
      }
      return target_relation(pdo, &irp->IoStatus.Information);
    default:
      return irp->IoStatus.Status;
  }
}

void check_passed_down(PDEVICE_OBJECT pdo, PIRP irp, UCHAR minor) {
  const NTSTATUS status = irp->IoStatus.Status;
  BELAY_CONTRACT(NT_SUCCESS(status) || status == STATUS_NOT_SUPPORTED, "WDM-IRP-038", "", 0xC9,
                 (0x215, 0, word(irp), 0), irp,
                 "IRP_MJ_PNP, minor function 0x%02x, is passed down with the status 0x%08x: what "
                 "failed is completed",
                 minor, static_cast<std::uint32_t>(status));
  if (pnp_node* node = node_of(pdo)) node->reached = true;
}

}  // namespace

NTSTATUS NTAPI bus_dispatch(PDEVICE_OBJECT device, PIRP irp) {
  const sync::sealed seal;
  const PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
  NTSTATUS status = STATUS_SUCCESS;
  switch (stack->MajorFunction) {
    case IRP_MJ_PNP:
      check_passed_down(device, irp, stack->MinorFunction);
      status = answer_pnp(device, irp);
      break;
    case IRP_MJ_POWER:
      if (stack->MinorFunction == IRP_MN_WAIT_WAKE) status = STATUS_NOT_SUPPORTED;
      break;
    case IRP_MJ_SYSTEM_CONTROL:
      status = irp->IoStatus.Status;
      break;
    default:
      break;
  }
  irp->IoStatus.Status = status;
  complete_irp(find_record(irp), irp);
  return status;
}

}  // namespace belay::inline BELAY_BUILD::wdm
