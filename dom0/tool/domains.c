/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains as commands see them. */
#include <dom0/tool/domains.h>

#include <stdio.h>
#include <string.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/tool/guests.h>

bool domain_next(u32 *from, struct plinth_ctl_domain_info *info)
{
	while (*from < DOMID_FIRST_RESERVED) {
		struct plinth_control c = {.u.info = {.domid = (domid_t)*from}};

		if (control_op(&c, PLINTH_CTL_domain_info))
			return false;
		*info = c.u.info;
		*from = info->domid + 1u;
		if (!(info->flags & PLINTH_DOM_scratch))
			return true;
	}
	return false;
}

bool domain_named(const char *command, const char *what, struct plinth_ctl_domain_info *info)
{
	const struct guest *g = guest_find(what);
	u32 from = g ? g->domain.domid : 0;

	if (((g && g->has_domain) || (!g && !strcmp(what, "0")) || !strcmp(what, "Domain-0")) &&
	    domain_next(&from, info) && info->domid == (g ? g->domain.domid : 0))
		return true;
	printf("%s: %s is an invalid domain identifier\n", command, what);
	return false;
}

void domain_state(const struct plinth_ctl_domain_info *i, char text[7])
{
	bool shut = i->flags & PLINTH_DOM_shutdown;
	bool crashed = shut && (i->shutdown_reason == SHUTDOWN_crash ||
				i->shutdown_reason == SHUTDOWN_watchdog);
	const bool on[] = {i->flags & PLINTH_DOM_running,
			   !shut && (i->flags & PLINTH_DOM_blocked),
			   i->flags & PLINTH_DOM_paused,
			   shut && !crashed,
			   crashed,
			   i->flags & PLINTH_DOM_dying};

	memcpy(text, "rbpscd", 7);
	for (unsigned int n = 0; n < ARRAY_SIZE(on); n++)
		if (!on[n])
			text[n] = '-';
}

bool argument_number(const char *text, u32 max, u32 *out)
{
	u64 n = 0;

	for (const char *t = text; *t; t++) {
		if (*t < '0' || *t > '9')
			return false;
		n = n * 10 + (u64)(*t - '0');
		if (n > max)
			return false;
	}
	*out = (u32)n;
	return *text != '\0';
}
