/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's domain: built, joined to xenstore, console and disks, let go, and taken down. */
#ifndef DOM0_TOOL_GUEST_DOMAIN_H
#define DOM0_TOOL_GUEST_DOMAIN_H

#include <dom0/tool/guests.h>

/* Starts xenstore. hash_seed: what guests cannot guess. */
void guest_domain_init(u64 hash_seed);
struct xenstore *guest_store(void);
/* Only from a fiber that holds g->lock. false: it has said why not, and nothing is left. */
bool guest_domain_start(struct guest *g);
void guest_domain_destroy(struct guest *g);

#endif
