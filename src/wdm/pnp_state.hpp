// The devices of our root bus, and their interfaces: what the Plug and Play exports look up.
//
// Thread safety: the list changes at PASSIVE_LEVEL under io().lock; a node belongs to whoever
// carries out its manager's call.
#pragma once

#include "wdm/io_state.hpp"
#include "wdm/pnp_manager.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// What IoRegisterDeviceInterface has made.
struct device_interface {
  device_interface* next = nullptr;
  GUID of{};
  UNICODE_STRING link{};         ///< "\??\ROOT#BELAY#0000#{…}"; the buffer is ours
  named_object* name = nullptr;  ///< while it is enabled
};

enum class pnp_state : std::uint8_t { added, started, stopped, surprise_removed, removed };

/// A device of the root bus.
struct pnp_node {
  pnp_node* next = nullptr;
  PDEVICE_OBJECT pdo = nullptr;
  PDRIVER_OBJECT driver = nullptr;  ///< whose AddDevice was called
  std::uint32_t number = 0;
  pnp_state state = pnp_state::added;
  bool reached = false;  ///< the packet that is on its way has come down to the bus driver
  device_interface* interfaces = nullptr;
};

/// The node of a physical device object, or nullptr if that is none of ours.
pnp_node* node_of(const DEVICE_OBJECT* pdo);
/// The interface whose link `name` is or begins with, and the device that has it; or nullptr.
device_interface* find_link(PCUNICODE_STRING name, pnp_node** owner);
/// The class of every device of the root bus.
inline constexpr char device_class[] = "{4d36e97d-e325-11ce-bfc1-08002be10318}";
/// Makes the keys that a device has in the registry: one of its own, one for its driver.
void add_device_keys(const pnp_node* node);
/// Enables or disables an interface. Returns: what IoSetDeviceInterfaceState returns.
NTSTATUS enable_interface(pnp_node* node, device_interface* of, bool enable);
/// Sends a packet of `major` with STATUS_NOT_SUPPORTED to the top of the stack and waits for it.
IO_STATUS_BLOCK send_to_stack(PDEVICE_OBJECT pdo, UCHAR major, UCHAR minor,
                              const IO_STACK_LOCATION& parameters);

}  // namespace belay::inline BELAY_BUILD::wdm
