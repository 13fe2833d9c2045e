/* SPDX-License-Identifier: BSD-2-Clause */
/* The prompt on the machine's console and its commands: xl's verbs. */
#ifndef DOM0_TOOL_COMMANDS_H
#define DOM0_TOOL_COMMANDS_H

void commands_banner(void);
/* Shows the prompt; from now on typed lines are commands. */
void commands_init(void);

#endif
