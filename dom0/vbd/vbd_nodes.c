/* SPDX-License-Identifier: BSD-2-Clause */
/* The nodes of a disk in xenstore: what the back end writes, what it reads of the front end's. */
#include <dom0/vbd/vbd_internal.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes below one directory; the first error stays and makes the rest void. */
struct writer {
	struct xenstore *xs;
	xs_tx_id tx;
	const char *base;
	int err;
};

static void put(struct writer *w, const char *name, const char *fmt, ...) printf_like(3, 4);
static void put(struct writer *w, const char *name, const char *fmt, ...)
{
	char path[VBD_PATH + 48], value[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	(void)snprintf(path, sizeof(path), "%s/%s", w->base, name);
	if (!w->err && (n < 0 || (size_t)n >= sizeof(value)))
		w->err = -E2BIG;
	if (!w->err)
		w->err = xs_local_write(w->xs, w->tx, path, value, (size_t)n);
}

/* A directory with its own permissions, which what is written below takes over. */
static void directory(struct writer *w, domid_t owner, domid_t reader)
{
	const struct xs_perm perms[] = {{'n', owner}, {'r', reader}};

	if (!w->err)
		w->err = xs_local_mkdir(w->xs, w->tx, w->base);
	if (!w->err)
		w->err = xs_local_set_perms(w->xs, w->tx, w->base, perms, ARRAY_SIZE(perms));
}

static int absent(const struct vbd *v, xs_tx_id tx, const char *path)
{
	struct xs_perm perm;
	int n = xs_local_get_perms(v->xs, tx, path, &perm, 1);

	if (n == -ENOENT)
		return 0;
	return n < 0 ? n : -EEXIST;
}

static int fill(struct vbd *v, xs_tx_id tx)
{
	struct writer back = {v->xs, tx, v->back, absent(v, tx, v->back)};
	struct writer front = {v->xs, tx, v->front, 0};
	const char *type = v->cdrom ? "cdrom" : "disk";

	if (!back.err)
		back.err = absent(v, tx, v->front);
	directory(&back, 0, v->domid);
	put(&back, "frontend", "%s", v->front);
	put(&back, "frontend-id", "%u", v->domid);
	put(&back, "online", "1");
	put(&back, "state", "%d", VBD_INITIALISING);
	put(&back, "mode", "%s", v->read_only ? "r" : "w");
	put(&back, "params", "%s", v->params);
	put(&back, "removable", "%d", v->removable);
	put(&back, "device-type", "%s", type);
	front.err = back.err;
	directory(&front, v->domid, 0);
	put(&front, "backend", "%s", v->back);
	put(&front, "backend-id", "0");
	put(&front, "virtual-device", "%" PRIu32, v->number);
	put(&front, "device-type", "%s", type);
	put(&front, "trusted", "1");
	put(&front, "state", "%d", VBD_INITIALISING);
	return front.err;
}

/* fn writes in a transaction that nothing can come between: no return to the loop. */
static int in_transaction(struct vbd *v, int (*fn)(struct vbd *v, xs_tx_id tx))
{
	xs_tx_id tx;
	int err = xs_local_tx_start(v->xs, &tx), end;

	if (err)
		return err;
	err = fn(v, tx);
	end = xs_local_tx_end(v->xs, tx, err == 0);
	return err ? err : end;
}

int vbd_nodes_create(struct vbd *v)
{
	return in_transaction(v, fill);
}

/* Also the directory of the guest's disks when it was the last one. */
static int clear(struct vbd *v, xs_tx_id tx)
{
	char parent[VBD_PATH], *names;
	size_t count;
	int err = xs_local_rm(v->xs, tx, v->front);

	if (err && err != -ENOENT)
		return err;
	err = xs_local_rm(v->xs, tx, v->back);
	if (err)
		return err == -ENOENT ? 0 : err;
	(void)snprintf(parent, sizeof(parent), "/local/domain/0/backend/vbd/%u", v->domid);
	err = xs_local_directory(v->xs, tx, parent, &names, &count);
	if (err)
		return err;
	free(names);
	return count ? 0 : xs_local_rm(v->xs, tx, parent);
}

void vbd_nodes_remove(struct vbd *v)
{
	int err = in_transaction(v, clear);

	if (err)
		vbd_log(v, "cannot remove its nodes (error %d)", err);
}

static int offer(struct vbd *v, xs_tx_id tx)
{
	struct writer w = {v->xs, tx, v->back, 0};

	put(&w, "feature-flush-cache", "1");
	put(&w, "feature-barrier", "1");
	put(&w, "feature-persistent", "%d", v->persistent);
	put(&w, "feature-max-indirect-segments", "%u", VBD_SEGMENTS);
	put(&w, "multi-queue-max-queues", "%u", v->queues_max);
	put(&w, "max-ring-page-order", "%u", BLKIF_RING_PAGE_ORDER);
	put(&w, "feature-discard", "%d", v->discard);
	if (v->discard) {
		u32 least = v->device->discard_granularity;

		put(&w, "discard-granularity", "%" PRIu32, least ? least : v->device->sector_size);
		put(&w, "discard-alignment", "0");
		put(&w, "discard-secure", "0");
	}
	put(&w, "state", "%d", VBD_INIT_WAIT);
	if (!w.err) { /* of the time before */
		char path[VBD_PATH + 8];

		(void)snprintf(path, sizeof(path), "%s/error", v->back);
		w.err = xs_local_rm(v->xs, tx, path);
	}
	return w.err;
}

int vbd_nodes_offer(struct vbd *v)
{
	int err = in_transaction(v, offer);

	if (!err)
		v->state = VBD_INIT_WAIT;
	return err;
}

static int describe(struct vbd *v, xs_tx_id tx)
{
	struct writer w = {v->xs, tx, v->back, 0};
	unsigned int info = (v->cdrom ? BLKIF_INFO_CDROM : 0u) |
			    (v->removable ? BLKIF_INFO_REMOVABLE : 0u) |
			    (v->read_only ? BLKIF_INFO_READONLY : 0u);

	put(&w, "sectors", "%" PRIu64, v->sectors);
	put(&w, "sector-size", "%" PRIu32, v->device->sector_size);
	put(&w, "physical-sector-size", "%" PRIu32, v->device->physical_sector_size);
	put(&w, "info", "%u", info);
	put(&w, "state", "%d", VBD_CONNECTED);
	return w.err;
}

int vbd_nodes_connect(struct vbd *v)
{
	int err = in_transaction(v, describe);

	if (!err)
		v->state = VBD_CONNECTED;
	return err;
}

static void put_alone(struct vbd *v, const char *name, const char *value)
{
	struct writer w = {v->xs, XS_NO_TX, v->back, 0};

	put(&w, name, "%s", value);
	if (w.err)
		vbd_log(v, "cannot write %s/%s (error %d)", v->back, name, w.err);
}

void vbd_set_state(struct vbd *v, enum vbd_state state)
{
	char text[4];

	(void)snprintf(text, sizeof(text), "%d", state);
	put_alone(v, "state", text);
	v->state = state;
}

void vbd_nodes_online(struct vbd *v, bool online)
{
	put_alone(v, "online", online ? "1" : "0");
}

void vbd_nodes_error(struct vbd *v, const char *why)
{
	put_alone(v, "error", why);
}

/* --- the front end's: any text at all --------------------------------------------------------- */

static int front_number(const struct vbd *v, const char *dir, const char *name, u64 *value)
{
	char path[VBD_PATH + 64];

	(void)snprintf(path, sizeof(path), "%s/%s%s", v->front, dir, name);
	return xs_local_read_u64(v->xs, XS_NO_TX, path, value);
}

enum vbd_state vbd_front_state(const struct vbd *v)
{
	u64 state;

	if (front_number(v, "", "state", &state) || state > VBD_CLOSED)
		return VBD_UNKNOWN;
	return (enum vbd_state)state;
}

/* The value, or `otherwise` if there is none; false: not a number up to max. */
static bool optional(const struct vbd *v, const char *name, u64 otherwise, u64 max, u64 *value)
{
	int err = front_number(v, "", name, value);

	if (err == -ENOENT)
		*value = otherwise;
	return (!err || err == -ENOENT) && *value <= max;
}

static bool known_protocol(const struct vbd *v)
{
	char path[VBD_PATH + 16], text[16];
	int n;

	(void)snprintf(path, sizeof(path), "%s/protocol", v->front);
	n = xs_local_read(v->xs, XS_NO_TX, path, text, sizeof(text));
	/* One that says nothing means its own, and all guests here are of 64 bits. */
	return n == -ENOENT || (n >= 0 && strcmp(text, "x86_64-abi") == 0);
}

static const char *read_queue(const struct vbd *v, struct vbd_front *f, unsigned int q)
{
	char dir[24] = "", name[24];
	u64 value;

	if (f->queues > 1)
		(void)snprintf(dir, sizeof(dir), "queue-%u/", q);
	for (unsigned int i = 0; i < f->pages; i++) {
		int err = -ENOENT;

		(void)snprintf(name, sizeof(name), "ring-ref%u", i);
		if (f->pages == 1)
			err = front_number(v, dir, "ring-ref", &value);
		if (err == -ENOENT)
			err = front_number(v, dir, name, &value);
		if (err || value > UINT32_MAX)
			return "no valid ring-ref";
		f->queue[q].ref[i] = (grant_ref_t)value;
	}
	if (front_number(v, dir, "event-channel", &value) || value > UINT32_MAX)
		return "no valid event-channel";
	f->queue[q].port = (evtchn_port_t)value;
	return NULL;
}

const char *vbd_front_read(const struct vbd *v, struct vbd_front *f)
{
	const char *why = NULL;
	u64 order, queues, keep;

	*f = (struct vbd_front){0};
	if (!known_protocol(v))
		return "its protocol is not x86_64-abi";
	if (!optional(v, "ring-page-order", 0, BLKIF_RING_PAGE_ORDER, &order))
		return "no valid ring-page-order";
	if (!optional(v, "multi-queue-num-queues", 1, v->queues_max, &queues) || !queues)
		return "no valid multi-queue-num-queues";
	if (!optional(v, "feature-persistent", 0, 1, &keep))
		return "no valid feature-persistent";
	f->pages = 1u << order;
	f->queues = (unsigned int)queues;
	f->persistent = keep && v->persistent;
	for (unsigned int q = 0; !why && q < f->queues; q++)
		why = read_queue(v, f, q);
	return why;
}
