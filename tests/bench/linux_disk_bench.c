/* SPDX-License-Identifier: BSD-2-Clause */
/* The workloads of disk_bench.c as a program of Linux: linux_disk_bench DEVICE [sequential]. What
 * is on the device is lost. Linux's own asynchronous I/O past its page cache: <linux/aio_abi.h>. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

#define DEPTH_MAX 32u
#define BYTES_MAX 131072u

static const struct workload {
	const char *name;
	uint16_t op;
	bool random;
	uint32_t depth, bytes, count;
} workloads[] = {
	{"seq_read_1", IOCB_CMD_PREAD, false, 1, BYTES_MAX, 500},
	{"seq_read_32", IOCB_CMD_PREAD, false, 32, BYTES_MAX, 3000},
	{"seq_write_1", IOCB_CMD_PWRITE, false, 1, BYTES_MAX, 500},
	{"seq_write_32", IOCB_CMD_PWRITE, false, 32, BYTES_MAX, 3000},
	{"rand_read_1", IOCB_CMD_PREAD, true, 1, 4096, 2000},
	{"rand_read_32", IOCB_CMD_PREAD, true, 32, 4096, 20000},
	{"rand_write_1", IOCB_CMD_PWRITE, true, 1, 4096, 2000},
	{"rand_write_32", IOCB_CMD_PWRITE, true, 32, 4096, 20000},
};

static uint8_t *data;
static struct iocb iocbs[DEPTH_MAX];
static uint64_t seed, blocks, size;
static uint32_t issued;
static int device;

static void fail(const char *what)
{
	printf("DISK failed: %s\n", what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t next_block(const struct workload *w)
{
	if (!w->random)
		return issued % blocks;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % blocks;
}

static void fill(const struct workload *w, uint32_t tag)
{
	iocbs[tag] = (struct iocb){.aio_data = tag,
				   .aio_lio_opcode = w->op,
				   .aio_fildes = (uint32_t)device,
				   .aio_buf = (uintptr_t)(data + (size_t)tag * BYTES_MAX),
				   .aio_nbytes = w->bytes,
				   .aio_offset = (int64_t)(next_block(w) * w->bytes)};
	issued++;
}

static void submit(aio_context_t context, struct iocb **batch, long n)
{
	for (long done = 0; done < n;) {
		long r = syscall(SYS_io_submit, context, n - done, batch + done);

		if (r <= 0)
			fail("io_submit");
		done += r;
	}
}

/* What has ended is begun anew with the next block, all in one call. */
static void work(aio_context_t context, const struct workload *w)
{
	struct io_event events[DEPTH_MAX];
	struct iocb *batch[DEPTH_MAX];
	long n = 0;

	while (n < w->depth) {
		fill(w, (uint32_t)n);
		batch[n] = &iocbs[n];
		n++;
	}
	submit(context, batch, n);
	for (uint32_t done = 0; done < w->count;) {
		long got = syscall(SYS_io_getevents, context, 1, w->depth, events, NULL);

		if (got <= 0)
			fail("io_getevents");
		n = 0;
		for (long i = 0; i < got; i++) {
			if (events[i].res != (int64_t)w->bytes)
				fail("a request failed");
			if (issued == w->count)
				continue;
			fill(w, (uint32_t)events[i].data);
			batch[n++] = &iocbs[events[i].data];
		}
		done += (uint32_t)got;
		submit(context, batch, n);
	}
}

static void run(const struct workload *w)
{
	aio_context_t context = 0;
	uint64_t start, ns;

	blocks = size / w->bytes;
	seed = 88172645463325252u;
	issued = 0;
	if (syscall(SYS_io_setup, DEPTH_MAX, &context))
		fail("io_setup");
	BENCH_MARK(BENCH_BEGIN);
	start = now_ns();
	work(context, w);
	ns = now_ns() - start;
	BENCH_MARK(BENCH_END);
	syscall(SYS_io_destroy, context);
	printf("DISK %s %u %llu\n", w->name, w->count, (unsigned long long)ns);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	device = argc >= 2 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
	if (device < 0 || ioctl(device, BLKGETSIZE64, &size) || size < BYTES_MAX)
		fail("no such device");
	if (posix_memalign((void **)&data, 4096, DEPTH_MAX * BYTES_MAX))
		fail("out of memory");
	memset(data, 0x5A, DEPTH_MAX * BYTES_MAX);
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (argc < 3 || !workloads[i].random)
			run(&workloads[i]);
	printf("DISK done\n");
	return 0;
}
