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
// A file is opened without its driver's knowing, which is where Linux looks at its permissions;
// then an exchange sends the IRP_MJ_CREATE that CreateFile means.
//
// Limits: a device that a program may write but not read is refused it. Handles in a request's
// buffers mean nothing to the host.
//
// Thread safety: as device_port says.
#pragma once

#include "win32/device_port.hpp"

namespace belay::inline BELAY_BUILD::host {

win32::device_port& device_file_port();

}  // namespace belay::inline BELAY_BUILD::host
