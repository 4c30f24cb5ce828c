// Opening and closing: open(2), and IRP_MJ_CREATE through an exchange.
//
// Thread safety: libfuse calls these from its threads.
// Invariants: an open_file without an object is known to no driver; create() gives it one, once.
// Contract: WDM-FILE-001, WDM-FILE-004
#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_lowlevel.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host/device_files.hpp"
#include "host/errno_of.hpp"
#include "host/file_operations.hpp"
#include "kernel/executive.hpp"
#include "kernel/object.hpp"

namespace belay::inline BELAY_BUILD::host {

using kernel::guard;

namespace {

constexpr std::int32_t status_invalid_parameter = static_cast<std::int32_t>(0xC000000D);
constexpr std::int32_t status_access_denied = static_cast<std::int32_t>(0xC0000022);
constexpr std::int32_t status_object_name_not_found = static_cast<std::int32_t>(0xC0000034);

constexpr std::uint32_t read_access = 0x00120089, write_access = 0x00120116;  // FILE_GENERIC_…
// FILE_READ_DATA, FILE_READ_EA, FILE_EXECUTE.
constexpr std::uint32_t rights_to_read = 0x29;

// The kernel's fuse_open_out. libfuse 3.14 has no name for the flag that lets writes run beside
// each other, and without it one write that a driver keeps would hold up all.
struct open_answer {
  std::uint64_t handle = 0;
  std::uint32_t flags = 0;
  std::uint32_t padding = 0;
};
constexpr std::uint32_t open_direct_io = 1u << 0;
constexpr std::uint32_t open_no_flush = 1u << 5;
constexpr std::uint32_t open_parallel_writes = 1u << 6;

// What the kernel has let a descriptor do.
bool allowed(int access_mode, std::uint32_t rights) {
  if (access_mode == O_RDONLY) return (rights & rights_to_write) == 0;
  if (access_mode == O_WRONLY) return (rights & rights_to_read) == 0;
  return true;
}

std::uint64_t address_of(const open_file& file) { return reinterpret_cast<std::uint64_t>(&file); }

}  // namespace

// ---- open

// Returns: false when the program is gone.
bool file_operations::answer_open(fuse_req_t req, const open_file& file) {
  open_answer answer;
  answer.handle = address_of(file);
  answer.flags = open_direct_io | open_no_flush | open_parallel_writes;
  return fuse_reply_buf(req, reinterpret_cast<const char*>(&answer), sizeof answer) == 0;
}

void file_operations::open(fuse_req_t req, fuse_ino_t inode, fuse_file_info* info) {
  if (refused(req, nullptr)) return;
  device_files& files = of(req);
  const device_file* const device = files.by_inode(inode & ~untold);
  if (device == nullptr) {
    fuse_reply_err(req, ENXIO);
    return;
  }
  auto file = std::make_shared<open_file>();
  file->device = device;
  file->access_mode = info->flags & O_ACCMODE;
  arrival about = arrives(req, operation::open, nullptr, 0);
  about.device = device->name.c_str();
  file->process_id = about.process_id;
  if ((inode & untold) != 0) return open_untold(req, file);
  pending& entry = files.table_.begin(about);
  if (too_late(req, entry)) return;
  wdm::open_options how;
  how.access = file->access_mode == O_RDONLY   ? read_access
               : file->access_mode == O_WRONLY ? write_access
                                               : read_access | write_access;
  how.process_id = static_cast<std::uint64_t>(about.process_id);
  how.cancel = &*entry.opening;
  fuse_req_interrupt_func(req, &interrupted, reinterpret_cast<void*>(entry.number));
  const wdm::open_result opened = wdm::open(device->object, how);
  files.table_.ended(opened.status);
  fuse_req_t const answer_to = files.table_.take_answer(entry);
  const bool gave_up = opened.status == status_cancelled && entry.interrupted;
  if (opened.file != nullptr) {
    file->object = opened.file;
    kernel::reference_object(file->object);
    const guard hold(files.lock_);
    files.open_[address_of(*file)] = file;
  }
  bool taken = true;
  if (opened.file != nullptr) {
    taken = answer_to != nullptr && answer_open(answer_to, *file);
  } else if (answer_to != nullptr) {
    const int error = gave_up ? EINTR : errno_of(opened.status);
    fuse_reply_err(answer_to, error != 0 ? error : EIO);
  }
  // Whoever waits for an empty table closes what is open then, and takes the mount away.
  files.table_.release(entry);
  files.table_.release(entry);
  if (!taken) close(files, *file);  // the program was killed in its open()
}

// ---- IRP_MJ_CREATE by exchange

void file_operations::open_untold(fuse_req_t req, std::shared_ptr<open_file> file) {
  device_files& files = of(req);
  {
    const guard hold(files.lock_);
    files.open_[address_of(*file)] = file;
  }
  if (!answer_open(req, *file)) close(files, *file);
}

// Takes what was sent, for the caller to open the file by it. Returns: false if somebody has.
bool file_operations::claim(device_files& files, open_file& file, std::uint32_t id,
                            std::vector<unsigned char>& sent) {
  const guard hold(files.lock_);
  const auto found = file.exchanges.find(id);
  if (found == file.exchanges.end() || found->second.running) return false;
  if (file.object != nullptr || file.creating) return false;
  found->second.running = file.creating = true;
  ++file.running;
  sent = std::move(found->second.sent);
  return true;
}

// What the program asked for, if it may.
wdm::open_result file_operations::create(device_files& files, const open_file& file,
                                         const std::vector<unsigned char>& sent,
                                         wdm::open_options how) {
  wdm::open_result refusal;
  refusal.status = status_invalid_parameter;
  exchange_create asked;
  constexpr std::size_t ahead = sizeof(exchange_request) + sizeof asked;
  if (sent.size() < ahead) return refusal;
  std::memcpy(&asked, sent.data() + sizeof(exchange_request), sizeof asked);
  std::u16string path((sent.size() - ahead) / sizeof(char16_t), u'\0');
  std::memcpy(path.data(), sent.data() + ahead, path.size() * sizeof(char16_t));
  refusal.status = status_access_denied;
  if (!allowed(file.access_mode, asked.access)) return refusal;
  // The kernel has looked at the permissions of this device, and of no other.
  refusal.status = status_object_name_not_found;
  if (files.by_path(path) != file.device) return refusal;
  how.access = asked.access;
  how.share = asked.share;
  how.disposition = asked.disposition;
  how.create_options = asked.create_options;
  how.attributes = asked.attributes;
  return wdm::open(path.c_str(), how);
}

void file_operations::create(fuse_req_t req, open_file& file, std::uint32_t id) {
  device_files& files = of(req);
  std::vector<unsigned char> sent;
  if (!claim(files, file, id, sent)) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  pending& entry = files.table_.begin(arrives(req, operation::open, &file, 0));
  bool cancelled = false;
  {
    const guard hold(files.lock_);
    exchange_buffer& buffer = file.exchanges[id];
    buffer.number = entry.number;
    cancelled = buffer.cancel_wanted;
  }
  wdm::open_result opened;
  fuse_req_t answer_to = nullptr;
  const bool sent_on = !too_late(req, entry);
  if (sent_on) {
    if (cancelled) files.table_.cancel(entry.number, reason_kind::user);
    fuse_req_interrupt_func(req, &interrupted, reinterpret_cast<void*>(entry.number));
    wdm::open_options how;
    how.process_id = static_cast<std::uint64_t>(entry.process_id);
    how.cancel = &*entry.opening;
    opened = create(files, file, sent, how);
    files.table_.ended(opened.status);
    answer_to = files.table_.take_answer(entry);
  }
  if (opened.file != nullptr) kernel::reference_object(opened.file);
  {
    const guard hold(files.lock_);
    file.exchanges.erase(id);
    file.creating = false;
    file.object = opened.file;
  }
  exchange_answer answer;
  answer.status = opened.status;
  answer.information = opened.information;
  if (answer_to != nullptr) {
    fuse_reply_buf(answer_to, reinterpret_cast<const char*>(&answer), sizeof answer);
  }
  if (sent_on) {
    files.table_.release(entry);
    files.table_.release(entry);
  }
  created(files, file);
}

// A create is over. The kernel may have forgotten the file meanwhile.
void file_operations::created(device_files& files, open_file& file) {
  bool forgotten = false;
  {
    const guard hold(files.lock_);
    forgotten = file.released;
  }
  if (forgotten) files.close(file);
  const guard hold(files.lock_);
  if (--file.running == 0 && file.released) files.open_.erase(address_of(file));
}

// ---- close

void file_operations::close(device_files& files, open_file& file) {
  files.table_.cancel_all(reason_kind::client_gone, &file);  // sent, and nobody waits for them
  files.close(file);
  const guard hold(files.lock_);
  file.released = true;
  if (file.running == 0) files.open_.erase(address_of(file));
}

void file_operations::release(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
  close(of(req), file_of(info));
  fuse_reply_err(req, 0);
}

void file_operations::close_now(fuse_req_t req, open_file& file, std::size_t size) {
  exchange_answer answer;
  answer.status = of(req).cleanup(file);
  fuse_reply_buf(req, reinterpret_cast<const char*>(&answer), std::min(size, sizeof answer));
}

}  // namespace belay::inline BELAY_BUILD::host
