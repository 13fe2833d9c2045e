/* SPDX-License-Identifier: BSD-2-Clause */
/* Life cycle of guests. */
#include <dom0/tool/guests.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/builder/start_info.h>
#include <dom0/console/machine_console.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/foreign.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/platform/power.h>
#include <dom0/tool/prompt.h>
#include <dom0/xenstore/xenstore.h>
#include <dom0/xenstore/xs_guest_tree.h>

static struct guest *guests, **guests_end = &guests;
static struct xenstore *store;
static struct loop_work store_dispatch, look;
static bool power_off_when_idle;
static bool all_started; /* before that, "no guest is left" means nothing */

static u64 random_bits(void)
{
	static u64 state;

	/* splitmix64 over the TSC: unlike enough for ids and a hash seed, not for keys. */
	state += __builtin_ia32_rdtsc() ^ 0x9E3779B97F4A7C15ull;
	state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9ull;
	state = (state ^ state >> 27) * 0x94D049BB133111EBull;
	return state ^ state >> 31;
}

static void make_uuid(u8 uuid[16])
{
	u64 bits[2] = {random_bits(), random_bits()};

	memcpy(uuid, bits, sizeof(bits));
	uuid[6] = (u8)((uuid[6] & 0x0F) | 0x40); /* RFC 4122: version 4 */
	uuid[8] = (u8)((uuid[8] & 0x3F) | 0x80);
}

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

void guest_destroy(struct guest *g)
{
	if (!g->has_domain)
		return;
	disconnect(g);
	foreign_unmap(g->domain.console_page, 1);
	foreign_unmap(g->domain.store_page, 1);
	build_destroy(g->domain.domid);
	g->has_domain = g->shut_down = false;
	store_dispatch.due = look.due = true;
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

static bool start(struct guest *g)
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
	int rc;

	if (!cpus_are_there(g))
		return false;
	memcpy(r.uuid, c->uuid, sizeof(r.uuid));
	rc = build_domain(&r, &g->domain, &err);
	if (rc) {
		machine_console_line("%s: not started: %s", g->file->name, err.text);
		return false;
	}
	g->has_domain = true;
	g->shut_down = false;
	rc = set_scheduling(g);
	if (!rc)
		rc = connect_store(g);
	if (!rc)
		rc = connect_events(g);
	unpause.u.domain.domid = g->domain.domid;
	if (!rc)
		rc = control_op(&unpause, PLINTH_CTL_domain_unpause);
	if (rc) {
		machine_console_line("%s: not started: cannot set it up (error %d)", g->file->name,
				     rc);
		guest_destroy(g);
	}
	return rc == 0;
}

static bool file_exists(void *ctx, const char *name)
{
	(void)ctx;
	return module_find(name) != NULL;
}

/* Parses the file; the configuration is the caller's to free. */
static bool read_config(const struct module *file, struct guest_config *config)
{
	struct cfg_error err = {{0}};
	struct cfg_file parsed;
	int rc = cfg_parse(&parsed, file->name, file->data, file->size, &err);

	if (!rc) {
		rc = guest_config_read(config, &parsed, file_exists, NULL, &err);
		cfg_free(&parsed);
	}
	if (rc)
		machine_console_line("%s", err.text[0] ? err.text : "out of memory");
	else if (!config->has_uuid)
		make_uuid(config->uuid);
	return rc == 0;
}

static struct guest *guest_by_name(const char *name)
{
	struct guest *g = guests;

	while (g && strcmp(g->config.name, name) != 0)
		g = g->next;
	return g;
}

static struct guest *new_guest(void)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g || !guest_console_init(&g->console)) {
		free(g);
		machine_console_line("out of memory for one more guest");
		return NULL;
	}
	*guests_end = g;
	guests_end = &g->next;
	return g;
}

bool guest_create(const struct module *file)
{
	struct guest_config config;
	struct guest *g;

	if (!read_config(file, &config))
		return false;
	g = guest_by_name(config.name);
	if (g && g->has_domain) {
		machine_console_line("%s: not started: a guest named %s is there already",
				     file->name, config.name);
		guest_config_free(&config);
		return false;
	}
	if (g)
		guest_config_free(&g->config);
	else
		g = new_guest();
	if (!g) {
		guest_config_free(&config);
		return false;
	}
	g->config = config;
	g->file = file;
	g->console.log_name = config.console == GUEST_CONSOLE_LOG ? g->config.name : NULL;
	return start(g);
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

/* --- what ends by itself ---------------------------------------------------------------------- */

static enum guest_action action_for(const struct guest_config *c, u32 reason)
{
	if (reason == SHUTDOWN_poweroff)
		return c->on_poweroff;
	/* A soft reset keeps the memory on Xen; here it is a restart for now. */
	if (reason == SHUTDOWN_reboot || reason == SHUTDOWN_soft_reset)
		return c->on_reboot;
	return c->on_crash;
}

static void ended(struct guest *g, u32 reason)
{
	static const char *const names[] = {"powered off", "rebooted", "suspended",
					    "crashed",     "watchdog", "reset itself"};
	enum guest_action action = action_for(&g->config, reason);

	guest_console_service(&g->console);
	machine_console_line("%s (domain %u) %s: %s", g->config.name, g->domain.domid,
			     reason < ARRAY_SIZE(names) ? names[reason] : "ended",
			     guest_action_name(action));
	if (action == GUEST_PRESERVE) {
		g->shut_down = true;
		return;
	}
	guest_destroy(g);
	if (action == GUEST_RESTART)
		start(g);
}

static bool look_at_guests(void *ctx)
{
	bool any = false;

	(void)ctx;
	for (struct guest *g = guests; g; g = g->next) {
		struct plinth_control c = {.u.info = {.domid = g->domain.domid}};

		if (!g->has_domain || g->shut_down)
			continue;
		if (control_op(&c, PLINTH_CTL_domain_info) == 0 &&
		    c.u.info.domid == g->domain.domid && (c.u.info.flags & PLINTH_DOM_shutdown))
			ended(g, c.u.info.shutdown_reason);
	}
	for (struct guest *g = guests; g; g = g->next)
		any |= g->has_domain;
	if (!any && all_started && power_off_when_idle) {
		machine_console_line("no guest is left: switching the machine off");
		power_off();
	}
	return false;
}

static void domain_event(void *ctx)
{
	(void)ctx;
	look.due = true;
}

void guests_init(void)
{
	struct xenstore_config config = {.hash_seed = random_bits(), .stopped = store_stopped};
	char value[16];
	evtchn_port_t port;

	store = xenstore_create(&config);
	if (!store || hyper_bind_virq(VIRQ_DOM_EXC, &port))
		panic("cannot start xenstore");
	store_dispatch = (struct loop_work){.fn = dispatch_store};
	look = (struct loop_work){.fn = look_at_guests};
	loop_add_work(&store_dispatch);
	loop_add_work(&look);
	loop_on_event(port, domain_event, NULL);
	power_off_when_idle =
		module_option("when_idle", value, sizeof(value)) && strcmp(value, "poweroff") == 0;
}

static bool is_config(const struct module *m)
{
	size_t n = strlen(m->name);

	return n > 4 && strcmp(m->name + n - 4, ".cfg") == 0;
}

static int by_name(const void *a, const void *b)
{
	const struct module *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void guests_start_all(void)
{
	const struct module **files = calloc(modules_count() + 1, sizeof(*files));
	unsigned int n = 0;

	if (!files)
		panic("out of memory for the list of guests");
	for (unsigned int i = 1; i < modules_count(); i++)
		if (is_config(module_at(i)))
			files[n++] = module_at(i);
	qsort(files, n, sizeof(*files), by_name);
	for (unsigned int i = 0; i < n; i++) {
		if (guest_create(files[i]))
			machine_console_line("%s: started", files[i]->name);
		loop_turn(); /* those already running are served meanwhile */
	}
	free(files);
	all_started = true;
	look.due = true;
}

struct guest *guest_first(void)
{
	return guests;
}

const struct module *guest_file(const char *what)
{
	char name[256];
	const struct module *m = module_find(what);

	if (m && is_config(m))
		return m;
	snprintf(name, sizeof(name), "%s.cfg", what);
	return module_find(name);
}

struct guest *guest_find(const char *what)
{
	struct guest *g = guest_by_name(what);
	char *end;
	unsigned long id = strtoul(what, &end, 10);

	if (g || !*what || *end)
		return g;
	for (g = guests; g; g = g->next)
		if (g->has_domain && g->domain.domid == id)
			return g;
	return NULL;
}
