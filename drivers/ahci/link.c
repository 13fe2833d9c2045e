/* SPDX-License-Identifier: BSD-2-Clause */
/* Engine, link and device of a port. All of this waits, none of it for ever. */
#include <drivers/ahci/port.h>

#define US 1000ull
#define MS (1000 * US)

#define WAIT_ENGINE   (500 * MS) /* AHCI 1.3.1, "Port Command and Status" */
#define WAIT_SIGN     (250 * MS)
#define WAIT_LINK     (1000 * MS)
#define WAIT_DEVICE   (20000 * MS) /* a disk that spins up */
#define WAIT_IDENTIFY (5000 * MS)
#define COMRESET_TIME (2 * MS) /* at least 1: AHCI 1.3.1, "Software Reset", "Port Reset" */
#define STEP_SHORT    (50 * US)
#define STEP_LONG     (20 * MS)

/* Short steps at first, as most of what is waited for comes soon; each one wakes the processor. */
static void nap(struct ahci_port *p, u64 since)
{
	u64 step = (p->d->ops->now(p->d) - since) / 4;

	p->d->ops->sleep(p->d, min_u64(max_u64(step, STEP_SHORT), STEP_LONG));
}

/* Until the bits of mask are clear. */
static bool wait_clear(struct ahci_port *p, u32 offset, u32 mask, u64 limit)
{
	u64 since = p->d->ops->now(p->d);

	while (port_read(p, offset) & mask) {
		if (p->d->ops->now(p->d) - since > limit)
			return false;
		nap(p, since);
	}
	return true;
}

static bool link_up(struct ahci_port *p)
{
	return SSTS_DET(port_read(p, PORT_SSTS)) == DET_UP;
}

bool ahci_port_stop(struct ahci_port *p)
{
	u32 cmd = port_read(p, PORT_CMD);

	if (cmd & PORT_CMD_ST)
		port_write(p, PORT_CMD, cmd & ~PORT_CMD_ST);
	return wait_clear(p, PORT_CMD, PORT_CMD_CR, WAIT_ENGINE);
}

/* Bits 31 to 28 ask for a change of the link's power. */
static void change_cmd(struct ahci_port *p, u32 clear, u32 set)
{
	port_write(p, PORT_CMD, (port_read(p, PORT_CMD) & 0x0FFFFFFF & ~clear) | set);
}

void ahci_port_set_up(struct ahci_port *p)
{
	u64 received = p->page_bus + offsetof(struct ahci_port_page, received);

	port_write(p, PORT_IE, 0);
	change_cmd(p, PORT_CMD_FRE, 0);
	if (!wait_clear(p, PORT_CMD, PORT_CMD_FR, WAIT_ENGINE))
		p->d->ops->log(p->d, "port %u: FIS reception does not stop", p->index);
	port_write(p, PORT_CLB, (u32)p->page_bus);
	port_write(p, PORT_CLBU, (u32)(p->page_bus >> 32));
	port_write(p, PORT_FB, (u32)received);
	port_write(p, PORT_FBU, (u32)(received >> 32));
	change_cmd(p, 0, PORT_CMD_FRE);
	port_write(p, PORT_SERR, ~0u);
	port_write(p, PORT_IS, ~0u);
	port_write(p, PORT_SCTL,
		   (port_read(p, PORT_SCTL) & SCTL_DET_IPM_CLEAR) | SCTL_NO_LOW_POWER);
	change_cmd(p, 0, PORT_CMD_POD | PORT_CMD_SUD | PORT_CMD_ACTIVE);
}

bool ahci_port_wait_link(struct ahci_port *p, u64 until)
{
	u64 since = p->d->ops->now(p->d);

	while (!link_up(p)) {
		u64 now = p->d->ops->now(p->d);
		bool sign = SSTS_DET(port_read(p, PORT_SSTS)) == DET_PRESENT;

		if (now > (sign ? until + WAIT_LINK : until))
			return false;
		nap(p, since);
	}
	return true;
}

bool ahci_port_reset_link(struct ahci_port *p)
{
	u32 sctl = (port_read(p, PORT_SCTL) & SCTL_DET_IPM_CLEAR) | SCTL_NO_LOW_POWER;

	port_write(p, PORT_SCTL, sctl | SCTL_DET_RESET);
	p->d->ops->sleep(p->d, COMRESET_TIME);
	port_write(p, PORT_SCTL, sctl);
	return ahci_port_wait_link(p, p->d->ops->now(p->d) + WAIT_SIGN);
}

static const char *what_else(u32 signature)
{
	if (signature == SIG_ATAPI)
		return "an ATAPI device";
	if (signature == SIG_PORT_MULTIPLIER)
		return "a port multiplier";
	return "a device that is no disk";
}

const char *ahci_port_start(struct ahci_port *p)
{
	u64 since = p->d->ops->now(p->d);
	u32 signature;

	/* The first FIS comes in only after the change of the link was acknowledged. */
	port_write(p, PORT_SERR, ~0u);
	while (port_read(p, PORT_TFD) & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) {
		if (!link_up(p))
			return "the link went down";
		if (p->d->ops->now(p->d) - since > WAIT_DEVICE)
			return "a device that does not become ready";
		nap(p, since);
	}
	signature = port_read(p, PORT_SIG);
	if (signature != SIG_DISK)
		return what_else(signature);
	port_write(p, PORT_IS, ~0u);
	change_cmd(p, 0, PORT_CMD_ST);
	return NULL;
}

/* Waits for the command in slot 0. */
static const char *wait_command(struct ahci_port *p, u64 limit)
{
	u64 since = p->d->ops->now(p->d);

	while (port_read(p, PORT_CI) & 1) {
		if (port_read(p, PORT_IS) & PORT_IS_ERRORS)
			return "a disk that does not say what it is";
		if (!link_up(p))
			return "the link went down";
		if (p->d->ops->now(p->d) - since > limit)
			return "a disk that does not answer";
		nap(p, since);
	}
	if (port_read(p, PORT_TFD) & (ATA_STATUS_ERR | ATA_STATUS_DF))
		return "a disk that does not say what it is";
	return NULL;
}

const char *ahci_port_identify(struct ahci_port *p, struct ata_identity *id)
{
	static const struct ata_command identify = {.opcode = ATA_IDENTIFY_DEVICE};
	struct block_segment s = {.bus = p->page_bus + offsetof(struct ahci_port_page, identity),
				  .bytes = sizeof(p->page->identity)};
	u16 words[ATA_IDENTIFY_WORDS];
	const char *why;

	for (unsigned int i = 0; i < ATA_IDENTIFY_WORDS; i++)
		p->page->identity[i] = 0;
	ahci_fill_slot(p, 0, &identify, false, &s, 1);
	port_write(p, PORT_CI, 1);
	why = wait_command(p, WAIT_IDENTIFY);
	if (why)
		return why;
	for (unsigned int i = 0; i < ATA_IDENTIFY_WORDS; i++)
		words[i] = READ_ONCE(p->page->identity[i]);
	return ata_identify_parse(words, id);
}
