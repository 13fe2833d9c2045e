/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands on the machine's devices. */
#ifndef DOM0_TOOL_DEVICE_COMMANDS_H
#define DOM0_TOOL_DEVICE_COMMANDS_H

void cmd_devices(int argc, char **argv);

#endif
