/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands on the disks of guests. */
#ifndef DOM0_TOOL_DISK_COMMANDS_H
#define DOM0_TOOL_DISK_COMMANDS_H

void cmd_block_attach(int argc, char **argv);
void cmd_block_detach(int argc, char **argv);
void cmd_block_list(int argc, char **argv);
void cmd_block_limit(int argc, char **argv);
void cmd_block_resize(int argc, char **argv);

#endif
