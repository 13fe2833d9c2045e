/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that came along as boot modules. */
#ifndef DOM0_ENTRY_MODULES_H
#define DOM0_ENTRY_MODULES_H

#include <core/types.h>
#include <xen/start_info.h>

struct module {
	const char *name;    /* the first word of the module's command line */
	const char *options; /* the rest */
	const void *data;
	u64 size;
};

void modules_init(const struct hvm_start_info *s);
unsigned int modules_count(void);
const struct module *module_at(unsigned int i);
/* By name; NULL if there is none. Module 0 (the control domain itself) is not found. */
const struct module *module_find(const char *name);
/* The control domain's own options: the value of "key=value" in module 0's command line, copied to
 * value; false if it is not there. */
bool module_option(const char *key, char *value, size_t size);

#endif
