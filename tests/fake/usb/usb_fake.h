/* SPDX-License-Identifier: BSD-2-Clause */
/* USB devices for fake controllers: a stick that can be told to misbehave, and a hub. */
#ifndef FAKE_USB_USB_FAKE_H
#define FAKE_USB_USB_FAKE_H

#include <drivers/usb/usb.h>

enum { FAKE_STALL = -1, FAKE_NAK = -2, FAKE_BROKEN = -3 };

/* What a stick does wrong with one command. */
enum fake_fault {
	FAKE_FINE,
	FAKE_CSW_SIGNATURE,
	FAKE_CSW_TAG,
	FAKE_CSW_SHORT,
	FAKE_CSW_STALL, /* once, then the status comes */
	FAKE_CSW_EMPTY, /* an empty packet before it */
	FAKE_PHASE,
	FAKE_RESIDUE, /* more than there was */
	FAKE_PART,    /* moves half, says so */
	FAKE_DATA_STALL,
	FAKE_HANG,      /* until Bulk-Only Reset */
	FAKE_HANG_HARD, /* until the port is reset */
	FAKE_TRANSACTION,
	FAKE_CHECK, /* a medium error */
};

struct fake_usb {
	enum usb_speed speed;
	u8 device[18], config[64];
	size_t config_bytes;
	u8 address, configuration;
	/* The stick. */
	u8 *disk;
	u32 block_bytes, blocks;
	u8 last_lun; /* 0xFF: stalls the question */
	bool no_mode, cached, no_sync, protected, removable, no_medium;
	u8 unit_attention; /* asc of one that is to be reported, 0: none */
	u8 sense[3];
	/* The at-th read, write or flush from now on does `fault`, and `times` - 1 after it. */
	enum fake_fault fault;
	unsigned int at, times;
	unsigned int commands, resets, port_resets, syncs, reads, writes;
	/* Its transport. */
	bool halted[2], dead, hard;
	u8 toggle[2]; /* 0: in, 1: out */
	int stage;
	u8 cbw[31], csw[13];
	u8 answer[256];
	u8 *data;
	size_t data_bytes, data_left, csw_bytes;
	bool data_in, empty_first;
	enum fake_fault now;
	/* The hub. */
	unsigned int ports; /* 0: it is none */
	struct fake_usb *child[4];
	u32 port_status[4]; /* as GET_STATUS gives it */
};

void fake_stick(struct fake_usb *u, enum usb_speed speed, u8 *disk, u32 block_bytes, u32 blocks);
void fake_hub(struct fake_usb *u, enum usb_speed speed, unsigned int ports);
void fake_hub_plug(struct fake_usb *hub, unsigned int port, struct fake_usb *child);
/* A bus reset. */
void fake_usb_reset(struct fake_usb *u);
/* Bytes moved, or FAKE_... */
int fake_usb_control(struct fake_usb *u, const u8 setup[8], u8 *data);
int fake_usb_out(struct fake_usb *u, u8 host_toggle, const u8 *p, size_t n);
int fake_usb_in(struct fake_usb *u, u8 host_toggle, u8 *p, size_t n);
/* The data toggle after n bytes. */
u8 fake_usb_toggle(const struct fake_usb *u, u8 toggle, size_t n);

#endif
