/* SPDX-License-Identifier: BSD-2-Clause */
/* The controller goes round its queue heads when time passes. */
#include <usb/ehci_fake.h>

#include <drivers/usb/ehci.h>
#include <stdio.h>
#include <string.h>

enum { OP = 0x20, WINDOW = 0x100, LEGACY = 0x68 };

static struct fake_ehci *of(struct fake_device *f)
{
	return f->model;
}

static void mistake(struct fake_ehci *e, const char *what)
{
	printf("mistake: %s\n", what);
	e->mistakes++;
}

/* --- devices --- */

static struct fake_usb *below(struct fake_usb *u, u8 address)
{
	if (u->address == address)
		return u;
	for (unsigned int i = 0; i < u->ports; i++)
		if (u->child[i] && (u->port_status[i] & 2)) {
			struct fake_usb *found = below(u->child[i], address);

			if (found)
				return found;
		}
	return NULL;
}

static struct fake_usb *find(struct fake_ehci *e, u8 address)
{
	for (unsigned int i = 1; i <= FAKE_EHCI_PORTS; i++)
		if (e->port[i] && (e->portsc[i] & EPORT_ENABLED)) {
			struct fake_usb *found = below(e->port[i], address);

			if (found)
				return found;
		}
	return NULL;
}

/* --- one descriptor, in the overlay --- */

/* Copies n bytes from or to the pages of the overlay. */
static void copy(struct fake_ehci *e, struct ehci_qh *q, u8 *p, u32 n, bool to_memory)
{
	u32 offset = q->page[0] & 4095;

	for (u32 at = 0; at < n;) {
		u32 i = (offset + at) / 4096, in_page = (offset + at) % 4096;
		u32 part = 4096 - in_page < n - at ? 4096 - in_page : n - at;
		u64 bus = (q->page[i] & ~4095u) + in_page;
		u8 *m;

		if (i > 4) {
			mistake(e, "more than five pages");
			return;
		}
		if (e->wide)
			bus |= (u64)q->page_high[i] << 32;
		m = fake_dma(&e->f, bus, part);
		if (m && to_memory)
			memcpy(m, p + at, part);
		else if (m)
			memcpy(p + at, m, part);
		at += part;
	}
}

/* Bytes moved, or FAKE_... */
static int control_stage(struct fake_ehci *e, struct ehci_qh *q, u32 pid, u32 bytes)
{
	u8 setup[8];
	int n;

	if (pid == TOKEN_SETUP) {
		copy(e, q, setup, 8, false);
		e->control = find(e, q->endpoint & 127);
		if (!e->control)
			return FAKE_BROKEN;
		e->control_result = fake_usb_control(e->control, setup, e->control_data);
		return e->control_result == FAKE_NAK ? FAKE_NAK : 8;
	}
	if (!e->control || e->control_result < 0)
		return FAKE_STALL;
	if (!bytes)
		return 0;
	n = e->control_result < (int)bytes ? e->control_result : (int)bytes;
	copy(e, q, e->control_data, (u32)n, true);
	return n;
}

static int bulk_stage(struct fake_ehci *e, struct ehci_qh *q, u32 pid, u32 bytes)
{
	static u8 buf[32768];
	struct fake_usb *u = find(e, q->endpoint & 127);
	u8 toggle = (u8)(q->token >> 31);
	int n;

	if (!u)
		return FAKE_BROKEN;
	if (pid == TOKEN_IN) {
		n = fake_usb_in(u, toggle, buf, bytes);
		if (n > 0)
			copy(e, q, buf, (u32)n, true);
	} else {
		copy(e, q, buf, bytes, false);
		n = fake_usb_out(u, toggle, buf, bytes);
	}
	if (n >= 0)
		q->token = (q->token & ~TOKEN_TOGGLE) | (u32)fake_usb_toggle(u, toggle, (size_t)n)
								<< 31;
	return n;
}

/* false: nothing to do for now. */
static bool execute(struct fake_ehci *e, struct ehci_qh *q)
{
	u32 pid = q->token & (3u << 8), bytes = q->token >> 16 & 0x7FFF;
	int n = q->endpoint & QH_TOGGLE_IN_QTD ? control_stage(e, q, pid, bytes)
					       : bulk_stage(e, q, pid, bytes);
	struct ehci_qtd *t;

	if (n == FAKE_NAK)
		return false;
	q->token &= ~(u32)TOKEN_ACTIVE;
	if (n < 0) {
		q->token |= TOKEN_HALTED | (n == FAKE_BROKEN ? TOKEN_TRANSACTION : 0);
		e->usbsts |= ESTS_ERROR;
	} else {
		q->token = (q->token & ~(0x7FFFu << 16)) | (bytes - (u32)n) << 16;
		if ((q->token & TOKEN_IOC) || (u32)n < bytes)
			e->usbsts |= ESTS_DONE;
	}
	t = fake_dma(&e->f, q->current, sizeof(*t));
	if (t)
		t->token = q->token;
	return n >= 0;
}

/* Loads the next descriptor; false: there is none that is active. */
static bool advance(struct fake_ehci *e, struct ehci_qh *q)
{
	bool is_short = (q->token >> 16 & 0x7FFF) && !(q->next_short & LINK_END);
	u32 at = is_short ? q->next_short : q->next;
	const struct ehci_qtd *t;
	u32 toggle = q->token & TOKEN_TOGGLE;

	if (at & LINK_END)
		return false;
	t = fake_dma(&e->f, at & ~31u, sizeof(*t));
	if (!t || !(t->token & TOKEN_ACTIVE))
		return false;
	q->current = at & ~31u;
	q->next = t->next;
	q->next_short = t->next_short;
	q->token = t->token;
	if (!(q->endpoint & QH_TOGGLE_IN_QTD))
		q->token = (q->token & ~TOKEN_TOGGLE) | toggle;
	memcpy(q->page, t->page, sizeof(q->page));
	memcpy(q->page_high, t->page_high, sizeof(q->page_high));
	return true;
}

static void serve_queue(struct fake_ehci *e, struct ehci_qh *q)
{
	for (int i = 0; i < 300; i++) {
		if (q->token & TOKEN_HALTED)
			return;
		if (!(q->token & TOKEN_ACTIVE) && !advance(e, q))
			return;
		if (!execute(e, q))
			return;
	}
}

static void go_round(struct fake_ehci *e)
{
	u32 at = e->async & ~31u;

	for (int i = 0; i < 100; i++) {
		struct ehci_qh *q = fake_dma(&e->f, at, sizeof(*q));

		if (!q || (q->link & LINK_END)) {
			mistake(e, "the circle is broken");
			return;
		}
		serve_queue(e, q);
		at = q->link & ~31u;
		if (at == (e->async & ~31u))
			return;
	}
	mistake(e, "the circle does not close");
}

static void tick(struct fake_device *f)
{
	struct fake_ehci *e = of(f);

	if (!(e->usbcmd & ECMD_RUN) || e->dead || e->gone)
		return;
	if (e->usbcmd & ECMD_ASYNC)
		go_round(e);
	if (e->usbcmd & ECMD_DOORBELL) {
		e->usbcmd &= ~(u32)ECMD_DOORBELL;
		e->usbsts |= ESTS_DOORBELL;
		e->doorbells++;
	}
	if ((e->usbsts & e->usbintr & ESTS_CLEARED) && f->interrupts_given) {
		e->interrupts++;
		f->d.driver->irq(&f->d, 0);
	}
}

/* --- registers --- */

static u64 read(struct fake_device *f, unsigned int bar, u32 at, unsigned int width)
{
	struct fake_ehci *e = of(f);

	(void)bar;
	if (e->gone || width != 4)
		return 0xFFFFFFFF;
	if (at >= OP + EOP_PORTS && at < OP + EOP_PORTS + 4 * FAKE_EHCI_PORTS)
		return e->portsc[(at - OP - EOP_PORTS) / 4 + 1];
	switch (at) {
	case ECAP_LENGTH:
		return 0x01000000 | OP;
	case ECAP_HCSPARAMS:
		return FAKE_EHCI_PORTS | EHCS_PORT_POWER;
	case ECAP_HCCPARAMS:
		return LEGACY << 8 | (e->wide ? EHCC_64BIT : 0);
	case OP + EOP_USBCMD:
		return e->usbcmd;
	case OP + EOP_USBSTS:
		return e->usbsts;
	default:
		return 0;
	}
}

static void reset(struct fake_ehci *e)
{
	e->usbcmd = 0;
	e->usbsts = ESTS_HALTED;
	e->usbintr = 0;
	e->configflag = 0;
	e->dead = false;
	for (unsigned int i = 1; i <= FAKE_EHCI_PORTS; i++)
		e->portsc[i] = EPORT_OWNER;
}

static void connect(struct fake_ehci *e, unsigned int i)
{
	if (!e->port[i])
		return;
	e->portsc[i] |= EPORT_CONNECTED | EPORT_CONNECT_CHANGE |
			(e->port[i]->speed == USB_LOW ? EPORT_LINE_K : 2u << 10);
	e->usbsts |= ESTS_PORT;
}

static void write_command(struct fake_ehci *e, u32 v)
{
	if (v & ECMD_RESET) {
		if (!(e->usbsts & ESTS_HALTED))
			mistake(e, "reset while it runs");
		reset(e);
		return;
	}
	if ((v & ECMD_RUN) && !(e->usbcmd & ECMD_RUN))
		e->starts++;
	e->usbcmd = v;
	e->usbsts = (e->usbsts & ~(u32)ESTS_HALTED) | (v & ECMD_RUN ? 0 : ESTS_HALTED);
}

static void write_port(struct fake_ehci *e, unsigned int i, u32 v)
{
	u32 *p = &e->portsc[i];

	*p &= ~(v & EPORT_CHANGES);
	if (!(v & EPORT_ENABLED))
		*p &= ~(u32)EPORT_ENABLED;
	if ((v & EPORT_OWNER) && !(*p & EPORT_OWNER))
		*p = (*p & ~(u32)EPORT_CONNECTED) | EPORT_OWNER | EPORT_CONNECT_CHANGE;
	if ((*p & EPORT_RESET) && !(v & EPORT_RESET) && e->port[i]) {
		fake_usb_reset(e->port[i]);
		if (e->port[i]->speed == USB_HIGH)
			*p |= EPORT_ENABLED;
	}
	*p = (*p & ~(u32)(EPORT_RESET | EPORT_POWER)) | (v & (EPORT_RESET | EPORT_POWER));
	if ((v & EPORT_RESET) && (v & EPORT_ENABLED))
		mistake(e, "reset of an enabled port");
}

static void write(struct fake_device *f, unsigned int bar, u32 at, unsigned int width, u64 value)
{
	struct fake_ehci *e = of(f);
	u32 v = (u32)value;

	(void)bar;
	(void)width;
	if (e->gone)
		return;
	if (at >= OP + EOP_PORTS && at < OP + EOP_PORTS + 4 * FAKE_EHCI_PORTS)
		write_port(e, (at - OP - EOP_PORTS) / 4 + 1, v);
	else if (at == OP + EOP_USBCMD)
		write_command(e, v);
	else if (at == OP + EOP_USBSTS)
		e->usbsts &= ~(v & ESTS_CLEARED);
	else if (at == OP + EOP_USBINTR)
		e->usbintr = v;
	else if (at == OP + EOP_SEGMENT)
		e->segment = v;
	else if (at == OP + EOP_ASYNC)
		e->async = v;
	else if (at == OP + EOP_CONFIGFLAG && v && !e->configflag)
		for (unsigned int i = 1; i <= FAKE_EHCI_PORTS; i++) {
			e->portsc[i] &= ~(u32)EPORT_OWNER;
			connect(e, i);
		}
	if (at == OP + EOP_CONFIGFLAG)
		e->configflag = v;
}

void fake_ehci_init(struct fake_ehci *e)
{
	*e = (struct fake_ehci){0};
	fake_device_init(&e->f, &ehci_driver, e);
	e->f.read = read;
	e->f.write = write;
	e->f.tick = tick;
	e->f.d.bar_size[0] = WINDOW;
	e->f.config[LEGACY] = ELEGACY_ID; /* the firmware has let go of it */
	reset(e);
}

void fake_ehci_plug(struct fake_ehci *e, unsigned int port, struct fake_usb *u)
{
	fake_usb_reset(u);
	e->port[port] = u;
	if (e->configflag)
		connect(e, port);
}

void fake_ehci_unplug(struct fake_ehci *e, unsigned int port)
{
	e->port[port] = NULL;
	e->portsc[port] &= ~(u32)(EPORT_CONNECTED | EPORT_ENABLED | EPORT_OWNER | EPORT_LINE);
	e->portsc[port] |= EPORT_CONNECT_CHANGE;
	e->usbsts |= ESTS_PORT;
}
