/* SPDX-License-Identifier: BSD-2-Clause */
/* The controller works when time passes: commands first, then transfers, then its interrupt. */
#include <usb/xhci_fake.h>

#include <drivers/usb/xhci.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OP = 0x40, RUN = 0x1000, DOORBELL = 0x2000, XCAP = 0x3000, WINDOW = 0x4000 };

static struct fake_xhci *of(struct fake_device *f)
{
	return f->model;
}

static void mistake(struct fake_xhci *x, const char *fmt, ...) printf_like(2, 3);
static void mistake(struct fake_xhci *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->mistake, sizeof(x->mistake), fmt, ap);
	va_end(ap);
	printf("mistake: %s\n", x->mistake);
	x->mistakes++;
}

/* --- events --- */

static void post(struct fake_xhci *x, u64 parameter, u32 status, u32 control)
{
	const u64 *erst = x->usbcmd & CMD_RUN ? fake_dma(&x->f, x->erstba, 16) : NULL;
	struct xhci_trb *t;

	if (!erst)
		return;
	t = fake_dma(&x->f, erst[0] + x->event_at * 16, 16);
	if (!t)
		return;
	if (erst[0] + ((x->event_at + 1) % erst[1]) * 16 == (x->erdp & ~15ull))
		mistake(x, "the event ring is full");
	*t = (struct xhci_trb){parameter, status, control | x->event_cycle};
	if (++x->event_at == erst[1]) {
		x->event_at = 0;
		x->event_cycle ^= 1;
	}
	x->usbsts |= STS_EVENT;
	x->iman |= IMAN_PENDING;
}

static void port_changed(struct fake_xhci *x, unsigned int port, u32 bits)
{
	bool before = x->portsc[port] & PORT_CHANGES;

	x->portsc[port] |= bits;
	if (!before)
		post(x, (u64)port << 24, 1u << 24, TRB_EV_PORT << TRB_TYPE_SHIFT);
}

/* --- contexts --- */

static unsigned int context_bytes(const struct fake_xhci *x)
{
	return x->wide_contexts ? 64 : 32;
}

static u32 *context(struct fake_xhci *x, unsigned int slot, unsigned int dci)
{
	const u64 *dcbaa = fake_dma(&x->f, x->dcbaap, 8 * (FAKE_XHCI_SLOTS + 1));
	u8 *c = dcbaa ? fake_dma(&x->f, dcbaa[slot], 32 * context_bytes(x)) : NULL;

	return c ? (u32 *)(void *)(c + dci * context_bytes(x)) : NULL;
}

static const u32 *input(struct fake_xhci *x, u64 at, unsigned int i)
{
	return fake_dma(&x->f, at + i * context_bytes(x), context_bytes(x));
}

static unsigned int state(struct fake_xhci *x, unsigned int slot, unsigned int dci)
{
	u32 *c = context(x, slot, dci);

	return c ? c[0] & 7 : EP_DISABLED;
}

static void set_state(struct fake_xhci *x, unsigned int slot, unsigned int dci, unsigned int s)
{
	u32 *c = context(x, slot, dci);

	if (c)
		c[0] = (c[0] & ~7u) | s;
}

static void set_endpoint(struct fake_xhci *x, unsigned int slot, unsigned int dci, const u32 *in)
{
	u64 deq = in[2] | (u64)in[3] << 32;
	u32 *c = context(x, slot, dci);

	if (!c)
		return;
	memcpy(c, in, 20);
	c[0] = EP_RUNNING;
	x->ep[slot][dci] = (struct fake_xhci_endpoint){.dequeue = deq & ~15ull, .cycle = deq & 1};
	if ((in[1] >> 16) == 0)
		mistake(x, "no packet size for slot %u, dci %u", slot, dci);
}

/* --- commands --- */

static struct fake_usb *find(struct fake_xhci *x, const u32 *slot_context)
{
	u32 port = slot_context[1] >> 16 & 0xFF, route = slot_context[0] & 0xFFFFF;
	struct fake_usb *u = port && port <= FAKE_XHCI_PORTS ? x->port[port] : NULL;

	for (; u && route; route >>= 4)
		u = (route & 15) <= u->ports ? u->child[(route & 15) - 1] : NULL;
	return u;
}

static u32 address_device(struct fake_xhci *x, unsigned int slot, u64 at)
{
	const u32 *c = input(x, at, 1), *ep0 = input(x, at, 2);
	struct fake_usb *u;

	if (!c || !ep0 || input(x, at, 0)[1] != 3)
		return 5;
	u = find(x, c);
	if (!u || u->hard)
		return 4;
	x->slot[slot] = u;
	u->address = (u8)slot;
	set_endpoint(x, slot, 1, ep0);
	return 1;
}

static u32 configure(struct fake_xhci *x, unsigned int slot, u64 at)
{
	u32 drop = input(x, at, 0)[0], add = input(x, at, 0)[1];

	for (unsigned int i = 2; i < 32; i++) {
		if (drop >> i & 1)
			set_state(x, slot, i, EP_DISABLED);
		if (!(add >> i & 1))
			continue;
		if (state(x, slot, i) != EP_DISABLED || (input(x, at, 1)[0] >> 27) < i)
			return 5;
		set_endpoint(x, slot, i, input(x, at, 1 + i));
	}
	return 1;
}

static u32 endpoint_command(struct fake_xhci *x, u32 type, unsigned int slot, unsigned int dci,
			    u64 parameter)
{
	unsigned int s = state(x, slot, dci);

	switch (type) {
	case TRB_RESET_ENDPOINT:
		if (s != EP_HALTED)
			return 19;
		x->ep[slot][dci].toggle = 0;
		x->ep[slot][dci].rung = false;
		set_state(x, slot, dci, EP_STOPPED);
		return 1;
	case TRB_STOP_ENDPOINT:
		if (s != EP_RUNNING)
			return 19;
		x->ep[slot][dci].rung = false;
		set_state(x, slot, dci, EP_STOPPED);
		post(x, x->ep[slot][dci].dequeue, 26u << 24,
		     TRB_EV_TRANSFER << TRB_TYPE_SHIFT | dci << 16 | slot << 24);
		return 1;
	default:
		if (s != EP_STOPPED)
			return 19;
		x->ep[slot][dci].dequeue = parameter & ~15ull;
		x->ep[slot][dci].cycle = parameter & 1;
		x->ep[slot][dci].rung = false;
		return 1;
	}
}

static u32 enable_slot(struct fake_xhci *x, unsigned int *slot)
{
	if (x->lies) {
		*slot = FAKE_XHCI_SLOTS + 100;
		return 1;
	}
	for (*slot = 1; *slot <= FAKE_XHCI_SLOTS; (*slot)++)
		if (!x->enabled[*slot]) {
			x->enabled[*slot] = true;
			return 1;
		}
	return 9;
}

static u32 command(struct fake_xhci *x, const struct xhci_trb *t, unsigned int *slot)
{
	u32 type = t->control >> TRB_TYPE_SHIFT & 63;

	if (type == TRB_ENABLE_SLOT)
		return enable_slot(x, slot);
	*slot = t->control >> 24;
	if (*slot > FAKE_XHCI_SLOTS || !x->enabled[*slot])
		return 11;
	switch (type) {
	case TRB_DISABLE_SLOT:
		x->enabled[*slot] = false;
		x->slot[*slot] = NULL;
		memset(x->ep[*slot], 0, sizeof(x->ep[*slot]));
		return 1;
	case TRB_ADDRESS_DEVICE:
		return address_device(x, *slot, t->parameter);
	case TRB_CONFIGURE_ENDPOINT:
		return configure(x, *slot, t->parameter);
	case TRB_EVALUATE_CONTEXT:
		return 1;
	default:
		return endpoint_command(x, type, *slot, t->control >> 16 & 31, t->parameter);
	}
}

/* The TRB at *at, links followed; NULL: not the controller's yet. */
static const struct xhci_trb *fetch(struct fake_xhci *x, u64 *at, u32 *cycle)
{
	for (int i = 0; i < 3; i++) {
		const struct xhci_trb *t = fake_dma(&x->f, *at, 16);

		if (!t || (t->control & 1) != *cycle)
			return NULL;
		if ((t->control >> TRB_TYPE_SHIFT & 63) != TRB_LINK)
			return t;
		if (t->control & TRB_CHAIN)
			mistake(x, "a transfer goes across a link");
		*at = t->parameter & ~15ull;
		if (t->control & TRB_TOGGLE)
			*cycle ^= 1;
	}
	mistake(x, "links upon links");
	return NULL;
}

static void run_commands(struct fake_xhci *x)
{
	const struct xhci_trb *t;

	while (x->commands_rung && (t = fetch(x, &x->command_at, &x->command_cycle))) {
		unsigned int slot = 0;
		u32 code = command(x, t, &slot);

		post(x, x->command_at, code << 24, TRB_EV_COMMAND << TRB_TYPE_SHIFT | slot << 24);
		x->command_at += 16;
	}
}

/* --- transfers --- */

struct td {
	struct xhci_trb trb[200];
	u64 at[200];
	unsigned int count;
	u64 next;
	u32 cycle;
};

/* control: a transfer is everything to the status stage. */
static bool gather(struct fake_xhci *x, const struct fake_xhci_endpoint *e, struct td *td,
		   bool control)
{
	u64 at = e->dequeue;

	td->cycle = e->cycle;
	for (td->count = 0; td->count < 200; at += 16) {
		const struct xhci_trb *t = fetch(x, &at, &td->cycle);

		if (!t)
			return false;
		td->at[td->count] = at;
		td->trb[td->count++] = *t;
		td->next = at + 16;
		if (control ? (t->control >> TRB_TYPE_SHIFT & 63) == TRB_STATUS
			    : !(t->control & TRB_CHAIN))
			return true;
	}
	mistake(x, "a transfer without an end");
	return false;
}

static void report(struct fake_xhci *x, unsigned int slot, unsigned int dci, u64 at, u32 left,
		   u32 code)
{
	post(x, at, left | code << 24, TRB_EV_TRANSFER << TRB_TYPE_SHIFT | dci << 16 | slot << 24);
}

static u32 failure_code(int rc)
{
	return rc == FAKE_STALL ? CODE_STALL : 4;
}

static void do_control(struct fake_xhci *x, unsigned int slot, struct td *td)
{
	static u8 buf[65536];
	bool data = td->count == 3;
	u32 n = data ? td->trb[1].status & 0x1FFFF : 0;
	u8 setup[8];
	void *p = n ? fake_dma(&x->f, td->trb[1].parameter, n) : NULL;
	int rc;

	memcpy(setup, &td->trb[0].parameter, 8);
	if (n != (setup[6] | (u32)setup[7] << 8) || (n && !p))
		mistake(x, "a control transfer's lengths differ");
	if (p)
		memcpy(buf, p, n);
	rc = fake_usb_control(x->slot[slot], setup, buf);
	if (rc == FAKE_NAK)
		return;
	x->ep[slot][1].dequeue = td->next;
	x->ep[slot][1].cycle = td->cycle;
	if (rc < 0) {
		set_state(x, slot, 1, EP_HALTED);
		report(x, slot, 1, td->at[data ? 1 : 0], n, failure_code(rc));
		return;
	}
	if (p && setup[0] & 0x80)
		memcpy(p, buf, (size_t)rc);
	if (data && (u32)rc < n && (setup[0] & 0x80))
		report(x, slot, 1, td->at[1], n - (u32)rc, CODE_SHORT);
	report(x, slot, 1, td->at[td->count - 1], 0, CODE_SUCCESS);
}

static u32 collect(struct fake_xhci *x, const struct td *td, u8 *buf, bool in)
{
	u32 n = 0;

	for (unsigned int i = 0; i < td->count; i++) {
		u32 bytes = td->trb[i].status & 0x1FFFF;
		u64 bus = td->trb[i].parameter;
		const void *p = fake_dma(&x->f, bus, bytes);

		if (bytes && bus / 65536 != (bus + bytes - 1) / 65536)
			mistake(x, "a TRB crosses 64 KiB");
		if ((td->trb[i].control >> TRB_TYPE_SHIFT & 63) != TRB_NORMAL)
			mistake(x, "TRB type in a bulk transfer");
		if (p && !in)
			memcpy(buf + n, p, bytes);
		n += bytes;
	}
	return n;
}

/* Spreads what came; returns the index of the TRB where it ended, and what was left of that. */
static unsigned int spread(struct fake_xhci *x, const struct td *td, const u8 *buf, u32 n,
			   u32 *left)
{
	for (unsigned int i = 0; i < td->count; i++) {
		u32 bytes = td->trb[i].status & 0x1FFFF;
		u32 part = n < bytes ? n : bytes;
		void *p = fake_dma(&x->f, td->trb[i].parameter, bytes);

		if (p)
			memcpy(p, buf, part);
		buf += part;
		n -= part;
		*left = bytes - part;
		if (*left)
			return i;
	}
	return td->count - 1;
}

static void do_bulk(struct fake_xhci *x, unsigned int slot, unsigned int dci, struct td *td)
{
	static u8 buf[USB_TRANSFER_MAX + 65536];
	struct fake_xhci_endpoint *e = &x->ep[slot][dci];
	bool in = dci & 1;
	u32 n = collect(x, td, buf, in), left = 0;
	struct fake_usb *u = x->slot[slot];
	unsigned int last = td->count - 1;
	int rc = in ? fake_usb_in(u, e->toggle, buf, n) : fake_usb_out(u, e->toggle, buf, n);

	if (rc == FAKE_NAK)
		return;
	if (rc < 0) {
		set_state(x, slot, dci, EP_HALTED);
		report(x, slot, dci, td->at[0], td->trb[0].status & 0x1FFFF, failure_code(rc));
		return;
	}
	e->toggle = fake_usb_toggle(u, e->toggle, (size_t)rc);
	e->dequeue = td->next;
	e->cycle = td->cycle;
	if (in)
		last = spread(x, td, buf, (u32)rc, &left);
	report(x, slot, dci, td->at[last], left, left ? CODE_SHORT : CODE_SUCCESS);
	/* As controllers may: one more for the end of the chain. */
	if (left && last + 1 < td->count)
		report(x, slot, dci, td->at[td->count - 1], 0, CODE_SHORT);
}

static void run_endpoint(struct fake_xhci *x, unsigned int slot, unsigned int dci)
{
	struct fake_xhci_endpoint *e = &x->ep[slot][dci];
	static struct td td;
	u64 before;

	do {
		unsigned int s = state(x, slot, dci);

		before = e->dequeue;
		if (s == EP_STOPPED && e->rung)
			set_state(x, slot, dci, EP_RUNNING);
		else if (s != EP_RUNNING)
			return;
		if (!e->rung || !gather(x, e, &td, dci == 1))
			return;
		if (dci == 1)
			do_control(x, slot, &td);
		else
			do_bulk(x, slot, dci, &td);
	} while (e->dequeue != before);
}

static void tick(struct fake_device *f)
{
	struct fake_xhci *x = of(f);

	if (!(x->usbcmd & CMD_RUN) || x->dead || x->gone)
		return;
	run_commands(x);
	for (unsigned int s = 1; s <= FAKE_XHCI_SLOTS; s++)
		for (unsigned int d = 1; x->slot[s] && d < 32; d++)
			if (x->ep[s][d].rung)
				run_endpoint(x, s, d);
	if ((x->iman & 3) == 3 && (x->usbcmd & CMD_INTE) && (x->usbsts & STS_EVENT) &&
	    f->interrupts_given) {
		x->interrupts++;
		f->d.driver->irq(&f->d, 0);
	}
}

/* --- registers --- */

static u32 capability(const struct fake_xhci *x, u32 at)
{
	switch (at) {
	case CAP_LENGTH:
		return 0x01100000 | OP;
	case CAP_HCSPARAMS1:
		return FAKE_XHCI_PORTS << 24 | 1 << 8 | FAKE_XHCI_SLOTS;
	case CAP_HCSPARAMS2:
		return x->scratch << 27;
	case CAP_HCCPARAMS1:
		return XCAP / 4 << 16 | (x->wide_contexts ? HCC_CSZ : 0) | HCC_AC64 | HCC_PPC;
	case CAP_DBOFF:
		return DOORBELL;
	case CAP_RTSOFF:
		return RUN;
	case XCAP:
		return x->legacy;
	case XCAP + 0x10:
		return 0x03000402;
	case XCAP + 0x18:
		return 0x0201;
	case XCAP + 0x20:
		return 0x02000002;
	case XCAP + 0x28:
		return 0x0203;
	default:
		return 0;
	}
}

static u64 read(struct fake_device *f, unsigned int bar, u32 at, unsigned int width)
{
	struct fake_xhci *x = of(f);

	(void)bar;
	if (x->gone || width != 4)
		return 0xFFFFFFFF;
	if (at >= OP + OP_PORTS && at < OP + OP_PORTS + 16 * FAKE_XHCI_PORTS)
		return at % 16 ? 0 : x->portsc[(at - OP - OP_PORTS) / 16 + 1];
	switch (at) {
	case OP + OP_USBCMD:
		return x->usbcmd;
	case OP + OP_USBSTS:
		return x->usbsts;
	case OP + OP_PAGESIZE:
		return 1;
	case RUN + RT_IMAN:
		return x->iman;
	default:
		return capability(x, at);
	}
}

static void reset(struct fake_xhci *x)
{
	x->usbcmd = 0;
	x->usbsts = STS_HALTED;
	x->iman = 0;
	x->dead = false;
	x->event_at = 0;
	x->event_cycle = 1;
	x->commands_rung = false;
	memset(x->slot, 0, sizeof(x->slot));
	memset(x->enabled, 0, sizeof(x->enabled));
	memset(x->ep, 0, sizeof(x->ep));
	for (unsigned int i = 1; i <= FAKE_XHCI_PORTS; i++)
		x->portsc[i] = PORT_POWER | (x->port[i] ? PORT_CONNECTED | PORT_CONNECT_CHANGE : 0);
}

static void write_command(struct fake_xhci *x, u32 v)
{
	if (v & CMD_RESET) {
		if (!(x->usbsts & STS_HALTED))
			mistake(x, "reset while it runs");
		reset(x);
		return;
	}
	if ((v & CMD_RUN) && !(x->usbcmd & CMD_RUN)) {
		const u64 *dcbaa = fake_dma(&x->f, x->dcbaap, 8);

		x->starts++;
		if (x->config != FAKE_XHCI_SLOTS || (x->scratch && (!dcbaa || !dcbaa[0])))
			mistake(x, "started without slots or scratchpad");
	}
	x->usbcmd = v;
	x->usbsts = (x->usbsts & ~(u32)STS_HALTED) | (v & CMD_RUN ? 0 : STS_HALTED);
}

static void write_port(struct fake_xhci *x, unsigned int i, u32 v)
{
	static const u32 ids[] = {2, 1, 3, 4};

	x->portsc[i] &= ~(v & PORT_CHANGES);
	if (v & PORT_ENABLED)
		x->portsc[i] &= ~(u32)PORT_ENABLED;
	if (!(v & PORT_POWER))
		mistake(x, "port %u without power", i);
	if ((v & PORT_RESET) && x->port[i]) {
		fake_usb_reset(x->port[i]);
		x->portsc[i] = (x->portsc[i] & ~(15u << PORT_SPEED_SHIFT)) | PORT_ENABLED |
			       ids[x->port[i]->speed] << PORT_SPEED_SHIFT;
		port_changed(x, i, PORT_RESET_CHANGE);
	}
}

static void put_half(u64 *r, bool high, u32 v)
{
	*r = high ? (*r & 0xFFFFFFFF) | (u64)v << 32 : (*r & ~0xFFFFFFFFull) | v;
}

static void ring(struct fake_xhci *x, unsigned int slot, u32 v)
{
	if (slot == 0)
		x->commands_rung = true;
	else if (slot > FAKE_XHCI_SLOTS || v >= 32 || state(x, slot, v) == EP_DISABLED)
		mistake(x, "doorbell %u, %u", slot, v);
	else
		x->ep[slot][v].rung = true;
}

static void write(struct fake_device *f, unsigned int bar, u32 at, unsigned int width, u64 value)
{
	struct fake_xhci *x = of(f);
	u32 v = (u32)value;

	(void)bar;
	(void)width;
	if (x->gone)
		return;
	if (at >= DOORBELL && at < XCAP)
		ring(x, (at - DOORBELL) / 4, v);
	else if (at >= OP + OP_PORTS && at < OP + OP_PORTS + 16 * FAKE_XHCI_PORTS)
		write_port(x, (at - OP - OP_PORTS) / 16 + 1, v);
	else if (at == OP + OP_USBCMD)
		write_command(x, v);
	else if (at == OP + OP_USBSTS)
		x->usbsts &= ~(v & STS_EVENT);
	else if (at == OP + OP_CONFIG)
		x->config = v;
	else if ((at & ~4u) == OP + OP_DCBAAP)
		put_half(&x->dcbaap, at & 4, v);
	else if ((at & ~4u) == OP + OP_CRCR)
		put_half(&x->crcr, at & 4, v);
	else if ((at & ~4u) == RUN + RT_ERSTBA)
		put_half(&x->erstba, at & 4, v);
	else if ((at & ~4u) == RUN + RT_ERDP)
		put_half(&x->erdp, at & 4, v);
	else if (at == RUN + RT_IMAN)
		x->iman = (v & IMAN_ENABLE) | (x->iman & ~v & IMAN_PENDING);
	else if (at == XCAP)
		x->legacy = v & LEGACY_OS ? v & ~(u32)LEGACY_BIOS : v;
	x->command_at = at >> 3 == (OP + OP_CRCR) >> 3 ? x->crcr & ~63ull : x->command_at;
	x->command_cycle = at >> 3 == (OP + OP_CRCR) >> 3 ? x->crcr & 1 : x->command_cycle;
}

void fake_xhci_init(struct fake_xhci *x)
{
	*x = (struct fake_xhci){0};
	fake_device_init(&x->f, &xhci_driver, x);
	x->f.read = read;
	x->f.write = write;
	x->f.tick = tick;
	x->f.d.bar_size[0] = WINDOW;
	x->f.d.id = (struct device_id){.class_code = 0x0C, .subclass = 3, .prog_if = 0x30};
	x->legacy = 0x00010401;
	reset(x);
}

void fake_xhci_plug(struct fake_xhci *x, unsigned int port, struct fake_usb *u)
{
	fake_usb_reset(u);
	x->port[port] = u;
	x->portsc[port] |= PORT_CONNECTED;
	port_changed(x, port, PORT_CONNECT_CHANGE);
}

void fake_xhci_unplug(struct fake_xhci *x, unsigned int port)
{
	for (unsigned int s = 1; s <= FAKE_XHCI_SLOTS; s++)
		if (x->slot[s] == x->port[port])
			x->slot[s] = NULL;
	x->port[port] = NULL;
	x->portsc[port] &= ~(u32)(PORT_CONNECTED | PORT_ENABLED);
	port_changed(x, port, PORT_CONNECT_CHANGE);
}
