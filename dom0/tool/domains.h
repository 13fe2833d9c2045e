/* SPDX-License-Identifier: BSD-2-Clause */
/* What several commands want to know of domains: which there are, by what name, in what state. */
#ifndef DOM0_TOOL_DOMAINS_H
#define DOM0_TOOL_DOMAINS_H

#include <core/types.h>
#include <plinth/control.h>

/* The domain with the lowest id from *from up, which is moved behind it. false: no more. */
must_use bool domain_next(u32 *from, struct plinth_ctl_domain_info *info);
/* The domain of that name or id, the control domain ("Domain-0") too. false: there is none, and
 * command has said so. */
must_use bool domain_named(const char *command, const char *what,
			   struct plinth_ctl_domain_info *info);
/* xl's letters, a place for each: running, blocked, paused, shut down, crashed, dying. */
void domain_state(const struct plinth_ctl_domain_info *info, char text[7]);

/* All decimal digits, and at most max. */
must_use bool argument_number(const char *text, u32 max, u32 *out);

#endif
