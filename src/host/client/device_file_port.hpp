// The way from a Windows program to drivers that `belay run` hosts: device files, through io_uring.
//
// A request is two steps of exchange.hpp: a write that the host only keeps, and a read that
// performs it. The read goes through io_uring with IOSQE_ASYNC, so that it blocks one of the
// kernel's threads, and io_uring's cancel interrupts it there: FUSE_INTERRUPT, and IoCancelIrp in
// the host.
//
// Devices are looked for in the folders of $BELAY_DEVICES (separated by colons), or else in the
// folders where `belay run` mounts: /run/belay/* and $XDG_RUNTIME_DIR/belay/*.
//
// Limits: of an open, only the access reaches the driver; share, disposition and create options are
// the defaults, and a path behind the device's name is refused.
//
// Thread safety: as device_port says.
#pragma once

#include "win32/device_port.hpp"

namespace belay::inline BELAY_BUILD::host {

win32::device_port& device_file_port();

}  // namespace belay::inline BELAY_BUILD::host
