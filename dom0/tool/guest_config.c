/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of known keys, and a guest's configuration out of a parsed file. */
#include <dom0/tool/guest_config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Defaults of xl.cfg(5). */
#define MEMORY_DEFAULT 32u
#define WEIGHT_DEFAULT 256u
#define WEIGHT_MAX     65535u

struct reader {
	struct guest_config *config;
	const struct cfg_file *file;
	guest_file_exists exists;
	void *ctx;
	const char *root, *extra, *cmdline; /* the settings' texts */
	bool type_seen;
	struct cfg_error *err;
};

/* One line about setting s. */
#define FAIL(r, s, ...) cfg_fail((r)->err, (r)->file->name, (s)->value.line, (s)->key, __VA_ARGS__)

typedef int (*key_reader)(struct reader *r, const struct cfg_setting *s);

/* xl takes a number for a string as well; only a list is none. */
static int need_text(struct reader *r, const struct cfg_setting *s)
{
	if (s->value.type == CFG_LIST)
		return FAIL(r, s, "must be a string, not a list");
	return 0;
}

static int need_number(struct reader *r, const struct cfg_setting *s, unsigned int min,
		       unsigned int max, unsigned int *out)
{
	s64 n;

	if (cfg_number(&s->value, &n))
		return FAIL(r, s, "must be a number");
	if (n < min || n > max)
		return FAIL(r, s, "%" PRId64 " is not between %u and %u", n, min, max);
	*out = (unsigned int)n;
	return 0;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_-.+", c));
}

/* A name stands in xenstore paths and log lines; digits alone would be taken for a domain id. */
static int read_name(struct reader *r, const struct cfg_setting *s)
{
	const char *t = s->value.text;
	size_t i, len, digits = 0;

	if (need_text(r, s))
		return -EINVAL;
	len = strlen(t);
	if (len == 0 || len > GUEST_NAME_MAX)
		return FAIL(r, s, "must have 1 to %u characters", GUEST_NAME_MAX);
	for (i = 0; i < len; i++) {
		if (!name_char(t[i]))
			return FAIL(r, s, "only letters, digits and _ - . + are allowed");
		digits += t[i] >= '0' && t[i] <= '9';
	}
	if (digits == len)
		return FAIL(r, s, "must not be a number");
	memcpy(r->config->name, t, len + 1);
	return 0;
}

static int read_type(struct reader *r, const struct cfg_setting *s)
{
	if (need_text(r, s))
		return -EINVAL;
	if (strcmp(s->value.text, "pvh") != 0)
		return FAIL(r, s, "is '%s', only \"pvh\" is supported", s->value.text);
	r->type_seen = true;
	return 0;
}

static int copy_file_name(struct reader *r, const struct cfg_setting *s, char **out)
{
	const char *t = s->value.text;

	if (need_text(r, s))
		return -EINVAL;
	if (!*t)
		return FAIL(r, s, "must name a file");
	if (r->exists && !r->exists(r->ctx, t))
		return FAIL(r, s, "there is no file '%s'", t);
	free(*out);
	*out = strdup(t);
	return *out ? 0 : -ENOMEM;
}

static int read_kernel(struct reader *r, const struct cfg_setting *s)
{
	return copy_file_name(r, s, &r->config->kernel);
}

static int read_ramdisk(struct reader *r, const struct cfg_setting *s)
{
	return copy_file_name(r, s, &r->config->ramdisk);
}

/* Notes the text of a part of the command line; they are joined at the end. */
static int note_text(struct reader *r, const struct cfg_setting *s, const char **out)
{
	if (need_text(r, s))
		return -EINVAL;
	if (strlen(s->value.text) > GUEST_COMMAND_MAX)
		return FAIL(r, s, "is longer than %u characters", GUEST_COMMAND_MAX);
	*out = s->value.text;
	return 0;
}

static int read_cmdline(struct reader *r, const struct cfg_setting *s)
{
	return note_text(r, s, &r->cmdline);
}

static int read_root(struct reader *r, const struct cfg_setting *s)
{
	return note_text(r, s, &r->root);
}

static int read_extra(struct reader *r, const struct cfg_setting *s)
{
	return note_text(r, s, &r->extra);
}

static int read_memory(struct reader *r, const struct cfg_setting *s)
{
	return need_number(r, s, 1, GUEST_MEMORY_MAX, &r->config->memory);
}

static int read_maxmem(struct reader *r, const struct cfg_setting *s)
{
	return need_number(r, s, 1, GUEST_MEMORY_MAX, &r->config->maxmem);
}

static int read_vcpus(struct reader *r, const struct cfg_setting *s)
{
	return need_number(r, s, 1, GUEST_VCPUS_MAX, &r->config->vcpus);
}

static int read_maxvcpus(struct reader *r, const struct cfg_setting *s)
{
	return need_number(r, s, 1, GUEST_VCPUS_MAX, &r->config->maxvcpus);
}

static int read_cpu_weight(struct reader *r, const struct cfg_setting *s)
{
	return need_number(r, s, 1, WEIGHT_MAX, &r->config->cpu_weight);
}

static int read_cap(struct reader *r, const struct cfg_setting *s)
{
	return need_number(r, s, 0, 100 * GUEST_VCPUS_MAX, &r->config->cap);
}

/* One list for all vCPUs, or one for each, as in xl: those without run anywhere, and lists beyond
 * the last vCPU mean nothing. */
static int read_cpus(struct reader *r, const struct cfg_setting *s)
{
	const struct cfg_value *v = &s->value;
	bool each = v->type == CFG_LIST;

	memset(r->config->cpus, 0xFF, sizeof(r->config->cpus));
	for (unsigned int i = 0; i < GUEST_VCPUS_MAX && (!each || i < v->item_count); i++) {
		const char *text = each ? v->items[i].text : v->text, *wrong;

		if (!text)
			return FAIL(r, s, "must be a string or a list of strings");
		wrong = cpu_list_parse(text, &r->config->cpus[i]);
		if (wrong)
			return FAIL(r, s, "'%s' %s", text, wrong);
	}
	r->config->cpus_line = v->line;
	return 0;
}

static const char *const action_names[] = {
	[GUEST_DESTROY] = "destroy",
	[GUEST_RESTART] = "restart",
	[GUEST_PRESERVE] = "preserve",
};

const char *guest_action_name(enum guest_action action)
{
	return action_names[action];
}

static int read_action(struct reader *r, const struct cfg_setting *s, enum guest_action *out)
{
	static const char *const xl_only[] = {"rename-restart", "coredump-destroy",
					      "coredump-restart", "soft-reset"};
	unsigned int i;

	if (need_text(r, s))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(action_names); i++)
		if (strcmp(s->value.text, action_names[i]) == 0) {
			*out = (enum guest_action)i;
			return 0;
		}
	for (i = 0; i < ARRAY_SIZE(xl_only); i++)
		if (strcmp(s->value.text, xl_only[i]) == 0)
			return FAIL(r, s, "'%s' is not supported", xl_only[i]);
	return FAIL(r, s, "is '%s', not destroy, restart or preserve", s->value.text);
}

static int read_on_poweroff(struct reader *r, const struct cfg_setting *s)
{
	return read_action(r, s, &r->config->on_poweroff);
}

static int read_on_reboot(struct reader *r, const struct cfg_setting *s)
{
	return read_action(r, s, &r->config->on_reboot);
}

static int read_on_crash(struct reader *r, const struct cfg_setting *s)
{
	return read_action(r, s, &r->config->on_crash);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int read_uuid(struct reader *r, const struct cfg_setting *s)
{
	const char *t = s->value.text;
	unsigned int i, n = 0;

	if (need_text(r, s))
		return -EINVAL;
	for (i = 0; i < 36 && t[i]; i++) {
		int d = hex_value(t[i]);

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (t[i] != '-')
				break;
			continue;
		}
		if (d < 0)
			break;
		r->config->uuid[n / 2] = (u8)(n % 2 ? r->config->uuid[n / 2] | d : d << 4);
		n++;
	}
	if (i != 36 || t[36])
		return FAIL(r, s, "'%s' is no UUID", t);
	r->config->has_uuid = true;
	return 0;
}

static int read_console(struct reader *r, const struct cfg_setting *s)
{
	if (need_text(r, s))
		return -EINVAL;
	if (strcmp(s->value.text, "log") == 0)
		r->config->console = GUEST_CONSOLE_LOG;
	else if (strcmp(s->value.text, "ring") == 0)
		r->config->console = GUEST_CONSOLE_RING;
	else
		return FAIL(r, s, "is '%s', not \"log\" or \"ring\"", s->value.text);
	return 0;
}

/* One of the list; its virtual device must be new. */
static int read_disk(struct reader *r, const struct cfg_setting *s, const char *text)
{
	struct guest_config *c = r->config;
	struct disk_spec *d = &c->disks[c->disk_count];
	char why[BLOCK_WHY_MAX];
	int rc = disk_spec_parse(d, text, why);

	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return FAIL(r, s, "'%s': %s", text, why);
	c->disk_count++;
	if (d->kind == BLOCK_FILE && !strchr(d->target, '/') && r->exists &&
	    !r->exists(r->ctx, d->target))
		return FAIL(r, s, "'%s': there is no file '%s'", text, d->target);
	for (unsigned int i = 0; i + 1 < c->disk_count; i++)
		if (c->disks[i].vdev_number == d->vdev_number)
			return FAIL(r, s, "'%s': there is a disk %s already", text, d->vdev);
	return 0;
}

static void free_disks(struct guest_config *config)
{
	for (unsigned int i = 0; i < config->disk_count; i++)
		disk_spec_free(&config->disks[i]);
	free(config->disks);
	config->disks = NULL;
	config->disk_count = 0;
}

static int read_disks(struct reader *r, const struct cfg_setting *s)
{
	const struct cfg_value *v = &s->value;
	int rc = 0;

	if (v->type != CFG_LIST)
		return FAIL(r, s, "must be a list of strings");
	if (v->item_count > GUEST_DISKS_MAX)
		return FAIL(r, s, "has more than %u disks", GUEST_DISKS_MAX);
	free_disks(r->config);
	r->config->disk_line = v->line;
	r->config->disks = calloc(v->item_count + 1, sizeof(*r->config->disks));
	if (!r->config->disks)
		return -ENOMEM;
	for (unsigned int i = 0; !rc && i < v->item_count; i++)
		rc = v->items[i].text ? read_disk(r, s, v->items[i].text)
				      : FAIL(r, s, "must be a list of strings");
	return rc;
}

static const struct {
	const char *key;
	key_reader read;
} keys[] = {
	{"name", read_name},
	{"type", read_type},
	{"kernel", read_kernel},
	{"ramdisk", read_ramdisk},
	{"cmdline", read_cmdline},
	{"root", read_root},
	{"extra", read_extra},
	{"memory", read_memory},
	{"maxmem", read_maxmem},
	{"vcpus", read_vcpus},
	{"maxvcpus", read_maxvcpus},
	{"cpu_weight", read_cpu_weight},
	{"cap", read_cap},
	{"cpus", read_cpus},
	{"on_poweroff", read_on_poweroff},
	{"on_reboot", read_on_reboot},
	{"on_crash", read_on_crash},
	{"uuid", read_uuid},
	{"plinth_console", read_console},
	{"disk", read_disks},
};

static int read_setting(struct reader *r, const struct cfg_setting *s)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(s->key, keys[i].key) == 0)
			return keys[i].read(r, s);
	return cfg_fail(r->err, r->file->name, s->line, s->key, "is unknown");
}

/* cmdline replaces root and extra; these are joined as "root=ROOT EXTRA". */
static int join_cmdline(struct reader *r)
{
	const size_t room = 2 * GUEST_COMMAND_MAX + 8;
	char *line = malloc(room);
	const struct cfg_setting *s;
	size_t len;

	if (!line)
		return -ENOMEM;
	r->config->cmdline = line;
	if (r->cmdline)
		snprintf(line, room, "%s", r->cmdline);
	else
		snprintf(line, room, "%s%s%s%s", r->root ? "root=" : "", r->root ? r->root : "",
			 r->root && r->extra ? " " : "", r->extra ? r->extra : "");
	len = strlen(line);
	if (len <= GUEST_COMMAND_MAX)
		return 0;
	s = cfg_find(r->file, "extra");
	return FAIL(r, s ? s : cfg_find(r->file, "root"),
		    "the command line of %zu characters is longer than %u", len, GUEST_COMMAND_MAX);
}

/* What is missing is said of the file's first line, having none of its own. */
static int missing(struct reader *r, const char *key, const char *what)
{
	return cfg_fail(r->err, r->file->name, 1, key, "%s", what);
}

/* As in xl: maxvcpus alone leaves one vCPU on. */
static int finish_vcpus(struct reader *r)
{
	struct guest_config *c = r->config;

	if (!c->vcpus)
		c->vcpus = 1;
	if (!c->maxvcpus)
		c->maxvcpus = c->vcpus;
	if (c->maxvcpus < c->vcpus)
		return FAIL(r, cfg_find(r->file, "maxvcpus"), "%u is less than vcpus, %u",
			    c->maxvcpus, c->vcpus);
	if (c->cap > 100 * c->maxvcpus)
		return FAIL(r, cfg_find(r->file, "cap"), "%u is more than %u vCPUs can use", c->cap,
			    c->maxvcpus);
	return 0;
}

static int finish(struct reader *r)
{
	struct guest_config *c = r->config;
	const struct cfg_setting *s;

	if (!c->name[0])
		return missing(r, "name", "is missing");
	if (!r->type_seen)
		return missing(r, "type", "is missing, must be \"pvh\"");
	if (!c->kernel)
		return missing(r, "kernel", "is missing");
	/* As in xl: each of the two stands for the other where that is missing. */
	if (!c->memory)
		c->memory = c->maxmem ? c->maxmem : MEMORY_DEFAULT;
	if (!c->maxmem)
		c->maxmem = c->memory;
	s = cfg_find(r->file, "maxmem");
	if (c->maxmem < c->memory && s)
		return FAIL(r, s, "%u MiB is less than memory, %u MiB", c->maxmem, c->memory);
	return finish_vcpus(r) ? -EINVAL : join_cmdline(r);
}

int guest_config_read(struct guest_config *config, const struct cfg_file *file,
		      guest_file_exists exists, void *ctx, struct cfg_error *err)
{
	struct reader r = {
		.config = config, .file = file, .exists = exists, .ctx = ctx, .err = err};
	unsigned int i;
	int rc = 0;

	memset(config, 0, sizeof(*config));
	config->cpu_weight = WEIGHT_DEFAULT;
	memset(config->cpus, 0xFF, sizeof(config->cpus));
	config->on_poweroff = GUEST_DESTROY;
	config->on_reboot = GUEST_RESTART;
	config->on_crash = GUEST_DESTROY;
	for (i = 0; !rc && i < file->count; i++)
		rc = read_setting(&r, &file->settings[i]);
	if (!rc)
		rc = finish(&r);
	if (rc == -ENOMEM)
		cfg_fail(err, file->name, 0, NULL, "out of memory");
	if (rc)
		guest_config_free(config);
	return rc;
}

void guest_config_free(struct guest_config *config)
{
	free(config->kernel);
	free(config->ramdisk);
	free(config->cmdline);
	free_disks(config);
	memset(config, 0, sizeof(*config));
}
