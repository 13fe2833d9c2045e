/* SPDX-License-Identifier: BSD-2-Clause */
/* Table of domains, and what each is charged for. */
#ifndef DOM0_XENSTORE_XS_DOMAIN_H
#define DOM0_XENSTORE_XS_DOMAIN_H

#include <dom0/xenstore/xs_internal.h>

struct xs_domain *xs_domain_find(const struct xenstore *xs, domid_t domid);
/* Finds or makes it. NULL: out of memory, or no such id. */
struct xs_domain *xs_domain_get(struct xenstore *xs, domid_t domid) must_use;
/* Frees it if it is neither introduced nor owner of anything. */
void xs_domain_put(struct xenstore *xs, struct xs_domain *dom);
/* The generation of the id's last release, 0 if there was none. */
u64 xs_domain_void_gen(const struct xenstore *xs, domid_t domid);
/* Ends its watches, transactions and queued events. */
void xs_domain_reset(struct xenstore *xs, struct xs_domain *dom);

/* Working memory of watches and transactions. -ENOSPC beyond the quota. */
int xs_domain_charge(struct xs_domain *dom, size_t bytes) must_use;
void xs_domain_uncharge(struct xs_domain *dom, size_t bytes);

/* The domain has output: xs_domain_flush will move it on. */
void xs_domain_mark_dirty(struct xenstore *xs, struct xs_domain *dom);
/* Moves output into rings and notifies; the end of every call from outside. */
void xs_domain_flush(struct xenstore *xs);

#endif
