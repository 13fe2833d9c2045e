/* SPDX-License-Identifier: BSD-2-Clause */
/* First program of a guest whose machine may end at any moment: checks on its disks all that it had
 * flushed before, then goes on writing. Four workers, one to a disk: xvdb and xvdc have a file
 * system, xvdd and xvde are written directly. xvda is the log: 8 MiB for each worker, a sector for
 * each step, written before the step ("begun") and again when the step has been flushed ("done").
 *
 * What a step writes says its number, so that any part of any file shows which step it is of.
 * crash_disk.py reads the same disks on the host. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define SECTOR    512u
#define PAGE      65536u
#define STEPS     16384u /* sectors of a worker's log */
#define MAGIC     0x4853524Cu
#define BEGUN     1u
#define DONE      2u
#define UNIT      64u   /* bytes of a file that one step writes as one */
#define UNITS     2048u /* of the longest file */
#define FILES     10u
#define RAW_MAX   32768u /* sectors */
#define DISCARDED 0xFFFFFFFFu

enum op { OP_WRITE = 1, OP_NEW, OP_TRUNCATE, OP_RENAME, OP_UNLINK, OP_RESET, OP_RAW, OP_DISCARD };

/* of a file at, count are units; of a disk sectors */
struct step {
	u32 magic, state, number, op, file, other, at, count;
	u32 reserved[119];
	u32 sum;
};

struct file {
	int there;
	u32 units;
	u32 of[UNITS]; /* the step that wrote each; 0: zeroes */
};

static char disk; /* the worker's: 'b' to 'e' */
static int log_fd, raw_fd;
static u32 last;                 /* the last step that is done */
static struct step begun;        /* one that was perhaps not done; number 0: there is none */
static struct file files[FILES]; /* as the steps left them */
static u32 *raw_of, raw_sectors;
static u64 dice;
static char *page; /* for O_DIRECT */

static void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void fail(const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("plinth-crash FAILED: xvd%c after step %u: %s\n", disk ? disk : 'a', last, text);
	exit(1);
}

static void must(int good, const char *what)
{
	if (!good)
		fail("%s: %s", what, strerror(errno));
}

static u32 roll(u32 below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (u32)((dice >> 20) % below);
}

static u32 sum_of(const struct step *s)
{
	u32 sum = 2166136261u;

	for (u32 i = 0; i < 127; i++)
		sum = (sum ^ ((const u32 *)s)[i]) * 16777619u;
	return sum;
}

/* What a step writes into a unit of a file or a sector of a disk. */
static void content(char *to, u32 bytes, u32 number, u32 place)
{
	u64 mix = number * 0x9E3779B97F4A7C15ull ^ (place + 1) * 0xC2B2AE3D27D4EB4Full;

	for (u32 i = 0; i < bytes; i += 16) {
		memcpy(to + i, &number, 4);
		memcpy(to + i + 4, &place, 4);
		memcpy(to + i + 8, &mix, 8);
	}
}

/* --- the log --- */

static void log_write(struct step *s)
{
	s->magic = MAGIC;
	s->sum = sum_of(s);
	memcpy(page, s, SECTOR);
	must(pwrite(log_fd, page, SECTOR, ((off_t)(disk - 'b') * STEPS + s->number) * SECTOR) ==
		     (ssize_t)SECTOR,
	     "writing the log");
	must(fsync(log_fd) == 0, "flushing the log");
}

static void set_units(struct file *f, u32 at, u32 count, u32 number)
{
	for (u32 i = 0; i < count; i++)
		f->of[at + i] = number;
}

static void replay(const struct step *s)
{
	struct file *f = &files[s->file % FILES], *other = &files[s->other % FILES];

	switch (s->op) {
	case OP_NEW:
		memset(f, 0, sizeof(*f));
		/* fall through */
	case OP_WRITE:
		f->there = 1;
		set_units(f, s->at, s->count, s->number);
		if (f->units < s->at + s->count)
			f->units = s->at + s->count;
		break;
	case OP_TRUNCATE:
		if (s->at < f->units)
			set_units(f, s->at, f->units - s->at, 0);
		f->units = s->at;
		break;
	case OP_RENAME:
		*other = *f;
		memset(f, 0, sizeof(*f));
		break;
	case OP_RESET:
		memset(other, 0, sizeof(*other));
		/* fall through */
	case OP_UNLINK:
		memset(f, 0, sizeof(*f));
		break;
	default:
		for (u32 i = 0; raw_of && i < s->count && s->at + i < raw_sectors; i++)
			raw_of[s->at + i] = s->op == OP_RAW ? s->number : DISCARDED;
	}
}

/* false: the log ends before it. */
static int log_take(const struct step *s, u32 n)
{
	if (s->magic != MAGIC || s->number != n || s->sum != sum_of(s))
		return 0;
	if (s->state != DONE) {
		begun = *s;
		return 0;
	}
	replay(s);
	last = n;
	return 1;
}

static void log_read(void)
{
	off_t from = (off_t)(disk - 'b') * STEPS * SECTOR;
	struct step *s = (struct step *)page;

	for (u32 n = 0; n < STEPS; n++) {
		if (n % (PAGE / SECTOR) == 0)
			must(pread(log_fd, page, PAGE, from + (off_t)n * SECTOR) == (ssize_t)PAGE,
			     "reading the log");
		if (n && !log_take(&s[n % (PAGE / SECTOR)], n))
			return;
	}
	fail("the log is full");
}

/* --- what is on the disk --- */

static int touched(u32 file)
{
	return begun.number && (begun.file == file || begun.other == file);
}

/* The step that a unit of a file can be of, besides the one that is known: the one under way. It
 * may have given one file the content of another. */
static int unit_allowed(u32 file, u32 i, const char *got)
{
	char want[UNIT];
	u32 may[5] = {files[file].of[i]}, n = 1;

	if (touched(file)) {
		may[n++] = begun.number;
		may[n++] = 0;
		may[n++] = files[begun.file].of[i];
		may[n++] = files[begun.other].of[i];
	}
	for (u32 k = 0; k < n; k++) {
		memset(want, 0, UNIT);
		if (may[k])
			content(want, UNIT, may[k], i);
		if (memcmp(want, got, UNIT) == 0)
			return 1;
	}
	return 0;
}

static void check_file(u32 i)
{
	static char data[UNITS * UNIT];
	char name[32];
	struct file *f = &files[i];
	ssize_t size;
	int fd;

	snprintf(name, sizeof(name), "/%c/d%u/f%u", disk, i % 3, i);
	fd = open(name, O_RDONLY);
	if (fd < 0) {
		if (f->there && !touched(i))
			fail("%s of %u units is gone", name, f->units);
		return;
	}
	size = read(fd, data, sizeof(data));
	must(size >= 0, name);
	close(fd);
	if (!touched(i) && (!f->there || size != (ssize_t)f->units * UNIT))
		fail("%s has %zd bytes, not %u", name, size, f->units * UNIT);
	for (u32 u = 0; u < (u32)size / UNIT; u++)
		if (!unit_allowed(i, u, data + u * UNIT))
			fail("%s: unit %u is of step %u, not %u", name, u,
			     *(u32 *)(data + u * UNIT), f->of[u]);
}

static int sector_allowed(u32 sector, const char *got)
{
	static const char zeroes[SECTOR];
	char want[SECTOR];
	u32 of = raw_of[sector], says = *(const u32 *)got;
	int under_way = begun.number && sector - begun.at < begun.count;

	/* What was discarded reads as zeroes or as anything that it had. */
	if (of == DISCARDED || (under_way && begun.op == OP_DISCARD)) {
		if (memcmp(got, zeroes, SECTOR) == 0)
			return 1;
		if (of == DISCARDED && says <= last)
			of = says;
	}
	if (under_way && begun.op == OP_RAW && says == begun.number)
		of = says;
	content(want, SECTOR, of, sector);
	if (of == 0 && disk == 'd')
		memset(want, 0, SECTOR);
	return memcmp(want, got, SECTOR) == 0;
}

static void check_raw(void)
{
	static char data[256 * SECTOR] __attribute__((aligned(4096)));

	for (u32 s = 0; s < raw_sectors; s += 256) {
		must(pread(raw_fd, data, sizeof(data), (off_t)s * SECTOR) == (ssize_t)sizeof(data),
		     "reading the disk");
		for (u32 i = 0; i < 256; i++)
			if (!sector_allowed(s + i, data + i * SECTOR))
				fail("sector %u is of step %u, not %u", s + i,
				     *(u32 *)(data + i * SECTOR), raw_of[s + i]);
	}
}

/* --- steps --- */

static void name_of(char *to, u32 file)
{
	sprintf(to, "/%c/d%u/f%u", disk, file % 3, file);
}

static void flush_folder(u32 file)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/%c/d%u", disk, file % 3);
	fd = open(name, O_RDONLY | O_DIRECTORY);
	must(fd >= 0 && fsync(fd) == 0, name);
	close(fd);
}

static void write_units(const char *name, int flags, const struct step *s)
{
	static char data[UNITS * UNIT];
	int fd = open(name, flags, 0644);

	must(fd >= 0, name);
	for (u32 i = 0; i < s->count; i++)
		content(data + i * UNIT, UNIT, s->number, s->at + i);
	must(pwrite(fd, data, s->count * UNIT, (off_t)s->at * UNIT) == (ssize_t)(s->count * UNIT),
	     name);
	must(fsync(fd) == 0, name);
	close(fd);
}

static void unlink_file(u32 file)
{
	char name[32];

	name_of(name, file);
	must(unlink(name) == 0 || errno == ENOENT, name);
	flush_folder(file);
}

static void do_file(const struct step *s)
{
	char name[32], other[32];
	int fd;

	name_of(name, s->file);
	name_of(other, s->other);
	switch (s->op) {
	case OP_WRITE:
		write_units(name, O_WRONLY | O_CREAT, s);
		flush_folder(s->file);
		break;
	case OP_NEW: /* as editors do */
		snprintf(other, sizeof(other), "/%c/d%u/new", disk, s->file % 3);
		write_units(other, O_WRONLY | O_CREAT | O_TRUNC, s);
		must(rename(other, name) == 0, name);
		flush_folder(s->file);
		break;
	case OP_TRUNCATE:
		fd = open(name, O_WRONLY);
		must(fd >= 0 && ftruncate(fd, (off_t)s->at * UNIT) == 0 && fsync(fd) == 0, name);
		close(fd);
		break;
	case OP_RENAME:
		must(rename(name, other) == 0, name);
		flush_folder(s->file);
		flush_folder(s->other);
		break;
	case OP_RESET:
		unlink_file(s->other);
		/* fall through */
	default:
		unlink_file(s->file);
	}
}

static void do_raw(const struct step *s)
{
	static char *data;
	u64 range[2] = {(u64)s->at * SECTOR, (u64)s->count * SECTOR};

	if (!data)
		must(posix_memalign((void **)&data, 4096, 256 * SECTOR) == 0, "memory");
	if (s->op == OP_DISCARD) {
		must(ioctl(raw_fd, BLKDISCARD, range) == 0, "discarding");
	} else {
		for (u32 i = 0; i < s->count; i++)
			content(data + i * SECTOR, SECTOR, s->number, s->at + i);
		must(pwrite(raw_fd, data, range[1], (off_t)range[0]) == (ssize_t)range[1],
		     "writing");
	}
	must(fsync(raw_fd) == 0, "flushing");
}

static void take_step(struct step *s)
{
	s->number = last + 1;
	if (s->number >= STEPS)
		fail("the log is full");
	s->state = BEGUN;
	log_write(s);
	if (raw_of)
		do_raw(s);
	else
		do_file(s);
	s->state = DONE;
	log_write(s);
	replay(s);
	last = s->number;
}

static void choose_file(struct step *s)
{
	u32 kind = roll(16);
	struct file *f;

	s->file = roll(FILES);
	s->other = s->file;
	f = &files[s->file];
	if (!f->there || kind < 3) {
		s->op = OP_NEW;
		s->count = 1 + roll(roll(4) ? 100 : 1500);
	} else if (kind < 9) {
		s->op = OP_WRITE; /* over it, behind it, or with a gap */
		s->count = 1 + roll(roll(4) ? 100 : 900);
		s->at = roll(f->units + (roll(4) ? 1 : 200));
		if (s->at + s->count > UNITS) {
			s->at = 0;
			s->count = 64;
		}
	} else if (kind < 12) {
		s->op = OP_TRUNCATE;
		s->at = roll(f->units + 10 > UNITS ? UNITS : f->units + 10);
	} else if (kind < 15) {
		s->op = OP_RENAME;
		s->other = (s->file + 1 + roll(FILES - 1)) % FILES;
	} else {
		s->op = OP_UNLINK;
	}
}

static void choose_raw(struct step *s)
{
	s->op = roll(12) ? OP_RAW : OP_DISCARD;
	s->count = 1 + roll(roll(3) ? 16 : 256);
	s->at = roll(raw_sectors - s->count);
	if (s->op == OP_RAW && roll(3) == 0) { /* whole blocks */
		s->at &= ~7u;
		s->count = s->count < 248 ? (s->count + 7) & ~7u : s->count;
	}
}

/* What a step under way left is unknown: files are deleted, sectors written again. */
static void settle(void)
{
	struct step s = begun;

	if (!begun.number)
		return;
	s.op = raw_of ? OP_RAW : OP_RESET;
	take_step(&s);
	begun.number = 0;
}

/* --- a worker --- */

static void mount_disk(void)
{
	char dev[16], to[8];

	snprintf(dev, sizeof(dev), "/dev/xvd%c", disk);
	snprintf(to, sizeof(to), "/%c", disk);
	mkdir(to, 0755);
	must(mount(dev, to, "ext4", 0, NULL) == 0, dev);
	for (int i = 0; i < 3; i++) {
		char folder[16];

		snprintf(folder, sizeof(folder), "/%c/d%d", disk, i);
		must(mkdir(folder, 0755) == 0 || errno == EEXIST, folder);
	}
}

static void open_raw(void)
{
	char dev[16];
	u64 bytes;

	snprintf(dev, sizeof(dev), "/dev/xvd%c", disk);
	raw_fd = open(dev, O_RDWR | O_DIRECT);
	must(raw_fd >= 0 && ioctl(raw_fd, BLKGETSIZE64, &bytes) == 0, dev);
	raw_sectors = (u32)(bytes / SECTOR);
	if (raw_sectors > RAW_MAX || raw_sectors % 256)
		fail("%u sectors", raw_sectors);
	raw_of = calloc(RAW_MAX, sizeof(*raw_of));
	must(raw_of != NULL, "memory");
}

static int check_disk(void)
{
	if (disk >= 'd')
		open_raw();
	else
		mount_disk();
	log_read();
	if (raw_of)
		check_raw();
	for (u32 i = 0; !raw_of && i < FILES; i++)
		check_file(i);
	return 0;
}

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

/* Checks, says so to its parent, waits for the others, writes. */
static void worker(int said, int go, u64 ms)
{
	u64 end;
	char c;

	check_disk();
	must(write(said, "", 1) == 1 && close(said) == 0 && read(go, &c, 1) == 0,
	     "the other workers");
	dice = (last + 1) * 0x9E3779B97F4A7C15ull ^ (u64)disk << 32;
	settle();
	for (end = now_ms() + ms; now_ms() < end;) {
		struct step s = {0};

		if (raw_of)
			choose_raw(&s);
		else
			choose_file(&s);
		take_step(&s);
	}
	if (!raw_of) {
		char to[8];

		snprintf(to, sizeof(to), "/%c", disk);
		must(chdir("/") == 0 && umount(to) == 0, "umount");
	}
	printf("plinth-crash xvd%c: %u steps\n", disk, last);
	exit(0);
}

static void begin(void)
{
	int fd;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	fd = open("/lib/xen-blkfront.ko", O_RDONLY);
	must(fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0, "xen-blkfront.ko");
	for (int i = 0; i < 3000 && access("/dev/xvde", F_OK); i++)
		usleep(10000);
	log_fd = open("/dev/xvda", O_RDWR | O_DIRECT);
	must(log_fd >= 0, "/dev/xvda");
	must(posix_memalign((void **)&page, 4096, PAGE) == 0, "memory");
}

/* "crash.ms=N": how long to write. */
static u64 milliseconds(void)
{
	static char line[2048];
	int fd = open("/proc/cmdline", O_RDONLY);
	const char *word;

	must(fd >= 0 && read(fd, line, sizeof(line) - 1) > 0, "/proc/cmdline");
	word = strstr(line, "crash.ms=");
	return word ? strtoull(word + 9, NULL, 10) : 4000;
}

int main(void)
{
	int said[2], go[2], bad = 0, status;
	u64 ms;
	char c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	begin();
	ms = milliseconds();
	must(pipe(said) == 0 && pipe(go) == 0, "pipe");
	for (char d = 'b'; d <= 'e'; d++)
		if (fork() == 0) {
			disk = d;
			close(go[1]);
			close(said[0]);
			worker(said[1], go[0], ms);
		}
	close(said[1]);
	close(go[0]);
	for (int i = 0; i < 4; i++)
		bad |= read(said[0], &c, 1) != 1;
	if (!bad)
		printf("plinth-crash all is there, writing\n");
	close(go[1]);
	while (wait(&status) > 0)
		bad |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	printf("plinth-crash %s\n", bad ? "FAILED" : "ended well");
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
