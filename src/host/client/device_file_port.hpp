// The way from a Windows program to drivers that `belay run` hosts: device files, through io_uring.
//
// A request is two steps of exchange.hpp: a write, in which the driver's dispatch routine runs as
// it would inside ReadFile, and a read that waits for the end. The read goes through io_uring with
// IOSQE_ASYNC, so that it blocks one of the kernel's threads. A cancel is a write of its own, in
// which IoCancelIrp runs; when the program dies, the read is interrupted: FUSE_INTERRUPT, and
// IoCancelIrp.
//
// Devices are looked for in the folders of $BELAY_DEVICES (separated by colons), or else in the
// folders where `belay run` mounts: /run/belay/* and $XDG_RUNTIME_DIR/belay/*.
//
// Limits: of an open, nothing but the device reaches the driver: it is opened for reading and
// writing where the file's mode allows both; share, disposition and create options are the
// defaults, and a path behind the device's name is refused. Handles in a request's buffers mean
// nothing to the host.
//
// Thread safety: as device_port says.
#pragma once

#include "win32/device_port.hpp"

namespace belay::inline BELAY_BUILD::host {

win32::device_port& device_file_port();

}  // namespace belay::inline BELAY_BUILD::host
