/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library's system calls. There is no system below: memory and the console are real, all
 * else fails with ENOSYS and says so once. */
#include <dom0/entry/syscalls.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>
#include <core/types.h>
#include <dom0/entry/panic.h>

static char *heap_start, *heap_break, *heap_end;

void heap_init(void *start, size_t size)
{
	heap_start = heap_break = start;
	heap_end = heap_start + size;
}

size_t heap_used(void)
{
	return (size_t)(heap_break - heap_start);
}

size_t heap_left(void)
{
	return (size_t)(heap_end - heap_break);
}

void *sbrk(ptrdiff_t step)
{
	char *old = heap_break;

	/* newlib's prototype has no better failure value than the pointer -1. */
	if (step > heap_end - heap_break || step < heap_start - heap_break) {
		errno = ENOMEM;
		return (void *)(intptr_t)-1;
	}
	heap_break += step;
	return old;
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *data, size_t len)
{
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO) {
		errno = EBADF;
		return -1;
	}
	console_write(data, len);
	return (_READ_WRITE_RETURN_TYPE)len;
}

/* stdio asks this to choose its buffering: the console is a terminal, so whole lines. */
int isatty(int fd)
{
	if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
		return 1;
	errno = ENOTTY;
	return 0;
}

int fstat(int fd, struct stat *st)
{
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO) {
		errno = EBADF;
		return -1;
	}
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFCHR;
	return 0;
}

void _exit(int status)
{
	panic("the C library called exit(%d)", status);
}

void abort(void)
{
	panic("the C library called abort()");
}

void __assert_func(const char *file, int line, const char *function, const char *expression)
{
	panic("assertion failed: %s, %s, %s:%d", expression, function ? function : "?", file, line);
}

/* One line for each call, so that a loop cannot flood the console. */
static int absent(bool *said, const char *name)
{
	static const char head[] = "C library: no such call here: ";

	if (!*said) {
		*said = true;
		console_write(head, sizeof(head) - 1);
		console_write(name, strlen(name));
		console_write("\n", 1);
	}
	errno = ENOSYS;
	return -1;
}

#define ABSENT(type, name, ...)                    \
	type name(__VA_ARGS__)                     \
	{                                          \
		static bool said;                  \
		return (type)absent(&said, #name); \
	}

#pragma GCC diagnostic ignored "-Wunused-parameter"
ABSENT(int, open, const char *path, int flags, ...)
ABSENT(int, close, int fd)
ABSENT(_READ_WRITE_RETURN_TYPE, read, int fd, void *data, size_t len)
ABSENT(off_t, lseek, int fd, off_t offset, int whence)
ABSENT(int, fcntl, int fd, int command, ...)
ABSENT(int, stat, const char *path, struct stat *st)
ABSENT(int, link, const char *from, const char *to)
ABSENT(int, unlink, const char *path)
ABSENT(int, mkdir, const char *path, mode_t mode)
ABSENT(pid_t, fork, void)
ABSENT(int, execve, const char *path, char *const argv[], char *const env[])
ABSENT(pid_t, wait, int *status)
ABSENT(pid_t, getpid, void)
ABSENT(int, kill, pid_t pid, int signal)
ABSENT(clock_t, times, struct tms *buffer)
ABSENT(int, gettimeofday, struct timeval *tv, void *zone)
ABSENT(int, getentropy, void *buffer, size_t len)
