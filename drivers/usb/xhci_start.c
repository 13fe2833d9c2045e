/* SPDX-License-Identifier: BSD-2-Clause */
/* From any state to a controller that runs. xHCI 1.2, "Host Controller Initialization". */
#include <drivers/usb/xhci_private.h>

#include <string.h>

#define XCAPS_MAX     64u
#define HANDOFF_NS    (1000 * USB_MS)
#define RESET_NS      (1000 * USB_MS)
#define HALT_READS    100000u
#define MODERATION    160u /* times 250 ns between interrupts */
#define DCBAA_BYTES   2048u
#define INPUT_BYTES   4096u
#define ERST_BYTES    64u
#define EVENTS_BYTES  (XHCI_EVENTS * sizeof(struct xhci_trb))
#define SCRATCH_BYTES 8192u

/* What the controller says of itself decides where registers are: none lies beyond the window. */
static bool registers_fit(const struct xhci *x)
{
	u64 size = x->d->bar_size[0];

	return x->ports && x->slots && x->op >= CAP_END && x->op % 4 == 0 &&
	       x->op + OP_PORTS + (u64)x->ports * OP_PORT_BYTES <= size && x->run % 4 == 0 &&
	       (u64)x->run + RT_END <= size && x->doorbell % 4 == 0 &&
	       (u64)x->doorbell + 4 * ((u64)x->slots + 1) <= size;
}

int xhci_probe(struct xhci *x)
{
	struct device *d = x->d;
	u32 v, params1, params2, hcc;

	if (d->bar_size[0] < CAP_END || d->bar_is_port[0]) {
		d->ops->log(d, "no registers");
		return -1;
	}
	v = device_read32(d, 0, CAP_LENGTH);
	params1 = device_read32(d, 0, CAP_HCSPARAMS1);
	params2 = device_read32(d, 0, CAP_HCSPARAMS2);
	hcc = device_read32(d, 0, CAP_HCCPARAMS1);
	x->op = v & 0xFF;
	x->version = (u16)(v >> 16);
	x->slots = params1 & 0xFF;
	x->ports = min_u64(params1 >> 24, USB_HUB_PORTS_MAX) & 0xFF;
	x->scratch_count = (params2 >> 21 & 31) << 5 | params2 >> 27;
	x->wide = hcc & HCC_AC64;
	x->context_bytes = hcc & HCC_CSZ ? 64 : 32;
	x->port_power = hcc & HCC_PPC;
	x->xcap = (hcc >> 16) * 4;
	x->doorbell = device_read32(d, 0, CAP_DBOFF) & ~3u;
	x->run = device_read32(d, 0, CAP_RTSOFF) & ~31u;
	if (v == 0xFFFFFFFF || !registers_fit(x)) {
		d->ops->log(d, "its registers make no sense");
		return -1;
	}
	if (!(op_read(x, OP_PAGESIZE) & 1)) {
		d->ops->log(d, "no pages of 4 KiB");
		return -1;
	}
	return 0;
}

/* --- the extended capabilities --- */

/* SMIs off, so that the firmware does not touch the controller behind our back. */
static void take_from_firmware(struct xhci *x, u32 at)
{
	struct device *d = x->d;
	u64 end = d->ops->now(d) + HANDOFF_NS;
	u32 v = device_read32(d, 0, at);

	device_write32(d, 0, at, v | LEGACY_OS);
	while ((device_read32(d, 0, at) & LEGACY_BIOS) && d->ops->now(d) < end)
		d->ops->sleep(d, 10 * USB_MS);
	v = device_read32(d, 0, at);
	if (v & LEGACY_BIOS) {
		d->ops->log(d, "the firmware does not hand it over; taken anyway");
		device_write32(d, 0, at, (v & ~(u32)LEGACY_BIOS) | LEGACY_OS);
	}
	v = device_read32(d, 0, at + 4);
	device_write32(d, 0, at + 4, (v & ~LEGACY_SMI_ENABLES) | LEGACY_SMI_EVENTS);
}

static void note_protocol(struct xhci *x, u32 at, u32 header)
{
	u32 v = device_read32(x->d, 0, at + 8);
	unsigned int first = v & 0xFF, count = v >> 8 & 0xFF;

	if (header >> 24 < 3)
		return;
	for (unsigned int i = first; i < first + count && i <= x->ports; i++)
		x->super_ports[i / 32 & 7] |= 1u << (i % 32);
}

void xhci_take(struct xhci *x)
{
	u64 at = x->xcap;

	for (unsigned int i = 0; i < XCAPS_MAX && at && at + 12 <= x->d->bar_size[0]; i++) {
		u32 v = device_read32(x->d, 0, (u32)at);

		if ((v & 0xFF) == XCAP_LEGACY)
			take_from_firmware(x, (u32)at);
		else if ((v & 0xFF) == XCAP_PROTOCOL)
			note_protocol(x, (u32)at, v);
		if (!(v >> 8 & 0xFF))
			break;
		at += (v >> 8 & 0xFF) * 4;
	}
}

/* --- memory --- */

static void *dma(struct xhci *x, size_t bytes, u64 *bus)
{
	return x->d->ops->dma_alloc(x->d, bytes, bytes < 4096 ? 4096 : bytes, bus);
}

static bool scratch_memory(struct xhci *x)
{
	if (!x->scratch_count)
		return true;
	x->scratch = x->d->ops->alloc(x->d, x->scratch_count * sizeof(void *));
	x->scratch_array = dma(x, SCRATCH_BYTES, &x->scratch_array_bus);
	if (!x->scratch || !x->scratch_array)
		return false;
	for (unsigned int i = 0; i < x->scratch_count; i++) {
		x->scratch[i] = dma(x, PAGE_SIZE, &x->scratch_array[i]);
		if (!x->scratch[i])
			return false;
	}
	return true;
}

int xhci_memory(struct xhci *x)
{
	x->dcbaa = dma(x, DCBAA_BYTES, &x->dcbaa_bus);
	x->erst = dma(x, ERST_BYTES, &x->erst_bus);
	x->input = dma(x, INPUT_BYTES, &x->input_bus);
	x->events = dma(x, EVENTS_BYTES, &x->events_bus);
	if (x->dcbaa && x->erst && x->input && x->events && xhci_ring_make(x, &x->commands) &&
	    scratch_memory(x))
		return 0;
	x->d->ops->log(x->d, "out of memory");
	return -1;
}

static void dma_free(struct xhci *x, void *p, size_t bytes)
{
	if (p)
		x->d->ops->dma_free(x->d, p, bytes);
}

void xhci_memory_free(struct xhci *x)
{
	for (unsigned int i = 0; x->scratch && i < x->scratch_count; i++)
		dma_free(x, x->scratch[i], PAGE_SIZE);
	x->d->ops->free(x->d, x->scratch);
	dma_free(x, x->scratch_array, SCRATCH_BYTES);
	xhci_ring_free(x, &x->commands);
	dma_free(x, x->events, EVENTS_BYTES);
	dma_free(x, x->input, INPUT_BYTES);
	dma_free(x, x->erst, ERST_BYTES);
	dma_free(x, x->dcbaa, DCBAA_BYTES);
}

/* --- start and stop --- */

/* Halts it; the bits of a controller that is gone read as ones, which ends this too. */
static bool halt(struct xhci *x)
{
	op_write(x, OP_USBCMD, 0);
	for (unsigned int i = 0; i < HALT_READS; i++)
		if (op_read(x, OP_USBSTS) & STS_HALTED)
			return true;
	return false;
}

void xhci_stop(struct xhci *x)
{
	x->running = false;
	if (x->hc.lost || halt(x))
		return;
	/* "Host Controller Reset" ends all DMA at once. */
	op_write(x, OP_USBCMD, CMD_RESET);
}

static int reset(struct xhci *x)
{
	const struct device_ops *ops = x->d->ops;
	u64 end = ops->now(x->d) + RESET_NS;

	op_write(x, OP_USBCMD, CMD_RESET);
	do {
		/* Some controllers must not be read in the first millisecond. */
		ops->sleep(x->d, 2 * USB_MS);
		if (!(op_read(x, OP_USBCMD) & CMD_RESET) &&
		    !(op_read(x, OP_USBSTS) & STS_NOT_READY))
			return 0;
	} while (ops->now(x->d) < end);
	ops->log(x->d, "the controller does not come out of its reset");
	return -1;
}

static void forget_slots(struct xhci *x)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(x->slot); i++) {
		if (x->slot[i])
			x->slot[i]->id = 0;
		x->slot[i] = NULL;
	}
	memset(x->dcbaa, 0, DCBAA_BYTES);
	x->dcbaa[0] = x->scratch_array_bus;
}

static void program(struct xhci *x)
{
	memset(x->events, 0, EVENTS_BYTES);
	x->event_next = 0;
	x->event_cycle = 1;
	xhci_ring_clear(&x->commands);
	x->command_busy = false;
	x->erst[0] = x->events_bus;
	x->erst[1] = XHCI_EVENTS;
	op_write(x, OP_CONFIG, x->slots);
	write_wide(x, x->op + OP_DCBAAP, x->dcbaa_bus);
	write_wide(x, x->op + OP_CRCR, x->commands.bus | CRCR_CYCLE);
	device_write32(x->d, 0, x->run + RT_ERSTSZ, 1);
	write_wide(x, x->run + RT_ERDP, x->events_bus);
	write_wide(x, x->run + RT_ERSTBA, x->erst_bus);
	device_write32(x->d, 0, x->run + RT_IMOD, MODERATION);
	device_write32(x->d, 0, x->run + RT_IMAN, IMAN_PENDING | IMAN_ENABLE);
}

int xhci_start(struct xhci *x)
{
	xhci_stop(x);
	if (reset(x) < 0)
		return -1;
	forget_slots(x);
	program(x);
	x->broken = false;
	op_write(x, OP_USBCMD, CMD_RUN | CMD_INTE);
	x->d->ops->sleep(x->d, USB_MS);
	if (op_read(x, OP_USBSTS) & (STS_HALTED | STS_HOST_ERROR | STS_CONTROLLER_ERROR)) {
		x->d->ops->log(x->d, "the controller does not start");
		xhci_stop(x);
		return -1;
	}
	x->running = true;
	return 0;
}
