/* SPDX-License-Identifier: BSD-2-Clause */
/* From any state to a controller that runs. EHCI 1.0, "Host Controller Initialization". */
#include <drivers/usb/ehci_private.h>

#define CAPS_MAX   16u
#define HANDOFF_NS (1000 * USB_MS)
#define RESET_NS   (250 * USB_MS)
#define HALT_READS 100000u

int ehci_probe(struct ehci *e)
{
	struct device *d = e->d;
	u32 v, hcs;

	if (d->bar_size[0] < ECAP_END || d->bar_is_port[0]) {
		d->ops->log(d, "no registers");
		return -1;
	}
	v = device_read32(d, 0, ECAP_LENGTH);
	hcs = device_read32(d, 0, ECAP_HCSPARAMS);
	e->op = v & 0xFF;
	e->ports = hcs & 15;
	e->port_power = hcs & EHCS_PORT_POWER;
	e->wide = device_read32(d, 0, ECAP_HCCPARAMS) & EHCC_64BIT;
	if (v == 0xFFFFFFFF || !e->ports || e->op % 4 || e->op < ECAP_END ||
	    e->op + EOP_PORTS + 4 * (u64)e->ports > d->bar_size[0]) {
		d->ops->log(d, "its registers make no sense");
		return -1;
	}
	return 0;
}

static void take_from_firmware(struct device *d, u32 at)
{
	u64 end = d->ops->now(d) + HANDOFF_NS;

	d->ops->config_write(d, at, 4, d->ops->config_read(d, at, 4) | ELEGACY_OS);
	while ((d->ops->config_read(d, at, 4) & ELEGACY_BIOS) && d->ops->now(d) < end)
		d->ops->sleep(d, 10 * USB_MS);
	if (d->ops->config_read(d, at, 4) & ELEGACY_BIOS) {
		d->ops->log(d, "the firmware does not hand it over; taken anyway");
		d->ops->config_write(d, at, 4, ELEGACY_OS | ELEGACY_ID);
	}
	/* No SMIs, so that the firmware does not touch it behind our back. */
	d->ops->config_write(d, at + 4, 4, 0);
}

void ehci_take(struct ehci *e)
{
	u32 at = device_read32(e->d, 0, ECAP_HCCPARAMS) >> 8 & 0xFC;

	for (unsigned int i = 0; i < CAPS_MAX && at >= 0x40; i++) {
		u32 v = e->d->ops->config_read(e->d, at, 4);

		if ((v & 0xFF) == ELEGACY_ID) {
			take_from_firmware(e->d, at);
			return;
		}
		at = v >> 8 & 0xFC;
	}
}

static bool halt(struct ehci *e)
{
	eop_write(e, EOP_USBINTR, 0);
	eop_write(e, EOP_USBCMD, eop_read(e, EOP_USBCMD) & ~(u32)(ECMD_RUN | ECMD_DOORBELL));
	/* It may take 16 microframes: 2 ms. */
	for (unsigned int i = 0; i < HALT_READS; i++)
		if (eop_read(e, EOP_USBSTS) & ESTS_HALTED)
			return true;
	return false;
}

void ehci_stop(struct ehci *e)
{
	e->running = false;
	if (e->hc.lost)
		return;
	if (!halt(e))
		eop_write(e, EOP_USBCMD, ECMD_RESET); /* ends all DMA at once */
	eop_write(e, EOP_CONFIGFLAG, 0);
}

static int reset(struct ehci *e)
{
	const struct device_ops *ops = e->d->ops;
	u64 end = ops->now(e->d) + RESET_NS;

	eop_write(e, EOP_USBCMD, ECMD_RESET);
	do {
		ops->sleep(e->d, USB_MS);
		if (!(eop_read(e, EOP_USBCMD) & ECMD_RESET))
			return 0;
	} while (ops->now(e->d) < end);
	ops->log(e->d, "the controller does not come out of its reset");
	return -1;
}

int ehci_start(struct ehci *e)
{
	ehci_stop(e);
	if (reset(e) < 0)
		return -1;
	/* A circle of one, which is always halted. */
	*e->head = (struct ehci_qh){.link = (u32)e->head_bus | LINK_QH,
				    .endpoint = QH_HEAD | QH_HIGH_SPEED,
				    .next = LINK_END,
				    .next_short = LINK_END,
				    .token = TOKEN_HALTED};
	eop_write(e, EOP_SEGMENT, 0); /* our structures lie below 4 GiB */
	eop_write(e, EOP_ASYNC, (u32)e->head_bus);
	eop_write(e, EOP_USBSTS, ESTS_CLEARED);
	eop_write(e, EOP_USBINTR, ESTS_DONE | ESTS_ERROR | ESTS_PORT | ESTS_HOST_ERROR);
	eop_write(e, EOP_USBCMD, ECMD_RUN | ECMD_ASYNC | ECMD_THRESHOLD);
	eop_write(e, EOP_CONFIGFLAG, 1);
	e->d->ops->sleep(e->d, 5 * USB_MS);
	if (eop_read(e, EOP_USBSTS) & (ESTS_HALTED | ESTS_HOST_ERROR)) {
		e->d->ops->log(e->d, "the controller does not start");
		ehci_stop(e);
		return -1;
	}
	e->broken = false;
	e->running = true;
	return 0;
}
