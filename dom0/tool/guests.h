/* SPDX-License-Identifier: BSD-2-Clause */
/* The guests of this machine: from configuration files to running domains and back. */
#ifndef DOM0_TOOL_GUESTS_H
#define DOM0_TOOL_GUESTS_H

#include <core/types.h>
#include <dom0/builder/build.h>
#include <dom0/console/guest_console.h>
#include <dom0/entry/modules.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>
#include <dom0/tool/guest_config.h>

/* One configuration that was ever started, and its domain while there is one. */
struct guest {
	struct guest *next;
	struct guest_config config;
	const struct module *file;
	struct guest_console console; /* outlives the domain */
	bool has_domain;
	bool shut_down; /* preserved after its end */
	struct built_domain domain;
	evtchn_port_t console_port, store_port; /* our ends */
	struct loop_work store_work;
	struct fiber_mutex lock; /* who starts, ends or changes it holds this */
	bool ending;             /* it shut down, and a fiber sees to that */
	struct guest_disk *disks;
};

void guests_init(void);
/* Every *.cfg among the modules, in order of file name. Trouble with one is a line of the log. From
 * a fiber, as all of these three. */
void guests_start_all(void);
/* Reads the configuration again and starts it. Returns false after saying why not. */
bool guest_create(const struct module *file);
void guest_destroy(struct guest *g);
void guests_destroy_all(void);
/* Writes control/shutdown: "poweroff", "reboot". false if the guest does not listen to it. */
must_use bool guest_request_shutdown(struct guest *g, const char *how);

/* Tells the guest through xenstore to use its first n vCPUs, 1..maxvcpus. false: out of memory. */
must_use bool guest_set_vcpus(struct guest *g, unsigned int n);

/* By name, file name, file name without ".cfg", or domain id; NULL if there is none. */
struct guest *guest_find(const char *what);
struct guest *guest_first(void); /* then ->next */
/* A configuration file among the modules, by its name with or without ".cfg". */
const struct module *guest_file(const char *what);

#endif
