// How a program that wants Windows' whole answer speaks to a device file: layouts and offsets.
//
// A plain read() or write() carries bytes and an errno. A client that needs an NTSTATUS, an
// Information count, a control code's buffers of any size, or all of these through io_uring, uses
// offsets beyond 2^62, which no device has:
//
//   pwrite at sending(id, 0)      exchange_request, and behind it the input, in as many writes as
//   it
//                                 takes: the second at sending(id, bytes written so far) … The last
//                                 one sends the request to the driver, and returns when its
//                                 dispatch routine has
//   pread  at performing(id, 0)   blocks until the request is over; then reads exchange_answer and
//                                 behind it the output; what does not fit is read at
//                                 performing(id, bytes read so far)
//   pwrite at cancelling(id)      cancels it: IoCancelIrp has returned when this does. Any one byte
//   pread  at closing()           IRP_MJ_CLEANUP now (CloseHandle), though others still use the
//                                 descriptor; reads exchange_answer
//
// A pread that is interrupted (a signal, io_uring's cancel) cancels the request, and still reads
// the answer: STATUS_CANCELLED if the driver cancelled it. The id is the client's choice; it is
// free again when the answer has been read to its end. Programs without io_uring may carry up to 16
// KiB in one ioctl: see control_block.
//
// An open() carries a mode and no more. The folder exchange_folder of the mount, which is not
// listed there, has the devices by their NT paths ("\GLOBAL??\CancelSample", "\Device\X"; in any
// spelling that Windows takes, also with a path behind). A file that is opened there is checked
// against the same permissions, but no driver hears of it, and nothing but this is taken:
//
//   pwrite at sending(id, 0)      exchange_request with major 0, and as its input exchange_create
//                                 and the NT path
//   pread  at performing(id, 0)   IRP_MJ_CREATE; reads exchange_answer. On success the descriptor
//                                 is the open file from then on; otherwise it may be tried again
//
// A descriptor that may only be read does its writes by ioctl: see exchange_block.
//
// Thread safety: plain data.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::host {

inline constexpr std::uint32_t exchange_magic = 0x594c4542;  // "BELY"

struct exchange_request {
  std::uint32_t magic = exchange_magic;
  /// IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_FLUSH_BUFFERS; IRP_MJ_CREATE
  std::uint8_t major = 0;
  std::uint8_t minor = 0;
  std::uint16_t reserved = 0;
  std::uint32_t control_code = 0;
  std::uint32_t input_size = 0;
  std::uint32_t output_size = 0;
  std::uint32_t reserved_2 = 0;
  std::int64_t offset = 0;  ///< Parameters.Read.ByteOffset
};
static_assert(sizeof(exchange_request) == 32);

inline constexpr char exchange_folder[] = ".belay";

/// How a file is opened, as NtCreateFile says it; the NT path in UTF-16 follows. Rights to read and
/// to write need a descriptor with the same.
struct exchange_create {
  std::uint32_t access = 0;
  std::uint32_t share = 0;
  std::uint32_t disposition = 0;
  std::uint32_t create_options = 0;
  std::uint16_t attributes = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(exchange_create) == 20);

/// Of a file's rights, those that need a descriptor that may be written: FILE_WRITE_DATA,
/// FILE_APPEND_DATA, FILE_WRITE_EA, FILE_DELETE_CHILD, FILE_WRITE_ATTRIBUTES, DELETE, WRITE_DAC,
/// WRITE_OWNER.
inline constexpr std::uint32_t rights_to_write = 0xd0156;

inline constexpr std::uint32_t exchange_pended = 1;  ///< the driver had marked the IRP pending

struct exchange_answer {
  std::int32_t status = 0;        ///< NTSTATUS
  std::uint32_t flags = 0;        ///< exchange_pended
  std::uint64_t information = 0;  ///< IoStatus.Information; so many bytes of output follow at most
};
static_assert(sizeof(exchange_answer) == 16);

enum class exchange_step : std::uint8_t { none, send, perform, close, cancel };

inline constexpr int exchange_id_bits = 24;

namespace detail {
constexpr std::int64_t place(exchange_step step, std::uint32_t id, std::uint32_t position) {
  return (std::int64_t{1} << 62) | (static_cast<std::int64_t>(step) << 56) |
         (static_cast<std::int64_t>(id) << 32) | position;
}
}  // namespace detail

constexpr std::int64_t sending(std::uint32_t id, std::uint32_t position) {
  return detail::place(exchange_step::send, id, position);
}
constexpr std::int64_t performing(std::uint32_t id, std::uint32_t position) {
  return detail::place(exchange_step::perform, id, position);
}
constexpr std::int64_t cancelling(std::uint32_t id) {
  return detail::place(exchange_step::cancel, id, 0);
}
constexpr std::int64_t closing() { return detail::place(exchange_step::close, 0, 0); }

/// What an offset means.
struct exchange_place {
  exchange_step step = exchange_step::none;
  std::uint32_t id = 0;
  std::uint32_t position = 0;

  explicit constexpr exchange_place(std::int64_t offset) {
    if ((offset >> 62) != 1) return;
    const auto kind = static_cast<std::uint8_t>((offset >> 56) & 0x3f);
    if (kind < 1 || kind > 4) return;
    step = static_cast<exchange_step>(kind);
    id = static_cast<std::uint32_t>(offset >> 32) & ((1u << exchange_id_bits) - 1);
    position = static_cast<std::uint32_t>(offset);
  }
};

/// The argument of ioctl(fd, _IOWR('B', 1, char[n]), argument), n bytes of at least 32: this, and
/// behind it the input, which the output replaces.
struct control_block {
  std::uint32_t control_code = 0;
  std::uint32_t input_size = 0;
  std::uint32_t output_size = 0;
  std::int32_t status = 0;        ///< answer: NTSTATUS
  std::uint64_t information = 0;  ///< answer
  std::uint64_t reserved = 0;
};
static_assert(sizeof(control_block) == 32);

/// The argument of ioctl(fd, _IOW('B', 2, char[n]), argument): a pwrite of `size` bytes, which
/// follow, at an offset of the exchange.
struct exchange_block {
  std::int64_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(exchange_block) == 16);

}  // namespace belay::inline BELAY_BUILD::host
