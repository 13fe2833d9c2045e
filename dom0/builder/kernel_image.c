/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells kernel files apart and finds a bzImage's payload (Linux, Documentation/arch/x86/boot,
 * "The Real-Mode Kernel Header"). */
#include <dom0/builder/kernel_image.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <dom0/builder/bytes.h>

/* Offsets in the boot header. */
#define HDR_SETUP_SECTS    0x1F1u
#define HDR_MAGIC          0x202u
#define HDR_VERSION        0x206u
#define HDR_PAYLOAD_OFFSET 0x248u
#define HDR_PAYLOAD_LENGTH 0x24Cu
#define HDR_END            0x250u

#define VERSION_WITH_PAYLOAD 0x208u
#define SECTOR_SIZE          512u
/* Kbuild appends the unpacked size; in gzip's case it is gzip's own last field. */
#define SIZE_FIELD 4u

/* Packers that Linux knows and this loader does not, by their first bytes. */
static const char *foreign_method(const u8 *p)
{
	if (memcmp(p, "BZh", 3) == 0)
		return "bzip2";
	if (memcmp(p, "\x89LZO", 4) == 0)
		return "lzo";
	if (memcmp(p, "\x5D\0\0", 3) == 0)
		return "lzma";
	return "unknown";
}

static int open_payload(struct kernel_image *image, struct build_error *err)
{
	const u8 *p = image->payload;
	int rc;

	image->method = unpack_detect(p, image->payload_size);
	if (image->method == UNPACK_NONE)
		return build_fail(err, EINVAL,
				  "bzImage: payload compression is %s (%02x %02x %02x %02x), not "
				  "gzip, xz, lz4 or zstd",
				  foreign_method(p), p[0], p[1], p[2], p[3]);
	image->unpacked_size = get_le32(p + image->payload_size - SIZE_FIELD);
	if (image->method != UNPACK_GZIP)
		image->payload_size -= SIZE_FIELD;
	if (image->unpacked_size == 0 || image->unpacked_size > KERNEL_IMAGE_MAX)
		return build_fail(err, EINVAL,
				  "bzImage: %s payload announces %" PRIu64
				  " unpacked bytes: corrupt or over 1 GiB",
				  unpack_method_name(image->method), image->unpacked_size);
	rc = unpack_scratch_size(image->method, p, image->payload_size, &image->scratch_size, err);
	/* Room for the rounding of the few allocations that use it. */
	if (image->scratch_size)
		image->scratch_size = align_up(image->scratch_size, KIB(64)) + KIB(64);
	return rc;
}

static int open_bzimage(struct kernel_image *image, const u8 *data, u64 size,
			struct build_error *err)
{
	u32 version = get_le16(data + HDR_VERSION);
	u64 sectors = data[HDR_SETUP_SECTS] ? data[HDR_SETUP_SECTS] : 4;
	u64 offset, length;

	if (version < VERSION_WITH_PAYLOAD)
		return build_fail(err, EINVAL,
				  "bzImage: boot protocol %u.%02u is too old, 2.08 is needed",
				  version >> 8, version & 0xFF);
	offset = (sectors + 1) * SECTOR_SIZE + get_le32(data + HDR_PAYLOAD_OFFSET);
	length = get_le32(data + HDR_PAYLOAD_LENGTH);
	if (length < 2 * (u64)SIZE_FIELD)
		return build_fail(err, EINVAL, "bzImage: payload of %" PRIu64 " bytes is no kernel",
				  length);
	if (!range_inside(offset, length, size))
		return build_fail(err, EINVAL,
				  "bzImage: truncated: payload ends at byte %" PRIu64
				  ", the file has %" PRIu64,
				  offset + length, size);
	image->packed = true;
	image->payload = data + offset;
	image->payload_size = length;
	return open_payload(image, err);
}

int kernel_image_open(struct kernel_image *image, const void *data, u64 size,
		      struct build_error *err)
{
	const u8 *bytes = data;

	memset(image, 0, sizeof(*image));
	if (size >= 4 && memcmp(bytes, "\177ELF", 4) == 0) {
		image->payload = bytes;
		image->payload_size = image->unpacked_size = size;
		return 0;
	}
	if (size >= HDR_END && memcmp(bytes + HDR_MAGIC, "HdrS", 4) == 0)
		return open_bzimage(image, bytes, size, err);
	return build_fail(err, EINVAL, "neither an ELF nor a bzImage (%" PRIu64 " bytes)", size);
}

int kernel_image_unpack(const struct kernel_image *image, void *out, void *scratch,
			struct build_error *err)
{
	struct build_error inner;
	int rc;

	if (!image->packed) {
		memcpy(out, image->payload, image->payload_size);
		return 0;
	}
	rc = unpack(image->method, image->payload, image->payload_size, out, image->unpacked_size,
		    scratch, image->scratch_size, &inner);
	if (rc)
		return build_fail(err, -rc, "bzImage: %s", inner.text);
	return 0;
}
