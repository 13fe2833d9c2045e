/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and structures of the eXtensible Host Controller Interface 1.2. */
#ifndef DRIVERS_USB_XHCI_REGS_H
#define DRIVERS_USB_XHCI_REGS_H

#include <core/types.h>

/* "Host Controller Capability Registers", from the start of window 0. */
enum {
	CAP_LENGTH = 0x00,
	CAP_HCSPARAMS1 = 0x04,
	CAP_HCSPARAMS2 = 0x08,
	CAP_HCCPARAMS1 = 0x10,
	CAP_DBOFF = 0x14,
	CAP_RTSOFF = 0x18,
	CAP_END = 0x20
};
enum { HCC_AC64 = 1u << 0, HCC_CSZ = 1u << 2, HCC_PPC = 1u << 3 };

/* "Host Controller Operational Registers", after the capabilities. */
enum {
	OP_USBCMD = 0x00,
	OP_USBSTS = 0x04,
	OP_PAGESIZE = 0x08,
	OP_DNCTRL = 0x14,
	OP_CRCR = 0x18,
	OP_DCBAAP = 0x30,
	OP_CONFIG = 0x38,
	OP_PORTS = 0x400,
	OP_PORT_BYTES = 0x10
};
enum { CMD_RUN = 1u << 0, CMD_RESET = 1u << 1, CMD_INTE = 1u << 2 };
enum {
	STS_HALTED = 1u << 0,
	STS_HOST_ERROR = 1u << 2,
	STS_EVENT = 1u << 3,
	STS_PORT = 1u << 4,
	STS_NOT_READY = 1u << 11,
	STS_CONTROLLER_ERROR = 1u << 12
};
enum { CRCR_CYCLE = 1u << 0 };

enum {
	PORT_CONNECTED = 1u << 0,
	PORT_ENABLED = 1u << 1,
	PORT_RESET = 1u << 4,
	PORT_LINK_SHIFT = 5,
	PORT_POWER = 1u << 9,
	PORT_SPEED_SHIFT = 10,
	PORT_CONNECT_CHANGE = 1u << 17,
	PORT_RESET_CHANGE = 1u << 21,
	PORT_CHANGES = 0x7Fu << 17,
	/* What is written back as it was read; all else is "write 1 to do" or read-only. */
	PORT_KEEP = 1u << 9 | 3u << 14 | 7u << 25
};
#define PORT_WARM_RESET (1u << 31)
enum { LINK_INACTIVE = 6, LINK_COMPLIANCE = 10 };

/* "Host Controller Runtime Registers": interrupter 0. */
enum {
	RT_IMAN = 0x20,
	RT_IMOD = 0x24,
	RT_ERSTSZ = 0x28,
	RT_ERSTBA = 0x30,
	RT_ERDP = 0x38,
	RT_END = 0x40
};
enum { IMAN_PENDING = 1u << 0, IMAN_ENABLE = 1u << 1, ERDP_BUSY = 1u << 3 };

/* "Extended Capabilities". */
enum { XCAP_LEGACY = 1, XCAP_PROTOCOL = 2 };
enum { LEGACY_BIOS = 1u << 16, LEGACY_OS = 1u << 24 };
#define LEGACY_SMI_ENABLES 0x0000E011u
#define LEGACY_SMI_EVENTS  0xE0000000u

struct xhci_trb {
	u64 parameter;
	u32 status;
	u32 control;
};
_Static_assert(sizeof(struct xhci_trb) == 16, "TRB");

enum {
	TRB_CYCLE = 1u << 0,
	TRB_TOGGLE = 1u << 1, /* of a link */
	TRB_SHORT = 1u << 2,  /* interrupt on a short packet */
	TRB_CHAIN = 1u << 4,
	TRB_IOC = 1u << 5,
	TRB_IMMEDIATE = 1u << 6,
	TRB_DROP_ALL = 1u << 9, /* Configure Endpoint: deconfigure */
	TRB_TYPE_SHIFT = 10,
	TRB_IN = 1u << 16,
	TRB_SETUP_OUT = 2u << 16,
	TRB_SETUP_IN = 3u << 16,
	TRB_EP_SHIFT = 16,
	TRB_SLOT_SHIFT = 24
};
enum {
	TRB_NORMAL = 1,
	TRB_SETUP = 2,
	TRB_DATA = 3,
	TRB_STATUS = 4,
	TRB_LINK = 6,
	TRB_ENABLE_SLOT = 9,
	TRB_DISABLE_SLOT = 10,
	TRB_ADDRESS_DEVICE = 11,
	TRB_CONFIGURE_ENDPOINT = 12,
	TRB_EVALUATE_CONTEXT = 13,
	TRB_RESET_ENDPOINT = 14,
	TRB_STOP_ENDPOINT = 15,
	TRB_SET_DEQUEUE = 16,
	TRB_EV_TRANSFER = 32,
	TRB_EV_COMMAND = 33,
	TRB_EV_PORT = 34
};
enum {
	CODE_SUCCESS = 1,
	CODE_STALL = 6,
	CODE_SHORT = 13,
	CODE_STOPPED = 26,
	CODE_STOPPED_LENGTH = 27,
	CODE_STOPPED_SHORT = 28
};

/* "Endpoint Context". */
enum { EP_DISABLED, EP_RUNNING, EP_HALTED, EP_STOPPED, EP_ERROR };
enum { EP_TYPE_BULK_OUT = 2, EP_TYPE_CONTROL = 4, EP_TYPE_BULK_IN = 6 };

#endif
