/* SPDX-License-Identifier: BSD-2-Clause */
/* File systems made with e2fsprogs' own tools. */
#include "images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static void shell(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

void images_begin(void)
{
	char command[128];

	snprintf(folder, sizeof(folder), "/dev/shm/plinth-fs-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(command, sizeof(command), "mkdir %s/root", folder);
	shell(command);
}

void images_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	shell(command);
}

const char *images_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

void images_write(const char *name, const void *data, size_t bytes)
{
	FILE *f = fopen(images_path(name), "wb");

	if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f))
		abort();
}

void images_hole(const char *name, u64 bytes)
{
	images_write(name, "", 0);
	if (truncate(images_path(name), (off_t)bytes))
		abort();
}

static void load(const char *name, u8 *to, size_t bytes)
{
	FILE *f = fopen(images_path(name), "rb");

	if (!f || fread(to, 1, bytes, f) != bytes)
		abort();
	fclose(f);
}

void images_make(struct fake_disk *d, const char *options)
{
	char command[512];
	u64 bytes = d->device.sectors * BLOCK_SECTOR;

	snprintf(
		command, sizeof(command),
		"cd %s && /sbin/mke2fs -q -F -E nodiscard,lazy_itable_init=0 %s -d root disk %lluk "
		">/dev/null 2>&1",
		folder, options, (unsigned long long)(bytes / 1024));
	/* What blocks had before must never be seen: it is not zeroes. */
	memset(d->data, 0xA5, bytes);
	images_write("disk", d->data, bytes);
	shell(command);
	load("disk", d->data, bytes);
}

int images_check(u8 *medium, const char *how)
{
	char command[256];
	int status;

	images_write("checked", medium, IMAGE_BYTES);
	snprintf(command, sizeof(command), "/sbin/e2fsck %s %s/checked >%s/e2fsck.log 2>&1", how,
		 folder, folder);
	status = system(command);
	load("checked", medium, IMAGE_BYTES);
	return status / 256;
}

const char *images_log(void)
{
	static char text[2048];
	FILE *f = fopen(images_path("e2fsck.log"), "rb");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

const char *images_ask(const u8 *medium, const char *request)
{
	static char answer[4096];
	char command[512];
	FILE *p;
	size_t n;

	images_write("asked", medium, IMAGE_BYTES);
	snprintf(command, sizeof(command), "/sbin/debugfs -R '%s' %s/asked 2>/dev/null", request,
		 folder);
	p = popen(command, "r");
	n = fread(answer, 1, sizeof(answer) - 1, p);
	answer[n] = '\0';
	pclose(p);
	return answer;
}

size_t images_dump(const u8 *medium, const char *path, u8 *to, size_t most)
{
	char request[256];
	FILE *f;
	size_t n;

	snprintf(request, sizeof(request), "dump %s %s/dumped", path, folder);
	(void)remove(images_path("dumped"));
	(void)images_ask(medium, request);
	f = fopen(images_path("dumped"), "rb");
	if (!f)
		return 0;
	n = fread(to, 1, most, f);
	fclose(f);
	return n;
}
