/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin for QEMU: writes which of some of the hypervisor's instructions ran, one byte for each
 * time: the instruction's number; and behind the number of VMRUN, 255 if the guest's first
 * instruction then is one of the control domain, 254 if not.
 * Arguments: out=FILE, at=ADDRESS (hexadecimal) for each; the first is VMRUN. With one CPU, so no
 * locks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* The control domain's code and the hypervisor's: dom0/entry, linker.ld. */
#define CONTROL_FIRST 0xFFFFFFFF80000000ull
#define TEXT_FIRST    0xFFFFFFFF80200000ull
#define TEXT_END      0xFFFFFFFF80260000ull
#define MARKS_MAX     250u
#define IS_CONTROL    255u
#define IS_GUEST      254u

static uint64_t marks[MARKS_MAX];
static unsigned int used;
static int entered;
static FILE *out;

static void marked(unsigned int cpu, void *data)
{
	(void)cpu;
	putc((int)(uintptr_t)data, out);
	if (!data)
		entered = 1;
}

static void in_guest(unsigned int cpu, void *data)
{
	(void)cpu;
	if (entered)
		putc((int)(uintptr_t)data, out);
	entered = 0;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	uint64_t first = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));

	(void)id;
	if (first < TEXT_FIRST || first >= TEXT_END) {
		uintptr_t whose =
			first >= CONTROL_FIRST && first < TEXT_FIRST ? IS_CONTROL : IS_GUEST;

		qemu_plugin_register_vcpu_tb_exec_cb(tb, in_guest, 0, (void *)whose);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		for (uintptr_t m = 0; m < used; m++)
			if (marks[m] == qemu_plugin_insn_vaddr(insn))
				qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, 0, (void *)m);
	}
}

static void close_out(uint64_t id, void *data)
{
	(void)id;
	(void)data;
	fclose(out);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4) == 0)
			out = fopen(argv[i] + 4, "wb");
		else if (strncmp(argv[i], "at=", 3) == 0 && used < MARKS_MAX)
			marks[used++] = strtoull(argv[i] + 3, NULL, 16);
		else
			return -1;
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, close_out, NULL);
	return 0;
}
