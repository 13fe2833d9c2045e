/* SPDX-License-Identifier: BSD-2-Clause */
/* A device for host tests of drivers: the test models its registers and what it does with DMA; time
 * passes only when the test or the driver's sleep() lets it. */
#ifndef FAKE_DEVICE_FAKE_H
#define FAKE_DEVICE_FAKE_H

#include <drivers/device.h>

#define FAKE_DISKS 8u

struct fake_device {
	struct device d; /* first */
	void *model;     /* the test's */
	u64 (*read)(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width);
	void (*write)(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width,
		      u64 value);
	void (*tick)(struct fake_device *f); /* time has passed; may be NULL */
	u8 config[4096];
	unsigned int interrupts;       /* how many there are for it: set before attach, default 1 */
	unsigned int interrupts_given; /* what irq_request() returned; 0: not asked for */
	u64 now, timer_at;
	bool service_wanted;
	bool out_of_memory; /* alloc and dma_alloc fail */
	struct block_device *disks[FAKE_DISKS];
	char disk_names[FAKE_DISKS][16];
	unsigned int disk_count;              /* those there are now */
	unsigned int added, removed, changed; /* changed: block_add() of one that is there */
	char log[16384];
	unsigned int stray; /* accesses of the device to memory that nobody gave it */
	unsigned int allocations, dma_allocations; /* not freed yet */
};

void fake_device_init(struct fake_device *f, const struct driver *driver, void *model);
/* attach() of its driver, as it may sleep: time passes meanwhile. */
int fake_device_attach(struct fake_device *f);
/* Lets time pass in steps of at most `step` ns: tick, the timer, wanted services. */
void fake_device_pass(struct fake_device *f, u64 ns, u64 step);
/* An interrupt, if the driver asked for one. Services that it wants run. */
void fake_device_irq(struct fake_device *f, unsigned int index);
/* Memory of the test's own that the device may reach, as guests' pages. Returns its bus address,
 * which has the offset in a 4 KiB page that p has. at: 0, or the bus address it shall have. */
u64 fake_dma_add(struct fake_device *f, void *p, size_t bytes, u64 at);
void fake_dma_remove(struct fake_device *f, void *p);
/* What the device finds there; NULL (and counted as stray) if not all of it is in one allocation.
 */
void *fake_dma(struct fake_device *f, u64 bus, size_t bytes);
/* After detach: fails the test if anything was left. */
void fake_device_end(struct fake_device *f);

#endif
