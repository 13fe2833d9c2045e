/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands on scheduling and vCPUs. */
#include <dom0/tool/vcpu_commands.h>

#include <stdio.h>
#include <string.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/tool/cpu_list.h>
#include <dom0/tool/domains.h>
#include <dom0/tool/guests.h>

#define WEIGHT_MAX 65535u

static unsigned int machine_cpus(void)
{
	struct plinth_control c = {0};

	return control_op(&c, PLINTH_CTL_machine_info) ? 0 : c.u.machine_info.cpus;
}

/* --- sched-credit --- */

struct option {
	const char *name, *long_name;
	const char *value; /* NULL: not given */
};

/* "-w 5", "-w5", "--weight 5", "--weight=5". Returns the words used, 0 if it is not this one. */
static int take_option(struct option *o, char **argv)
{
	size_t n = strlen(o->name), m = strlen(o->long_name);

	if (!strcmp(argv[0], o->name) || !strcmp(argv[0], o->long_name)) {
		o->value = argv[1] ? argv[1] : "";
		return argv[1] ? 2 : 1;
	}
	if (!strncmp(argv[0], o->long_name, m) && argv[0][m] == '=')
		o->value = argv[0] + m + 1;
	else if (!strncmp(argv[0], o->name, n) && argv[0][1] != '-')
		o->value = argv[0] + n;
	else
		return 0;
	return 1;
}

static void print_sched(const struct plinth_ctl_domain_info *d)
{
	struct plinth_control c = {.u.sched = {.domid = d->domid}};

	if (control_op(&c, PLINTH_CTL_sched_get) == 0)
		printf("%-33s %4u %6u %4u\n", d->name, d->domid, c.u.sched.weight, c.u.sched.cap);
}

static void sched_header(void)
{
	printf("%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
}

static void set_sched(const struct plinth_ctl_domain_info *d, const char *weight, const char *cap)
{
	struct plinth_control c = {.u.sched = {.domid = d->domid}};
	struct plinth_ctl_sched *s = &c.u.sched;

	if (control_op(&c, PLINTH_CTL_sched_get))
		return;
	if (weight && (!argument_number(weight, WEIGHT_MAX, &s->weight) || !s->weight))
		printf("sched-credit: the weight %s is not between 1 and %u\n", weight, WEIGHT_MAX);
	else if (cap && !argument_number(cap, 100 * d->max_vcpus, &s->cap))
		printf("sched-credit: the cap %s is not between 0 and %u, 100 for each vCPU\n", cap,
		       100 * d->max_vcpus);
	else if (control_op(&c, PLINTH_CTL_sched_set))
		printf("sched-credit: the hypervisor refuses it\n");
}

void cmd_sched_credit(int argc, char **argv)
{
	struct option options[] = {
		{"-d", "--domain", NULL}, {"-w", "--weight", NULL}, {"-c", "--cap", NULL}};
	const char **domain = &options[0].value, *weight, *cap;
	struct plinth_ctl_domain_info d;
	u32 from = 0;

	for (int i = 1, used; i < argc; i += used) {
		used = 0;
		for (unsigned int n = 0; !used && n < ARRAY_SIZE(options); n++)
			used = take_option(&options[n], &argv[i]);
		if (!used) {
			printf("sched-credit: %s is no option of it\n", argv[i]);
			return;
		}
	}
	weight = options[1].value;
	cap = options[2].value;
	if ((weight || cap) && !*domain) {
		printf("sched-credit: -w and -c need a domain (-d)\n");
	} else if (*domain) {
		if (!domain_named("sched-credit", *domain, &d))
			return;
		if (weight || cap) {
			set_sched(&d, weight, cap);
			return;
		}
		sched_header();
		print_sched(&d);
	} else {
		sched_header();
		while (domain_next(&from, &d))
			print_sched(&d);
	}
}

/* --- vcpu-list and vcpu-pin --- */

static int get_stats(struct plinth_control *c, domid_t domid, u32 vcpu)
{
	*c = (struct plinth_control){.u.stats = {.domid = domid, .vcpu = vcpu}};
	return control_op(c, PLINTH_CTL_vcpu_stats);
}

static void print_vcpu(const struct plinth_ctl_domain_info *d, u32 vcpu, unsigned int cpus)
{
	struct plinth_control a = {.u.affinity = {.domid = d->domid, .vcpu = vcpu}}, c;
	const struct plinth_ctl_vcpu_stats *s = &c.u.stats;
	char where[CPU_LIST_TEXT], cpu[12] = "-", paused = '-';
	struct cpu_list list;

	_Static_assert(sizeof(list) == sizeof(a.u.affinity.cpus), "a bit for each CPU");
	if (get_stats(&c, d->domid, vcpu) || control_op(&a, PLINTH_CTL_affinity_get))
		return;
	memcpy(&list, a.u.affinity.cpus, sizeof(list));
	cpu_list_text(&list, cpus, where);
	if (s->flags & PLINTH_VCPU_online)
		snprintf(cpu, sizeof(cpu), "%u", s->cpu);
	else
		paused = 'p';
	printf("%-32s %5u %5u %5s   %c%c%c %9.1f  %s / all\n", d->name, d->domid, vcpu, cpu,
	       s->flags & PLINTH_VCPU_running ? 'r' : '-',
	       paused == '-' && (s->flags & PLINTH_VCPU_blocked) ? 'b' : '-', paused,
	       (double)s->cpu_time_ns / 1e9, where);
}

static void print_vcpus(const struct plinth_ctl_domain_info *d)
{
	unsigned int cpus = machine_cpus();

	for (u32 v = 0; v < d->max_vcpus; v++)
		print_vcpu(d, v, cpus);
}

void cmd_vcpu_list(int argc, char **argv)
{
	struct plinth_ctl_domain_info d;
	u32 from = 0;

	printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State", "Time(s)",
	       "Affinity (Hard / Soft)");
	for (int i = 1; i < argc; i++)
		if (domain_named("vcpu-list", argv[i], &d))
			print_vcpus(&d);
	while (argc == 1 && domain_next(&from, &d))
		print_vcpus(&d);
}

void cmd_vcpu_pin(int argc, char **argv)
{
	bool each = strcmp(argv[2], "all") == 0;
	struct plinth_ctl_domain_info d;
	struct cpu_list list;
	const char *wrong;
	u32 first = 0;

	(void)argc;
	if (!domain_named("vcpu-pin", argv[1], &d))
		return;
	if (!each && (!argument_number(argv[2], ~0u, &first) || first >= d.max_vcpus)) {
		printf("vcpu-pin: %s has no vCPU %s\n", d.name, argv[2]);
		return;
	}
	wrong = cpu_list_parse(argv[3], &list);
	if (!wrong && !cpu_list_below(&list, machine_cpus()))
		wrong = "has no CPU of this machine";
	if (wrong) {
		printf("vcpu-pin: '%s' %s\n", argv[3], wrong);
		return;
	}
	for (u32 v = first; v < (each ? d.max_vcpus : first + 1); v++) {
		struct plinth_control c = {.u.affinity = {.domid = d.domid, .vcpu = v}};

		memcpy(c.u.affinity.cpus, &list, sizeof(list));
		if (control_op(&c, PLINTH_CTL_affinity_set))
			printf("vcpu-pin: vCPU %u: the hypervisor refuses it\n", v);
	}
}

void cmd_vcpu_set(int argc, char **argv)
{
	struct plinth_ctl_domain_info d;
	struct guest *g = guest_find(argv[1]);
	u32 n;

	(void)argc;
	if (!domain_named("vcpu-set", argv[1], &d))
		return;
	if (!g)
		printf("vcpu-set: %s keeps its vCPUs\n", d.name);
	else if (!argument_number(argv[2], d.max_vcpus, &n) || n == 0)
		printf("vcpu-set: %s is not between 1 and maxvcpus of %s, %u\n", argv[2], d.name,
		       d.max_vcpus);
	else if (!guest_set_vcpus(g, n))
		printf("vcpu-set: cannot write to xenstore\n");
}

/* --- exits --- */

static const char *const exit_names[EXIT_COUNT] = {
	[EXIT_interrupt] = "host interrupt",
	[EXIT_irq_window] = "interrupt window",
	[EXIT_nmi_window] = "NMI window",
	[EXIT_hypercall] = "hypercall",
	[EXIT_cpuid] = "CPUID",
	[EXIT_msr] = "RDMSR, WRMSR",
	[EXIT_io] = "port",
	[EXIT_npf] = "nested page fault",
	[EXIT_hlt] = "HLT",
	[EXIT_pause] = "PAUSE",
	[EXIT_cache] = "INVD, WBINVD",
	[EXIT_xsetbv] = "XSETBV",
	[EXIT_undefined] = "refused instruction",
	[EXIT_shutdown] = "triple fault",
	[EXIT_apic_written] = "APIC written",
	[EXIT_handled] = "vendor's own",
	[EXIT_invalid] = "failed entry",
	[EXIT_unknown] = "unknown",
};

void cmd_exits(int argc, char **argv)
{
	u64 count[EXIT_COUNT + 1] = {0};
	struct plinth_ctl_domain_info d;
	u32 first = 0, end;

	if (!domain_named("exits", argv[1], &d))
		return;
	if (argc > 2 && (!argument_number(argv[2], ~0u, &first) || first >= d.max_vcpus)) {
		printf("exits: %s has no vCPU %s\n", d.name, argv[2]);
		return;
	}
	end = argc > 2 ? first + 1 : d.max_vcpus;
	for (u32 v = first; v < end; v++) {
		struct plinth_control c;

		if (get_stats(&c, d.domid, v))
			return;
		for (unsigned int i = 0; i < EXIT_COUNT; i++) {
			count[i] += c.u.stats.exits[i];
			count[EXIT_COUNT] += c.u.stats.exits[i];
		}
	}
	printf("%-20s %12s\n", "Reason", "Exits");
	for (unsigned int i = 0; i <= EXIT_COUNT; i++)
		if (count[i] || i == EXIT_COUNT)
			printf("%-20s %12llu\n", i < EXIT_COUNT ? exit_names[i] : "all",
			       (unsigned long long)count[i]);
}
