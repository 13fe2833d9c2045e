/* SPDX-License-Identifier: BSD-2-Clause */
/* Instead of dom0/platform/ports.h in host tests: the test is what answers at the ports. */
#ifndef DOM0_PLATFORM_PORTS_H
#define DOM0_PLATFORM_PORTS_H

#include <core/types.h>

u32 fake_in(u16 port, unsigned int width);
void fake_out(u16 port, unsigned int width, u32 value);

static inline void out8(u16 port, u8 v)
{
	fake_out(port, 1, v);
}
static inline void out16(u16 port, u16 v)
{
	fake_out(port, 2, v);
}
static inline void out32(u16 port, u32 v)
{
	fake_out(port, 4, v);
}
static inline u8 in8(u16 port)
{
	return (u8)fake_in(port, 1);
}
static inline u16 in16(u16 port)
{
	return (u16)fake_in(port, 2);
}
static inline u32 in32(u16 port)
{
	return fake_in(port, 4);
}

#endif
