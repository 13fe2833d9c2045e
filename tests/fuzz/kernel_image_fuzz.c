/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a kernel: as a whole file, and as the payload of a well-formed bzImage. */
// links: dom0/builder/kernel_image.c dom0/builder/unpack.c dom0/builder/elf.c dom0/builder/error.c
// libs: -llz4 -llzma -lzstd -lz
#include <stdlib.h>
#include <string.h>
#include <dom0/builder/bytes.h>
#include <dom0/builder/elf.h>
#include <dom0/builder/kernel_image.h>

#define RAM_SIZE MIB(16)
#define OUT_MAX  MIB(1)
#define SETUP    (2u * 512u)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static int store(void *ctx, u64 gpa, const void *data, u64 len)
{
	const u8 *bytes = data;
	u64 i;
	u8 sum = 0;

	/* The memory check has passed: nothing may reach beyond it. */
	if (!range_inside(gpa, len, RAM_SIZE))
		abort();
	for (i = 0; i < len; i++)
		sum = (u8)(sum + bytes[i]);
	*(u8 *)ctx = sum;
	return 0;
}

static int zero(void *ctx, u64 gpa, u64 len)
{
	(void)ctx;
	if (!range_inside(gpa, len, RAM_SIZE))
		abort();
	return 0;
}

static void load(const u8 *data, u64 size)
{
	static volatile u8 sum;
	const struct elf_sink sink = {store, zero, (void *)(uintptr_t)&sum};
	const struct elf_ram ram = {0, RAM_SIZE};
	struct elf_image elf;
	struct build_error err;

	if (elf_open(&elf, data, size, &err) || elf_check_memory(&elf, &ram, 1, &err))
		return;
	if (elf_load(&elf, &sink, ELF_NOT_IN_GUEST, &err))
		abort();
	/* Told to lie inside the guest: refused or not, but never out of bounds. */
	if (elf_load(&elf, &sink, size & 0xFF0000, &err))
		return;
}

static void open_file(const u8 *data, u64 size)
{
	struct kernel_image image;
	struct build_error err;
	void *scratch;
	u8 *out;

	if (kernel_image_open(&image, data, size, &err) || image.unpacked_size > OUT_MAX ||
	    image.scratch_size > OUT_MAX)
		return;
	out = malloc(image.unpacked_size);
	scratch = aligned_alloc(16, image.scratch_size + 16);
	if (out && scratch && kernel_image_unpack(&image, out, scratch, &err) == 0)
		load(out, image.unpacked_size);
	free(scratch);
	free(out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 *b;

	open_file(data, size);
	b = calloc(1, SETUP + size);
	if (!b)
		return 0;
	memcpy(b + 0x202, "HdrS", 4);
	put_le16(b + 0x206, 0x20F);
	b[0x1F1] = 1;
	put_le32(b + 0x24C, (u32)size);
	if (size)
		memcpy(b + SETUP, data, size);
	open_file(b, SETUP + size);
	free(b);
	return 0;
}
