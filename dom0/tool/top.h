/* SPDX-License-Identifier: BSD-2-Clause */
/* The command top: a screen of domains, refreshed each second. */
#ifndef DOM0_TOOL_TOP_H
#define DOM0_TOOL_TOP_H

void cmd_top(int argc, char **argv);

#endif
