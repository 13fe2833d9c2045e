/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin for QEMU: counts the hypervisor's instructions between two RDTSC of a test guest, one
 * table for each pair of places. Argument: out=FILE. Under -icount with one CPU, so no locks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* The hypervisor's code, and where test guests lie. */
#define TEXT_FIRST  0xFFFFFFFF80200000ul
#define TEXT_SIZE   0x60000u
#define GUEST_FIRST 0x100000u
#define GUEST_END   0x200000u
#define PLACES_MAX  256u
#define TOTALS_MAX  51u /* bench.c: ROUNDS; the first ones are enough to know an operation again */

static struct place {
	uint64_t from, at, stretches, guest, totals[TOTALS_MAX], count[TEXT_SIZE];
} * places[PLACES_MAX];
static uint64_t now[TEXT_SIZE], now_all, guest_now, last;
static unsigned int places_used;
static char out[512];

static struct place *place_at(uint64_t at)
{
	unsigned int i;

	for (i = 0; i < places_used; i++)
		if (places[i]->at == at && places[i]->from == last)
			return places[i];
	if (places_used == PLACES_MAX || !(places[places_used] = calloc(1, sizeof(struct place))))
		return NULL;
	places[places_used]->at = at;
	places[places_used]->from = last;
	return places[places_used++];
}

static void executed(unsigned int cpu, void *data)
{
	uint64_t at = (uint64_t)(uintptr_t)data;

	(void)cpu;
	now_all++;
	if (at - TEXT_FIRST < TEXT_SIZE)
		now[at - TEXT_FIRST]++;
	else
		guest_now++;
}

static void stretch_ends(unsigned int cpu, void *data)
{
	struct place *p = place_at((uint64_t)(uintptr_t)data);

	(void)cpu;
	if (p) {
		if (p->stretches < TOTALS_MAX)
			p->totals[p->stretches] = now_all;
		p->stretches++;
		p->guest += guest_now;
		for (unsigned int i = 0; i < TEXT_SIZE; i++)
			p->count[i] += now[i];
	}
	memset(now, 0, sizeof(now));
	now_all = guest_now = 0;
	last = (uint64_t)(uintptr_t)data;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(struct place *p)
{
	uint64_t n = p->stretches < TOTALS_MAX ? p->stretches : TOTALS_MAX;

	qsort(p->totals, n, sizeof(p->totals[0]), compare);
	return p->totals[n / 2];
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t at = qemu_plugin_insn_vaddr(insn);
		int ends = at >= GUEST_FIRST && at < GUEST_END &&
			   qemu_plugin_insn_size(insn) == 2 &&
			   memcmp(qemu_plugin_insn_data(insn), "\x0F\x31", 2) == 0;

		qemu_plugin_register_vcpu_insn_exec_cb(insn, ends ? stretch_ends : executed, 0,
						       (void *)(uintptr_t)at);
	}
}

static void write_out(uint64_t id, void *data)
{
	FILE *f = fopen(out, "w");

	(void)id;
	(void)data;
	if (!f)
		return;
	for (unsigned int p = 0; p < places_used; p++) {
		fprintf(f, "place %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", places[p]->at,
			places[p]->stretches, places[p]->guest, median(places[p]));
		for (unsigned int i = 0; i < TEXT_SIZE; i++)
			if (places[p]->count[i])
				fprintf(f, "%" PRIx64 " %" PRIu64 "\n", TEXT_FIRST + i,
					places[p]->count[i]);
	}
	fclose(f);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "out=", 4) == 0)
			snprintf(out, sizeof(out), "%s", argv[i] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, write_out, NULL);
	return out[0] ? 0 : -1;
}
