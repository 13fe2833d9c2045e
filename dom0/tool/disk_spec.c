/* SPDX-License-Identifier: BSD-2-Clause */
/* Disk specifications: xl-disk-configuration(5), "Positional Parameters", "Other Parameters and
 * Flags" and "Deprecated Parameters, Prefixes and Syntaxes". */
#include <dom0/tool/disk_spec.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XVD_MAJOR   202u
#define EXTENDED    (1u << 28)
#define DISK_MAX    (1u << 20) /* disk numbers of the extended form have 20 bits */
#define REFILL_MS   1000u
#define TARGET_WORD "target="

struct parser {
	struct disk_spec *spec;
	char *why;
	bool prefixed; /* "phy:" and the like: then there is no positional format */
	bool format_seen, vdev_seen, access_seen, target_seen;
	bool as_phy, as_file; /* what prefix or backendtype ask for */
};

static int printf_like(2, 3) bad(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, BLOCK_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- names of virtual devices --- */

/* Decimal digits up to the end or to `until`; false if there are none or the number is above max.
 */
static bool digits(const char **t, u32 max, u32 *out)
{
	u32 n = 0;

	if (**t < '0' || **t > '9')
		return false;
	for (; **t >= '0' && **t <= '9'; (*t)++) {
		n = n * 10 + (u32)(**t - '0');
		if (n > max)
			return false;
	}
	*out = n;
	return true;
}

/* "a" is 0, "z" 25, "aa" 26. */
static bool letters(const char **t, u32 *out)
{
	u32 n = 0;

	if (**t < 'a' || **t > 'z')
		return false;
	for (; **t >= 'a' && **t <= 'z'; (*t)++) {
		n = n * 26 + (u32)(**t - 'a') + 1;
		if (n > DISK_MAX)
			return false;
	}
	*out = n - 1;
	return true;
}

static bool xvd_number(u32 disk, u32 part, u32 *number)
{
	if (disk < 16 && part < 16)
		*number = XVD_MAJOR << 8 | disk << 4 | part;
	else if (disk < DISK_MAX && part < 256)
		*number = EXTENDED | disk << 8 | part;
	else
		return false;
	return true;
}

/* xen-vbd-interface(7), "Concrete encoding in the VBD interface". */
bool disk_vdev_number(const char *vdev, u32 *number)
{
	const char *t = vdev;
	u32 disk, part = 0;

	if (strncmp(t, "xvd", 3) == 0 || strncmp(t, "sd", 2) == 0 || strncmp(t, "hd", 2) == 0) {
		char kind = t[0];

		t += kind == 'x' ? 3 : 2;
		if (!letters(&t, &disk) || (*t && !digits(&t, 255, &part)) || *t)
			return false;
		if (kind == 's')
			*number = 8u << 8 | disk << 4 | part;
		if (kind == 'h')
			*number = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
		return kind == 'x'   ? xvd_number(disk, part, number)
		       : kind == 's' ? disk < 16 && part < 16
				     : disk < 4 && part < 64;
	}
	if (*t == 'd') {
		t++;
		if (!digits(&t, DISK_MAX - 1, &disk))
			return false;
		if (*t == 'p') {
			t++;
			if (!digits(&t, 255, &part))
				return false;
		}
		return !*t && xvd_number(disk, part, number);
	}
	if (strncmp(t, "0x", 2) == 0) {
		char *end;
		unsigned long n = strtoul(t, &end, 16);

		*number = (u32)n;
		return !*end && n && n < 1u << 29;
	}
	return digits(&t, (1u << 29) - 1, number) && !*t && *number;
}

/* --- rates --- */

static bool amount(const char **t, u64 *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	u64 n = 0;

	if (**t < '0' || **t > '9')
		return false;
	for (; **t >= '0' && **t <= '9'; (*t)++) {
		n = n * 10 + (u64)(**t - '0');
		if (n >> 40)
			return false;
	}
	unit = **t ? strchr(units, **t) : NULL;
	if (unit) {
		n <<= 10 * (unsigned int)(unit - units + 1);
		(*t)++;
	}
	*out = n;
	return n < 1ull << 60;
}

bool disk_rate_parse(struct token_bucket *rate, const char *text)
{
	const char *t = text;
	u32 ms = REFILL_MS;

	*rate = (struct token_bucket){.refill_time = REFILL_MS};
	if (!amount(&t, &rate->size))
		return false;
	if (*t == '/') {
		t++;
		if (!digits(&t, 86400000, &ms) || ms == 0)
			return false;
		rate->refill_time = ms;
	}
	if (*t == '/') {
		t++;
		if (!amount(&t, &rate->one_time_burst))
			return false;
	}
	return *t == '\0';
}

bool disk_size_parse(u64 *bytes, const char *text)
{
	return amount(&text, bytes) && *text == '\0';
}

/* --- the parameters --- */

static int set_text(char **out, const char *text)
{
	free(*out);
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

static int set_target(struct parser *p, const char *value)
{
	p->target_seen = true;
	return set_text(&p->spec->target, value);
}

static int set_format(struct parser *p, const char *value)
{
	p->format_seen = true;
	if (*value && strcmp(value, "raw") != 0)
		return bad(p, "format '%s' is not supported, only raw is", value);
	return 0;
}

static int set_vdev(struct parser *p, const char *value)
{
	const char *colon = strchr(value, ':'); /* deprecated: "hdc:cdrom" */
	size_t n = colon ? (size_t)(colon - value) : strlen(value);

	p->vdev_seen = true;
	if (n >= DISK_VDEV_MAX)
		return bad(p, "'%s' is no virtual device", value);
	memcpy(p->spec->vdev, value, n);
	p->spec->vdev[n] = '\0';
	if (!disk_vdev_number(p->spec->vdev, &p->spec->vdev_number))
		return bad(p, "'%s' is no virtual device", p->spec->vdev);
	if (colon && strcmp(colon, ":cdrom") == 0)
		p->spec->cdrom = true;
	else if (colon && strcmp(colon, ":disk") != 0)
		return bad(p, "'%s' is no device type", colon + 1);
	return 0;
}

static int set_access(struct parser *p, const char *value)
{
	p->access_seen = true;
	if (strcmp(value, "w") == 0 || strcmp(value, "rw") == 0)
		p->spec->write = true;
	else if (strcmp(value, "r") == 0 || strcmp(value, "ro") == 0)
		p->spec->write = false;
	else
		return bad(p, "access '%s' is not r, ro, w or rw", value);
	return 0;
}

static int set_devtype(struct parser *p, const char *value)
{
	if (strcmp(value, "cdrom") != 0 && strcmp(value, "disk") != 0)
		return bad(p, "'%s' is no device type", value);
	p->spec->cdrom = value[0] == 'c';
	return 0;
}

static int set_backendtype(struct parser *p, const char *value)
{
	p->as_phy = strcmp(value, "phy") == 0;
	p->as_file = strcmp(value, "qdisk") == 0 || strcmp(value, "tap") == 0;
	if (!p->as_phy && !p->as_file)
		return bad(p, "backendtype '%s' is not phy, qdisk or tap", value);
	return 0;
}

static int set_overlay(struct parser *p, const char *value)
{
	if (!*value)
		return bad(p, "overlay must name a file or device");
	return set_text(&p->spec->overlay, value);
}

static int set_bandwidth(struct parser *p, const char *value)
{
	return disk_rate_parse(&p->spec->limit.bandwidth, value)
		       ? 0
		       : bad(p, "'%s' is no bandwidth: SIZE[/MILLISECONDS[/BURST]]", value);
}

static int set_ops(struct parser *p, const char *value)
{
	return disk_rate_parse(&p->spec->limit.ops, value)
		       ? 0
		       : bad(p, "'%s' is no rate of operations: COUNT[/MILLISECONDS[/BURST]]",
			     value);
}

static const struct {
	const char *key;
	int (*set)(struct parser *p, const char *value);
} keys[] = {
	{"format", set_format},           {"vdev", set_vdev},
	{"access", set_access},           {"devtype", set_devtype},
	{"backendtype", set_backendtype}, {"overlay", set_overlay},
	{"bandwidth", set_bandwidth},     {"ops", set_ops},
};

static bool flag(struct parser *p, const char *word)
{
	if (strcmp(word, "cdrom") == 0)
		p->spec->cdrom = true;
	else if (strcmp(word, "discard") == 0)
		p->spec->discard = true;
	else if (strcmp(word, "no-discard") == 0)
		p->spec->discard = false;
	else if (strcmp(word, "persistent") == 0)
		p->spec->persistent = true;
	else
		/* It asks for what is so anyway. */
		return strcmp(word, "direct-io-safe") == 0;
	return true;
}

static int positional(struct parser *p, const char *word)
{
	if (!p->target_seen)
		return set_target(p, word);
	if (!p->prefixed && !p->format_seen)
		return set_format(p, word);
	if (!p->vdev_seen)
		return set_vdev(p, word);
	if (!p->access_seen)
		return set_access(p, word);
	return bad(p, "'%s' is one parameter too many", word);
}

/* A word between commas; whether a '=' makes it KEY=VALUE depends on the key being one: a target
 * may have a '=' in it, as LABEL=data. */
static int parameter(struct parser *p, const char *word)
{
	const char *equals = strchr(word, '=');

	for (unsigned int i = 0; equals && i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].key) == (size_t)(equals - word) &&
		    strncmp(keys[i].key, word, (size_t)(equals - word)) == 0)
			return keys[i].set(p, equals + 1);
	if (equals && p->target_seen)
		return bad(p, "'%s' is unknown", word);
	return flag(p, word) ? 0 : positional(p, word);
}

/* Skips a prefix of the old syntax; also those of file formats that only had one meaning. */
static const char *prefix(struct parser *p, const char *text)
{
	static const struct {
		const char *word;
		bool phy, file, cow;
	} words[] = {{"phy:", true, false, false},
		     {"file:", false, true, false},
		     {"cow:", false, false, true},
		     {"raw:", false, false, false}};

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (strncmp(text, words[i].word, strlen(words[i].word)) == 0) {
			p->prefixed = true;
			p->as_phy = words[i].phy;
			p->as_file = words[i].file;
			if (words[i].cow)
				p->spec->kind = BLOCK_COW;
			return text + strlen(words[i].word);
		}
	return text;
}

static int parameters(struct parser *p, char *rest)
{
	while (rest) {
		char *comma;
		int rc;

		while (*rest == ' ' || *rest == '\t')
			rest++;
		if (strncmp(rest, TARGET_WORD, strlen(TARGET_WORD)) == 0)
			return set_target(p, rest + strlen(TARGET_WORD));
		comma = strchr(rest, ',');
		if (comma)
			*comma = '\0';
		rc = parameter(p, rest);
		if (rc)
			return rc;
		rest = comma ? comma + 1 : NULL;
	}
	return 0;
}

/* Without a prefix: paths below /dev are devices, other paths files; a plain name is a device if
 * asked for, else a file that came along. */
static void choose_kind(struct parser *p)
{
	struct disk_spec *s = p->spec;

	if (s->kind == BLOCK_COW)
		return;
	if (p->as_phy || (!p->as_file && strncmp(s->target, "/dev/", 5) == 0))
		s->kind = BLOCK_PHY;
	else
		s->kind = BLOCK_FILE;
}

static int finish(struct parser *p)
{
	struct disk_spec *s = p->spec;

	if (!s->target || !*s->target)
		return bad(p, s->cdrom ? "an empty drive is not supported" : "it has no target");
	if (!p->vdev_seen)
		return bad(p, "it has no virtual device, as xvda");
	choose_kind(p);
	if (s->cdrom) {
		if (p->access_seen && s->write)
			return bad(p, "a cdrom cannot be written");
		s->write = false;
	}
	if (s->overlay && s->kind != BLOCK_COW)
		return bad(p, "overlay goes with cow: alone");
	return 0;
}

int disk_spec_parse(struct disk_spec *spec, const char *text, char why[BLOCK_WHY_MAX])
{
	struct parser p = {.spec = spec, .why = why};
	char *copy;
	int rc;

	*spec = (struct disk_spec){.write = true, .discard = true};
	copy = strdup(prefix(&p, text));
	if (!copy) {
		snprintf(why, BLOCK_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	rc = parameters(&p, copy);
	if (!rc)
		rc = finish(&p);
	free(copy);
	if (rc == -ENOMEM)
		snprintf(why, BLOCK_WHY_MAX, "out of memory");
	if (rc)
		disk_spec_free(spec);
	return rc;
}

void disk_spec_free(struct disk_spec *spec)
{
	free(spec->target);
	free(spec->overlay);
	*spec = (struct disk_spec){0};
}

int disk_spec_copy(struct disk_spec *to, const struct disk_spec *from)
{
	*to = *from;
	to->target = strdup(from->target);
	to->overlay = from->overlay ? strdup(from->overlay) : NULL;
	if (to->target && (to->overlay || !from->overlay))
		return 0;
	disk_spec_free(to);
	return -ENOMEM;
}
