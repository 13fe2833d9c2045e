/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian numbers at any alignment, and range checks that cannot wrap. */
#ifndef DOM0_BUILDER_BYTES_H
#define DOM0_BUILDER_BYTES_H

#include <string.h>
#include <core/types.h>

static inline u16 get_le16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}
static inline u32 get_le32(const u8 *p)
{
	return get_le16(p) | (u32)get_le16(p + 2) << 16;
}
static inline u64 get_le64(const u8 *p)
{
	return get_le32(p) | (u64)get_le32(p + 4) << 32;
}
static inline void put_le16(u8 *p, u16 v)
{
	memcpy(p, &v, sizeof(v));
}
static inline void put_le32(u8 *p, u32 v)
{
	memcpy(p, &v, sizeof(v));
}
static inline void put_le64(u8 *p, u64 v)
{
	memcpy(p, &v, sizeof(v));
}
/* Whether [start, start + len) lies in [0, limit). */
static inline bool range_inside(u64 start, u64 len, u64 limit)
{
	return start <= limit && len <= limit - start;
}

#endif
