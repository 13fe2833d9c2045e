/* SPDX-License-Identifier: BSD-2-Clause */
/* The control domain's ELF image: System V ABI, "Object Files". */
#include <core/control_image.h>

#include <core/lib/string.h>
#include <xen/start_info.h>

#define PT_LOAD      1u
#define PT_NOTE      4u
#define EM_X86_64    62u
#define SEGMENTS_MAX 32u

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};
struct elf_note {
	u32 namesz, descsz, type;
};
_Static_assert(sizeof(struct elf_header) == 64 && sizeof(struct elf_segment) == 56, "ELF64");

static struct elf_header header_of(const struct control_image *image)
{
	struct elf_header h;

	memcpy(&h, image->data, sizeof(h));
	return h;
}

static struct elf_segment segment_of(const struct control_image *image, unsigned int i)
{
	struct elf_segment s;
	struct elf_header h = header_of(image);

	memcpy(&s, image->data + h.phoff + i * sizeof(s), sizeof(s));
	return s;
}

static bool within(u64 start, u64 length, u64 end)
{
	return start <= end && length <= end - start;
}

static const char *check_header(const struct control_image *image)
{
	static const u8 magic[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
	struct elf_header h;

	if (image->size < sizeof(h))
		return "the file is shorter than an ELF header";
	h = header_of(image);
	if (memcmp(h.ident, magic, sizeof(magic)) != 0 || h.machine != EM_X86_64)
		return "not an ELF64 file for x86-64";
	if (h.phentsize != sizeof(struct elf_segment) || h.phnum == 0 || h.phnum > SEGMENTS_MAX ||
	    !within(h.phoff, h.phnum * sizeof(struct elf_segment), image->size))
		return "the program headers are missing or lie beyond the file";
	return NULL;
}

/* Finds the PHYS32_ENTRY note in one note segment. */
static bool find_entry(const struct control_image *image, const struct elf_segment *s, u64 *entry)
{
	u64 at = s->offset, end = s->offset + s->filesz;
	struct elf_note n;

	while (within(at, sizeof(n), end)) {
		u64 name, desc;

		memcpy(&n, image->data + at, sizeof(n));
		name = at + sizeof(n);
		desc = name + align_up(n.namesz, 4);
		at = desc + align_up(n.descsz, 4);
		if (!within(name, n.namesz, end) || !within(desc, n.descsz, end))
			return false;
		if (n.type == XEN_ELFNOTE_PHYS32_ENTRY && n.namesz == 4 &&
		    memcmp(image->data + name, "Xen", 4) == 0 && (n.descsz == 4 || n.descsz == 8)) {
			*entry = 0;
			memcpy(entry, image->data + desc, n.descsz);
			return true;
		}
	}
	return false;
}

const char *control_image_check(struct control_image *image, const void *data, u64 size, u64 room)
{
	bool has_entry = false;
	const char *why;

	*image = (struct control_image){.data = data, .size = size};
	why = check_header(image);
	if (why)
		return why;
	for (unsigned int i = 0; i < header_of(image).phnum; i++) {
		struct elf_segment s = segment_of(image, i);

		if (s.type != PT_LOAD && s.type != PT_NOTE)
			continue;
		if (!within(s.offset, s.filesz, size))
			return "a segment lies beyond the end of the file: is it truncated?";
		if (s.type == PT_NOTE) {
			has_entry = has_entry || find_entry(image, &s, &image->entry);
			continue;
		}
		if (s.filesz > s.memsz || !within(s.paddr, s.memsz, room))
			return "a segment lies outside the control domain's memory";
		image->memory = max_u64(image->memory, s.paddr + s.memsz);
	}
	if (!has_entry || image->entry >= image->memory)
		return "no PVH entry point (note PHYS32_ENTRY)";
	return NULL;
}

void control_image_load(const struct control_image *image, u8 *base)
{
	for (unsigned int i = 0; i < header_of(image).phnum; i++) {
		struct elf_segment s = segment_of(image, i);

		if (s.type == PT_LOAD)
			memcpy(base + s.paddr, image->data + s.offset, s.filesz);
	}
}
