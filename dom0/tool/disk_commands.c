/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands on the disks of guests: xl's block-attach, block-detach, block-list; block-limit
 * and block-resize. */
#include <dom0/tool/disk_commands.h>

#include <stdio.h>
#include <string.h>
#include <dom0/device/devices.h>
#include <dom0/tool/guest_disks.h>
#include <dom0/tool/guest_domain.h>

#define SPEC_MAX 1024u

/* The guest with a domain, its lock taken. NULL: said so. */
static struct guest *locked_guest(const char *command, const char *what)
{
	struct guest *g = guest_find(what);

	if (g) {
		fiber_lock(&g->lock);
		if (g->has_domain)
			return g;
		fiber_unlock(&g->lock);
	}
	printf("%s: %s is an invalid domain identifier\n", command, what);
	return NULL;
}

static struct guest_disk *disk_of(const char *command, struct guest *g, const char *vdev)
{
	struct guest_disk *d = guest_disk_find(g, vdev);

	if (!d)
		printf("%s: %s has no disk %s\n", command, g->config.name, vdev);
	return d;
}

/* As xl: the words of a specification are joined with commas. */
static bool join(char *text, char **words, int count)
{
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (n + length + 2 > SPEC_MAX)
			return false;
		if (i)
			text[n++] = ',';
		memcpy(text + n, words[i], length);
		n += length;
	}
	text[n] = '\0';
	return true;
}

void cmd_block_attach(int argc, char **argv)
{
	char text[SPEC_MAX], why[BLOCK_WHY_MAX] = "it is too long";
	struct disk_spec spec;
	struct guest *g;

	if (!join(text, argv + 2, argc - 2) || disk_spec_parse(&spec, text, why)) {
		printf("block-attach: %s\n", why);
		return;
	}
	devices_settle();
	g = locked_guest("block-attach", argv[1]);
	if (g) {
		if (!guest_disk_attach(g, guest_store(), &spec, why))
			printf("block-attach: %s\n", why);
		fiber_unlock(&g->lock);
	}
	disk_spec_free(&spec);
}

void cmd_block_detach(int argc, char **argv)
{
	bool force = argc == 4 && strcmp(argv[3], "--force") == 0;
	struct guest_disk *d;
	struct guest *g;

	if (argc == 4 && !force) {
		printf("block-detach: %s is no option\n", argv[3]);
		return;
	}
	g = locked_guest("block-detach", argv[1]);
	if (!g)
		return;
	d = disk_of("block-detach", g, argv[2]);
	if (d && !guest_disk_detach(d, force))
		printf("block-detach: %s does not let go of %s (it may be mounted); --force takes "
		       "it "
		       "away\n",
		       g->config.name, argv[2]);
	fiber_unlock(&g->lock);
}

static void list_disk(const struct guest_disk *d)
{
	const struct block_device *b = block_device_of(d->use);
	struct vbd_stats s = {0};

	if (d->vbd)
		vbd_stats(d->vbd, &s);
	printf("%-6s %7u %5u %6s %9llu %9llu %9llu %6llu %6llu  %s\n", d->spec.vdev,
	       d->spec.vdev_number, d->vbd ? vbd_state(d->vbd) : 6, d->spec.write ? "w" : "r",
	       (unsigned long long)(b->sectors >> 11), (unsigned long long)s.reads,
	       (unsigned long long)s.writes, (unsigned long long)s.flushes,
	       (unsigned long long)s.errors, d->spec.target);
}

void cmd_block_list(int argc, char **argv)
{
	printf("%-6s %7s %5s %6s %9s %9s %9s %6s %6s  %s\n", "Vdev", "Handle", "State", "Access",
	       "MiB", "Reads", "Writes", "Flush", "Errors", "Target");
	for (int i = 1; i < argc; i++) {
		struct guest *g = locked_guest("block-list", argv[i]);

		if (!g)
			continue;
		for (const struct guest_disk *d = g->disks; d; d = d->next)
			list_disk(d);
		fiber_unlock(&g->lock);
	}
}

static bool set_limit(struct rate_limit *limit, const char *word)
{
	if (strncmp(word, "bandwidth=", 10) == 0)
		return disk_rate_parse(&limit->bandwidth, word + 10);
	if (strncmp(word, "ops=", 4) == 0)
		return disk_rate_parse(&limit->ops, word + 4);
	return false;
}

static void print_bucket(const char *name, const struct token_bucket *b)
{
	if (b->size)
		printf("%s=%llu/%llu/%llu\n", name, (unsigned long long)b->size,
		       (unsigned long long)b->refill_time, (unsigned long long)b->one_time_burst);
	else
		printf("%s=0 (no limit)\n", name);
}

void cmd_block_limit(int argc, char **argv)
{
	struct guest *g = locked_guest("block-limit", argv[1]);
	struct guest_disk *d = g ? disk_of("block-limit", g, argv[2]) : NULL;
	struct rate_limit limit;

	if (d) {
		limit = d->spec.limit;
		for (int i = 3; i < argc; i++)
			if (!set_limit(&limit, argv[i])) {
				printf("block-limit: %s is not bandwidth=SIZE[/MS[/BURST]] or "
				       "ops=COUNT[/MS[/BURST]]\n",
				       argv[i]);
				d = NULL;
				break;
			}
	}
	if (d && argc > 3) {
		if (d->vbd && vbd_set_limits(d->vbd, &limit))
			d->spec.limit = limit;
		else
			printf("block-limit: these numbers are out of range\n");
	} else if (d) {
		print_bucket("bandwidth", &limit.bandwidth);
		print_bucket("ops", &limit.ops);
	}
	if (g)
		fiber_unlock(&g->lock);
}

void cmd_block_resize(int argc, char **argv)
{
	struct guest *g = locked_guest("block-resize", argv[1]);
	struct guest_disk *d = g ? disk_of("block-resize", g, argv[2]) : NULL;
	char why[BLOCK_WHY_MAX];
	u64 bytes;

	(void)argc;
	if (d && !disk_size_parse(&bytes, argv[3]))
		printf("block-resize: '%s' is no size in bytes, K, M, G or T\n", argv[3]);
	else if (d && block_grow(d->use, bytes, why))
		printf("block-resize: %s\n", why);
	if (g)
		fiber_unlock(&g->lock);
}
