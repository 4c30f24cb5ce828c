// A driver's callbacks one by one, with a model in place of the drivers beneath it.
//
// The explorer calls a routine that no life of the driver leads to, as Windows' static verifier
// does: one packet, made here, goes to one dispatch routine; where the driver passes it on, the
// model answers.
//
// Thread safety: one actor at PASSIVE_LEVEL calls; the model answers any.
// Invariants: only packets that the I/O manager made itself are answered; what the driver builds
// goes where it is sent.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

struct _DEVICE_OBJECT;
struct _DRIVER_OBJECT;
struct _FILE_OBJECT;

namespace belay::inline BELAY_BUILD::wdm {

/// What the driver beneath does with each packet that it is passed.
enum class lower_answer : std::uint8_t {
  success,  ///< completes it with STATUS_SUCCESS, inside IofCallDriver
  failure,  ///< … with STATUS_UNSUCCESSFUL
  pending,  ///< marks it pending and completes it with STATUS_SUCCESS in a DPC
};

/// From here on the model stands for the drivers beneath, which succeed, and AddDevice is called,
/// if `devices`, but the device is not started.
///
/// Callers: after start(), before load_driver.
void model_lower_driver(bool devices);
/// How the model answers from here on; lower_calls() counts from 0 again.
void answer_from_below(lower_answer answer);
/// How many packets the model has answered.
std::uint32_t lower_calls();

/// The routines that a driver registered, nullptr for those that it did not.
struct driver_callbacks {
  const void* dispatch[28] = {};
  const void* add_device = nullptr;
  const void* unload = nullptr;
  const void* dpc[4] = {};  ///< IoInitializeDpcRequest, of its first devices
};
driver_callbacks callbacks_of(const _DRIVER_OBJECT* driver);

/// Where packets for the driver are sent: the top of its Plug and Play stack, else its first
/// device; nullptr: it has none.
_DEVICE_OBJECT* device_to_call(const _DRIVER_OBJECT* driver);

/// A file object of the device that no IRP_MJ_CREATE was sent for.
_FILE_OBJECT* make_unopened_file(_DEVICE_OBJECT* device);

struct callback_answer {
  bool completed = false;   ///< within one second in which nothing else was left to do
  std::int32_t status = 0;  ///< of the completion
};

/// Sends one packet of `major`: IRP_MN_START_DEVICE for PNP, IRP_MN_SET_POWER (system, S3) for
/// POWER, IRP_MN_REGINFO of another provider for SYSTEM_CONTROL, 64 bytes for what transfers data.
/// `file` is nullptr for majors without one.
callback_answer call_dispatch(_DEVICE_OBJECT* device, _FILE_OBJECT* file, std::uint8_t major,
                              std::uint32_t control_code);

/// Queues the DPC of the driver's device number `index` with a pending read of that device, which
/// is its CurrentIrp, too.
callback_answer call_dpc(const _DRIVER_OBJECT* driver, int index);

}  // namespace belay::inline BELAY_BUILD::wdm
