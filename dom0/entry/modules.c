/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that came along as boot modules. */
#include <dom0/entry/modules.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/entry/panic.h>
#include <dom0/entry/paging.h>

static struct module *modules;
static unsigned int count;

static char *copy_text(const char *text, size_t n)
{
	char *copy = malloc(n + 1);

	if (!copy)
		panic("out of memory for the module list");
	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

void modules_init(const struct hvm_start_info *s)
{
	const struct hvm_modlist_entry *list = paging_reach(gpa(s->modlist_paddr), PAGE_SIZE);

	count = s->nr_modules;
	modules = calloc(count ? count : 1, sizeof(*modules));
	if (!modules || !list)
		panic("out of memory for the module list");
	for (unsigned int i = 0; i < count; i++) {
		const char *line = (const char *)(uintptr_t)list[i].cmdline_paddr;
		size_t name = strcspn(line, " ");

		modules[i] = (struct module){.name = copy_text(line, name),
					     .options = copy_text(line + name, strlen(line + name)),
					     .data = paging_reach(gpa(list[i].paddr), list[i].size),
					     .size = list[i].size};
	}
}

unsigned int modules_count(void)
{
	return count;
}

const struct module *module_at(unsigned int i)
{
	return &modules[i];
}

const struct module *module_find(const char *name)
{
	for (unsigned int i = 1; i < count; i++)
		if (strcmp(modules[i].name, name) == 0)
			return &modules[i];
	return NULL;
}

bool module_option(const char *key, char *value, size_t size)
{
	const char *at = count ? modules[0].options : "";
	size_t key_length = strlen(key);

	while (*(at += strspn(at, " "))) {
		size_t n = strcspn(at, " ");

		if (n > key_length && at[key_length] == '=' && strncmp(at, key, key_length) == 0) {
			size_t length = n - key_length - 1;

			if (length >= size)
				length = size - 1;
			memcpy(value, at + key_length + 1, length);
			value[length] = '\0';
			return true;
		}
		at += n;
	}
	return false;
}
