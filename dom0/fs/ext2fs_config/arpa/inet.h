/* SPDX-License-Identifier: BSD-2-Clause */
/* Journals are big-endian on the medium; the journal's code names the conversions as sockets do. */
#ifndef FS_EXT2FS_CONFIG_INET_H
#define FS_EXT2FS_CONFIG_INET_H

#include <stdint.h>

static inline uint32_t htonl(uint32_t v)
{
	return __builtin_bswap32(v);
}
static inline uint32_t ntohl(uint32_t v)
{
	return __builtin_bswap32(v);
}
static inline uint16_t htons(uint16_t v)
{
	return __builtin_bswap16(v);
}
static inline uint16_t ntohs(uint16_t v)
{
	return __builtin_bswap16(v);
}

#endif
