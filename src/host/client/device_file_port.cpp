#include "host/client/device_file_port.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <sys/ioctl.h>
#include <sys/stat.h>

#include "host/client/ring.hpp"
#include "host/exchange.hpp"
#include "kernel/executive.hpp"
#include "win32/services.hpp"
#include "win32/utf8.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

using win32::io_kind;
using win32::port_io;

constexpr auto status_cancelled = static_cast<std::int32_t>(0xC0000120);
constexpr auto status_not_found = static_cast<std::int32_t>(0xC0000034);
constexpr auto status_not_supported = static_cast<std::int32_t>(0xC00000BB);
constexpr std::int32_t status_pending = 0x103;

// What an errno of the file system itself means; a driver's status comes in the answer.
std::int32_t status_of(int error) {
  switch (error) {
    case ENOENT:
      return status_not_found;
    case EACCES:
    case EPERM:
      return static_cast<std::int32_t>(0xC0000022);  // STATUS_ACCESS_DENIED
    case EBUSY:
      return static_cast<std::int32_t>(0xC0000043);  // STATUS_SHARING_VIOLATION
    case EINTR:
    case ECANCELED:
      return status_cancelled;
    case EBADF:
      return static_cast<std::int32_t>(0xC0000008);  // STATUS_INVALID_HANDLE
    case EFAULT:
      return static_cast<std::int32_t>(0xC0000005);  // STATUS_ACCESS_VIOLATION
    case ENOMEM:
      return static_cast<std::int32_t>(0xC000009A);  // STATUS_INSUFFICIENT_RESOURCES
    case EINVAL:
      return static_cast<std::int32_t>(0xC000000D);  // STATUS_INVALID_PARAMETER
    case ENXIO:
    case ENODEV:
    case ENOTCONN:
      return static_cast<std::int32_t>(0xC000009D);  // STATUS_DEVICE_NOT_CONNECTED
    case EOPNOTSUPP:
    case ENOSYS:
      return status_not_supported;
    default:
      return static_cast<std::int32_t>(0xC0000185);  // STATUS_IO_DEVICE_ERROR
  }
}

// ---- where devices are

std::vector<std::string> folders() {
  std::vector<std::string> out;
  if (const char* const given = std::getenv("BELAY_DEVICES")) {
    std::istringstream parts(given);
    for (std::string each; std::getline(parts, each, ':');) out.push_back(each);
    return out;
  }
  std::vector<std::string> above = {"/run/belay"};
  if (const char* const own = std::getenv("XDG_RUNTIME_DIR")) {
    above.push_back(std::string(own) + "/belay");
  }
  for (const std::string& each : above) {
    DIR* const open = opendir(each.c_str());
    if (open == nullptr) continue;
    while (const dirent* const entry = readdir(open)) {
      if (entry->d_name[0] != '.') out.push_back(each + "/" + entry->d_name);
    }
    closedir(open);
  }
  return out;
}

// An NT path as a file of exchange_folder: as much of it as leads to the device.
std::string file_name(const char16_t* path) {
  constexpr std::size_t longest = 1000;
  std::string out;
  std::size_t length = 0;
  while (path[length] != 0 && path[length] != u'/') ++length;
  win32::each_utf8(path, length, [&](char c) {
    if (out.size() < longest) out += c;
  });
  return out;
}

// Opens the device without its driver's knowing, for what the permissions of its file allow.
// Returns: a descriptor or a negative errno.
int open_untold(const char16_t* path, bool writes) {
  const std::string name = file_name(path);
  int error = ENOENT;
  for (const std::string& folder : folders()) {
    const std::string file = folder + "/" + exchange_folder + "/" + name;
    for (const int mode : {O_RDWR, O_RDONLY}) {
      int descriptor;
      do {
        descriptor = ::open(file.c_str(), mode | O_CLOEXEC);
      } while (descriptor < 0 && errno == EINTR);
      if (descriptor >= 0) return descriptor;
      const int why = errno;
      if (why == ENOENT || why == ENOTDIR || why == ENOTCONN) break;  // not there, or no mount
      if (why == EMFILE || why == ENFILE || why == ENOMEM) return -why;
      struct stat about {};
      const bool denied = why == EACCES || why == EPERM;
      if (denied && stat(file.c_str(), &about) != 0) break;  // somebody else's mount
      error = why;
      if (!denied) break;
      if (writes) break;
    }
  }
  return -error;
}

// ---- requests

int descriptor_of(const void* file) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(file)) - 1;
}
void* file_of(int descriptor) {
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor) + 1);
}

// What an exchange writes; by ioctl where the descriptor may only be read. Returns: as pwritev.
ssize_t put(int descriptor, const iovec* parts, int count, std::int64_t offset) {
  const ssize_t written = pwritev(descriptor, parts, count, offset);
  if (written >= 0 || errno != EBADF) return written;
  constexpr std::size_t most = (1u << _IOC_SIZEBITS) - 1;
  std::vector<char> data(sizeof(exchange_block));
  for (const iovec* each = parts; each != parts + count; ++each) {
    const auto* const bytes = static_cast<const char*>(each->iov_base);
    data.insert(data.end(), bytes, bytes + std::min(each->iov_len, most - data.size()));
  }
  exchange_block block;
  block.offset = offset;
  block.size = static_cast<std::uint32_t>(data.size() - sizeof block);
  std::memcpy(data.data(), &block, sizeof block);
  const unsigned long code = _IOC(_IOC_WRITE, 'B', 2, data.size());
  return ioctl(descriptor, code, data.data()) < 0 ? -1 : static_cast<ssize_t>(block.size);
}

struct request final : work {
  port_io* io = nullptr;
  exchange_answer answer;
  iovec parts[2] = {};
  sync::parking opened;
  int result = 0;
  sync::inner_lock lock;  // of what follows
  bool sent = false;      ///< the host may know `id`
  bool cancel_wanted = false;
  std::uint32_t id = 0;
};

request& request_of(const port_io& io) { return *static_cast<request*>(io.port); }

class device_files_port final : public win32::device_port {
 public:
  bool prepare(port_io& io) override {
    if (ring::the_ring() == nullptr) return false;
    void* const memory = sync::allocate(sizeof(request), sync::memory_use::internal);
    if (memory == nullptr) return false;
    auto* const made = new (memory) request;
    made->io = &io;
    io.port = made;
    return true;
  }

  std::int32_t open(port_io& io, const win32::open_request& what,
                    std::uint64_t* information) override {
    *information = 0;
    const int descriptor = open_untold(what.name, (what.access & rights_to_write) != 0);
    if (descriptor < 0) return status_of(-descriptor);
    const std::int32_t status = create(request_of(io), descriptor, what, information);
    if (status < 0) {
      ::close(descriptor);
      return status;
    }
    io.file = file_of(descriptor);
    return status;
  }

  std::size_t names(char16_t* to, std::size_t room) const override {
    std::set<std::u16string> all;
    for (const std::string& folder : folders()) {
      DIR* const open = opendir((folder + "/" + exchange_folder).c_str());
      if (open == nullptr) continue;
      while (const dirent* const entry = readdir(open)) {
        if (entry->d_name[0] == '.') continue;
        std::u16string name;
        win32::each_utf16(entry->d_name, std::strlen(entry->d_name),
                          [&](char16_t unit) { name += unit; });
        all.insert(name);
      }
      closedir(open);
    }
    std::size_t needed = 1;
    for (const std::u16string& each : all) needed += each.size() + 1;
    if (needed > room) return needed;
    for (const std::u16string& each : all) to = std::copy_n(each.c_str(), each.size() + 1, to);
    *to = 0;
    return needed;
  }

  std::int32_t start(port_io& io) override {
    request& self = request_of(io);
    const int descriptor = descriptor_of(io.file);
    const std::uint32_t id = next_id();
    {
      const kernel::guard hold(self.lock);
      self.id = id;
      self.sent = true;
    }
    if (const int error = send(io, descriptor, id); error != 0) {
      const std::int32_t status = status_of(error);
      io.over(io, {status, 0, false});
      return status;
    }
    bool cancelled = false;
    {
      const kernel::guard hold(self.lock);
      cancelled = self.cancel_wanted;  // perhaps before the host knew the id
    }
    if (cancelled) cancel_sent(descriptor, id);
    self.parts[0] = {&self.answer, sizeof self.answer};
    self.parts[1] = {io.output, io.output_size};
    self.done = &performed;
    ring::the_ring()->read(self, descriptor, self.parts, io.output_size != 0 ? 2 : 1,
                           performing(id, 0));
    return status_pending;
  }

  void cancel(port_io& io) override {
    request& self = request_of(io);
    if (io.kind == io_kind::open) return ring::the_ring()->cancel(self);
    bool sent = false;
    {
      const kernel::guard hold(self.lock);
      self.cancel_wanted = true;
      sent = self.sent;
    }
    if (sent) cancel_sent(descriptor_of(io.file), self.id);
  }

  void release(port_io& io) override {
    request_of(io).~request();
    sync::deallocate(io.port);
    io.port = nullptr;
  }

  void cleanup(void* file) override {
    exchange_answer answer;
    if (pread(descriptor_of(file), &answer, sizeof answer, closing()) < 0) return;  // host is gone
  }
  void close(void* file) override { ::close(descriptor_of(file)); }

  void overdue(port_io&, bool for_good) override {
    if (!for_good) return;
    std::fprintf(stderr,
                 "belay: five minutes after its thread ended and cancelled it, a request is still "
                 "with the driver (WDM-FILE-003); `belay run` shows it\n");
  }

 private:
  std::uint32_t next_id() {
    const std::uint32_t id = next_id_.fetch_add(1);
    return id & ((1u << exchange_id_bits) - 1);
  }

  static void cancel_sent(int descriptor, std::uint32_t id) {
    char any = 0;
    const iovec part = {&any, 1};
    if (put(descriptor, &part, 1, cancelling(id)) < 0) return;  // the host is gone, or it is over
  }

  // IRP_MJ_CREATE, which the ring waits for, so that signals of this thread do not count.
  static std::int32_t create(request& self, int descriptor, const win32::open_request& what,
                             std::uint64_t* information) {
    exchange_create how;
    how.access = what.access;
    how.share = what.share;
    how.disposition = what.disposition;
    how.create_options = what.create_options;
    how.attributes = what.attributes;
    const std::u16string_view name(what.name);
    std::vector<char> input(sizeof how + name.size() * sizeof(char16_t));
    std::memcpy(input.data(), &how, sizeof how);
    std::memcpy(input.data() + sizeof how, name.data(), input.size() - sizeof how);
    exchange_request header;
    header.major = major_of(io_kind::open);
    header.input_size = static_cast<std::uint32_t>(input.size());
    if (const int error = send(header, input.data(), descriptor, 0)) return status_of(error);
    self.parts[0] = {&self.answer, sizeof self.answer};
    self.done = [](work& done, int result) {
      auto& it = static_cast<request&>(done);
      it.result = result;
      it.opened.unpark();
    };
    ring::the_ring()->read(self, descriptor, self.parts, 1, performing(0, 0));
    self.opened.park(sync::forever);
    if (self.result < 0) return status_of(-self.result);
    if (self.result < static_cast<int>(sizeof self.answer)) return status_of(EIO);
    *information = self.answer.information;
    return self.answer.status;
  }

  // The driver has it, when this returns. Returns: 0 or an errno.
  static int send(const port_io& io, int descriptor, std::uint32_t id) {
    exchange_request header;
    header.major = major_of(io.kind);
    header.control_code = io.control_code;
    header.input_size = io.input_size;
    header.output_size = io.output_size;
    header.offset = io.offset;
    return send(header, io.input, descriptor, id);
  }

  // Returns: 0 or an errno.
  static int send(exchange_request& header, const void* input, int descriptor, std::uint32_t id) {
    const std::size_t whole = sizeof header + header.input_size;
    std::size_t sent = 0;
    while (sent < whole) {
      iovec parts[2];
      int count = 0;
      if (sent < sizeof header) {
        parts[count++] = {reinterpret_cast<char*>(&header) + sent, sizeof header - sent};
      }
      const std::size_t of_input = sent < sizeof header ? 0 : sent - sizeof header;
      if (header.input_size > of_input) {
        parts[count++] = {static_cast<char*>(const_cast<void*>(input)) + of_input,
                          header.input_size - of_input};
      }
      const ssize_t written =
          put(descriptor, parts, count, sending(id, static_cast<std::uint32_t>(sent)));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return written < 0 ? errno : EIO;
      sent += static_cast<std::size_t>(written);
    }
    return 0;
  }

  static void performed(work& done, int result) {
    auto& self = static_cast<request&>(done);
    port_io& io = *self.io;
    if (result < static_cast<int>(sizeof self.answer)) {
      io.over(io, {status_of(result < 0 ? -result : EIO), 0, true});
      return;
    }
    io.over(io, {self.answer.status, self.answer.information,
                 (self.answer.flags & exchange_pended) != 0});
  }

  sync::atomic<std::uint32_t> next_id_{0};
};

// `belay run` has loaded the driver, and unloads it: a program that would do so itself is told that
// it is there, and to go on.
win32::service_answer hosted(win32::service_request what, const char16_t*, const char16_t*) {
  if (what == win32::service_request::unload) return win32::service_answer::done;
  for (const std::string& folder : folders()) {
    DIR* const open = opendir(folder.c_str());
    if (open == nullptr) continue;
    closedir(open);
    return win32::service_answer::already;
  }
  return what == win32::service_request::load ? win32::service_answer::not_found
                                              : win32::service_answer::done;
}

}  // namespace

win32::device_port& device_file_port() {
  static device_files_port the;
  return the;
}

// A program that is linked with this library means hosted drivers.
__attribute__((constructor)) static void choose_device_files() {
  win32::set_device_port(&device_file_port());
  win32::set_service_loader(&hosted);
}

}  // namespace belay::inline BELAY_BUILD::host
