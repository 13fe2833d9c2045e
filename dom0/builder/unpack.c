/* SPDX-License-Identifier: BSD-2-Clause */
/* The four decompression libraries behind one call. */
#include <dom0/builder/unpack.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <dom0/builder/bytes.h>

/* What one run works on. */
struct job {
	const char *name;
	const u8 *in;
	u64 in_size;
	u8 *out;
	u64 out_size;
	u8 *scratch;
	u64 scratch_size, scratch_used;
	struct build_error *err;
};

static int corrupt(const struct job *j, u64 pos, const char *why)
{
	return build_fail(j->err, EINVAL,
			  "%s payload is corrupt at byte %" PRIu64 " of %" PRIu64 ": %s", j->name,
			  pos, j->in_size, why);
}

static int truncated(const struct job *j, u64 done)
{
	return build_fail(j->err, EINVAL,
			  "%s payload is truncated: all %" PRIu64 " bytes used, %" PRIu64
			  " of %" PRIu64 " unpacked",
			  j->name, j->in_size, done, j->out_size);
}

static int no_memory(const struct job *j)
{
	return build_fail(j->err, ENOMEM, "no memory to unpack the %s payload", j->name);
}

/* The stream ended well: what it gave must be what the image announced. */
static int check_size(const struct job *j, u64 done)
{
	if (done == j->out_size)
		return 0;
	return build_fail(j->err, EINVAL,
			  "%s payload is corrupt: %" PRIu64 " bytes unpacked, %" PRIu64
			  " announced",
			  j->name, done, j->out_size);
}

static int unpack_gzip(const struct job *j)
{
	z_stream z = {0};
	int rc, result;

	/* zlib's own type lacks const unless asked; it does not write to the input. */
	z.next_in = (Bytef *)(uintptr_t)j->in;
	z.avail_in = (uInt)j->in_size;
	z.next_out = j->out;
	z.avail_out = (uInt)j->out_size;
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return no_memory(j);
	rc = inflate(&z, Z_FINISH);
	if (rc == Z_STREAM_END)
		result = check_size(j, z.total_out);
	else if (rc == Z_MEM_ERROR)
		result = no_memory(j);
	else if (rc == Z_BUF_ERROR && z.avail_in == 0)
		result = truncated(j, z.total_out);
	else if (rc == Z_BUF_ERROR)
		result = corrupt(j, z.total_in, "more data than announced");
	else
		result = corrupt(j, z.total_in, z.msg ? z.msg : "bad data");
	inflateEnd(&z);
	return result;
}

/* Allocations this large are liblzma's dictionary: a heap of a few MiB cannot hold it. */
#define XZ_SCRATCH_MIN KIB(128)

static void *xz_alloc(void *opaque, size_t count, size_t size)
{
	struct job *j = opaque;
	u64 bytes = (u64)count * size; /* liblzma asks for one object at a time */
	u8 *p = j->scratch + j->scratch_used;

	if (bytes < XZ_SCRATCH_MIN)
		return malloc(bytes);
	bytes = align_up(bytes, 16);
	if (bytes > j->scratch_size - j->scratch_used)
		return NULL;
	j->scratch_used += bytes;
	return p;
}

static void xz_free(void *opaque, void *p)
{
	const struct job *j = opaque;

	/* What came from the scratch memory returns to the caller with all of it. */
	if ((uintptr_t)p - (uintptr_t)j->scratch >= j->scratch_size)
		free(p);
}

static int unpack_xz(struct job *j)
{
	lzma_allocator allocator = {.alloc = xz_alloc, .free = xz_free, .opaque = j};
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret rc;
	int result;

	s.allocator = &allocator;
	s.next_in = j->in;
	s.avail_in = j->in_size;
	s.next_out = j->out;
	s.avail_out = j->out_size;
	/* The allocator is the limit; liblzma's own would count what it does not take. */
	rc = lzma_stream_decoder(&s, UINT64_MAX, 0);
	while (rc == LZMA_OK)
		rc = lzma_code(&s, LZMA_FINISH);
	switch (rc) {
	case LZMA_STREAM_END:
		result = check_size(j, s.total_out);
		break;
	case LZMA_MEM_ERROR:
		result = no_memory(j);
		break;
	case LZMA_BUF_ERROR:
		result = s.avail_in == 0 ? truncated(j, s.total_out)
					 : corrupt(j, s.total_in, "more data than announced");
		break;
	case LZMA_FORMAT_ERROR:
		result = corrupt(j, s.total_in, "no xz header");
		break;
	case LZMA_OPTIONS_ERROR:
		result = corrupt(j, s.total_in, "unknown filter or options");
		break;
	default:
		result = corrupt(j, s.total_in, "bad data or checksum");
		break;
	}
	lzma_end(&s);
	return result;
}

/* The memory the first block's filters ask for. Later blocks of one stream ask for the same. */
static int xz_memory(struct job *j, u64 *size)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_stream_flags flags;
	lzma_block block = {.version = 0, .filters = filters};
	unsigned int i;

	if (j->in_size <= LZMA_STREAM_HEADER_SIZE ||
	    lzma_stream_header_decode(&flags, j->in) != LZMA_OK)
		return corrupt(j, 0, "bad xz header");
	block.check = flags.check;
	/* A zero byte here is the index: a stream without blocks. */
	if (j->in[LZMA_STREAM_HEADER_SIZE] == 0) {
		*size = 0;
		return 0;
	}
	block.header_size = lzma_block_header_size_decode(j->in[LZMA_STREAM_HEADER_SIZE]);
	if (block.header_size > j->in_size - LZMA_STREAM_HEADER_SIZE)
		return truncated(j, 0);
	if (lzma_block_header_decode(&block, NULL, j->in + LZMA_STREAM_HEADER_SIZE) != LZMA_OK)
		return corrupt(j, LZMA_STREAM_HEADER_SIZE, "bad block header");
	*size = lzma_raw_decoder_memusage(filters);
	for (i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++)
		free(filters[i].options);
	if (*size > GIB(1))
		return corrupt(j, LZMA_STREAM_HEADER_SIZE, "dictionary over 1 GiB");
	return 0;
}

/* The format of `lz4 -l`: after the magic, blocks of a length and raw LZ4 data, each unpacked
 * on its own to 8 MiB at most. */
#define LZ4_LEGACY_BLOCK MIB(8)

static int unpack_lz4(const struct job *j)
{
	u64 pos = 4, done = 0, len, room;
	int got;

	while (pos < j->in_size) {
		if (j->in_size - pos < 4)
			return truncated(j, done);
		len = get_le32(j->in + pos);
		pos += 4;
		if (len == 0 || len > (u64)LZ4_COMPRESSBOUND(LZ4_LEGACY_BLOCK))
			return corrupt(j, pos - 4, "impossible block length");
		if (len > j->in_size - pos)
			return truncated(j, done);
		room = min_u64(j->out_size - done, LZ4_LEGACY_BLOCK);
		got = LZ4_decompress_safe((const char *)j->in + pos, (char *)j->out + done,
					  (int)len, (int)room);
		/* A failure is minus the place in the block, less one. */
		if (got < 0)
			return corrupt(j, pos + min_u64((u64) - (got + 1), len), "bad block");
		pos += len;
		done += (u64)got;
	}
	if (done < j->out_size)
		return truncated(j, done);
	return check_size(j, done);
}

/* Piece by piece rather than in one call, so that the place of an error is known. Earlier
 * output serves as the window, so that its size costs nothing. */
static int unpack_zstd(const struct job *j)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	u64 pos = 0, done = 0;
	size_t step, got;
	int result = 0;

	if (!ctx)
		return no_memory(j);
	ZSTD_decompressBegin(ctx);
	while (result == 0 && (step = ZSTD_nextSrcSizeToDecompress(ctx)) > 0) {
		if (step > j->in_size - pos) {
			result = truncated(j, done);
			break;
		}
		got = ZSTD_decompressContinue(ctx, j->out + done, j->out_size - done, j->in + pos,
					      step);
		if (ZSTD_isError(got)) {
			result = corrupt(j, pos, ZSTD_getErrorName(got));
			break;
		}
		pos += step;
		done += got;
	}
	ZSTD_freeDCtx(ctx);
	return result ? result : check_size(j, done);
}

static const struct {
	const char *name;
	u8 magic[6];
	u8 magic_size;
} methods[] = {
	[UNPACK_NONE] = {"plain", {0}, 0},
	[UNPACK_GZIP] = {"gzip", {0x1F, 0x8B}, 2},
	[UNPACK_XZ] = {"xz", {0xFD, '7', 'z', 'X', 'Z', 0}, 6},
	[UNPACK_LZ4] = {"lz4", {0x02, 0x21, 0x4C, 0x18}, 4},
	[UNPACK_ZSTD] = {"zstd", {0x28, 0xB5, 0x2F, 0xFD}, 4},
};

const char *unpack_method_name(enum unpack_method method)
{
	return methods[method].name;
}

enum unpack_method unpack_detect(const u8 *in, u64 in_size)
{
	unsigned int i;

	for (i = UNPACK_GZIP; i < ARRAY_SIZE(methods); i++)
		if (in_size >= methods[i].magic_size &&
		    memcmp(in, methods[i].magic, methods[i].magic_size) == 0)
			return (enum unpack_method)i;
	return UNPACK_NONE;
}

int unpack_scratch_size(enum unpack_method method, const u8 *in, u64 in_size, u64 *size,
			struct build_error *err)
{
	struct job j = {.name = methods[method].name, .in = in, .in_size = in_size, .err = err};

	*size = 0;
	return method == UNPACK_XZ ? xz_memory(&j, size) : 0;
}

int unpack(enum unpack_method method, const u8 *in, u64 in_size, u8 *out, u64 out_size,
	   void *scratch, u64 scratch_size, struct build_error *err)
{
	struct job j = {.name = methods[method].name,
			.in = in,
			.in_size = in_size,
			.out = out,
			.out_size = out_size,
			.scratch = scratch,
			.scratch_size = scratch_size,
			.err = err};

	/* zlib counts in 32 bits, LZ4 in int; neither limit is near a kernel's size. */
	if (in_size > GIB(1) || out_size > GIB(1))
		return build_fail(err, EINVAL, "%s payload is over 1 GiB", j.name);
	switch (method) {
	case UNPACK_GZIP:
		return unpack_gzip(&j);
	case UNPACK_XZ:
		return unpack_xz(&j);
	case UNPACK_LZ4:
		return unpack_lz4(&j);
	case UNPACK_ZSTD:
		return unpack_zstd(&j);
	case UNPACK_NONE:
		break;
	}
	return build_fail(err, EINVAL, "payload has an unknown compression");
}
