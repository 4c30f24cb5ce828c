// The Plug and Play manager, as far as one device of a driver goes: it appears, starts, stops and
// leaves.
//
// A driver with an AddDevice routine gets one device of a root bus of ours: load_driver calls
// AddDevice with the bus's physical device object and starts the device, unload_driver removes it.
// What lies between, a test or the host may ask for here.
//
// Thread safety: one actor at a time for one driver, at PASSIVE_LEVEL; requests go on meanwhile.
// Invariants: a packet goes to the top of the device's stack and is waited for; our bus driver at
// the bottom completes it. Its status is STATUS_NOT_SUPPORTED when it is sent.
// Contract: WDM-IRP-037 to WDM-IRP-039
#pragma once

#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// True if the driver has a device of ours.
bool has_pnp_device(const _DRIVER_OBJECT* driver);

/// AddDevice, then IRP_MN_START_DEVICE, IRP_MN_QUERY_CAPABILITIES, IRP_MN_QUERY_PNP_DEVICE_STATE
/// and IRP_MN_QUERY_DEVICE_RELATIONS. load_driver calls it.
///
/// Returns: STATUS_SUCCESS, also for a driver without AddDevice; else what AddDevice or the start
///          failed with, and the device is gone again.
nt_status add_device(_DRIVER_OBJECT* driver);

/// IRP_MN_START_DEVICE for a device that was stopped.
/// Returns: what the driver answered; STATUS_INVALID_DEVICE_STATE unless it is stopped.
nt_status start_device(_DRIVER_OBJECT* driver);

/// IRP_MN_QUERY_STOP_DEVICE, then IRP_MN_STOP_DEVICE, or IRP_MN_CANCEL_STOP_DEVICE when the driver
/// does not agree.
/// Returns: what it answered to the query; STATUS_INVALID_DEVICE_STATE unless it is started.
nt_status stop_device(_DRIVER_OBJECT* driver);

/// IRP_MN_SURPRISE_REMOVAL, and IRP_MN_REMOVE_DEVICE when the last file of the device is closed,
/// which may be at once.
/// Returns: STATUS_SUCCESS; STATUS_NO_SUCH_DEVICE if it is gone already.
nt_status surprise_remove(_DRIVER_OBJECT* driver);

/// IRP_MN_QUERY_REMOVE_DEVICE, then IRP_MN_REMOVE_DEVICE, or IRP_MN_CANCEL_REMOVE_DEVICE when the
/// driver does not agree or a file of the device is open.
/// Returns: what it answered to the query; STATUS_DEVICE_BUSY for an open file;
///          STATUS_NO_SUCH_DEVICE if it is gone already.
nt_status remove_device(_DRIVER_OBJECT* driver);

/// Removes the device before the driver is unloaded: by query, or by surprise if the driver does
/// not agree. REQUIRES: no file of it is open.
void leave_device(_DRIVER_OBJECT* driver);

/// IRP_MN_QUERY_POWER, then IRP_MN_SET_POWER, of the system: to S3, or back to S0.
/// Returns: what the driver answered.
nt_status set_system_power(_DRIVER_OBJECT* driver, bool working);

}  // namespace belay::inline BELAY_BUILD::wdm
