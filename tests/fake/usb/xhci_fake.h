/* SPDX-License-Identifier: BSD-2-Clause */
/* An xHCI controller for host tests: ports 1 and 2 are SuperSpeed's, 3 and 4 for USB 2. */
#ifndef FAKE_USB_XHCI_FAKE_H
#define FAKE_USB_XHCI_FAKE_H

#include <device_fake.h>
#include <drivers/usb/xhci_regs.h>
#include <usb/usb_fake.h>

#define FAKE_XHCI_PORTS 4u
#define FAKE_XHCI_SLOTS 8u

struct fake_xhci_endpoint {
	u64 dequeue;
	u32 cycle;
	u8 toggle;
	bool rung; /* the doorbell */
};

struct fake_xhci {
	struct fake_device f; /* first */
	bool wide_contexts;
	unsigned int scratch;
	struct fake_usb *port[FAKE_XHCI_PORTS + 1];
	u32 portsc[FAKE_XHCI_PORTS + 1];
	u32 usbcmd, usbsts, config, iman, legacy;
	u64 crcr, dcbaap, erstba, erdp, command_at;
	u32 command_cycle, event_cycle;
	unsigned int event_at;
	bool commands_rung, dead, gone, lies;
	struct fake_usb *slot[FAKE_XHCI_SLOTS + 1];
	bool enabled[FAKE_XHCI_SLOTS + 1];
	struct fake_xhci_endpoint ep[FAKE_XHCI_SLOTS + 1][32];
	unsigned int interrupts, mistakes; /* of the driver's, as this controller sees them */
	unsigned int starts;
	char mistake[128];
};

void fake_xhci_init(struct fake_xhci *x);
void fake_xhci_plug(struct fake_xhci *x, unsigned int port, struct fake_usb *u);
void fake_xhci_unplug(struct fake_xhci *x, unsigned int port);

#endif
