/* SPDX-License-Identifier: BSD-2-Clause */
/* What an owner asks of a guest: the keys of xl.cfg(5) that Plinth knows, with their meaning. */
#ifndef DOM0_TOOL_GUEST_CONFIG_H
#define DOM0_TOOL_GUEST_CONFIG_H

#include <core/types.h>
#include <dom0/tool/cfg.h>
#include <dom0/tool/cpu_list.h>
#include <dom0/tool/disk_spec.h>
#include <plinth/control.h>

#define GUEST_NAME_MAX    63u
#define GUEST_VCPUS_MAX   PLINTH_MAX_VCPUS
#define GUEST_MEMORY_MAX  (1024u * 1024u) /* MiB */
#define GUEST_COMMAND_MAX 2047u           /* characters of a command line */
#define GUEST_DISKS_MAX   64u

enum guest_action { GUEST_DESTROY, GUEST_RESTART, GUEST_PRESERVE };
enum guest_console_kind { GUEST_CONSOLE_RING, GUEST_CONSOLE_LOG };

struct guest_config {
	char name[GUEST_NAME_MAX + 1];
	char *kernel;          /* file name as written */
	char *ramdisk;         /* file name, or NULL */
	char *cmdline;         /* never NULL: cmdline, or root and extra joined */
	unsigned int memory;   /* MiB at start */
	unsigned int maxmem;   /* MiB, >= memory */
	unsigned int vcpus;    /* on at start */
	unsigned int maxvcpus; /* >= vcpus: how many it has */
	unsigned int cpu_weight;
	unsigned int cap;                      /* per cent of one CPU, 0: none */
	unsigned int cpus_line;                /* 0: any CPU */
	struct cpu_list cpus[GUEST_VCPUS_MAX]; /* where each vCPU may run */
	enum guest_action on_poweroff, on_reboot, on_crash;
	bool has_uuid; /* else the caller makes one */
	u8 uuid[16];   /* in the order of its text */
	enum guest_console_kind console;
	struct disk_spec *disks; /* disk_count of them, no two with one virtual device */
	unsigned int disk_count;
	unsigned int disk_line; /* of the key, for messages */
};

/* Tells whether a file that a guest names is there. */
typedef bool (*guest_file_exists)(void *ctx, const char *name);

/* Reads a parsed file. Every key must be known and good, and the files be there (exists may be
 * NULL: not checked). 0, or -EINVAL or -ENOMEM with a line that names file, line and key; on
 * success the caller ends with guest_config_free(). */
int guest_config_read(struct guest_config *config, const struct cfg_file *file,
		      guest_file_exists exists, void *ctx, struct cfg_error *err) must_use;
void guest_config_free(struct guest_config *config);

/* "destroy", "restart", "preserve". */
const char *guest_action_name(enum guest_action action);

#endif
