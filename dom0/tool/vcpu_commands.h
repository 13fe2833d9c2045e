/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands on scheduling and vCPUs: xl's options and columns. */
#ifndef DOM0_TOOL_VCPU_COMMANDS_H
#define DOM0_TOOL_VCPU_COMMANDS_H

void cmd_sched_credit(int argc, char **argv);
void cmd_vcpu_list(int argc, char **argv);
void cmd_vcpu_pin(int argc, char **argv);
void cmd_vcpu_set(int argc, char **argv);
void cmd_exits(int argc, char **argv);

#endif
