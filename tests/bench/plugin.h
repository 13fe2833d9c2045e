/* SPDX-License-Identifier: BSD-2-Clause */
/* What the plugins for QEMU need of its interface "TCG Plugins", version 1; Debian ships no header
 * of it. Included by one file of each plugin. */
#ifndef TESTS_BENCH_PLUGIN_H
#define TESTS_BENCH_PLUGIN_H

#include <inttypes.h>
#include <stddef.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void insn_fn(unsigned int cpu, void *data);
typedef void tb_fn(uint64_t id, struct qemu_plugin_tb *tb);

#define QEMU_PLUGIN_INLINE_ADD_U64 0

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_fn *fn);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, insn_fn *fn,
						   int flags, void *data);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, insn_fn *fn, int flags,
						 void *data);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *ptr,
						     uint64_t add);
extern void qemu_plugin_register_atexit_cb(uint64_t id, void (*fn)(uint64_t id, void *data),
					   void *data);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

#endif
