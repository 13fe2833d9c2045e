/* SPDX-License-Identifier: BSD-2-Clause */
/* One disk of one guest from its creation to its end, and the dance of the two ends' states. */
#include <dom0/vbd/vbd.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/vbd/vbd_internal.h>

#define WATCH_TOKEN    "vbd"
#define SHARE_LEAST    4u
#define FAIL_LOG_EVERY NS_PER_SEC /* a guest must not fill the log */

void vbd_log(const struct vbd *v, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	machine_console_line("vbd: domain %u, disk %u (%s): %s", v->domid, v->number, v->params,
			     text);
}

void vbd_fail(struct vbd *v, const char *why)
{
	u64 now = loop_now();

	if (!v->log_again || now >= v->log_again) {
		vbd_log(v, "closed: %s", why);
		v->log_again = now + FAIL_LOG_EVERY;
	}
	v->failed = true;
	vbd_nodes_error(v, why);
	vbd_set_state(v, VBD_CLOSING);
	v->work.due = true;
}

/* --- states ----------------------------------------------------------------------------------- */

/* The front end (again) is at its beginning. */
static void begin(struct vbd *v)
{
	if (v->gone) {
		if (v->state != VBD_CLOSED)
			vbd_set_state(v, VBD_CLOSED);
		return;
	}
	v->failed = false;
	v->sectors = v->device->sectors;
	if (vbd_nodes_offer(v))
		vbd_fail(v, "its features cannot be written");
}

static void connect_front(struct vbd *v)
{
	struct vbd_front front;
	const char *why;

	if (v->state == VBD_CONNECTED || v->state == VBD_CLOSING)
		return;
	/* One that was closed may come back without a look at what is offered. */
	if (v->state != VBD_INIT_WAIT) {
		if (!vbd_disconnect(v))
			return;
		begin(v);
		if (v->state != VBD_INIT_WAIT)
			return;
	}
	why = vbd_front_read(v, &front);
	if (!why)
		why = vbd_connect(v, &front);
	if (!why && vbd_nodes_connect(v))
		why = "its size cannot be written";
	if (why)
		vbd_fail(v, why);
}

/* Whether it may use its rings. Closing is no more than a promise: a front end whose disk is still
 * mounted says it and goes on until the disk is let go of, as Linux does before 5.14. */
static bool holds(enum vbd_state front)
{
	return front == VBD_INITIALISED || front == VBD_CONNECTED || front == VBD_CLOSING;
}

static void follow_front(struct vbd *v)
{
	enum vbd_state front = vbd_front_state(v);
	bool down = (v->failed || !holds(front)) && vbd_disconnect(v);

	switch (front) {
	case VBD_INITIALISING:
		if (down && v->state != VBD_INIT_WAIT)
			begin(v);
		break;
	case VBD_INITIALISED:
	case VBD_CONNECTED:
		connect_front(v);
		break;
	case VBD_CLOSING: /* at once: a guest that shuts down waits for it */
		if (v->state != VBD_CLOSING)
			vbd_set_state(v, VBD_CLOSING);
		break;
	case VBD_CLOSED:
	case VBD_UNKNOWN:
		if (down && v->state != VBD_CLOSED)
			vbd_set_state(v, VBD_CLOSED);
		break;
	case VBD_INIT_WAIT: /* for something of the toolstack's, as pygrub: not ours */
		break;
	}
}

/* --- the end ---------------------------------------------------------------------------------- */

static void forget(struct vbd *v)
{
	void (*done)(void *ctx) = v->destroyed;
	void *ctx = v->destroyed_ctx;

	if (v->watched && xs_local_unwatch(v->xs, v->watch, WATCH_TOKEN))
		vbd_log(v, "its watch was gone");
	block_on_change(v->use, NULL, NULL);
	loop_stop_timer(&v->close_timer);
	loop_remove_work(&v->work);
	free(v->params);
	free(v);
	if (done)
		done(ctx);
}

/* Asks the front end to close. One that is connected still gets its answers until it closes. */
static void end(struct vbd *v)
{
	enum vbd_state front = vbd_front_state(v);
	bool asked = !v->impatient && holds(front);

	if (!v->offline) {
		v->offline = true;
		vbd_nodes_online(v, false);
		if (v->state != VBD_CLOSED && v->state != VBD_CLOSING)
			vbd_set_state(v, VBD_CLOSING);
	}
	if ((asked && !v->failed) || !vbd_disconnect(v) || asked)
		return;
	if (v->state != VBD_CLOSED)
		vbd_set_state(v, VBD_CLOSED);
	vbd_nodes_remove(v);
	forget(v);
}

static bool look(void *ctx)
{
	struct vbd *v = ctx;

	if (v->destroying)
		end(v); /* v may be gone */
	else
		follow_front(v);
	return false;
}

/* --- from outside ----------------------------------------------------------------------------- */

static void front_changed(void *ctx, const char *path, const char *token)
{
	(void)path;
	(void)token;
	((struct vbd *)ctx)->work.due = true;
}

static void device_changed(void *ctx, enum block_change what)
{
	struct vbd *v = ctx;

	if (what == BLOCK_RESIZED) {
		vbd_resize(v);
	} else if (!v->gone) {
		v->gone = true;
		vbd_fail(v, "the device was removed");
	}
}

static void wake_rings(void *ctx)
{
	vbd_rings_wake(ctx);
}

/* Back to before vbd_ask_close(). */
static void accept_refusal(struct vbd *v)
{
	void (*refused)(void *ctx) = v->refused;

	v->refused = NULL;
	v->destroying = false;
	v->offline = false;
	vbd_nodes_online(v, true);
	if (v->ring_count && !v->failed && vbd_front_state(v) != VBD_CLOSING &&
	    vbd_nodes_connect(v))
		vbd_fail(v, "it cannot be told that it keeps the disk");
	v->work.due = true;
	refused(v->destroyed_ctx);
}

static void lose_patience(void *ctx)
{
	struct vbd *v = ctx;

	if (v->refused && holds(vbd_front_state(v))) {
		accept_refusal(v);
		return;
	}
	vbd_log(v, "its front end does not close: not waited for any more");
	v->impatient = true;
	v->work.due = true;
}

static struct vbd *make(struct xenstore *xs, const struct vbd_config *c)
{
	const struct block_device *d = block_device_of(c->use);
	struct vbd *v = calloc(1, sizeof(*v));
	u64 depth = 2 * (u64)d->queue_depth;

	if (!v)
		return NULL;
	*v = (struct vbd){.xs = xs,
			  .domid = c->domid,
			  .number = c->number,
			  .params = strdup(c->params ? c->params : ""),
			  .use = c->use,
			  .device = d,
			  .sectors = d->sectors,
			  .read_only = c->read_only || d->read_only,
			  .removable = c->removable,
			  .cdrom = c->cdrom,
			  .discard = c->discard && d->discard && !c->read_only && !d->read_only,
			  .persistent = c->persistent,
			  .queues_max = c->queues ? c->queues : 1};
	if (v->queues_max > VBD_QUEUES_MAX)
		v->queues_max = VBD_QUEUES_MAX;
	/* What waits here waits in the guest's ring; what waits with the device is in the way of
	 * the other guests that use it. */
	v->share = (u32)max_u64(min_u64(depth, VBD_IN_FLIGHT), SHARE_LEAST);
	v->work = (struct loop_work){.fn = look, .ctx = v};
	v->close_timer = (struct loop_timer){.fn = lose_patience, .ctx = v};
	v->retry_timer = v->limit_timer = (struct loop_timer){.fn = wake_rings, .ctx = v};
	(void)snprintf(v->back, sizeof(v->back), "/local/domain/0/backend/vbd/%u/%u", v->domid,
		       v->number);
	(void)snprintf(v->front, sizeof(v->front), "/local/domain/%u/device/vbd/%u", v->domid,
		       v->number);
	(void)snprintf(v->watch, sizeof(v->watch), "%s/state", v->front);
	if (!v->params) {
		free(v);
		return NULL;
	}
	return v;
}

static int publish(struct vbd *v)
{
	int err = vbd_nodes_create(v);

	if (err)
		return err;
	err = xs_local_watch(v->xs, v->watch, WATCH_TOKEN, front_changed, v);
	v->watched = err == 0;
	if (!err)
		err = vbd_nodes_offer(v);
	if (!err)
		return 0;
	if (v->watched)
		(void)!xs_local_unwatch(v->xs, v->watch, WATCH_TOKEN);
	vbd_nodes_remove(v);
	return err;
}

int vbd_create(struct xenstore *xs, const struct vbd_config *c, struct vbd **out)
{
	struct vbd *v;
	int err;

	if (c->domid == 0 || c->domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	v = make(xs, c);
	if (!v)
		return -ENOMEM;
	err = vbd_limits_set(v, &c->limits) ? publish(v) : -EINVAL;
	if (err) {
		free(v->params);
		free(v);
		return err;
	}
	loop_add_work(&v->work);
	block_on_change(v->use, device_changed, v);
	*out = v;
	return 0;
}

void vbd_destroy(struct vbd *v, u64 timeout_ns, void (*done)(void *ctx), void *ctx)
{
	v->destroying = true;
	v->refused = NULL;
	v->destroyed = done;
	v->destroyed_ctx = ctx;
	if (timeout_ns)
		loop_set_timer(&v->close_timer, loop_now() + timeout_ns);
	else
		v->impatient = true;
	v->work.due = true;
}

void vbd_ask_close(struct vbd *v, u64 timeout_ns, void (*done)(void *ctx),
		   void (*refused)(void *ctx), void *ctx)
{
	vbd_destroy(v, timeout_ns, done, ctx);
	v->refused = refused;
}

void vbd_resize(struct vbd *v)
{
	if (v->sectors == v->device->sectors)
		return;
	v->sectors = v->device->sectors;
	if (v->state == VBD_CONNECTED && vbd_nodes_connect(v))
		vbd_log(v, "cannot tell the guest its new size");
}

bool vbd_set_limits(struct vbd *v, const struct rate_limit *limits)
{
	if (!vbd_limits_set(v, limits))
		return false;
	loop_stop_timer(&v->limit_timer);
	vbd_rings_wake(v);
	return true;
}

void vbd_stats(const struct vbd *v, struct vbd_stats *stats)
{
	*stats = v->stats;
	stats->in_flight = v->in_flight;
}

unsigned int vbd_state(const struct vbd *v)
{
	return v->state;
}
