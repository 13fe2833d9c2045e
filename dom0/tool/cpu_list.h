/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of CPUs as xl writes them: "all", "0-3,5,^2". */
#ifndef DOM0_TOOL_CPU_LIST_H
#define DOM0_TOOL_CPU_LIST_H

#include <stddef.h>
#include <core/types.h>

#define CPU_LIST_CPUS 256u
#define CPU_LIST_TEXT 1024u /* room for any list as text */

struct cpu_list {
	u64 bits[CPU_LIST_CPUS / 64];
};

/* Numbers and ranges, added from left to right; ^ takes out what follows it. NULL, or what is wrong
 * with the text: "is no list of CPUs", "has no CPU", "has a CPU above 255". */
const char *cpu_list_parse(const char *text, struct cpu_list *list) must_use;
/* Writes the list for a machine of so many CPUs: "all" if it has each of them, "none". */
void cpu_list_text(const struct cpu_list *list, unsigned int cpus, char text[CPU_LIST_TEXT]);
bool cpu_list_has(const struct cpu_list *list, unsigned int cpu);
/* Has it one of the first so many? */
bool cpu_list_below(const struct cpu_list *list, unsigned int cpus);

#endif
