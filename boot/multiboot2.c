/* SPDX-License-Identifier: BSD-2-Clause */
/* The tag parser: pure C over a byte range, every length checked before it is used. */
#include <boot/multiboot2.h>

#include <boot/multiboot2_tags.h>
#include <core/lib/string.h>

/* The fixed parts of the tags, as the loader lays them out. */
struct tag {
	u32 type, size; /* size without the padding to 8 */
};
struct tag_module {
	struct tag tag;
	u32 start, end;
};
struct tag_memory {
	struct tag tag;
	u32 entry_size, entry_version;
};
struct memory_entry {
	u64 base, length;
	u32 type, reserved;
};
_Static_assert(sizeof(struct memory_entry) == 24, "Multiboot2, \"Memory map\"");

/* Copies the string that ends the tag at `at`; NULL if it is not terminated or does not fit. */
static const char *copy_string(struct boot_info *info, const u8 *tag, size_t size, size_t at)
{
	size_t n = strnlen((const char *)tag + at, size - at);
	char *copy = info->strings + info->strings_used;

	if (n == size - at || n + 1 > BOOT_STRINGS - info->strings_used)
		return NULL;
	memcpy(copy, tag + at, n + 1);
	info->strings_used += (u32)n + 1;
	return copy;
}

static const char *add_module(struct boot_info *info, const u8 *tag, size_t size)
{
	struct boot_module *m = &info->modules[info->module_count];
	struct tag_module t;

	if (size < sizeof(t))
		return "module tag too short";
	if (info->module_count == BOOT_MAX_MODULES)
		return "too many modules";
	memcpy(&t, tag, sizeof(t));
	if (t.start > t.end)
		return "module ends before it begins";
	*m = (struct boot_module){t.start, t.end, copy_string(info, tag, size, sizeof(t))};
	if (m->cmdline == NULL)
		return "module command line not terminated, or all of them too long";
	info->module_count++;
	return NULL;
}

/* Keeps the ranges sorted by start. */
static void insert_range(struct boot_info *info, struct boot_range r)
{
	u32 i = info->range_count++;

	for (; i > 0 && info->ranges[i - 1].start > r.start; i--)
		info->ranges[i] = info->ranges[i - 1];
	info->ranges[i] = r;
}

static const char *add_memory(struct boot_info *info, const u8 *tag, size_t size)
{
	struct tag_memory t;
	struct memory_entry e;

	if (size < sizeof(t))
		return "memory map tag too short";
	memcpy(&t, tag, sizeof(t));
	if (t.entry_size < sizeof(e))
		return "memory map entries too short";
	for (size_t at = sizeof(t); size - at >= t.entry_size; at += t.entry_size) {
		memcpy(&e, tag + at, sizeof(e));
		if (e.length == 0)
			continue;
		if (e.base + e.length < e.base)
			return "memory map entry wraps around";
		if (info->range_count == BOOT_MAX_RANGES)
			return "too many memory map entries";
		insert_range(info, (struct boot_range){e.base, e.base + e.length, e.type});
	}
	return NULL;
}

/* A new RSDP wins over an old one. */
static const char *add_rsdp(struct boot_info *info, const u8 *tag, size_t size, u32 wanted)
{
	if (size < sizeof(struct tag) + wanted)
		return "ACPI tag too short";
	if (wanted > info->rsdp_size) {
		memcpy(info->rsdp, tag + sizeof(struct tag), wanted);
		info->rsdp_size = wanted;
	}
	return NULL;
}

static const char *add_tag(struct boot_info *info, u32 type, const u8 *tag, size_t size)
{
	const char **string = type == TAG_CMDLINE ? &info->cmdline : &info->loader;

	switch (type) {
	case TAG_CMDLINE:
	case TAG_LOADER:
		*string = copy_string(info, tag, size, sizeof(struct tag));
		return *string == NULL ? "text tag not terminated or too long" : NULL;
	case TAG_MODULE:
		return add_module(info, tag, size);
	case TAG_MEMORY:
		return add_memory(info, tag, size);
	case TAG_ACPI_OLD:
		return add_rsdp(info, tag, size, 20);
	case TAG_ACPI_NEW:
		return add_rsdp(info, tag, size, 36);
	default:
		return NULL;
	}
}

const char *multiboot2_parse(struct boot_info *info, const void *mbi, size_t size)
{
	const u8 *bytes = mbi;
	const char *error = NULL;
	u32 total;
	struct tag t;
	size_t at = 8; /* after total size and a reserved word */

	memset(info, 0, sizeof(*info));
	info->cmdline = info->loader = "";
	if (size < at + sizeof(t))
		return "too short";
	memcpy(&total, bytes, sizeof(total));
	if (total < at + sizeof(t) || total > size)
		return "bad total size";
	while (error == NULL) {
		if (at > total || total - at < sizeof(t))
			return "no end tag";
		memcpy(&t, bytes + at, sizeof(t));
		if (t.type == TAG_END)
			break;
		if (t.size < sizeof(t) || t.size > total - at)
			return "bad tag size";
		error = add_tag(info, t.type, bytes + at, t.size);
		at += align_up(t.size, 8);
	}
	if (error == NULL && info->range_count == 0)
		error = "no memory map";
	return error;
}

static void look_at_claim(u64 start, u64 end, u64 a, u64 *covered_to, u64 *next)
{
	if (start <= a && a < end)
		*covered_to = max_u64(*covered_to, end);
	else if (start > a && start < end)
		*next = min_u64(*next, start);
}

/* The claim (a range that is not RAM, or a module) that covers a: its end; else 0. And in *next the
 * lowest claim above a. */
static u64 claim_end(const struct boot_info *info, u64 a, u64 *next)
{
	u64 end = 0;

	*next = ~0ull;
	for (u32 i = 0; i < info->range_count; i++)
		if (info->ranges[i].type != BOOT_MEM_RAM)
			look_at_claim(info->ranges[i].start, info->ranges[i].end, a, &end, next);
	for (u32 i = 0; i < info->module_count; i++)
		look_at_claim(info->modules[i].start, info->modules[i].end, a, &end, next);
	return end;
}

bool boot_ram_next(const struct boot_info *info, u64 from, u64 *start, u64 *end)
{
	u64 a = from, next;

	for (u32 i = 0; i < info->range_count;) {
		const struct boot_range *r = &info->ranges[i];
		u64 claimed;

		if (r->type != BOOT_MEM_RAM || r->end <= a) {
			i++;
			continue;
		}
		a = max_u64(a, r->start);
		claimed = claim_end(info, a, &next);
		if (claimed != 0) {
			a = claimed;
			continue;
		}
		*start = align_up(a, PAGE_SIZE);
		*end = align_down(min_u64(r->end, next), PAGE_SIZE);
		if (*start >= a && *start < *end)
			return true;
		a = min_u64(r->end, next);
	}
	return false;
}

bool boot_overlaps_ram(const struct boot_info *info, u64 start, u64 end)
{
	for (u32 i = 0; i < info->range_count; i++)
		if (info->ranges[i].type == BOOT_MEM_RAM && start < info->ranges[i].end &&
		    end > info->ranges[i].start)
			return true;
	return false;
}
