/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node holds, and who may do what with it. */
#include <dom0/xenstore/xs_perm.h>

#include <stdlib.h>

#include <dom0/xenstore/xs_domain.h>

bool xs_perm_letter_valid(char letter)
{
	return letter == 'n' || letter == 'r' || letter == 'w' || letter == 'b';
}

static unsigned int xs_perm_mask(char letter)
{
	switch (letter) {
	case 'r':
		return XS_ACCESS_READ;
	case 'w':
		return XS_ACCESS_WRITE;
	case 'b':
		return XS_ACCESS_READ | XS_ACCESS_WRITE;
	default:
		return 0;
	}
}

/* Ids are used again, rights are not: an entry counts only if the id was not released since. */
static bool xs_perm_void(const struct xenstore *xs, const struct xs_data *data, u32 i)
{
	return i > 0 && xs_domain_void_gen(xs, data->perms[i].domid) > data->perms_gen;
}

unsigned int xs_perm_access(const struct xenstore *xs, const struct xs_domain *dom,
			    const struct xs_data *data)
{
	if (dom->privileged || data->perms[0].domid == dom->domid)
		return XS_ACCESS_READ | XS_ACCESS_WRITE | XS_ACCESS_OWNER;
	for (u32 i = 1; i < data->perm_count; i++) {
		if (data->perms[i].domid == dom->domid && !xs_perm_void(xs, data, i))
			return xs_perm_mask(data->perms[i].letter);
	}
	return xs_perm_mask(data->perms[0].letter);
}

struct xs_perm *xs_perm_copy(const struct xenstore *xs, const struct xs_data *data, u32 *count)
{
	struct xs_perm *perms = malloc(data->perm_count * sizeof(*perms));
	u32 n = 0;

	if (perms == NULL)
		return NULL;
	for (u32 i = 0; i < data->perm_count; i++) {
		if (!xs_perm_void(xs, data, i))
			perms[n++] = data->perms[i];
	}
	*count = n;
	return perms;
}

void xs_data_free(struct xs_data *data)
{
	free(data->value);
	free(data->perms);
	data->value = NULL;
	data->perms = NULL;
}
