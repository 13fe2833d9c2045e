/* SPDX-License-Identifier: BSD-2-Clause */
/* What drivers get of the machine: struct device_ops on real registers, memory and time. */
#include <dom0/device/device_private.h>

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/block/block.h>
#include <dom0/console/machine_console.h>
#include <dom0/device/reach.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/paging.h>
#include <dom0/platform/ports.h>
#include <xen/errno.h>

#define WINDOW_MAX MIB(64) /* no driver looks further */
#define LOG_MAX    256u

/* --- windows --- */

static bool map_window(struct machine_device *m, unsigned int i)
{
	struct pci_bar *b = &m->bars[i];
	u64 size = min_u64(b->size, WINDOW_MAX);

	if (!b->port) {
		if (!reach_is_free(b->address, b->size))
			return false;
		m->windows[i] = paging_reach(gpa(b->address), size);
		if (!m->windows[i])
			return false;
	}
	m->d.bar_size[i] = size;
	m->d.bar_is_port[i] = b->port;
	return true;
}

void device_windows(struct machine_device *m, struct pci_room *room)
{
	pci_bars(m->config, m->address, m->bars);
	if (room)
		pci_assign(m->config, m->address, m->bars, room);
	m->ide_channels = pci_ide_compatible(&m->d.id, m->bars);
	for (unsigned int i = 0; i < DEVICE_BARS; i++) {
		struct pci_bar *b = &m->bars[i];

		m->windows[i] = NULL;
		m->d.bar_size[i] = 0;
		m->d.bar_is_port[i] = false;
		if (b->state == PCI_BAR_UNASSIGNED)
			device_log(m, "window %u of %#llx bytes has no address", i,
				   (unsigned long long)b->size);
		else if (b->state == PCI_BAR_BROKEN)
			device_log(m, "window %u is not sound", i);
		else if (b->state == PCI_BAR_GOOD && !map_window(m, i)) {
			b->state = PCI_BAR_BROKEN;
			device_log(m, "window %u at %#llx cannot be a device's", i,
				   (unsigned long long)b->address);
		}
	}
}

/* --- registers --- */

static void check_access(struct machine_device *m, unsigned int bar, u32 offset, unsigned int width)
{
	if (bar >= DEVICE_BARS || m->d.bar_size[bar] < width || offset % width ||
	    offset > m->d.bar_size[bar] - width)
		panic("%s: its driver looks for %u bytes at %#x of window %u", m->name, width,
		      offset, bar);
}

static u64 op_read(struct device *d, unsigned int bar, u32 offset, unsigned int width)
{
	struct machine_device *m = machine_device(d);
	const volatile u8 *p;
	u16 port;

	check_access(m, bar, offset, width);
	p = (const volatile u8 *)m->windows[bar] + offset;
	port = (u16)(m->bars[bar].address + offset);
	switch (width) {
	case 1:
		return d->bar_is_port[bar] ? in8(port) : *p;
	case 2:
		return d->bar_is_port[bar] ? in16(port)
					   : *(const volatile u16 *)(const volatile void *)p;
	case 4:
		return d->bar_is_port[bar] ? in32(port)
					   : *(const volatile u32 *)(const volatile void *)p;
	default:
		if (width != 8 || d->bar_is_port[bar])
			panic("%s: no access is %u bytes wide", m->name, width);
		return *(const volatile u64 *)(const volatile void *)p;
	}
}

static void op_write(struct device *d, unsigned int bar, u32 offset, unsigned int width, u64 value)
{
	struct machine_device *m = machine_device(d);
	volatile u8 *p;
	u16 port;

	check_access(m, bar, offset, width);
	p = (volatile u8 *)m->windows[bar] + offset;
	port = (u16)(m->bars[bar].address + offset);
	if (d->bar_is_port[bar]) {
		if (width == 1)
			out8(port, (u8)value);
		else if (width == 2)
			out16(port, (u16)value);
		else if (width == 4)
			out32(port, (u32)value);
		else
			panic("%s: no port is %u bytes wide", m->name, width);
		return;
	}
	barrier(); /* what the device is told of must be in memory */
	switch (width) {
	case 1:
		*p = (u8)value;
		break;
	case 2:
		*(volatile u16 *)(volatile void *)p = (u16)value;
		break;
	case 4:
		*(volatile u32 *)(volatile void *)p = (u32)value;
		break;
	case 8:
		*(volatile u64 *)(volatile void *)p = value;
		break;
	default:
		panic("%s: no access is %u bytes wide", m->name, width);
	}
}

static u32 op_config_read(struct device *d, u32 offset, unsigned int width)
{
	struct machine_device *m = machine_device(d);

	return m->config->read(m->config, m->address, offset, width);
}

static void op_config_write(struct device *d, u32 offset, unsigned int width, u32 value)
{
	struct machine_device *m = machine_device(d);

	m->config->write(m->config, m->address, offset, width, value);
}

/* --- memory: the heap is one piece of the machine's memory, at the same addresses --- */

static void *op_dma_alloc(struct device *d, size_t bytes, size_t align, u64 *bus)
{
	void *p = memalign(align < 64 ? 64 : align, bytes);

	(void)d;
	if (!p)
		return NULL;
	memset(p, 0, bytes);
	*bus = paging_gpa(p).v;
	return p;
}

static void op_dma_free(struct device *d, void *p, size_t bytes)
{
	(void)d;
	(void)bytes;
	free(p);
}

static void *op_alloc(struct device *d, size_t bytes)
{
	(void)d;
	return calloc(1, bytes);
}

static void op_free(struct device *d, void *p)
{
	(void)d;
	free(p);
}

/* --- time --- */

static u64 op_now(struct device *d)
{
	(void)d;
	return loop_now();
}

static void op_timer_set(struct device *d, u64 abs_ns)
{
	struct machine_device *m = machine_device(d);

	if (abs_ns)
		loop_set_timer(&m->timer, abs_ns);
	else
		loop_stop_timer(&m->timer);
}

static void op_sleep(struct device *d, u64 ns)
{
	(void)d;
	fiber_sleep(ns);
}

static void op_need_service(struct device *d)
{
	struct machine_device *m = machine_device(d);

	m->service_due = true;
	if (m->worker)
		fiber_wake(m->worker);
}

/* --- disks and the log --- */

static int op_block_add(struct device *d, struct block_device *b, const char *name)
{
	char full[BLOCK_NAME_MAX];
	int n = snprintf(full, sizeof(full), "%s%s", machine_device(d)->name, name);

	if (n < 0 || (size_t)n >= sizeof(full))
		return -XEN_EINVAL;
	return block_add(b, full);
}

static void op_block_remove(struct device *d, struct block_device *b)
{
	(void)d;
	block_remove(b);
}

static void log_v(struct machine_device *m, const char *fmt, va_list ap) printf_like(2, 0);
static void log_v(struct machine_device *m, const char *fmt, va_list ap)
{
	char text[LOG_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	machine_console_line("%s: %s", m->name, text);
}

static void op_log(struct device *d, const char *fmt, ...) printf_like(2, 3);
static void op_log(struct device *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(machine_device(d), fmt, ap);
	va_end(ap);
}

void device_log(struct machine_device *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(m, fmt, ap);
	va_end(ap);
}

const struct device_ops machine_device_ops = {
	.read = op_read,
	.write = op_write,
	.config_read = op_config_read,
	.config_write = op_config_write,
	.dma_alloc = op_dma_alloc,
	.dma_free = op_dma_free,
	.alloc = op_alloc,
	.free = op_free,
	.irq_request = device_irq_request,
	.now = op_now,
	.timer_set = op_timer_set,
	.sleep = op_sleep,
	.need_service = op_need_service,
	.block_add = op_block_add,
	.block_remove = op_block_remove,
	.log = op_log,
};
