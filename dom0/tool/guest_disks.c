/* SPDX-License-Identifier: BSD-2-Clause */
/* The disks of one guest. */
#include <dom0/tool/guest_disks.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/loop/fiber.h>

#define VBD_QUEUES 4u

/* The new disk is the last of the guest's. Takes the contents of spec over only if it works. */
static struct guest_disk *open_disk(struct guest *g, struct disk_spec *spec,
				    char why[BLOCK_WHY_MAX])
{
	struct block_target target = {.kind = spec->kind,
				      .name = spec->target,
				      .overlay = spec->overlay,
				      .write = spec->write};
	struct guest_disk *d = calloc(1, sizeof(*d)), **end = &g->disks;
	char holder[GUEST_NAME_MAX + 8];

	if (!d) {
		snprintf(why, BLOCK_WHY_MAX, "out of memory");
		return NULL;
	}
	snprintf(holder, sizeof(holder), "guest %s", g->config.name);
	d->use = block_open(&target, holder, why);
	if (!d->use) {
		free(d);
		return NULL;
	}
	d->guest = g;
	d->spec = *spec;
	*spec = (struct disk_spec){0};
	while (*end)
		end = &(*end)->next;
	*end = d;
	return d;
}

static int offer(struct guest_disk *d, struct xenstore *store)
{
	struct vbd_config c = {.domid = d->guest->domain.domid,
			       .number = d->spec.vdev_number,
			       .params = d->spec.target,
			       .use = d->use,
			       .read_only = !d->spec.write,
			       .removable = d->spec.cdrom,
			       .cdrom = d->spec.cdrom,
			       .discard = d->spec.discard,
			       .persistent = d->spec.persistent,
			       .queues = VBD_QUEUES,
			       .limits = d->spec.limit};

	return vbd_create(store, &c, &d->vbd);
}

static void vbd_done(void *ctx)
{
	struct guest_disk *d = ctx;

	d->vbd = NULL;
	if (d->waits)
		fiber_wake(d->waits);
}

/* Without asking the guest: the back end ends when the device has ended its requests. */
static void withdraw(struct guest_disk *d)
{
	struct vbd *v = d->vbd;

	d->waits = fiber_self();
	if (v)
		vbd_destroy(v, 0, vbd_done, d);
	while (READ_ONCE(d->vbd))
		fiber_wait();
	d->waits = NULL;
}

static void close_disk(struct guest_disk *d)
{
	struct guest_disk **link = &d->guest->disks;

	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
	block_close(d->use);
	disk_spec_free(&d->spec);
	free(d);
}

bool guest_disks_open(struct guest *g, char why[BLOCK_WHY_MAX])
{
	for (unsigned int i = 0; i < g->config.disk_count; i++) {
		struct disk_spec copy;
		char reason[BLOCK_WHY_MAX];

		if (disk_spec_copy(&copy, &g->config.disks[i])) {
			snprintf(why, BLOCK_WHY_MAX, "out of memory");
		} else if (!open_disk(g, &copy, reason)) {
			snprintf(why, BLOCK_WHY_MAX, "%s: %.200s", copy.vdev, reason);
			disk_spec_free(&copy);
		} else {
			continue;
		}
		guest_disks_close(g);
		return false;
	}
	return true;
}

int guest_disks_connect(struct guest *g, struct xenstore *store)
{
	int err = 0;

	for (struct guest_disk *d = g->disks; d && !err; d = d->next)
		err = offer(d, store);
	return err;
}

void guest_disks_close(struct guest *g)
{
	/* All begin to end before the first is waited for. */
	for (struct guest_disk *d = g->disks; d; d = d->next)
		if (d->vbd)
			vbd_destroy(d->vbd, 0, vbd_done, d);
	while (g->disks) {
		withdraw(g->disks);
		close_disk(g->disks);
	}
}

bool guest_disk_attach(struct guest *g, struct xenstore *store, struct disk_spec *spec,
		       char why[BLOCK_WHY_MAX])
{
	struct guest_disk *d;
	int err;

	for (d = g->disks; d; d = d->next)
		if (d->spec.vdev_number == spec->vdev_number) {
			snprintf(why, BLOCK_WHY_MAX, "%s has a disk %s already", g->config.name,
				 d->spec.vdev);
			return false;
		}
	d = open_disk(g, spec, why);
	if (!d)
		return false;
	err = offer(d, store);
	if (!err)
		return true;
	snprintf(why, BLOCK_WHY_MAX, "cannot offer it to the guest (error %d)", err);
	close_disk(d);
	return false;
}

static void vbd_refused(void *ctx)
{
	struct guest_disk *d = ctx;

	d->refused = true;
	if (d->waits)
		fiber_wake(d->waits);
}

/* false: the guest keeps the disk. */
static bool ask_for(struct guest_disk *d)
{
	d->refused = false;
	d->waits = fiber_self();
	if (d->vbd)
		vbd_ask_close(d->vbd, VBD_CLOSE_TIMEOUT, vbd_done, vbd_refused, d);
	while (READ_ONCE(d->vbd) && !READ_ONCE(d->refused))
		fiber_wait();
	d->waits = NULL;
	return !d->refused;
}

bool guest_disk_detach(struct guest_disk *d, bool force)
{
	if (force)
		withdraw(d);
	else if (!ask_for(d))
		return false;
	close_disk(d);
	return true;
}

struct guest_disk *guest_disk_find(struct guest *g, const char *vdev)
{
	u32 number;

	if (!disk_vdev_number(vdev, &number))
		return NULL;
	for (struct guest_disk *d = g->disks; d; d = d->next)
		if (d->spec.vdev_number == number)
			return d;
	return NULL;
}
