/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of each CPU, and what handles exits. */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include <core/vcpu.h>

noreturn_fn void run_loop(void);

/* Makes v's next entry deliver what is due: NMI, upcall, virtual APIC, or asks for a window. */
void deliver_events(struct vcpu *v);

void exit_handle(struct vcpu *v, const struct hvm_exit *exit);       /* core/exit.c */
void port_io_exit(struct vcpu *v, const struct hvm_exit *exit);      /* core/port_io.c */
void nested_fault_exit(struct vcpu *v, const struct hvm_exit *exit); /* core/nested_fault.c */
/* Where the intercepted instruction's access to [at, at + width) begins, with the rights it has at
 * its CPL; width 1..8. false: one of its pages faults, which is queued. */
must_use bool access_walk(struct vcpu *v, gva_t at, unsigned int width, bool write, gpa_t *out);
u64 segment_base(struct vcpu *v, u8 segment); /* 0 where 64-bit code ignores it */
/* A string instruction's pointer or counter of so many address bytes. */
void string_advance(u64 *reg, u64 by, unsigned int address_bytes);

#endif
