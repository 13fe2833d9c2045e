/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands about disks. */
#ifndef DOM0_TOOL_BLOCK_COMMANDS_H
#define DOM0_TOOL_BLOCK_COMMANDS_H

void cmd_disks(int argc, char **argv);
void cmd_disk_bench(int argc, char **argv);

#endif
