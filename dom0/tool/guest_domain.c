/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's domain: built, joined to xenstore, console and disks, let go, and taken down. */
#include <dom0/tool/guest_domain.h>

#include <stdio.h>
#include <string.h>
#include <dom0/builder/start_info.h>
#include <dom0/console/machine_console.h>
#include <dom0/device/devices.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/foreign.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/fiber.h>
#include <dom0/tool/guest_disks.h>
#include <dom0/tool/prompt.h>
#include <dom0/xenstore/xs_guest_tree.h>

static struct xenstore *store;
static struct loop_work store_dispatch;

static void uuid_text(const u8 uuid[16], char text[37])
{
	for (unsigned int i = 0; i < 16; i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		text += sprintf(text, "%s%02x", dash ? "-" : "", uuid[i]);
	}
}

/* --- events ----------------------------------------------------------------------------------- */

static void console_event(void *ctx)
{
	guest_console_service(&((struct guest *)ctx)->console);
}

static void console_notify(void *ctx)
{
	hyper_event_send(((struct guest *)ctx)->console_port);
}

static void store_event(void *ctx)
{
	((struct guest *)ctx)->store_work.due = true;
}

static bool serve_store(void *ctx)
{
	const struct guest *g = ctx;
	bool more = xs_domain_service(store, g->domain.domid) == 1;

	store_dispatch.due = xs_local_pending(store);
	return more;
}

static bool dispatch_store(void *ctx)
{
	(void)ctx;
	return xs_local_dispatch(store);
}

static void store_notify(void *ctx, domid_t domid)
{
	(void)domid;
	hyper_event_send(((struct guest *)ctx)->store_port);
}

static void store_stopped(void *ctx, domid_t domid, const char *reason)
{
	(void)ctx;
	machine_console_line("xenstore: domain %u is no longer served: %s", domid, reason);
}

/* --- start and end ---------------------------------------------------------------------------- */

static int connect_store(struct guest *g)
{
	const struct guest_config *c = &g->config;
	char uuid[37];
	struct xs_guest tree = {.domid = g->domain.domid,
				.name = c->name,
				.uuid = uuid,
				.vcpus = c->maxvcpus,
				.vcpus_online = c->vcpus,
				.memory_max_kib = (u64)c->memory << 10,
				.memory_target_kib = (u64)c->memory << 10,
				.store_port = g->domain.store_port,
				.store_ring_gfn = GUEST_XENSTORE_GFN,
				.console_port = g->domain.console_port,
				.console_ring_gfn = GUEST_CONSOLE_GFN,
				.console_limit_bytes = GUEST_CONSOLE_RING_SIZE,
				.console_tty = ""};
	int err;

	uuid_text(c->uuid, uuid);
	err = xs_guest_tree_write(store, &tree);
	if (!err)
		err = xs_domain_introduce(store, g->domain.domid, g->domain.store_page,
					  store_notify, g);
	return err;
}

static int connect_events(struct guest *g)
{
	domid_t id = g->domain.domid;
	int err = hyper_bind_interdomain(id, g->domain.console_port, &g->console_port);

	if (err)
		return err;
	err = hyper_bind_interdomain(id, g->domain.store_port, &g->store_port);
	if (err)
		return err;
	g->store_work = (struct loop_work){.fn = serve_store, .ctx = g};
	loop_add_work(&g->store_work);
	guest_console_connect(&g->console, g->domain.console_page, console_notify, g);
	loop_on_event(g->console_port, console_event, g);
	loop_on_event(g->store_port, store_event, g);
	return 0;
}

static void disconnect(struct guest *g)
{
	guest_console_disconnect(&g->console);
	loop_remove_work(&g->store_work);
	if (g->console_port) {
		loop_forget_event(g->console_port);
		hyper_event_close(g->console_port);
	}
	if (g->store_port) {
		loop_forget_event(g->store_port);
		hyper_event_close(g->store_port);
	}
	g->console_port = g->store_port = 0;
	xs_domain_release(store, g->domain.domid);
	if (xs_guest_tree_remove(store, g->domain.domid))
		machine_console_line("xenstore: cannot remove the nodes of %s", g->config.name);
}

void guest_domain_destroy(struct guest *g)
{
	struct plinth_control pause = {.u.domain = {.domid = g->domain.domid}};

	if (!g->has_domain)
		return;
	/* It writes no more to disks and rings that are being taken away. */
	if (control_op(&pause, PLINTH_CTL_domain_pause))
		machine_console_line("%s: cannot be paused", g->config.name);
	guest_disks_close(g);
	disconnect(g);
	foreign_unmap(g->domain.console_page, 1);
	foreign_unmap(g->domain.store_page, 1);
	build_destroy(g->domain.domid);
	g->has_domain = g->shut_down = false;
	store_dispatch.due = true;
	prompt_guest_ended();
}

/* Says so if a vCPU could run nowhere. */
static bool cpus_are_there(const struct guest *g)
{
	const struct guest_config *c = &g->config;
	struct plinth_control m = {0};

	if (!c->cpus_line || control_op(&m, PLINTH_CTL_machine_info))
		return true;
	for (unsigned int v = 0; v < c->maxvcpus; v++)
		if (!cpu_list_below(&c->cpus[v], m.u.machine_info.cpus)) {
			machine_console_line(
				"%s:%u: key 'cpus': vCPU %u has no CPU of this machine",
				g->file->name, c->cpus_line, v);
			return false;
		}
	return true;
}

static int set_scheduling(const struct guest *g)
{
	const struct guest_config *c = &g->config;
	domid_t id = g->domain.domid;
	struct plinth_control k = {
		.u.sched = {.domid = id, .weight = c->cpu_weight, .cap = c->cap}};
	int err = control_op(&k, PLINTH_CTL_sched_set);

	for (unsigned int v = 0; !err && c->cpus_line && v < c->maxvcpus; v++) {
		k = (struct plinth_control){.u.affinity = {.domid = id, .vcpu = v}};
		memcpy(k.u.affinity.cpus, &c->cpus[v], sizeof(k.u.affinity.cpus));
		err = control_op(&k, PLINTH_CTL_affinity_set);
	}
	return err;
}

static struct build_file file_named(const char *name)
{
	const struct module *m = name ? module_find(name) : NULL;

	return m ? (struct build_file){name, m->data, m->size} : (struct build_file){0};
}

bool guest_domain_start(struct guest *g)
{
	const struct guest_config *c = &g->config;
	struct plinth_control unpause = {0};
	struct build_request r = {.name = c->name,
				  .vcpus = c->maxvcpus,
				  .memory_mib = c->memory,
				  .max_memory_mib = c->maxmem,
				  .kernel = file_named(c->kernel),
				  .ramdisk = file_named(c->ramdisk),
				  .cmdline = c->cmdline};
	struct build_error err;
	char why[BLOCK_WHY_MAX];
	int rc;

	if (!cpus_are_there(g))
		return false;
	if (c->disk_count)
		devices_settle();
	if (!guest_disks_open(g, why)) {
		machine_console_line("%s:%u: key 'disk': not started: %s", g->file->name,
				     c->disk_line, why);
		return false;
	}
	memcpy(r.uuid, c->uuid, sizeof(r.uuid));
	rc = build_domain(&r, &g->domain, &err);
	if (rc) {
		machine_console_line("%s: not started: %s", g->file->name, err.text);
		guest_disks_close(g);
		return false;
	}
	g->has_domain = true;
	g->shut_down = false;
	rc = set_scheduling(g);
	if (!rc)
		rc = connect_store(g);
	if (!rc)
		rc = connect_events(g);
	if (!rc)
		rc = guest_disks_connect(g, store);
	unpause.u.domain.domid = g->domain.domid;
	if (!rc)
		rc = control_op(&unpause, PLINTH_CTL_domain_unpause);
	if (rc) {
		machine_console_line("%s: not started: cannot set it up (error %d)", g->file->name,
				     rc);
		guest_domain_destroy(g);
	}
	return rc == 0;
}

bool guest_request_shutdown(struct guest *g, const char *how)
{
	char path[96], value[8];

	snprintf(path, sizeof(path), "/local/domain/%u/control/feature-%s", g->domain.domid, how);
	if (xs_local_read(store, XS_NO_TX, path, value, sizeof(value)) < 0 ||
	    strcmp(value, "1") != 0)
		return false;
	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", g->domain.domid);
	return xs_local_write(store, XS_NO_TX, path, how, strlen(how)) == 0;
}

bool guest_set_vcpus(struct guest *g, unsigned int n)
{
	for (unsigned int v = 0; v < g->config.maxvcpus; v++) {
		const char *want = v < n ? "online" : "offline";
		char path[96], value[16];

		snprintf(path, sizeof(path), "/local/domain/%u/cpu/%u/availability",
			 g->domain.domid, v);
		if (xs_local_read(store, XS_NO_TX, path, value, sizeof(value)) >= 0 &&
		    strcmp(value, want) == 0)
			continue;
		if (xs_local_write(store, XS_NO_TX, path, want, strlen(want)))
			return false;
	}
	return true;
}

struct xenstore *guest_store(void)
{
	return store;
}

void guest_domain_init(u64 hash_seed)
{
	struct xenstore_config config = {.hash_seed = hash_seed, .stopped = store_stopped};

	store = xenstore_create(&config);
	if (!store)
		panic("out of memory for xenstore");
	store_dispatch = (struct loop_work){.fn = dispatch_store};
	loop_add_work(&store_dispatch);
}
