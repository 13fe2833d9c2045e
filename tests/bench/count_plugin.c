/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin for QEMU: counts executed instructions by where they lie, and world switches. Between a
 * place that mark.h makes with the number 1 and the next with the number 2 it writes one record:
 * the totals, then each place of the hypervisor and of the control domain with its count.
 * Argument: out=FILE. A block of code that is left in its middle counts as a whole; that is rare.
 * With one CPU, so no locks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"
#include "plugin.h"

/* The control domain's code and the hypervisor's: dom0/entry, linker.ld. */
#define CONTROL_FIRST 0xFFFFFFFF80000000ul
#define TEXT_FIRST    0xFFFFFFFF80200000ul
#define TEXT_END      0xFFFFFFFF80260000ul
#define PLACES        (TEXT_END - CONTROL_FIRST)

static uint64_t count[PLACES], in_guest;
static uint64_t to_guest, to_control; /* world switches, by who runs next */
static int entered, counting;
static FILE *out;

static void switched(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	entered = 1;
}

static void left_hypervisor(unsigned int cpu, void *is_control)
{
	(void)cpu;
	if (!entered)
		return;
	entered = 0;
	if (is_control)
		to_control++;
	else
		to_guest++;
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	memset(count, 0, sizeof(count));
	in_guest = to_guest = to_control = 0;
	counting = 1;
}

static void end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (!counting)
		return;
	counting = 0;
	fprintf(out, "record %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", in_guest, to_guest,
		to_control);
	for (uint64_t i = 0; i < PLACES; i++)
		if (count[i])
			fprintf(out, "%" PRIx64 " %" PRIu64 "\n", CONTROL_FIRST + i, count[i]);
	fflush(out);
}

static void look_for_marks(struct qemu_plugin_insn *insn)
{
	static const unsigned char nop[] = {0x0F, 0x1F, 0x80, 0, 0x42, 0x50, 0x4C};
	const unsigned char *b = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != sizeof(nop) || memcmp(b, nop, 3) != 0 ||
	    memcmp(b + 4, nop + 4, 3) != 0)
		return;
	if (b[3] == BENCH_BEGIN || b[3] == BENCH_END)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, b[3] == BENCH_BEGIN ? begin : end, 0,
						       NULL);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	uint64_t first = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	int hypervisor = first >= TEXT_FIRST && first < TEXT_END;
	int control = first >= CONTROL_FIRST && first < TEXT_FIRST;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(
		tb, QEMU_PLUGIN_INLINE_ADD_U64,
		hypervisor || control ? &count[first - CONTROL_FIRST] : &in_guest, n);
	if (!hypervisor)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, left_hypervisor, 0,
						     (void *)(uintptr_t)control);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (!hypervisor)
			look_for_marks(insn);
		else if (qemu_plugin_insn_size(insn) == 3 &&
			 memcmp(qemu_plugin_insn_data(insn), "\x0F\x01\xD8", 3) == 0) /* VMRUN */
			qemu_plugin_register_vcpu_insn_exec_cb(insn, switched, 0, NULL);
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
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "out=", 4) == 0)
			out = fopen(argv[i] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, close_out, NULL);
	return 0;
}
