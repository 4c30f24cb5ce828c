/*
 * Keeps reads of a device in flight, completes some by writing and cancels others at random, and counts how
 * each ended:
 *
 *   load_client DEVICE uring|threads DEPTH READS SECONDS SEED
 *
 * uring cancels through the ring; threads has one thread a read and cancels with signals. When all reads are
 * on their way it prints "up" and waits for a line. It ends after READS reads, or after SECONDS where READS
 * is 0: nothing is issued any more, what is left is cancelled, and one line of JSON has the counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

enum { MOST = 1024, CANCEL = 1 << 20 };

static int file, depth;
static long most_reads;
static double seconds;
static unsigned seed;

static _Atomic long issued, completed, cancelled, withdrawn, failed, writes, written, refused, cancels;
static _Atomic uint64_t sum_read, sum_written;
static _Atomic int ending, running;

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

/* Whether another read may be issued; then it counts. */
static int next_read(void)
{
    if (ending) {
        return 0;
    }
    ++issued;
    return 1;
}

/* A read ended with this result, and this is what it read. */
static void read_ended(long result, uint64_t token)
{
    if (result == sizeof token) {
        ++completed;
        sum_read += token;
    } else if (result == -EINTR) {
        ++cancelled;
    } else if (result == -ECANCELED) {
        ++withdrawn; /* before it left this process */
    } else {
        ++failed;
    }
}

static unsigned random_below(unsigned *state, unsigned limit) { return (unsigned)rand_r(state) % limit; }

/* Lets others have the processor, so many times: the pace of this load is what they do meanwhile. */
static void give_way(unsigned turns)
{
    while (turns-- > 0) {
        sched_yield();
    }
}

static void *write_always(void *unused)
{
    uint64_t token = (uint64_t)seed << 40;
    unsigned own = seed;

    (void)unused;
    while (!ending) {
        ++token;
        ++writes;
        if (pwrite(file, &token, sizeof token, 0) == sizeof token) {
            ++written;
            sum_written += token;
        } else {
            ++refused;
        }
        give_way(random_below(&own, 32));
    }
    return NULL;
}

static void wait_for_go(pthread_t *writer)
{
    char line[16];

    puts("up");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) {
        exit(2);
    }
    pthread_create(writer, NULL, &write_always, NULL);
}

static int is_over(double since)
{
    return most_reads != 0 ? issued >= most_reads : now() - since >= seconds;
}

/* ---- a ring */

static uint64_t tokens[MOST];

static void submit_read(struct io_uring *ring, int slot)
{
    struct io_uring_sqe *const entry = io_uring_get_sqe(ring);

    io_uring_prep_read(entry, file, &tokens[slot], sizeof tokens[slot], 0);
    io_uring_sqe_set_flags(entry, IOSQE_ASYNC); /* so that a worker waits for it */
    io_uring_sqe_set_data64(entry, (unsigned)slot);
}

/* Takes what has ended; returns how many reads did and were not issued again. */
static int reap(struct io_uring *ring)
{
    struct io_uring_cqe *done;
    unsigned head, seen = 0;
    int slots[MOST], ended = 0, over = 0, i;

    io_uring_for_each_cqe(ring, head, done) {
        ++seen;
        if (io_uring_cqe_get_data64(done) < CANCEL && ended < MOST) {
            slots[ended] = (int)io_uring_cqe_get_data64(done);
            read_ended(done->res, tokens[slots[ended++]]);
        }
    }
    io_uring_cq_advance(ring, seen);
    for (i = 0; i < ended; ++i) {
        if (next_read()) {
            submit_read(ring, slots[i]);
        } else {
            ++over;
        }
    }
    return over;
}

static void with_ring(void)
{
    struct io_uring ring;
    unsigned workers[2] = {MOST, MOST};
    pthread_t writer;
    unsigned random = seed + MOST;
    double since;
    int i, left = depth;

    if (io_uring_queue_init(4 * MOST, &ring, 0) != 0 ||
        io_uring_register_iowq_max_workers(&ring, workers) != 0) {
        perror("load_client: io_uring");
        exit(2);
    }
    for (i = 0; i < depth; ++i) {
        next_read();
        submit_read(&ring, i);
    }
    io_uring_submit(&ring);
    wait_for_go(&writer);
    since = now();
    while (left > 0) {
        const unsigned count = 1 + random_below(&random, 4);
        for (i = 0; i < (int)count; ++i) {
            struct io_uring_sqe *const entry = io_uring_get_sqe(&ring);
            io_uring_prep_cancel64(entry, random_below(&random, (unsigned)depth), 0);
            io_uring_sqe_set_data64(entry, CANCEL);
            ++cancels;
        }
        io_uring_submit_and_wait(&ring, 1);
        if (!ending && is_over(since)) {
            ending = 1;
        }
        left -= reap(&ring);
        give_way(random_below(&random, 64));
    }
    pthread_join(writer, NULL);
    io_uring_queue_exit(&ring);
}

/* ---- threads */

static void ignored(int number) { (void)number; }

static void *read_always(void *unused)
{
    (void)unused;
    while (next_read()) {
        uint64_t token = 0;
        const ssize_t result = pread(file, &token, sizeof token, 0);
        read_ended(result >= 0 ? result : -errno, token);
    }
    --running;
    return NULL;
}

static void with_threads(void)
{
    struct sigaction action;
    pthread_t readers[MOST], writer;
    unsigned random = seed + MOST;
    double since;
    int i;

    memset(&action, 0, sizeof action);
    action.sa_handler = &ignored; /* and no SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    running = depth;
    for (i = 0; i < depth; ++i) {
        pthread_create(&readers[i], NULL, &read_always, NULL);
    }
    wait_for_go(&writer);
    since = now();
    while (running > 0) {
        pthread_kill(readers[random_below(&random, (unsigned)depth)], SIGUSR1);
        ++cancels;
        if (random_below(&random, 4) == 0) {
            give_way(random_below(&random, 64));
        }
        if (!ending && is_over(since)) {
            ending = 1;
        }
    }
    for (i = 0; i < depth; ++i) {
        pthread_join(readers[i], NULL);
    }
    pthread_join(writer, NULL);
}

int main(int count, char **arguments)
{
    if (count != 7) {
        return 2;
    }
    file = open(arguments[1], O_RDWR);
    if (file < 0) {
        perror("load_client");
        return 2;
    }
    depth = atoi(arguments[3]);
    most_reads = atol(arguments[4]);
    seconds = atof(arguments[5]);
    seed = (unsigned)atoi(arguments[6]);
    if (depth < 1 || depth > MOST) {
        return 2;
    }
    if (strcmp(arguments[2], "uring") == 0) {
        with_ring();
    } else {
        with_threads();
    }
    printf("{\"issued\": %ld, \"completed\": %ld, \"cancelled\": %ld, \"withdrawn\": %ld, \"failed\": %ld, "
           "\"writes\": %ld, \"written\": %ld, \"refused\": %ld, \"cancels\": %ld, \"sum_read\": %llu, "
           "\"sum_written\": %llu}\n",
           issued, completed, cancelled, withdrawn, failed, writes, written, refused, cancels,
           (unsigned long long)sum_read, (unsigned long long)sum_written);
    close(file);
    return 0;
}
