/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands: xl's verbs, columns and state letters. */
#include <dom0/tool/commands.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/entry/syscalls.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>
#include <dom0/platform/power.h>
#include <dom0/tool/device_commands.h>
#include <dom0/tool/disk_commands.h>
#include <dom0/tool/block_commands.h>
#include <dom0/tool/domains.h>
#include <dom0/tool/guests.h>
#include <dom0/tool/prompt.h>
#include <dom0/tool/top.h>
#include <dom0/tool/vcpu_commands.h>
#include <xen/errno.h>

#define WORDS_MAX 64

struct command {
	const char *name, *arguments, *help;
	int least, most; /* arguments */
	void (*run)(int argc, char **argv);
};

/* The guest with a domain that argv names; says so if there is none. */
static struct guest *running_guest(const char *command, const char *what)
{
	struct guest *g = guest_find(what);

	if (g && g->has_domain)
		return g;
	printf("%s: %s is an invalid domain identifier\n", command, what);
	return NULL;
}

static void print_domain(const struct plinth_ctl_domain_info *i)
{
	char state[7];

	domain_state(i, state);
	printf("%-40s %5u %5llu %5u     %s  %8.1f\n", i->name, i->domid,
	       (unsigned long long)(i->pages >> 8), i->online_vcpus, state,
	       (double)i->cpu_time_ns / 1e9);
}

static void cmd_list(int argc, char **argv)
{
	struct plinth_ctl_domain_info d;
	u32 from = 0;

	if (argc > 1 && !domain_named("list", argv[1], &d))
		return;
	printf("%-40s %5s %5s %5s\tState\tTime(s)\n", "Name", "ID", "Mem", "VCPUs");
	if (argc > 1)
		print_domain(&d);
	while (argc == 1 && domain_next(&from, &d))
		print_domain(&d);
}

static unsigned long long kib(u64 pages)
{
	return pages << 2;
}

static void cmd_info(int argc, char **argv)
{
	struct plinth_control c;
	const struct plinth_ctl_machine_info *m = &c.u.machine_info;

	(void)argc;
	(void)argv;
	if (control_op(&c, PLINTH_CTL_machine_info))
		return;
	printf("%-23s: %s\n", "release", "Plinth 0.1");
	printf("%-23s: %s\n", "virtualisation", m->vendor);
	printf("%-23s: %u\n", "nr_cpus", m->cpus);
	printf("%-23s: %llu\n", "cpu_mhz", (unsigned long long)m->tsc_khz / 1000);
	printf("%-23s: %llu\n", "total_memory", (unsigned long long)m->total_pages >> 8);
	printf("%-23s: %llu\n", "free_memory", (unsigned long long)m->free_pages >> 8);
	printf("%-23s: %llu\n", "free_memory_kib", kib(m->free_pages));
	printf("%-23s: %llu\n", "hypervisor_memory_kib", kib(m->hypervisor_pages));
	printf("%-23s: %zu\n", "control_heap_used_kib", heap_used() >> 10);
	printf("%-23s: %u\n", "domains", m->domains);
	printf("%-23s: %llu.%03llu\n", "uptime_seconds",
	       (unsigned long long)(loop_now() / 1000000000ull),
	       (unsigned long long)(loop_now() / 1000000ull % 1000));
}

/* Read whole before it is shown: what is shown here lands in the log too. */
static void cmd_dmesg(int argc, char **argv)
{
	const size_t room = 65536;
	char *text = malloc(room);
	size_t n = 0;
	struct plinth_control c = {.u.log = {.length = 1}};

	(void)argc;
	(void)argv;
	while (text && n < room && c.u.log.length) {
		c.u.log.buffer = ptr_arg(text + n);
		c.u.log.length = (u32)(room - n);
		if (control_op(&c, PLINTH_CTL_log_read))
			break;
		n += c.u.log.length;
	}
	if (text)
		machine_console_write_raw(text, n);
	free(text);
}

static void cmd_create(int argc, char **argv)
{
	const struct module *file = guest_file(argv[1]);

	(void)argc;
	if (!file)
		printf("create: there is no file %s on this medium\n", argv[1]);
	else if (guest_create(file))
		printf("%s: started\n", file->name);
}

static void cmd_destroy(int argc, char **argv)
{
	struct guest *g = running_guest("destroy", argv[1]);

	(void)argc;
	if (g)
		guest_destroy(g);
}

static void request(const char *command, const char *what, const char *how)
{
	struct guest *g = running_guest(command, what);

	if (!g)
		return;
	if (guest_request_shutdown(g, how))
		printf("%s domain %u\n", command, g->domain.domid);
	else
		printf("%s: %s does not listen to xenstore requests (use destroy)\n", command,
		       what);
}

static void cmd_shutdown(int argc, char **argv)
{
	(void)argc;
	if (strcmp(argv[1], "-a") != 0) {
		request("shutdown", argv[1], "poweroff");
		return;
	}
	for (struct guest *g = guest_first(); g; g = g->next)
		if (g->has_domain)
			request("shutdown", g->config.name, "poweroff");
}

static void cmd_reboot(int argc, char **argv)
{
	(void)argc;
	request("reboot", argv[1], "reboot");
}

static void pause_op(const char *command, const char *what, enum plinth_control_cmd cmd)
{
	struct guest *g = running_guest(command, what);
	struct plinth_control c = {0};

	if (!g)
		return;
	c.u.domain.domid = g->domain.domid;
	if (control_op(&c, cmd))
		printf("%s: %s is not paused\n", command, what);
}

static void cmd_pause(int argc, char **argv)
{
	(void)argc;
	pause_op("pause", argv[1], PLINTH_CTL_domain_pause);
}

static void cmd_unpause(int argc, char **argv)
{
	(void)argc;
	pause_op("unpause", argv[1], PLINTH_CTL_domain_unpause);
}

static void cmd_console(int argc, char **argv)
{
	struct guest *g = guest_find(argv[1]);

	(void)argc;
	if (g)
		prompt_attach(g);
	else
		printf("console: %s is an invalid domain identifier\n", argv[1]);
}

static void cmd_domid(int argc, char **argv)
{
	const struct guest *g = running_guest("domid", argv[1]);

	(void)argc;
	if (g)
		printf("%u\n", g->domain.domid);
}

static void cmd_domname(int argc, char **argv)
{
	const struct guest *g = running_guest("domname", argv[1]);

	(void)argc;
	if (g)
		printf("%s\n", g->config.name);
}

/* Guests' disks are closed in order before. */
static void cmd_host_poweroff(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	guests_destroy_all();
	power_off();
}

static void cmd_host_reboot(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	guests_destroy_all();
	power_reset();
}

static void cmd_help(int argc, char **argv);

static const struct command commands[] = {
	{"list", "[DOMAIN]", "the domains, their memory, vCPUs, state and time", 0, 1, cmd_list},
	{"vcpu-list", "[DOMAIN...]", "their vCPUs", 0, WORDS_MAX, cmd_vcpu_list},
	{"vcpu-pin", "DOMAIN VCPU|all CPUS|all", "the CPUs a vCPU may run on: 0-3,5,^2", 3, 3,
	 cmd_vcpu_pin},
	{"vcpu-set", "DOMAIN N", "how many vCPUs it is to use", 2, 2, cmd_vcpu_set},
	{"sched-credit", "[-d DOMAIN [-w N] [-c N]]", "shares of the CPUs", 0, WORDS_MAX,
	 cmd_sched_credit},
	{"disks", "", "the disks and their partitions", 0, 0, cmd_disks},
	{"disk-bench", "DISK read|write [-r] [-b N] [-d N] [-n N]", "how fast a disk is", 2,
	 WORDS_MAX, cmd_disk_bench},
	{"top", "[-n N]", "who uses the machine, each second", 0, 2, cmd_top},
	{"exits", "DOMAIN [VCPU]", "how often it was interrupted, and why", 1, 2, cmd_exits},
	{"info", "", "the machine", 0, 0, cmd_info},
	{"devices", "", "the machine's devices and their drivers", 0, 0, cmd_devices},
	{"dmesg", "", "the hypervisor's log", 0, 0, cmd_dmesg},
	{"console", "DOMAIN", "the guest's console; Ctrl-] leaves it", 1, 1, cmd_console},
	{"create", "FILE", "start a guest from its .cfg file", 1, 1, cmd_create},
	{"destroy", "DOMAIN", "end a domain at once", 1, 1, cmd_destroy},
	{"shutdown", "DOMAIN|-a", "ask a guest (-a: all) to power off", 1, 1, cmd_shutdown},
	{"reboot", "DOMAIN", "ask a guest to reboot", 1, 1, cmd_reboot},
	{"pause", "DOMAIN", "stop its vCPUs", 1, 1, cmd_pause},
	{"unpause", "DOMAIN", "let them go on", 1, 1, cmd_unpause},
	{"block-list", "DOMAIN...", "its disks, their states and counts", 1, WORDS_MAX,
	 cmd_block_list},
	{"block-attach", "DOMAIN SPEC...", "one more disk, as in the key disk", 2, WORDS_MAX,
	 cmd_block_attach},
	{"block-detach", "DOMAIN VDEV [--force]", "takes a disk away", 2, 3, cmd_block_detach},
	{"block-limit", "DOMAIN VDEV [bandwidth=N] [ops=N]", "shows or sets its limits", 2, 4,
	 cmd_block_limit},
	{"block-resize", "DOMAIN VDEV SIZE", "makes a disk's file larger", 3, 3, cmd_block_resize},
	{"domid", "NAME", "the number of a domain", 1, 1, cmd_domid},
	{"domname", "DOMAIN", "the name of a domain", 1, 1, cmd_domname},
	{"host-poweroff", "", "switch the machine off", 0, 0, cmd_host_poweroff},
	{"host-reboot", "", "restart the machine", 0, 0, cmd_host_reboot},
	{"help", "", "this list", 0, 0, cmd_help},
};

static void cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		printf(" %-14s %-26s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
}

static void run(char *line)
{
	char *argv[WORDS_MAX + 1] = {NULL}, *rest = line, *word;
	int argc = 0;

	while (argc < WORDS_MAX && (word = strtok_r(rest, " \t", &rest)) != NULL)
		argv[argc++] = word;
	if (argc == 0)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->name, argv[0]) != 0)
			continue;
		if (argc - 1 < c->least || argc - 1 > c->most)
			printf("usage: %s %s\n", c->name, c->arguments);
		else
			c->run(argc, argv);
		fflush(stdout);
		return;
	}
	printf("%s: no such command; 'help' lists them\n", argv[0]);
	fflush(stdout);
}

void commands_banner(void)
{
	machine_console_line("Plinth 0.1 control domain. 'help' lists the commands.");
}

/* Commands may have to wait, so each runs in a fiber. */
static void run_in_fiber(void *ctx)
{
	run(ctx);
	free(ctx);
	prompt_command_done();
}

static void start_command(char *line)
{
	char *copy = strdup(line);

	if (copy && fiber_start(run_in_fiber, copy))
		return;
	free(copy);
	machine_console_line("out of memory for a command");
	prompt_command_done();
}

void commands_init(void)
{
	prompt_init(start_command);
}
