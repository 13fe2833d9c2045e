/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and structures of the Enhanced Host Controller Interface 1.0. */
#ifndef DRIVERS_USB_EHCI_REGS_H
#define DRIVERS_USB_EHCI_REGS_H

#include <core/types.h>

/* "Host Controller Capability Registers", from the start of window 0. */
enum { ECAP_LENGTH = 0x00, ECAP_HCSPARAMS = 0x04, ECAP_HCCPARAMS = 0x08, ECAP_END = 0x10 };
enum { EHCS_PORT_POWER = 1u << 4, EHCC_64BIT = 1u << 0 };

/* "Host Controller Operational Registers", after the capabilities. */
enum {
	EOP_USBCMD = 0x00,
	EOP_USBSTS = 0x04,
	EOP_USBINTR = 0x08,
	EOP_SEGMENT = 0x10,
	EOP_ASYNC = 0x18,
	EOP_CONFIGFLAG = 0x40,
	EOP_PORTS = 0x44
};
enum {
	ECMD_RUN = 1u << 0,
	ECMD_RESET = 1u << 1,
	ECMD_ASYNC = 1u << 5,
	ECMD_DOORBELL = 1u << 6,
	ECMD_THRESHOLD = 1u << 16 /* interrupts a microframe after their cause */
};
enum {
	ESTS_DONE = 1u << 0,
	ESTS_ERROR = 1u << 1,
	ESTS_PORT = 1u << 2,
	ESTS_HOST_ERROR = 1u << 4,
	ESTS_DOORBELL = 1u << 5,
	ESTS_CLEARED = 0x3F, /* by writing 1 */
	ESTS_HALTED = 1u << 12
};

enum {
	EPORT_CONNECTED = 1u << 0,
	EPORT_CONNECT_CHANGE = 1u << 1,
	EPORT_ENABLED = 1u << 2,
	EPORT_ENABLE_CHANGE = 1u << 3,
	EPORT_OVER_CHANGE = 1u << 5,
	EPORT_CHANGES = 0x2A,
	EPORT_RESET = 1u << 8,
	EPORT_LINE = 3u << 10,
	EPORT_LINE_K = 1u << 10, /* a low-speed device */
	EPORT_POWER = 1u << 12,
	EPORT_OWNER = 1u << 13
};

/* "USB Legacy Support Extended Capability", in configuration space. */
enum { ELEGACY_ID = 1, ELEGACY_BIOS = 1u << 16, ELEGACY_OS = 1u << 24 };

#define LINK_END 1u /* of a pointer: there is none */
#define LINK_QH  2u

/* "Queue Element Transfer Descriptor", with 64-bit pointers. */
struct ehci_qtd {
	u32 next, next_short; /* the latter after a short packet */
	u32 token;
	u32 page[5], page_high[5];
	u32 unused[3]; /* to 64 bytes */
};
_Static_assert(sizeof(struct ehci_qtd) == 64, "qTD");
enum {
	TOKEN_ACTIVE = 1u << 7,
	TOKEN_HALTED = 1u << 6,
	TOKEN_BUFFER = 1u << 5,
	TOKEN_BABBLE = 1u << 4,
	TOKEN_TRANSACTION = 1u << 3,
	TOKEN_OUT = 0u << 8,
	TOKEN_IN = 1u << 8,
	TOKEN_SETUP = 2u << 8,
	TOKEN_TRIES = 3u << 10,
	TOKEN_IOC = 1u << 15,
	TOKEN_BYTES_SHIFT = 16
};
#define TOKEN_TOGGLE (1u << 31)

/* "Queue Head". */
struct ehci_qh {
	u32 link, endpoint, capabilities, current;
	u32 next, next_short, token;
	u32 page[5], page_high[5];
	u32 unused[7]; /* to 96 bytes */
};
_Static_assert(sizeof(struct ehci_qh) == 96, "QH");
enum {
	QH_HIGH_SPEED = 2u << 12,
	QH_TOGGLE_IN_QTD = 1u << 14,
	QH_HEAD = 1u << 15,
	QH_PACKET_SHIFT = 16,
	QH_ONE_A_MICROFRAME = 1u << 30
};

#endif
