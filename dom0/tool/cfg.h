/* SPDX-License-Identifier: BSD-2-Clause */
/* The syntax of xl.cfg files: assignments of strings, numbers and lists. */
#ifndef DOM0_TOOL_CFG_H
#define DOM0_TOOL_CFG_H

#include <stddef.h>
#include <core/types.h>

/* One line, "FILE:LINE: key 'KEY': what is wrong" (or without the key). Valid after an error. */
struct cfg_error {
	char text[256];
};

enum cfg_type { CFG_STRING, CFG_NUMBER, CFG_LIST };

struct cfg_value {
	enum cfg_type type;
	unsigned int line;
	char *text;              /* string: its contents; number: as written; list: NULL */
	struct cfg_value *items; /* of a list */
	unsigned int item_count;
};

struct cfg_setting {
	char *key;
	unsigned int line;
	struct cfg_value value;
};

struct cfg_file {
	char *name; /* for messages */
	struct cfg_setting *settings;
	unsigned int count;
};

/* Parses the len bytes at text. 0, -EINVAL with a text, or -ENOMEM. On success the caller ends
 * with cfg_free(); on failure nothing is left to free. */
int cfg_parse(struct cfg_file *file, const char *name, const char *text, size_t len,
	      struct cfg_error *err) must_use;
void cfg_free(struct cfg_file *file);

/* The last setting of that key (as in xl, a later one replaces an earlier), or NULL. */
const struct cfg_setting *cfg_find(const struct cfg_file *file, const char *key);

/* The value as a number: decimal, 0x hex or 0 octal, also when it is quoted, as xl takes it.
 * -EINVAL if it is none or over INT64_MAX. */
int cfg_number(const struct cfg_value *value, s64 *number) must_use;

/* Writes "FILE:LINE: key 'KEY': text" (line 0: no line, key NULL: no key); returns -EINVAL. */
int cfg_fail(struct cfg_error *err, const char *file, unsigned int line, const char *key,
	     const char *format, ...) printf_like(5, 6);

#endif
