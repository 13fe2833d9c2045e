/* SPDX-License-Identifier: BSD-2-Clause */
/* Decompression of a kernel's payload from memory to memory. */
#ifndef DOM0_BUILDER_UNPACK_H
#define DOM0_BUILDER_UNPACK_H

#include <core/types.h>
#include <dom0/builder/error.h>

enum unpack_method { UNPACK_NONE, UNPACK_GZIP, UNPACK_XZ, UNPACK_LZ4, UNPACK_ZSTD };

/* "gzip", "xz", ... for messages. */
const char *unpack_method_name(enum unpack_method method);
/* Tells the method by the first bytes; UNPACK_NONE if they are no known magic. */
enum unpack_method unpack_detect(const u8 *in, u64 in_size);

/* Bytes of scratch memory that unpack() needs beside the output: xz's dictionary, else 0.
 * Negative errno with a text if the data does not begin as it should. */
int unpack_scratch_size(enum unpack_method method, const u8 *in, u64 in_size, u64 *size,
			struct build_error *err) must_use;

/* Unpacks in into out, which must come to exactly out_size bytes. scratch is 16-byte aligned.
 * The heap serves what is left: under 300 KiB, all given back. Whatever in holds, nothing is
 * written outside out and scratch. -EINVAL for truncated or corrupt data, -ENOMEM. */
int unpack(enum unpack_method method, const u8 *in, u64 in_size, u8 *out, u64 out_size,
	   void *scratch, u64 scratch_size, struct build_error *err) must_use;

#endif
