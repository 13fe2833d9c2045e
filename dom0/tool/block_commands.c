/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands about disks: which there are, and how fast they are for the control domain itself.
 */
#include <dom0/tool/block_commands.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/block/block.h>
#include <dom0/tool/disk_bench.h>
#include <dom0/tool/domains.h>

#define BYTES_MAX (4u << 20)
#define DEPTH_MAX 256u

static const char *const write_word = "write-destroys-data";

void cmd_disks(int argc, char **argv)
{
	struct block_info d;

	(void)argc;
	(void)argv;
	printf("%-16s %10s %6s %3s  %-16s %s\n", "Name", "Size(MiB)", "Sector", "RO", "Label",
	       "In use by");
	for (unsigned int i = 0; block_list(i, &d); i++)
		printf("%-16s %10llu %6u %3s  %-16s %s%s\n", d.name,
		       (unsigned long long)(d.device->sectors >> 11), d.device->sector_size,
		       d.device->read_only ? "yes" : "no", *d.label ? d.label : "-",
		       d.holder ? d.holder : "-", d.held_for_writing ? " (writing)" : "");
}

/* Takes the option at argv[0]; returns the words used, 0: it is wrong. */
static int take_bench_option(struct disk_bench *b, char **argv, bool *confirmed)
{
	u32 *number = NULL, most = ~0u;

	if (strcmp(argv[0], "-r") == 0) {
		b->random = true;
		return 1;
	}
	if (strcmp(argv[0], write_word) == 0) {
		*confirmed = true;
		return 1;
	}
	if (strcmp(argv[0], "-b") == 0) {
		number = &b->bytes;
		most = BYTES_MAX;
	} else if (strcmp(argv[0], "-d") == 0) {
		number = &b->depth;
		most = DEPTH_MAX;
	} else if (strcmp(argv[0], "-n") == 0) {
		number = &b->count;
	}
	if (!number || !argv[1] || !argument_number(argv[1], most, number) || !*number)
		return 0;
	return 2;
}

void cmd_disk_bench(int argc, char **argv)
{
	struct disk_bench b = {.bytes = 4096, .depth = 1, .count = 1000};
	bool confirmed = false;

	snprintf(b.device, sizeof(b.device), "%s", argv[1]);
	b.write = strcmp(argv[2], "write") == 0;
	if (!b.write && strcmp(argv[2], "read") != 0) {
		printf("disk-bench: either read or write, not %s\n", argv[2]);
		return;
	}
	for (int i = 3, used; i < argc; i += used) {
		used = take_bench_option(&b, &argv[i], &confirmed);
		if (!used) {
			printf("disk-bench: %s is no option of it, or its number is wrong (-b up "
			       "to "
			       "%u, -d up to %u)\n",
			       argv[i], BYTES_MAX, DEPTH_MAX);
			return;
		}
	}
	if (b.write && !confirmed)
		printf("disk-bench: what is on %s will be lost: say %s too\n", argv[1], write_word);
	else if (!disk_bench_start(&b))
		printf("disk-bench: another one is still running, or out of memory\n");
}
