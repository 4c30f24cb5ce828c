// The drivers' devices as files under a FUSE mount.
//
// A regular file for each device that has a symbolic link (by the link's name) or at least a name.
// Its operations become IRPs; a signal, a closed descriptor or a dead process becomes IoCancelIrp.
//
// Thread safety: mount() and loop() belong to one thread; everything else from any.
// Invariants: each request of the kernel is answered once (in_flight.hpp). Nothing here decides
// between completion and cancel: that is wdm::request's.
// Contract: WDM-FILE-001, WDM-FILE-004
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "host/in_flight.hpp"
#include "sync/sync.hpp"
#include "wdm/io_manager.hpp"

struct fuse_session;

namespace belay::inline BELAY_BUILD::host {

/// One file of the mount.
struct device_file {
  std::uint64_t inode = 0;
  std::string name;                  ///< "CancelSample"
  std::string device;                ///< "\Device\CANCELSAMP"
  unsigned mode = 0;                 ///< permission bits
  _DEVICE_OBJECT* object = nullptr;  ///< nullptr: it is gone
};

/// What was sent ahead of a perform (exchange.hpp).
struct exchange_buffer {
  std::vector<unsigned char> sent;    ///< exchange_request and input
  std::vector<unsigned char> answer;  ///< exchange_answer and output
  std::uint64_t number = 0;           ///< of its entry
  fuse_req* waiter = nullptr;         ///< the read that waits for the end
  std::size_t room = 0;               ///< of that read
  bool create = false;                ///< it is an IRP_MJ_CREATE, which the read that waits starts
  bool cancel_wanted = false;
  bool running = false;
  bool over = false;
};

/// One open() of a program.
struct open_file {
  _FILE_OBJECT* object = nullptr;  ///< nullptr: no driver has heard of it (exchange.hpp)
  const device_file* device = nullptr;
  int process_id = 0;     ///< of the program that opened it
  int access_mode = 0;    ///< O_RDONLY, O_WRONLY, O_RDWR
  bool creating = false;  ///< an IRP_MJ_CREATE is on its way
  bool closed = false;    ///< IRP_MJ_CLEANUP was sent
  bool dropped = false;   ///< our reference, which keeps `object` while the kernel knows the file
  std::map<std::uint32_t, exchange_buffer> exchanges;
  int running = 0;        ///< exchanges that drivers have
  bool released = false;  ///< the kernel has forgotten it; it goes when none is running
};

class device_files {
 public:
  device_files(in_flight& table, std::vector<_DRIVER_OBJECT*> drivers);
  ~device_files();
  device_files(const device_files&) = delete;
  device_files& operator=(const device_files&) = delete;

  /// Mounts at `folder`, which exists and is empty. The error is one line that says what to do.
  tl::expected<void, std::string> mount(const std::string& folder);
  /// Serves until unmount(). Returns when it was unmounted.
  void loop();
  /// Takes the mount away, whoever still uses it.
  void unmount();

  /// From here on each new request is answered with `error`; closing still works.
  void refuse(int error);
  /// Answers everything that waits with `error`.
  void answer_all(int error);
  /// Closes every handle that is still open: IRP_MJ_CLEANUP, IRP_MJ_CLOSE. Waits for whoever else
  /// is closing one, so that no driver is in these any more when it returns.
  void close_all();

  /// The files there are, by name.
  std::vector<device_file> files();
  /// The same by NT path, each path that leads to one.
  std::vector<device_file> paths();
  const std::string& folder() const { return folder_; }

 private:
  friend struct file_operations;  // file_operations.cpp: what libfuse calls
  class closing;

  /// IRP_MJ_CLEANUP, once.
  std::int32_t cleanup(open_file& file);
  /// That, and IRP_MJ_CLOSE as soon as nothing is in flight.
  void close(open_file& file);
  void refresh();
  const device_file* by_name(const std::string& name);
  const device_file* by_path(const std::u16string& path);
  const device_file* by_path_locked(const char16_t* path) const;
  const device_file* by_inode(std::uint64_t inode);
  static bool add_device(void* context, const wdm::device_view& view);

  in_flight& table_;
  std::vector<_DRIVER_OBJECT*> drivers_;
  std::string folder_;
  fuse_session* session_ = nullptr;
  bool unmounted_ = false;
  mutable sync::inner_lock lock_;  // of what follows
  std::deque<device_file> files_;
  std::map<std::uint64_t, std::shared_ptr<open_file>> open_;  // by address
  int closing_ = 0;                                           ///< how many are closing a file
  bool closing_awaited_ = false;
  sync::parking all_closed_;
  int refusing_ = 0;
};

}  // namespace belay::inline BELAY_BUILD::host
