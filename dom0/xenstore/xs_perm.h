/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node holds, and who may do what with it. */
#ifndef DOM0_XENSTORE_XS_PERM_H
#define DOM0_XENSTORE_XS_PERM_H

#include <dom0/xenstore/xs_internal.h>

struct xs_data {
	u8 *value;
	struct xs_perm *perms; /* at least one: the owner */
	u32 value_len;
	u32 perm_count;
	u64 perms_gen; /* entries for domains released since then are void */
};

#define XS_ACCESS_READ  1u
#define XS_ACCESS_WRITE 2u
#define XS_ACCESS_OWNER 4u

/* What the client may do: a mask of XS_ACCESS. */
unsigned int xs_perm_access(const struct xenstore *xs, const struct xs_domain *dom,
			    const struct xs_data *data);
/* A malloc'ed copy of the list without void entries; NULL when out of memory. */
struct xs_perm *xs_perm_copy(const struct xenstore *xs, const struct xs_data *data,
			     u32 *count) must_use;
/* True if the letter is one of n r w b. */
bool xs_perm_letter_valid(char letter);
void xs_data_free(struct xs_data *data);

#endif
