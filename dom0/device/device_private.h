/* SPDX-License-Identifier: BSD-2-Clause */
/* One PCI function as dom0/device knows it. */
#ifndef DOM0_DEVICE_DEVICE_PRIVATE_H
#define DOM0_DEVICE_DEVICE_PRIVATE_H

#include <dom0/device/devices.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>
#include <xen/hypercall.h>

#define DEVICE_INTERRUPTS 16u

struct machine_device;

/* One interrupt of a device: of its own (MSI, MSI-X), or on a wire that others may be on. */
struct device_interrupt {
	struct machine_device *dev;
	unsigned int index; /* the driver's number for it */
	evtchn_port_t port; /* of its own; 0: on a wire */
	struct device_interrupt *next;
};

struct machine_device {
	struct device d; /* first */
	struct machine_device *next;
	struct pci_config *config;
	struct pci_address address;
	const struct driver
		*driver; /* which matches; d.driver is the same while it has the device */
	char name[DEVICE_NAME_MAX];
	bool platform;
	struct pci_slot slot; /* behind it, if it is such a port */
	struct pci_room room; /* for what was put into it */
	bool ejecting;        /* what is behind it is being taken from its drivers */

	struct pci_bar bars[DEVICE_BARS];
	void *windows[DEVICE_BARS]; /* those of memory */
	unsigned int ide_channels;  /* at their ISA places, a bit each */

	enum device_interrupts kind;
	unsigned int interrupt_count;
	struct device_interrupt interrupts[DEVICE_INTERRUPTS];
	struct pci_msi msi;
	struct pci_msix msix;

	struct fiber *worker; /* NULL: no driver has it */
	bool attaching;       /* attach() is not over */
	bool attached;
	bool service_due, leave, gone;
	struct loop_timer timer;
};

static inline struct machine_device *machine_device(struct device *d)
{
	return (struct machine_device *)(void *)d;
}

/* device_ops.c */
extern const struct device_ops machine_device_ops;
/* Finds and maps the windows, which are there while a driver has the device. room: for those that
 * have no address; may be NULL. */
void device_windows(struct machine_device *m, struct pci_room *room);
void device_log(struct machine_device *m, const char *fmt, ...) printf_like(2, 3);

/* device_irq.c: irq_request() of struct device_ops, and its end. */
unsigned int device_irq_request(struct device *d, unsigned int wanted);
void device_irq_release(struct machine_device *m);

#endif
