/* SPDX-License-Identifier: BSD-2-Clause */
/* Every port, every width: nothing is there, so reads are all ones and writes vanish. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "every I/O port";

static bool special(u32 port)
{
	return (port >= 0x3D && port <= 0x43) || (port >= 0x5E && port <= 0x61);
}
/* A write would print. */
static bool prints(u32 port)
{
	return port >= 0xE6 && port <= 0xE9;
}

void test_main(void)
{
	for (u32 p = 0x40; p <= 0x43; p++)
		CHECK_EQ(inb((u16)p), 0, "timer ports read 0");
	CHECK_EQ(inb(0x61), 0, "port 0x61 reads 0");
	for (u32 p = 0; p < 0x10000; p++) {
		u8 b = inb((u16)p);
		u16 w = inw((u16)p);
		u32 l = inl((u16)p);

		if (!prints(p)) {
			outb((u16)p, 0xFF);
			outw((u16)p, 0xFFFF);
			outl((u16)p, 0xFFFFFFFF);
		}
		if (special(p) || prints(p))
			continue;
		if (b != 0xFF || w != 0xFFFF || l != 0xFFFFFFFF)
			test_fail("port 0x%x reads %x %x %x", p, b, w, l);
	}
}
