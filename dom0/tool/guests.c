/* SPDX-License-Identifier: BSD-2-Clause */
/* Life cycle of guests. */
#include <dom0/tool/guests.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/fiber.h>
#include <dom0/platform/power.h>
#include <dom0/tool/guest_domain.h>

static struct guest *guests, **guests_end = &guests;
static struct loop_work look;
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

static struct guest *take_config(const struct module *file, struct guest_config *config)
{
	struct guest *g = guest_by_name(config->name);

	if (!g)
		g = new_guest();
	if (!g)
		return NULL;
	fiber_lock(&g->lock);
	if (g->has_domain) {
		machine_console_line("%s: not started: a guest named %s is there already",
				     file->name, config->name);
		fiber_unlock(&g->lock);
		return NULL;
	}
	guest_config_free(&g->config);
	g->config = *config;
	g->file = file;
	g->console.log_name = config->console == GUEST_CONSOLE_LOG ? g->config.name : NULL;
	return g;
}

bool guest_create(const struct module *file)
{
	struct guest_config config;
	struct guest *g;
	bool started;

	if (!read_config(file, &config))
		return false;
	g = take_config(file, &config);
	if (!g) {
		guest_config_free(&config);
		return false;
	}
	started = guest_domain_start(g);
	fiber_unlock(&g->lock);
	return started;
}

void guest_destroy(struct guest *g)
{
	fiber_lock(&g->lock);
	guest_domain_destroy(g);
	fiber_unlock(&g->lock);
	look.due = true;
}

void guests_destroy_all(void)
{
	for (struct guest *g = guests; g; g = g->next)
		guest_destroy(g);
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
	guest_domain_destroy(g);
	if (action == GUEST_RESTART)
		(void)guest_domain_start(g);
}

/* Whether the guest's domain has shut down, and nobody has seen to that yet. */
static bool has_ended(const struct guest *g, u32 *reason)
{
	struct plinth_control c = {.u.info = {.domid = g->domain.domid}};

	if (!g->has_domain || g->shut_down || control_op(&c, PLINTH_CTL_domain_info) ||
	    c.u.info.domid != g->domain.domid || !(c.u.info.flags & PLINTH_DOM_shutdown))
		return false;
	*reason = c.u.info.shutdown_reason;
	return true;
}

static void see_to_end(void *ctx)
{
	struct guest *g = ctx;
	u32 reason;

	fiber_lock(&g->lock);
	if (has_ended(g, &reason))
		ended(g, reason);
	fiber_unlock(&g->lock);
	g->ending = false;
	look.due = true;
}

static void switch_off(void *ctx)
{
	(void)ctx;
	machine_console_line("no guest is left: switching the machine off");
	power_off();
}

static bool look_at_guests(void *ctx)
{
	bool any = false;
	u32 reason;

	(void)ctx;
	for (struct guest *g = guests; g; g = g->next) {
		any |= g->has_domain || g->ending;
		if (!g->ending && has_ended(g, &reason))
			g->ending = fiber_start(see_to_end, g);
	}
	if (!any && all_started && power_off_when_idle) {
		power_off_when_idle = false;
		if (!fiber_start(switch_off, NULL))
			switch_off(NULL);
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
	char value[16];
	evtchn_port_t port;

	guest_domain_init(random_bits());
	if (hyper_bind_virq(VIRQ_DOM_EXC, &port))
		panic("no event channel for ends of domains");
	look = (struct loop_work){.fn = look_at_guests};
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
		fiber_yield(); /* those already running are served meanwhile */
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
