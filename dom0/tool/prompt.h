/* SPDX-License-Identifier: BSD-2-Clause */
/* Line editing, and handing the terminal over to a guest. */
#ifndef DOM0_TOOL_PROMPT_H
#define DOM0_TOOL_PROMPT_H

#include <dom0/tool/guests.h>

/* run gets each line typed; it may cut it up, but not keep it. The prompt comes back, and what was
 * typed meanwhile is read, when the command is done: maybe before run returns. */
void prompt_init(void (*run)(char *line));
void prompt_command_done(void);
/* The terminal belongs to g until Ctrl-] or its end. */
void prompt_attach(struct guest *g);
/* Typed characters go to key, and the prompt stays away, until it is given back. */
void prompt_lend(void (*key)(char c));
void prompt_give_back(void);
/* Some guest's domain is gone: if its terminal is shown, the prompt comes back. */
void prompt_guest_ended(void);

#endif
