/*
 * Reads the device given as the argument through io_uring; when a line comes on standard input,
 * cancels that read, and prints how both ended: "cancel ENOENT", "read EINTR".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <liburing.h>

enum { READ = 1, CANCEL = 2 };

static const char *name_of(int result)
{
    return result >= 0 ? "0" : strerrorname_np(-result);
}

int main(int count, char **arguments)
{
    struct io_uring ring;
    struct io_uring_sqe *entry;
    struct io_uring_cqe *done;
    char buffer[64], line[16];
    int results[3] = {0, 0, 0}, i;
    int file = count == 2 ? open(arguments[1], O_RDWR) : -1;

    if (file < 0 || io_uring_queue_init(8, &ring, 0) != 0) {
        perror("uring_cancel");
        return 2;
    }
    entry = io_uring_get_sqe(&ring);
    io_uring_prep_read(entry, file, buffer, sizeof buffer, 0);
    io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
    io_uring_sqe_set_data64(entry, READ);
    io_uring_submit(&ring);
    if (fgets(line, sizeof line, stdin) == NULL) {
        return 2;
    }
    entry = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(entry, READ, 0);
    io_uring_sqe_set_data64(entry, CANCEL);
    io_uring_submit(&ring);
    for (i = 0; i < 2; ++i) {
        if (io_uring_wait_cqe(&ring, &done) != 0) {
            return 2;
        }
        results[io_uring_cqe_get_data64(done)] = done->res;
        io_uring_cqe_seen(&ring, done);
    }
    printf("read %s cancel %s\n", name_of(results[READ]), name_of(results[CANCEL]));
    io_uring_queue_exit(&ring);
    return 0;
}
