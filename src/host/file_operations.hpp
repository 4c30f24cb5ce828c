// What libfuse calls, and what of it several files share. Private to src/host.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <cstdint>

#include "host/device_files.hpp"
#include "host/exchange.hpp"
#include "host/in_flight.hpp"

namespace belay::inline BELAY_BUILD::host {

inline constexpr std::uint8_t major_create = 0, major_read = 3, major_write = 4, major_flush = 9,
                              major_control = 14;
inline constexpr std::int32_t status_cancelled = static_cast<std::int32_t>(0xC0000120);

inline bool is_error(std::int32_t status) { return static_cast<std::uint32_t>(status) >> 30 == 3; }

/// An inode with this bit is of exchange_folder: the folder itself, or a device in it.
inline constexpr fuse_ino_t untold = fuse_ino_t{1} << 40;

/// The operations of a device_files, which is the session's user data.
const fuse_lowlevel_ops& file_operations_table();

struct file_operations {
  static device_files& of(fuse_req_t req) {
    return *static_cast<device_files*>(fuse_req_userdata(req));
  }
  static open_file& file_of(const fuse_file_info* info) {
    return *reinterpret_cast<open_file*>(info->fh);
  }

  static void initialise(void*, fuse_conn_info* connection);
  static struct stat attributes(const device_file* file, fuse_ino_t inode);
  static void lookup(fuse_req_t req, fuse_ino_t parent, const char* name);
  static void get_attributes(fuse_req_t req, fuse_ino_t inode, fuse_file_info*);
  static void set_attributes(fuse_req_t req, fuse_ino_t inode, struct stat*, int what,
                             fuse_file_info* info);
  static void read_folder(fuse_req_t req, fuse_ino_t inode, std::size_t size, off_t offset,
                          fuse_file_info*);
  static arrival arrives(fuse_req_t req, operation what, open_file* file, std::uint64_t size);
  static bool refused(fuse_req_t req, const open_file* file, bool even_unopened = false);
  static bool too_late(fuse_req_t req, pending& entry);
  static void interrupted(fuse_req_t req, void* number);
  static bool start(fuse_req_t req, pending& entry, wdm::request_options options);
  static void over(wdm::request& request, void* context);
  static void answer(fuse_req_t req, pending& entry, wdm::request& request, std::int32_t status);
  static void read(fuse_req_t req, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info* info);
  static void write(fuse_req_t req, fuse_ino_t, const char* data, std::size_t size, off_t offset,
                    fuse_file_info* info);
  static void flush_device(fuse_req_t req, fuse_ino_t, int, fuse_file_info* info);
  static void control(fuse_req_t req, fuse_ino_t, unsigned code, void*, fuse_file_info* info,
                      unsigned, const void* input, std::size_t input_size, std::size_t output_size);
  static void wrapped(fuse_req_t req, open_file& file, const void* data, std::size_t size,
                      std::size_t output_size);
  static void answer_wrapped(fuse_req_t req, pending& entry, wdm::request& request,
                             std::int32_t status);
  static void sent_by_control(fuse_req_t req, open_file& file, const void* data, std::size_t size);

  // open_operations.cpp
  static void open(fuse_req_t req, fuse_ino_t inode, fuse_file_info* info);
  static void open_untold(fuse_req_t req, std::shared_ptr<open_file> file);
  static bool answer_open(fuse_req_t req, const open_file& file);
  static void create(fuse_req_t req, open_file& file, std::uint32_t id);
  static bool claim(device_files& files, open_file& file, std::uint32_t id,
                    std::vector<unsigned char>& sent);
  static wdm::open_result create(device_files& files, const open_file& file,
                                 const std::vector<unsigned char>& sent, wdm::open_options how);
  static void created(device_files& files, open_file& file);
  static void close(device_files& files, open_file& file);
  static void release(fuse_req_t req, fuse_ino_t, fuse_file_info* info);
  static void close_now(fuse_req_t req, open_file& file, std::size_t size);
  static void poll(fuse_req_t req, fuse_ino_t, fuse_file_info*, fuse_pollhandle* handle);

  // exchange_operations.cpp
  static bool whole(const exchange_buffer& buffer, exchange_request& out);
  static int keep(device_files& files, open_file& file, exchange_place place, const char* data,
                  std::size_t size, exchange_request& asked, bool& complete);
  static void answer_sent(fuse_req_t req, std::size_t size, bool by_control);
  static void receive(fuse_req_t req, open_file& file, exchange_place place, const char* data,
                      std::size_t size, bool by_control);
  static int send(fuse_req_t req, open_file& file, std::uint32_t id, const exchange_request& asked);
  static void cancel_sent(fuse_req_t req, open_file& file, exchange_place place, std::size_t size,
                          bool by_control);
  static std::vector<unsigned char> first_part(open_file& file, std::uint32_t id, std::size_t room);
  static void perform(fuse_req_t req, open_file& file, exchange_place place, std::size_t size);
  static void exchanged(pending& entry, wdm::request& request, std::int32_t status);
  static void read_rest(fuse_req_t req, open_file& file, exchange_place place, std::size_t size);
  static void forget(device_files& files, open_file& file, std::uint32_t id);
};

}  // namespace belay::inline BELAY_BUILD::host
