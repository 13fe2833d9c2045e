/* SPDX-License-Identifier: BSD-2-Clause */
/* An EHCI controller for host tests, with three ports. */
#ifndef FAKE_USB_EHCI_FAKE_H
#define FAKE_USB_EHCI_FAKE_H

#include <device_fake.h>
#include <drivers/usb/ehci_regs.h>
#include <usb/usb_fake.h>

#define FAKE_EHCI_PORTS 3u

struct fake_ehci {
	struct fake_device f; /* first */
	struct fake_usb *port[FAKE_EHCI_PORTS + 1];
	u32 portsc[FAKE_EHCI_PORTS + 1];
	u32 usbcmd, usbsts, usbintr, segment, async, configflag;
	bool dead, gone, wide;
	/* The control transfer under way. */
	struct fake_usb *control;
	int control_result;
	u8 control_data[4096];
	unsigned int interrupts, mistakes, starts, doorbells;
};

void fake_ehci_init(struct fake_ehci *e);
void fake_ehci_plug(struct fake_ehci *e, unsigned int port, struct fake_usb *u);
void fake_ehci_unplug(struct fake_ehci *e, unsigned int port);

#endif
