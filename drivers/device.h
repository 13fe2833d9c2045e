/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver gets of the world: one device's registers, memory for DMA, interrupts, time.
 * dom0/device gives it the real ones, a host test fakes. Drivers reach nothing else. */
#ifndef DRIVERS_DEVICE_H
#define DRIVERS_DEVICE_H

#include <core/types.h>
#include <drivers/block.h>

#define DEVICE_BARS 6u

struct device;

/* How a device is recognised: PCI Local Bus Specification 3.0, "PCI Configuration Space". */
struct device_id {
	u16 vendor, product;
	u16 subsystem_vendor, subsystem;
	u8 class_code, subclass, prog_if, revision;
};

struct device_ops {
	/* Registers of window bar, width 1, 2, 4 or 8 bytes, offset aligned to it; memory or ports.
	 * An access beyond the window is a mistake of the driver and ends the control domain. */
	u64 (*read)(struct device *d, unsigned int bar, u32 offset, unsigned int width);
	void (*write)(struct device *d, unsigned int bar, u32 offset, unsigned int width,
		      u64 value);
	/* Configuration space, width 1, 2 or 4. The command register's bus-master and memory bits
	 * and the MSI capabilities are the caller's side; a driver leaves them alone. */
	u32 (*config_read)(struct device *d, u32 offset, unsigned int width);
	void (*config_write)(struct device *d, u32 offset, unsigned int width, u32 value);
	/* Memory that the device and the driver see, zeroed, in one piece for both, below 4 GiB;
	 * align a power of two, at most 64 KiB. *bus is its address for the device. NULL: none
	 * left. */
	void *(*dma_alloc)(struct device *d, size_t bytes, size_t align, u64 *bus);
	void (*dma_free)(struct device *d, void *p, size_t bytes);
	/* The driver's own memory, zeroed. */
	void *(*alloc)(struct device *d, size_t bytes);
	void (*free)(struct device *d, void *p);
	/* Asks for up to `wanted` interrupts: MSI-X, else MSI, else the wire (one). Returns how
	 * many there are, 0: none at all (then poll). irq() of struct driver is called with 0 to
	 * that less 1. A wired interrupt is let through again when irq() returns. */
	unsigned int (*irq_request)(struct device *d, unsigned int wanted);
	/* ns since boot. */
	u64 (*now)(struct device *d);
	/* timer() of struct driver is called once, at or after abs_ns; 0 stops it. One for each
	 * device. */
	void (*timer_set)(struct device *d, u64 abs_ns);
	/* Lets others run for so long. Only from attach() and service(). */
	void (*sleep)(struct device *d, u64 ns);
	/* Asks for service() to be called soon. From anywhere. */
	void (*need_service)(struct device *d);
	/* A disk is there, until it is removed. name: what the driver calls its n-th one, as "n1";
	 * "" if there is but one. The block_device is the driver's, its callbacks may come at once.
	 */
	int (*block_add)(struct device *d, struct block_device *b, const char *name);
	/* It is gone. The driver has completed each of its requests and gets no more. */
	void (*block_remove)(struct device *d, struct block_device *b);
	/* One line of the log, with the device's name before it. */
	void (*log)(struct device *d, const char *fmt, ...) printf_like(2, 3);
};

struct device {
	const struct device_ops *ops;
	const struct driver *driver;
	void *state; /* the driver's */
	struct device_id id;
	u64 bar_size[DEVICE_BARS]; /* 0: no such window */
	bool bar_is_port[DEVICE_BARS];
};

/* A driver is one constant. attach() and service() run where they may sleep, never two at a time
 * for one device; irq(), timer() and the block devices' functions may be called while one of them
 * sleeps. */
struct driver {
	const char *name; /* also of its devices, with a number behind: "nvme0" */
	bool (*match)(const struct device_id *id);
	/* Takes the device from any state (firmware used it), and adds what disks are there. 0, or
	 * negative after a line of the log: then nothing is held and the device is quiet. */
	int (*attach)(struct device *d);
	/* Resets, hot plugging: what takes long. May be NULL. */
	void (*service)(struct device *d);
	void (*irq)(struct device *d, unsigned int index);
	void (*timer)(struct device *d);
	/* Completes all requests with BLOCK_GONE, removes the disks, stops DMA, frees all. gone:
	 * the hardware does not answer any more (registers read as all ones). */
	void (*detach)(struct device *d, bool gone);
};

static inline u8 device_read8(struct device *d, unsigned int bar, u32 offset)
{
	return (u8)d->ops->read(d, bar, offset, 1);
}
static inline u16 device_read16(struct device *d, unsigned int bar, u32 offset)
{
	return (u16)d->ops->read(d, bar, offset, 2);
}
static inline u32 device_read32(struct device *d, unsigned int bar, u32 offset)
{
	return (u32)d->ops->read(d, bar, offset, 4);
}
static inline void device_write8(struct device *d, unsigned int bar, u32 offset, u8 value)
{
	d->ops->write(d, bar, offset, 1, value);
}
static inline void device_write16(struct device *d, unsigned int bar, u32 offset, u16 value)
{
	d->ops->write(d, bar, offset, 2, value);
}
static inline void device_write32(struct device *d, unsigned int bar, u32 offset, u32 value)
{
	d->ops->write(d, bar, offset, 4, value);
}

#endif
