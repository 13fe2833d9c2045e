/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of CPUs. */
#include <dom0/tool/cpu_list.h>

#include <stdio.h>
#include <string.h>

static const char NO_LIST[] = "is no list of CPUs";
static const char TOO_HIGH[] = "has a CPU above 255";
static const char EMPTY[] = "has no CPU";

static const char *skip_blanks(const char *t)
{
	return t + strspn(t, " \t");
}

/* A number of any length: what is too high stays so. NULL: no digit. */
static const char *number(const char *t, unsigned int *out)
{
	t = skip_blanks(t);
	if (*t < '0' || *t > '9')
		return NULL;
	for (*out = 0; *t >= '0' && *t <= '9'; t++)
		*out = *out < CPU_LIST_CPUS ? *out * 10 + (unsigned int)(*t - '0') : CPU_LIST_CPUS;
	return skip_blanks(t);
}

static void put(struct cpu_list *list, unsigned int cpu, bool in)
{
	u64 *word = &list->bits[cpu / 64];

	*word = in ? *word | bit64(cpu) : *word & ~bit64(cpu);
}

/* One number, range or "all", with its ^; *at is behind it then. */
static const char *item(const char **at, struct cpu_list *list)
{
	const char *t = skip_blanks(*at);
	unsigned int first = 0, last = CPU_LIST_CPUS - 1;
	bool in = *t != '^';

	if (!in)
		t = skip_blanks(t + 1);
	if (strncmp(t, "all", 3) == 0) {
		t = skip_blanks(t + 3);
	} else {
		t = number(t, &first);
		last = first;
		if (t && *t == '-')
			t = number(t + 1, &last);
		if (!t || last < first)
			return NO_LIST;
		if (last >= CPU_LIST_CPUS)
			return TOO_HIGH;
	}
	for (; first <= last; first++)
		put(list, first, in);
	*at = t;
	return NULL;
}

const char *cpu_list_parse(const char *text, struct cpu_list *list)
{
	const char *wrong = NULL;

	*list = (struct cpu_list){0};
	for (;; text++) {
		wrong = item(&text, list);
		if (wrong)
			return wrong;
		if (!*text)
			return cpu_list_below(list, CPU_LIST_CPUS) ? NULL : EMPTY;
		if (*text != ',')
			return NO_LIST;
	}
}

bool cpu_list_has(const struct cpu_list *list, unsigned int cpu)
{
	return cpu < CPU_LIST_CPUS && (list->bits[cpu / 64] & bit64(cpu));
}

bool cpu_list_below(const struct cpu_list *list, unsigned int cpus)
{
	for (unsigned int i = 0; i < cpus && i < CPU_LIST_CPUS; i++)
		if (cpu_list_has(list, i))
			return true;
	return false;
}

void cpu_list_text(const struct cpu_list *list, unsigned int cpus, char text[CPU_LIST_TEXT])
{
	unsigned int count = 0;
	size_t n = 0;

	snprintf(text, CPU_LIST_TEXT, "none");
	for (unsigned int i = 0; i < cpus; i++) {
		unsigned int last = i;

		if (!cpu_list_has(list, i))
			continue;
		while (last + 1 < cpus && cpu_list_has(list, last + 1))
			last++;
		n += (size_t)snprintf(text + n, CPU_LIST_TEXT - n, n ? ",%u" : "%u", i);
		if (last > i)
			n += (size_t)snprintf(text + n, CPU_LIST_TEXT - n, "-%u", last);
		count += last - i + 1;
		i = last;
	}
	if (count && count == cpus)
		snprintf(text, CPU_LIST_TEXT, "all");
}
