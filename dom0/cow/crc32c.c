/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C as iSCSI has it (RFC 3720, "Digests"): reflected, polynomial 1EDC6F41. */
#include <dom0/cow/format.h>

static const u32 table[16] = {
	0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
	0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
	0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

u32 cow_crc32c(const void *data, size_t bytes)
{
	const u8 *p = data;
	u32 crc = ~0u;

	while (bytes--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
