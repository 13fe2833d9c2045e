/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds small kernels in memory for the loader's tests: an ELF, and a bzImage around it. */
#ifndef TESTS_HOST_DOM0_BUILDER_MAKE_KERNEL_H
#define TESTS_HOST_DOM0_BUILDER_MAKE_KERNEL_H

#include <stdlib.h>
#include <string.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <dom0/builder/bytes.h>
#include <dom0/builder/unpack.h>

/* The ELF64: header, program headers from 64 on (2 PT_LOAD, 1 PT_NOTE), contents. */
#define ELF_SIZE     0x40000u
#define ELF_PHDRS    64u
#define ELF_PHDR(n)  (ELF_PHDRS + (n)*56u)
#define ELF_NOTES    0x200u
#define ELF_ENTRY    0x100010u
#define LOAD0_GPA    0x100000u
#define LOAD0_OFFSET 0x1000u
#define LOAD0_FILESZ 0x1F000u
#define LOAD1_GPA    0x200000u
#define LOAD1_OFFSET 0x20000u
#define LOAD1_FILESZ 0x20000u
#define LOAD1_MEMSZ  0x28000u

static inline void make_phdr(u8 *p, u32 type, u64 offset, u64 paddr, u64 filesz, u64 memsz)
{
	put_le32(p, type);
	put_le64(p + 8, offset);
	put_le64(p + 16, 0xFFFFFFFF80000000ull + paddr);
	put_le64(p + 24, paddr);
	put_le64(p + 32, filesz);
	put_le64(p + 40, memsz);
	put_le64(p + 48, 4);
}

/* Appends a Xen note at p; returns what comes after. */
static inline u8 *make_note(u8 *p, u32 type, const void *desc, u32 len)
{
	put_le32(p, 4);
	put_le32(p + 4, len);
	put_le32(p + 8, type);
	memcpy(p + 12, "Xen", 4);
	memcpy(p + 16, desc, len);
	return p + 16 + align_up(len, 4);
}

static inline void make_elf_header(u8 *e)
{
	memcpy(e, "\177ELF\2\1\1", 7);
	put_le16(e + 16, 2);
	put_le16(e + 18, 62);
	put_le32(e + 20, 1);
	put_le64(e + 32, ELF_PHDRS);
	put_le16(e + 52, 64);
	put_le16(e + 54, 56);
	put_le16(e + 56, 3);
}

/* A new kernel of ELF_SIZE bytes whose contents compress a little, but not to nothing. */
static inline u8 *make_elf(void)
{
	u8 *e = calloc(1, ELF_SIZE), *note = e + ELF_NOTES;
	u64 entry = ELF_ENTRY;
	u32 features = 1u << 15, reloc[3] = {0x200000, 0x1000000, 0x3FFFFFFF}, x = 1, i;

	make_elf_header(e);
	make_phdr(e + ELF_PHDR(0), 1, LOAD0_OFFSET, LOAD0_GPA, LOAD0_FILESZ, LOAD0_FILESZ);
	make_phdr(e + ELF_PHDR(1), 1, LOAD1_OFFSET, LOAD1_GPA, LOAD1_FILESZ, LOAD1_MEMSZ);
	note = make_note(note, 17, &features, 4);
	note = make_note(note, 19, reloc, 12);
	note = make_note(note, 18, &entry, 8);
	make_phdr(e + ELF_PHDR(2), 4, ELF_NOTES, 0, (u64)(note - e) - ELF_NOTES, 0);
	for (i = 0x1000; i < ELF_SIZE; i++) {
		x = x * 1664525u + 1013904223u;
		e[i] = (u8)(x >> 24 & (i & 0x100 ? 0x3 : 0xFF));
	}
	return e;
}

static inline u64 pack_gzip(const u8 *in, u64 size, u8 *out, u64 room)
{
	z_stream z = {0};

	z.next_in = (Bytef *)(uintptr_t)in;
	z.avail_in = (uInt)size;
	z.next_out = out;
	z.avail_out = (uInt)room;
	if (deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	deflateEnd(&z);
	return z.total_out;
}

/* As Kbuild does: the x86 filter and LZMA2, CRC32. */
static inline u64 pack_xz(const u8 *in, u64 size, u8 *out, u64 room)
{
	lzma_options_lzma options;
	lzma_filter filters[3] = {
		{LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
	size_t done = 0;

	lzma_lzma_preset(&options, 6);
	options.dict_size = 4u << 20;
	if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, in, size, out, &done,
				      room) != LZMA_OK)
		abort();
	return done;
}

static inline u64 pack_lz4(const u8 *in, u64 size, u8 *out, u64 room)
{
	u64 pos = 0, done = 4;

	memcpy(out, "\x02\x21\x4C\x18", 4);
	/* Blocks smaller than the real 8 MiB, so that there are several. */
	while (pos < size) {
		u64 step = min_u64(0x18000, size - pos);
		int n = LZ4_compress_default((const char *)in + pos, (char *)out + done + 4,
					     (int)step, (int)(room - done - 4));

		put_le32(out + done, (u32)n);
		done += 4 + (u64)n;
		pos += step;
	}
	return done;
}

static inline u64 pack_zstd(const u8 *in, u64 size, u8 *out, u64 room)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, 19);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(ctx, out, room, in, size);
	ZSTD_freeCCtx(ctx);
	return n;
}

#define BZ_PAYLOAD_OFFSET 0x100u
#define BZ_PAYLOAD        (3u * 512u + BZ_PAYLOAD_OFFSET)

/* A new bzImage around the ELF; *size gets its bytes. Some follow the payload, as in Linux. */
static inline u8 *make_bzimage(enum unpack_method method, const u8 *elf, u64 elf_size, u64 *size)
{
	u64 room = elf_size * 2 + 0x1000, n = 0;
	u8 *b = calloc(1, BZ_PAYLOAD + room + 0x200), *p = b + BZ_PAYLOAD;

	switch (method) {
	case UNPACK_GZIP:
		n = pack_gzip(elf, elf_size, p, room);
		break;
	case UNPACK_XZ:
		n = pack_xz(elf, elf_size, p, room);
		break;
	case UNPACK_LZ4:
		n = pack_lz4(elf, elf_size, p, room);
		break;
	case UNPACK_ZSTD:
		n = pack_zstd(elf, elf_size, p, room);
		break;
	case UNPACK_NONE:
		abort();
	}
	if (method != UNPACK_GZIP) {
		put_le32(p + n, (u32)elf_size);
		n += 4;
	}
	memcpy(b + 0x202, "HdrS", 4);
	put_le16(b + 0x206, 0x20F);
	b[0x1F1] = 2;
	put_le32(b + 0x248, BZ_PAYLOAD_OFFSET);
	put_le32(b + 0x24C, (u32)n);
	*size = BZ_PAYLOAD + n + 0x200;
	return b;
}

#endif
