#include "host/device_files.hpp"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "host/access_mode.hpp"
#include "host/file_operations.hpp"
#include "kernel/executive.hpp"
#include "kernel/object.hpp"
#include "win32/utf8.hpp"

namespace belay::inline BELAY_BUILD::host {

using kernel::guard;

namespace {

// "\DosDevices\CancelSample" and "\Device\Sample" as a file's name.
std::string file_name(const char* path) {
  std::string name = path;
  for (const char* prefix : {"\\DosDevices\\", "\\??\\", "\\GLOBAL??\\", "\\Device\\"}) {
    if (name.compare(0, std::strlen(prefix), prefix) == 0) name = name.substr(std::strlen(prefix));
  }
  if (name.compare(0, 7, "Global\\") == 0) name = name.substr(7);
  for (char& each : name) {
    if (each == '\\' || each == '/') each = '-';
  }
  return name;
}

// Others may use the mounts of root, and of a user where the administrator says so.
bool others_allowed() {
  if (geteuid() == 0) return true;
  std::ifstream configuration("/etc/fuse.conf");
  for (std::string line; std::getline(configuration, line);) {
    if (line.compare(0, 16, "user_allow_other") == 0) return true;
  }
  return false;
}

}  // namespace

device_files::device_files(in_flight& table, std::vector<_DRIVER_OBJECT*> drivers)
    : table_(table), drivers_(std::move(drivers)) {
  refresh();
}

device_files::~device_files() {
  if (session_ != nullptr) fuse_session_destroy(session_);
}

bool device_files::add_device(void* context, const wdm::device_view& view) {
  auto* const self = static_cast<device_files*>(context);
  if (view.link == nullptr && view.name == nullptr) return true;
  const std::string name = file_name(view.link != nullptr ? view.link : view.name);
  for (device_file& each : self->files_) {
    if (each.name == name) {
      each.object = view.device;
      return true;
    }
  }
  device_file& made = self->files_.emplace_back();
  made.inode = FUSE_ROOT_ID + self->files_.size();
  made.name = name;
  made.device = view.name != nullptr ? view.name : "";
  made.mode = access_mode(view.security != nullptr ? view.security : "");
  made.object = view.device;
  return true;
}

// Devices come and go while drivers run.
void device_files::refresh() {
  const guard hold(lock_);
  for (device_file& each : files_) each.object = nullptr;
  for (const _DRIVER_OBJECT* driver : drivers_) wdm::visit_devices(driver, &add_device, this);
}

std::vector<device_file> device_files::files() {
  refresh();
  const guard hold(lock_);
  std::vector<device_file> out;
  for (const device_file& each : files_) {
    if (each.object != nullptr) out.push_back(each);
  }
  return out;
}

const device_file* device_files::by_name(const std::string& name) {
  refresh();
  const guard hold(lock_);
  for (const device_file& each : files_) {
    if (each.object != nullptr && each.name == name) return &each;
  }
  return nullptr;
}

// REQUIRES: lock_ is held.
const device_file* device_files::by_path_locked(const char16_t* path) const {
  for (const device_file& each : files_) {
    if (each.object != nullptr && wdm::leads_to(path, each.object)) return &each;
  }
  return nullptr;
}

const device_file* device_files::by_path(const std::u16string& path) {
  refresh();
  const guard hold(lock_);
  return by_path_locked(path.c_str());
}

std::vector<device_file> device_files::paths() {
  refresh();
  std::vector<char16_t> names;
  for (std::size_t needed = wdm::list_names(nullptr, 0); needed > names.size();
       needed = wdm::list_names(names.data(), names.size())) {
    names.resize(needed);
  }
  std::vector<device_file> out;
  const guard hold(lock_);
  for (const char16_t* each = names.data(); *each != 0;) {
    const std::u16string_view path(each);
    if (const device_file* const found = by_path_locked(each)) {
      out.push_back(*found);
      out.back().name.clear();
      win32::each_utf8(each, path.size(), [&](char c) { out.back().name += c; });
    }
    each += path.size() + 1;
  }
  return out;
}

const device_file* device_files::by_inode(std::uint64_t inode) {
  const guard hold(lock_);
  const std::uint64_t place = inode - FUSE_ROOT_ID - 1;
  return place < files_.size() && files_[place].object != nullptr ? &files_[place] : nullptr;
}

tl::expected<void, std::string> device_files::mount(const std::string& folder) {
  folder_ = folder;
  const std::string options = fmt::format("default_permissions,fsname=belay,subtype=belay{}",
                                          others_allowed() ? ",allow_other" : "");
  const char* arguments[] = {"belay", "-o", options.c_str()};
  fuse_args args = FUSE_ARGS_INIT(3, const_cast<char**>(arguments));
  session_ = fuse_session_new(&args, &file_operations_table(), sizeof(fuse_lowlevel_ops), this);
  fuse_opt_free_args(&args);
  if (session_ == nullptr) return tl::unexpected(std::string("libfuse refuses its options"));
  if (fuse_session_mount(session_, folder.c_str()) != 0) {
    fuse_session_destroy(session_);
    session_ = nullptr;
    return tl::unexpected(fmt::format(
        "{}: cannot be mounted; `belay doctor` says whether this machine lets you", folder));
  }
  return {};
}

void device_files::loop() {
  fuse_loop_config* const config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_clone_fd(config, 0);
  // A driver may wait in its dispatch routine: each such program needs a thread, and one more must
  // be there to hear of signals. Those above the idle ones end when they are free: each has a
  // buffer of 1 MiB, and many that wait for the same descriptor make each request dearer.
  constexpr unsigned most_threads = 16384, idle_threads = 16;
  fuse_loop_cfg_set_max_threads(config, most_threads);
  fuse_loop_cfg_set_idle_threads(config, idle_threads);
  fuse_session_loop_mt(session_, config);
  fuse_loop_cfg_destroy(config);
}

void device_files::unmount() {
  if (session_ == nullptr || unmounted_) return;
  fuse_session_exit(session_);
  // By force, so that a program that still has a file open cannot keep the mount, nor our threads
  // in their reads.
  if (umount2(folder_.c_str(), MNT_FORCE) != 0) umount2(folder_.c_str(), MNT_DETACH);
  fuse_session_unmount(session_);
  unmounted_ = true;
}

void device_files::refuse(int error) {
  const guard hold(lock_);
  refusing_ = error;
}

void device_files::answer_all(int error) {
  struct list {
    std::vector<fuse_req*> answers;
  } all;
  table_.visit(
      [](void* context, pending& entry) {
        if (entry.answer_to != nullptr) {
          static_cast<list*>(context)->answers.push_back(entry.answer_to);
          entry.answer_to = nullptr;
        }
        return true;
      },
      &all);
  {
    const guard hold(lock_);
    for (const auto& [address, file] : open_) {
      for (auto& [id, buffer] : file->exchanges) {
        if (buffer.waiter != nullptr) all.answers.push_back(std::exchange(buffer.waiter, nullptr));
      }
    }
  }
  for (fuse_req* each : all.answers) fuse_reply_err(each, error);
}

// Somebody is in a driver's IRP_MJ_CLEANUP or IRP_MJ_CLOSE: close_all() waits for that, too.
class device_files::closing {
 public:
  explicit closing(device_files& files) : files_(files) {
    const guard hold(files_.lock_);
    ++files_.closing_;
  }
  ~closing() {
    const guard hold(files_.lock_);
    if (--files_.closing_ == 0 && files_.closing_awaited_) files_.all_closed_.unpark();
  }
  closing(const closing&) = delete;
  closing& operator=(const closing&) = delete;

 private:
  device_files& files_;
};

std::int32_t device_files::cleanup(open_file& file) {
  const closing here(*this);
  {
    const guard hold(lock_);
    if (file.closed || file.object == nullptr) return 0;
    file.closed = true;
  }
  return wdm::close_handle(file.object);
}

void device_files::close(open_file& file) {
  const closing here(*this);
  cleanup(file);
  {
    const guard hold(lock_);
    if (file.dropped || file.object == nullptr) return;
    file.dropped = true;
  }
  kernel::dereference_object(file.object);
}

void device_files::close_all() {
  std::vector<std::shared_ptr<open_file>> all;
  {
    const guard hold(lock_);
    for (const auto& [address, file] : open_) all.push_back(file);
  }
  for (const auto& each : all) close(*each);
  for (;;) {
    {
      const guard hold(lock_);
      closing_awaited_ = closing_ != 0;
      if (closing_ == 0) return;
    }
    all_closed_.park(sync::forever);
    all_closed_.reset();
  }
}

}  // namespace belay::inline BELAY_BUILD::host
