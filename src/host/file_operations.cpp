// From FUSE's requests to IRPs and back.
//
// Thread safety: libfuse calls these from its threads; answers are given on whatever thread the
// request ends.
// Contract: WDM-FILE-001, WDM-FILE-004
#include "host/file_operations.hpp"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/stat.h>

#include "host/device_files.hpp"
#include "host/errno_of.hpp"
#include "host/process_of.hpp"
#include "kernel/executive.hpp"
#include "win32/utf8.hpp"

namespace belay::inline BELAY_BUILD::host {

using kernel::guard;

namespace {

constexpr std::int32_t status_no_such_device = static_cast<std::int32_t>(0xC000000E);
constexpr std::int32_t status_end_of_file = static_cast<std::int32_t>(0xC0000011);
constexpr std::int32_t status_invalid_request = static_cast<std::int32_t>(0xC0000010);
constexpr double attribute_seconds = 1.0;

}  // namespace

// ---- names

void file_operations::initialise(void*, fuse_conn_info* connection) {
  // io_uring could not cancel a read otherwise: see docs/ARCHITECTURE.md, "The host".
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_ASYNC_DIO);
  connection->max_background = 4096;
  connection->congestion_threshold = 4096;
}

// `file` nullptr: of a folder.
struct stat file_operations::attributes(const device_file* file, fuse_ino_t inode) {
  struct stat out {};
  out.st_uid = geteuid();
  out.st_gid = getegid();
  out.st_ino = inode;
  if (file == nullptr) {
    out.st_mode = S_IFDIR | 0755;
    out.st_nlink = 2;
    return out;
  }
  out.st_mode = S_IFREG | static_cast<mode_t>(file->mode);
  out.st_nlink = 1;
  out.st_size = INT64_MAX;  // an asynchronous read at or past the end would not come to us
  return out;
}

void file_operations::lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  const device_file* file = nullptr;
  fuse_entry_param entry{};
  if (parent == FUSE_ROOT_ID && std::strcmp(name, exchange_folder) == 0) {
    entry.ino = FUSE_ROOT_ID | untold;
  } else if (parent == FUSE_ROOT_ID) {
    file = of(req).by_name(name);
    if (file != nullptr) entry.ino = file->inode;
  } else {
    std::u16string path;
    win32::each_utf16(name, std::strlen(name), [&](char16_t unit) { path += unit; });
    file = of(req).by_path(path);
    if (file != nullptr) entry.ino = file->inode | untold;
  }
  if (entry.ino == 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  entry.attr = attributes(file, entry.ino);
  entry.attr_timeout = attribute_seconds;
  entry.entry_timeout = 0;  // devices come and go
  fuse_reply_entry(req, &entry);
}

void file_operations::get_attributes(fuse_req_t req, fuse_ino_t inode, fuse_file_info*) {
  const fuse_ino_t plain = inode & ~untold;
  const device_file* const file = plain == FUSE_ROOT_ID ? nullptr : of(req).by_inode(plain);
  if (plain != FUSE_ROOT_ID && file == nullptr) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  const struct stat out = attributes(file, inode);
  fuse_reply_attr(req, &out, attribute_seconds);
}

// `echo x > device` truncates first: nothing to do.
void file_operations::set_attributes(fuse_req_t req, fuse_ino_t inode, struct stat*, int what,
                                     fuse_file_info* info) {
  if ((what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0) {
    fuse_reply_err(req, EPERM);
    return;
  }
  get_attributes(req, inode, info);
}

void file_operations::read_folder(fuse_req_t req, fuse_ino_t inode, std::size_t size, off_t offset,
                                  fuse_file_info*) {
  const fuse_ino_t kind = inode & untold;
  const std::vector<device_file> files = kind == 0 ? of(req).files() : of(req).paths();
  std::vector<char> buffer(size);
  std::size_t used = 0;
  for (auto i = static_cast<std::size_t>(offset); i < files.size() + 2; ++i) {
    const struct stat about =
        i < 2 ? attributes(nullptr, inode) : attributes(&files[i - 2], files[i - 2].inode | kind);
    const char* const name = i == 0 ? "." : i == 1 ? ".." : files[i - 2].name.c_str();
    const std::size_t bytes = fuse_add_direntry(req, buffer.data() + used, size - used, name,
                                                &about, static_cast<off_t>(i + 1));
    if (bytes > size - used) break;
    used += bytes;
  }
  fuse_reply_buf(req, buffer.data(), used);
}

// ---- requests

arrival file_operations::arrives(fuse_req_t req, operation what, open_file* file,
                                 std::uint64_t size) {
  arrival out;
  out.answer_to = req;
  out.what = what;
  out.size = size;
  out.process_id = process_of(fuse_req_ctx(req)->pid, file != nullptr ? file->process_id : 0);
  out.file = file;
  if (file != nullptr) out.device = file->device->name.c_str();
  return out;
}

// Whether new requests are refused, all or those of a file that is closed, or that no driver knows;
// then it has been answered.
bool file_operations::refused(fuse_req_t req, const open_file* file, bool even_unopened) {
  device_files& files = of(req);
  int error = 0;
  {
    const guard hold(files.lock_);
    error = files.refusing_;
    if (error == 0 && file != nullptr &&
        (file->closed || (file->object == nullptr && !even_unopened))) {
      error = EBADF;
    }
  }
  if (error != 0) fuse_reply_err(req, error);
  return error != 0;
}

// The same for one that is in the table. Whoever refuses waits for an empty table afterwards: what
// came in before that is waited for, and what comes later is refused here.
bool file_operations::too_late(fuse_req_t req, pending& entry) {
  device_files& files = of(req);
  int error = 0;
  {
    const guard hold(files.lock_);
    error = files.refusing_;
  }
  if (error == 0) return false;
  files.table_.ended(status_no_such_device);
  fuse_req_t const answer_to = files.table_.take_answer(entry);
  if (answer_to != nullptr) fuse_reply_err(answer_to, error);
  files.table_.release(entry);
  files.table_.release(entry);
  return true;
}

// FUSE_INTERRUPT. libfuse may call this when the request is over: the number then finds nothing.
void file_operations::interrupted(fuse_req_t req, void* number) {
  of(req).table_.cancel(reinterpret_cast<std::uint64_t>(number), reason_kind::user, true);
}

// Sends what is in the table to the driver. Returns: false if it was refused, and nothing sent.
bool file_operations::start(fuse_req_t req, pending& entry, wdm::request_options options) {
  if (too_late(req, entry)) return false;
  in_flight& table = of(req).table_;
  options.process_id = static_cast<std::uint64_t>(entry.process_id);
  options.over = &over;
  options.context = &entry;
  options.name = name_of(entry.what);
  const std::uint64_t number = entry.number;
  const bool nonblocking = entry.nonblocking;
  // An exchange is waited for by another read, whose interrupt counts.
  if (!entry.wants_status) {
    fuse_req_interrupt_func(req, &interrupted, reinterpret_cast<void*>(number));
  }
  wdm::request& request = table.make_request(entry, options);
  request.start();  // the answer may have been given when it returns, and `req` be gone
  if (nonblocking) request.cancel();
  table.release(entry);
  return true;
}

// The request is over, on any thread.
void file_operations::over(wdm::request& request, void* context) {
  auto& entry = *static_cast<pending*>(context);
  in_flight& table = *entry.in;
  const std::int32_t status = request.status();
  table.ended(status);
  if (entry.wants_status) {
    exchanged(entry, request, status);
  } else if (fuse_req_t const req = table.take_answer(entry)) {
    answer(req, entry, request, status);
  }
  table.release(entry);
}

void file_operations::answer(fuse_req_t req, pending& entry, wdm::request& request,
                             std::int32_t status) {
  const std::uint64_t information = request.information();
  if (entry.wrapped) return answer_wrapped(req, entry, request, status);
  // Warnings that mean failure to a program are in errno_of's table, too.
  if (int error = errno_of(status); error != 0 && status != status_end_of_file) {
    if (status == status_cancelled && entry.nonblocking) error = EAGAIN;
    if (status == status_cancelled && entry.interrupted) error = EINTR;
    fuse_reply_err(req, error);
    return;
  }
  const std::size_t bytes =
      status == status_end_of_file
          ? 0
          : static_cast<std::size_t>(std::min<std::uint64_t>(information, entry.room));
  switch (entry.what) {
    case operation::write:
      // A program that is told 0 tries for ever; one that is told EAGAIN says so.
      if (information == 0 && entry.size != 0) {
        fuse_reply_err(req, EAGAIN);
      } else {
        fuse_reply_write(req, std::min<std::uint64_t>(information, entry.size));
      }
      return;
    case operation::control:
      fuse_reply_ioctl(req, 0, request.output(), request.output() == nullptr ? 0 : bytes);
      return;
    case operation::read:
      fuse_reply_buf(req, static_cast<const char*>(request.output()), bytes);
      return;
    default:
      fuse_reply_err(req, 0);
  }
}

void file_operations::read(fuse_req_t req, fuse_ino_t, std::size_t size, off_t offset,
                           fuse_file_info* info) {
  open_file& file = file_of(info);
  // The page cache asks for pages (a private mapping, sendfile, readahead): nobody can interrupt
  // that, and the next open would wait for it. What read(2) and io_uring ask for has an owner.
  if (info->lock_owner == 0) {
    fuse_reply_err(req, EINVAL);  // sendfile's and splice's word for "use read"
    return;
  }
  const exchange_place place(offset);
  // What was sent before CloseHandle is still answered.
  if (refused(req, place.step == exchange_step::perform ? nullptr : &file)) return;
  if (place.step == exchange_step::perform) return perform(req, file, place, size);
  if (place.step == exchange_step::close) return close_now(req, file, size);
  if (place.step != exchange_step::none) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  pending& entry = of(req).table_.begin(arrives(req, operation::read, &file, size));
  entry.nonblocking = (info->flags & O_NONBLOCK) != 0;
  entry.room = static_cast<std::uint32_t>(size);
  wdm::request_options options;
  options.file = file.object;
  options.major = major_read;
  options.output_size = static_cast<std::uint32_t>(size);
  options.offset = offset;
  start(req, entry, options);
}

void file_operations::write(fuse_req_t req, fuse_ino_t, const char* data, std::size_t size,
                            off_t offset, fuse_file_info* info) {
  open_file& file = file_of(info);
  const exchange_place place(offset);
  if (refused(req, &file, place.step != exchange_step::none)) return;
  if (place.step == exchange_step::send) return receive(req, file, place, data, size, false);
  if (place.step == exchange_step::cancel) return cancel_sent(req, file, place, size, false);
  if (place.step != exchange_step::none) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  pending& entry = of(req).table_.begin(arrives(req, operation::write, &file, size));
  entry.nonblocking = (info->flags & O_NONBLOCK) != 0;
  wdm::request_options options;
  options.file = file.object;
  options.major = major_write;
  options.input = data;
  options.input_size = static_cast<std::uint32_t>(size);
  options.offset = offset;
  start(req, entry, options);
}

void file_operations::flush_device(fuse_req_t req, fuse_ino_t, int, fuse_file_info* info) {
  open_file& file = file_of(info);
  if (refused(req, &file)) return;
  pending& entry = of(req).table_.begin(arrives(req, operation::flush, &file, 0));
  wdm::request_options options;
  options.file = file.object;
  options.major = major_flush;
  start(req, entry, options);
}

// ---- control codes

void file_operations::control(fuse_req_t req, fuse_ino_t, unsigned code, void*,
                              fuse_file_info* info, unsigned, const void* input,
                              std::size_t input_size, std::size_t output_size) {
  open_file& file = file_of(info);
  constexpr unsigned size_mask = 0x3fffu << 16;
  constexpr unsigned sending = (1u << 30) | ('B' << 8) | 2;  // _IOW('B', 2, char[n])
  const bool sends = (code & ~size_mask) == sending;
  if (refused(req, &file, sends)) return;
  if (sends) return sent_by_control(req, file, input, input_size);
  constexpr unsigned wrapping = (3u << 30) | ('B' << 8) | 1;  // _IOWR('B', 1, char[n])
  if ((code & ~size_mask) == wrapping) return wrapped(req, file, input, input_size, output_size);
  arrival about = arrives(req, operation::control, &file, input_size + output_size);
  about.control_code = code;
  pending& entry = of(req).table_.begin(about);
  entry.room = static_cast<std::uint32_t>(output_size);
  wdm::request_options options;
  options.file = file.object;
  options.major = major_control;
  options.control_code = code;
  options.input = input;
  options.input_size = static_cast<std::uint32_t>(input_size);
  options.output_size = static_cast<std::uint32_t>(output_size);
  start(req, entry, options);
}

void file_operations::wrapped(fuse_req_t req, open_file& file, const void* data, std::size_t size,
                              std::size_t output_size) {
  control_block block;
  if (size < sizeof block || output_size < sizeof block) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  std::memcpy(&block, data, sizeof block);
  if (block.input_size > size - sizeof block || block.output_size > output_size - sizeof block) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  arrival about = arrives(req, operation::control, &file, block.input_size + block.output_size);
  about.control_code = block.control_code;
  pending& entry = of(req).table_.begin(about);
  entry.wrapped = true;
  entry.room = block.output_size;
  wdm::request_options options;
  options.file = file.object;
  options.major = major_control;
  options.control_code = block.control_code;
  options.input = static_cast<const char*>(data) + sizeof block;
  options.input_size = block.input_size;
  options.output_size = block.output_size;
  start(req, entry, options);
}

void file_operations::sent_by_control(fuse_req_t req, open_file& file, const void* data,
                                      std::size_t size) {
  exchange_block block;
  if (size >= sizeof block) std::memcpy(&block, data, sizeof block);
  const exchange_place place(block.offset);
  const char* const bytes = static_cast<const char*>(data) + sizeof block;
  if (block.size > size - sizeof block) return void(fuse_reply_err(req, EINVAL));
  if (place.step == exchange_step::send) return receive(req, file, place, bytes, block.size, true);
  if (place.step == exchange_step::cancel) return cancel_sent(req, file, place, block.size, true);
  fuse_reply_err(req, EINVAL);
}

void file_operations::answer_wrapped(fuse_req_t req, pending& entry, wdm::request& request,
                                     std::int32_t status) {
  if (status == status_cancelled && entry.interrupted) {
    fuse_reply_err(req, EINTR);
    return;
  }
  control_block block;
  block.control_code = entry.control_code;
  block.output_size = entry.room;
  block.status = status;
  block.information = request.information();
  const std::size_t bytes =
      request.output() == nullptr || is_error(status)
          ? 0
          : static_cast<std::size_t>(std::min<std::uint64_t>(block.information, entry.room));
  const iovec parts[] = {{&block, sizeof block}, {const_cast<void*>(request.output()), bytes}};
  fuse_reply_ioctl_iov(req, 0, parts, bytes != 0 ? 2 : 1);
}

// ---- poll

// Windows' devices have no readiness. Always ready: O_NONBLOCK then says what there is.
void file_operations::poll(fuse_req_t req, fuse_ino_t, fuse_file_info*, fuse_pollhandle* handle) {
  if (handle != nullptr) fuse_pollhandle_destroy(handle);
  fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

const fuse_lowlevel_ops& file_operations_table() {
  static const fuse_lowlevel_ops table = [] {
    fuse_lowlevel_ops out{};
    out.init = &file_operations::initialise;
    out.lookup = &file_operations::lookup;
    out.getattr = &file_operations::get_attributes;
    out.setattr = &file_operations::set_attributes;
    out.readdir = &file_operations::read_folder;
    out.open = &file_operations::open;
    out.read = &file_operations::read;
    out.write = &file_operations::write;
    out.fsync = &file_operations::flush_device;
    out.ioctl = &file_operations::control;
    out.poll = &file_operations::poll;
    out.release = &file_operations::release;
    return out;
  }();
  return table;
}

}  // namespace belay::inline BELAY_BUILD::host
