/* SPDX-License-Identifier: BSD-2-Clause */
/* Who uses a disk in host tests of drivers: requests of one page each, with memory that the device
 * reaches, that know how often they ended. */
#ifndef FAKE_BLOCK_CLIENT_FAKE_H
#define FAKE_BLOCK_CLIENT_FAKE_H

#include <device_fake.h>

#define CLIENT_REQUESTS 128u
#define CLIENT_BYTES    4096u
#define CLIENT_SECTORS  8u

struct client_request {
	struct block_request r; /* first */
	struct block_segment segment;
	_Alignas(4096) u8 data[CLIENT_BYTES];
	enum block_status status;
	unsigned int done; /* how often */
	bool under_way;
	void (*then)(struct client_request *c); /* called by done(), may be NULL */
};

extern struct client_request client[CLIENT_REQUESTS];

/* Gives all requests memory of the device f. */
void client_init(struct fake_device *f);
/* Submits request i without a kick: sector and count in units of BLOCK_SECTOR. */
void client_submit(struct block_device *b, unsigned int i, enum block_op op, u64 sector, u64 count);
/* Fills the data of request i from a seed; whether it is that. */
void client_fill(unsigned int i, u8 seed);
bool client_has(unsigned int i, u8 seed);
/* Fails unless 0..n-1 ended once each, so. */
void client_expect(unsigned int n, enum block_status status);

#endif
