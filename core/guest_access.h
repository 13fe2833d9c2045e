/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading and writing guest memory: by linear address through the caller's own page tables, and by
 * guest-physical address. */
#ifndef CORE_GUEST_ACCESS_H
#define CORE_GUEST_ACCESS_H

#include <core/domain.h>
#include <core/types.h>
#include <core/vcpu.h>

#define ACCESS_WRITE (1u << 1) /* as in a page fault's error code */
#define ACCESS_USER  (1u << 2)
#define ACCESS_FETCH (1u << 4)

#define FAULT_NONCANONICAL (~0u)

/* Walks v's page tables (any paging mode) as the CPU would for a supervisor access, or as `access`
 * says; SMEP and SMAP are not looked at. 0 with *out, or -XEN_EFAULT with *fault = the error code
 * of the page fault, or FAULT_NONCANONICAL (#GP or #SS then). AMD APM vol. 2, "Page Translation
 * and Protection". */
must_use int guest_walk(struct vcpu *v, gva_t at, unsigned int access, gpa_t *out, u32 *fault);

/* Copies between v's linear memory (v: the calling CPU's) and src/dst. May cross pages; n <= 64
 * KiB. 0 or -XEN_EFAULT; a part may have been copied then. */
must_use int copy_from_guest(struct vcpu *v, void *dst, gva_t src, size_t n);
must_use int copy_to_guest(struct vcpu *v, gva_t dst, const void *src, size_t n);
/* n bytes that do not cross a page, by guest-physical address in any domain: to it from buf
 * (write), or from it. 0 or -XEN_EFAULT (also if they do cross). */
must_use int copy_gpa(struct domain *d, gpa_t at, void *buf, size_t n, bool write);
/* The 8 bytes at a linear address, if a walk that was made for v under these registers led there,
 * all that it read is unchanged, and no page ends among them. For the vendor's code right after an
 * exit: no lock is needed as long as this CPU counts as in guest mode, since a flush waits for it.
 */
bool guest_peek(const struct vcpu *v, u64 at, u64 cr3, u64 cr4, u64 efer, u64 *word);
/* Up to n bytes of instructions at v's CS:RIP; *got says how many (less at an unmapped page). 0, or
 * -XEN_EFAULT with a page fault (or #GP) queued if not even one byte could be read. */
must_use int guest_fetch(struct vcpu *v, u8 *buf, size_t n, size_t *got);

#endif
