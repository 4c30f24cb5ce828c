// The yardstick for device files: the least that libfuse can do. One file; each read is answered at
// once with as many zeros as were asked for.
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <sys/stat.h>

namespace {

struct stat attributes(fuse_ino_t inode) {
  struct stat out {};
  out.st_ino = inode;
  out.st_mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666;
  out.st_nlink = 1;
  out.st_size = inode == FUSE_ROOT_ID ? 0 : INT64_MAX;
  return out;
}

void lookup(fuse_req_t req, fuse_ino_t, const char* name) {
  if (std::strcmp(name, "echo") != 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.ino = 2;
  entry.attr = attributes(2);
  fuse_reply_entry(req, &entry);
}

void get_attributes(fuse_req_t req, fuse_ino_t inode, fuse_file_info*) {
  const struct stat out = attributes(inode);
  fuse_reply_attr(req, &out, 1.0);
}

void open(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
  info->direct_io = 1;
  fuse_reply_open(req, info);
}

void read(fuse_req_t req, fuse_ino_t, std::size_t size, off_t, fuse_file_info*) {
  static const std::vector<char> zeros(1 << 20);
  fuse_reply_buf(req, zeros.data(), size);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: bench_fuse_echo FOLDER\n");
    return 2;
  }
  fuse_lowlevel_ops table{};
  table.lookup = &lookup;
  table.getattr = &get_attributes;
  table.open = &open;
  table.read = &read;
  const char* options[] = {"echo", "-o", "fsname=echo"};
  fuse_args args = FUSE_ARGS_INIT(3, const_cast<char**>(options));
  fuse_session* const session = fuse_session_new(&args, &table, sizeof table, nullptr);
  if (session == nullptr || fuse_session_mount(session, arguments[1]) != 0) return 1;
  fuse_set_signal_handlers(session);
  std::puts("ready");
  std::fflush(stdout);
  fuse_loop_config* const config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_clone_fd(config, 0);
  fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
}
