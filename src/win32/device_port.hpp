// The way from the user side to drivers: what win32 asks of it, and how it is answered.
//
// One way leads to drivers in this process (in_process_port.cpp), another to drivers behind device
// files. A port knows neither Windows types nor IRPs.
//
// Thread safety: every call from any actor. A port calls `over` from any actor, with no lock of its
// own held.
// Invariants: win32 owns each port_io and each file that a port made; it calls release() and
// close() once, when nobody can be inside another call on them. Completion against cancellation is
// decided behind the port: a request whose cancel() came too late completes as if nobody had asked.
// Contract: WIN32-IO-001, WIN32-IO-004
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

enum class io_kind : std::uint8_t { open, read, write, control, flush };

/// The major function of the packet that a request becomes.
constexpr std::uint8_t major_of(io_kind kind) {
  switch (kind) {
    case io_kind::open:
      return 0;
    case io_kind::read:
      return 3;
    case io_kind::write:
      return 4;
    case io_kind::control:
      return 14;
    case io_kind::flush:
      return 9;
  }
  return 0;
}

/// How a request ended.
struct io_result {
  std::int32_t status = 0;  ///< IoStatus.Status, an NTSTATUS
  std::uint64_t information = 0;
  /// The driver had marked the request pending. Decides whether one that failed is told to the
  /// status block, the event, the port and the APC (WIN32-IO-001).
  bool pended = false;
};

/// One request. `input` and `output` are the user's memory and stay until `over`.
struct port_io {
  io_kind kind = io_kind::read;
  void* file = nullptr;  ///< the port's, made by open()
  std::uint32_t control_code = 0;
  const void* input = nullptr;
  std::uint32_t input_size = 0;
  void* output = nullptr;
  std::uint32_t output_size = 0;
  std::int64_t offset = 0;
  /// Called once for each start(): the result is there, the output is written. IRQL <=
  /// DISPATCH_LEVEL; also inside start().
  void (*over)(port_io& self, const io_result& result) = nullptr;
  void* port = nullptr;  ///< the port's, between prepare() and release()
};

/// What to open. The numbers are NtCreateFile's.
struct open_request {
  const char16_t* name = u"";     ///< an NT path, "\??\CancelSample"
  std::uint32_t access = 0;       ///< FILE_READ_DATA and its kin, nothing generic
  std::uint32_t share = 0;        ///< FILE_SHARE_…
  std::uint32_t disposition = 1;  ///< FILE_OPEN
  std::uint32_t create_options = 0;
  std::uint16_t attributes = 0;
};

class device_port {
 public:
  /// Makes `io.port`, so that cancel() may come from now on. Returns: false when there is no
  /// memory.
  virtual bool prepare(port_io& io) = 0;

  /// Opens a device and waits for it. `io.kind` is open; cancel(io) may end it.
  ///
  /// Returns: an NTSTATUS; on success `io.file` is the file and `*information` what the driver
  /// said.
  virtual std::int32_t open(port_io& io, const open_request& what, std::uint64_t* information) = 0;
  /// Lists the NT paths that devices can be opened by, each with its terminator, then an empty one.
  ///
  /// Returns: how many characters that is; nothing was written if it is more than `room`.
  virtual std::size_t names(char16_t* to, std::size_t room) const = 0;
  /// Sends a request that prepare() made ready.
  ///
  /// Callers: once, at PASSIVE_LEVEL, on the thread that asks.
  /// Returns: what the driver's dispatch routine returned. STATUS_PENDING: `over` comes, or came.
  ///          Anything else: `over` was called.
  virtual std::int32_t start(port_io& io) = 0;
  /// Asks for cancellation; does not wait. Between prepare() and release(), also before start() and
  /// after `over`.
  virtual void cancel(port_io& io) = 0;
  /// Frees `io.port`. After `over`, or instead of start().
  virtual void release(port_io& io) = 0;

  /// The last handle is closed (IRP_MJ_CLEANUP). PASSIVE_LEVEL.
  virtual void cleanup(void* file) = 0;
  /// The last reference is gone (IRP_MJ_CLOSE, when the driver's requests are over, too).
  virtual void close(void* file) = 0;

  /// The thread of `io` ended and asked for its cancellation. `for_good`: five minutes ago;
  /// otherwise just now. Reports to the driver's author, if the port can say what went wrong; when
  /// it returns with `for_good`, the thread ends without waiting any longer.
  virtual void overdue(port_io& io, bool for_good) = 0;

 protected:
  ~device_port() = default;
};

/// The way to drivers in this process: wdm::start() comes first.
device_port& in_process_port();
/// Which way CreateFile takes. Callers: set-up, before start().
void set_device_port(device_port* port);

}  // namespace belay::inline BELAY_BUILD::win32
