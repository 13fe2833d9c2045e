/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF loader (System V ABI, "Object Files" and "Program Loading"; notes as in the guest
 * interface's start of day). Every number in the file is hostile. */
#include <dom0/builder/elf.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <dom0/builder/bytes.h>
#include <xen/start_info.h>

#define EM_386       3u
#define EM_X86_64    62u
#define PT_LOAD      1u
#define PT_NOTE      4u
#define PROGRAMS_MAX 128u
#define ADDRESS_MAX  (1ull << 46)
/* Pieces in which a segment moves whose source and target overlap. */
#define MOVE_STEP KIB(64)

/* Offsets that differ between the two classes. */
struct layout {
	u8 ehdr_size, phoff, phentsize, phnum;
	u8 phdr_size, offset, paddr, filesz, memsz, align;
	bool wide;
};
static const struct layout layout32 = {52, 28, 42, 44, 32, 4, 12, 16, 20, 28, false};
static const struct layout layout64 = {64, 32, 54, 56, 56, 8, 24, 32, 40, 48, true};

struct program {
	u32 index, type;
	u64 offset, paddr, filesz, memsz, align;
};

static u64 get_word(const struct layout *l, const u8 *p)
{
	return l->wide ? get_le64(p) : get_le32(p);
}

static int check_header(const struct elf_image *elf, const struct layout **layout,
			struct build_error *err)
{
	const u8 *d = elf->data;
	const struct layout *l;
	u32 machine;

	if (elf->size < layout32.ehdr_size || memcmp(d, "\177ELF", 4) != 0)
		return build_fail(err, EINVAL, "ELF: no header");
	l = d[4] == 2 ? &layout64 : &layout32;
	machine = get_le16(d + 18);
	if (d[4] < 1 || d[4] > 2 || d[5] != 1 || (machine != EM_386 && machine != EM_X86_64))
		return build_fail(err, EINVAL,
				  "ELF: class %u, byte order %u, machine %u is not x86", d[4], d[5],
				  machine);
	if (elf->size < l->ehdr_size || get_le16(d + l->phentsize) != l->phdr_size)
		return build_fail(err, EINVAL, "ELF: bad header");
	if (!range_inside(get_word(l, d + l->phoff), (u64)get_le16(d + l->phnum) * l->phdr_size,
			  elf->size))
		return build_fail(err, EINVAL, "ELF: program headers lie beyond the file");
	if (get_le16(d + l->phnum) > PROGRAMS_MAX)
		return build_fail(err, EINVAL, "ELF: %u program headers, at most %u are supported",
				  get_le16(d + l->phnum), PROGRAMS_MAX);
	*layout = l;
	return 0;
}

static int read_program(const struct elf_image *elf, const struct layout *l, u32 index,
			struct program *p, struct build_error *err)
{
	const u8 *h = elf->data + get_word(l, elf->data + l->phoff) + (u64)index * l->phdr_size;

	p->index = index;
	p->type = get_le32(h);
	p->offset = get_word(l, h + l->offset);
	p->paddr = get_word(l, h + l->paddr);
	p->filesz = get_word(l, h + l->filesz);
	p->memsz = get_word(l, h + l->memsz);
	p->align = get_word(l, h + l->align);
	if (p->type != PT_LOAD && p->type != PT_NOTE)
		return 0;
	if (!range_inside(p->offset, p->filesz, elf->size))
		return build_fail(err, EINVAL,
				  "ELF: segment %u (offset 0x%" PRIx64 ", 0x%" PRIx64
				  " bytes) lies beyond the file of 0x%" PRIx64,
				  index, p->offset, p->filesz, elf->size);
	return 0;
}

/* Keeps the segments sorted, so that a neighbour is the only one it can overlap. */
static int add_segment(struct elf_image *elf, const struct program *p, struct build_error *err)
{
	unsigned int i = elf->segment_count;
	struct elf_segment *s = elf->segments;

	if (p->memsz == 0 && p->filesz == 0)
		return 0;
	if (p->filesz > p->memsz)
		return build_fail(err, EINVAL,
				  "ELF: segment %u is larger in the file than in memory", p->index);
	if (!range_inside(p->paddr, p->memsz, ADDRESS_MAX))
		return build_fail(err, EINVAL,
				  "ELF: segment %u (0x%" PRIx64 ", 0x%" PRIx64
				  " bytes) wraps or is beyond 2^46",
				  p->index, p->paddr, p->memsz);
	if (i == ELF_SEGMENTS_MAX)
		return build_fail(err, EINVAL, "ELF: over %u segments", ELF_SEGMENTS_MAX);
	for (; i > 0 && s[i - 1].gpa > p->paddr; i--)
		s[i] = s[i - 1];
	s[i] = (struct elf_segment){p->offset, p->paddr, p->filesz, p->memsz, p->index};
	elf->segment_count++;
	return 0;
}

static int check_overlap(const struct elf_image *elf, struct build_error *err)
{
	const struct elf_segment *s = elf->segments;
	unsigned int i;

	for (i = 1; i < elf->segment_count; i++)
		if (s[i - 1].gpa + s[i - 1].memsz > s[i].gpa)
			return build_fail(err, EINVAL,
					  "ELF: segments %u and %u overlap at 0x%" PRIx64,
					  s[i - 1].program, s[i].program, s[i].gpa);
	return 0;
}

static int take_note(struct elf_image *elf, u32 type, const u8 *desc, u64 len, bool *entry_seen,
		     struct build_error *err)
{
	switch (type) {
	case XEN_ELFNOTE_PHYS32_ENTRY:
		if (len != 4 && len != 8)
			return build_fail(err, EINVAL, "ELF: PVH entry note of %" PRIu64 " bytes",
					  len);
		elf->entry = len == 8 ? get_le64(desc) : get_le32(desc);
		*entry_seen = true;
		break;
	case XEN_ELFNOTE_FEATURES:
		if (len >= 4)
			elf->features = get_le32(desc);
		break;
	case XEN_ELFNOTE_PHYS32_RELOC:
		elf->relocatable = true;
		elf->reloc_align = len >= 4 ? get_le32(desc) : (u32)MIB(2);
		elf->reloc_min = len >= 8 ? get_le32(desc + 4) : 0;
		elf->reloc_max = len >= 12 ? get_le32(desc + 8) : ~0u;
		break;
	default:
		break;
	}
	return 0;
}

static int read_notes(struct elf_image *elf, const struct program *p, bool *entry_seen,
		      struct build_error *err)
{
	const u64 align = p->align == 8 ? 8 : 4;
	const u8 *n = elf->data + p->offset;
	u64 pos = 0, desc, end;
	int rc;

	while (p->filesz - pos >= 12) {
		u64 name_len = get_le32(n + pos), desc_len = get_le32(n + pos + 4);
		u32 type = get_le32(n + pos + 8);

		desc = align_up(pos + 12 + name_len, align);
		end = desc + desc_len;
		if (end > p->filesz)
			return build_fail(err, EINVAL,
					  "ELF: note at offset 0x%" PRIx64
					  " runs beyond segment %u",
					  p->offset + pos, p->index);
		if (name_len == 4 && memcmp(n + pos + 12, "Xen", 4) == 0) {
			rc = take_note(elf, type, n + desc, desc_len, entry_seen, err);
			if (rc)
				return rc;
		}
		pos = min_u64(align_up(end, align), p->filesz);
	}
	return 0;
}

static int check_entry(const struct elf_image *elf, struct build_error *err)
{
	unsigned int i;

	for (i = 0; i < elf->segment_count && elf->entry < GIB(4); i++)
		if (elf->entry - elf->segments[i].gpa < elf->segments[i].memsz)
			return 0;
	return build_fail(err, EINVAL, "ELF: PVH entry 0x%" PRIx64 " is in no segment", elf->entry);
}

int elf_open(struct elf_image *elf, const void *data, u64 size, struct build_error *err)
{
	const struct layout *l = &layout64;
	const struct elf_segment *last;
	bool entry_seen = false;
	struct program p;
	u32 i;
	int rc;

	memset(elf, 0, sizeof(*elf));
	elf->data = data;
	elf->size = size;
	rc = check_header(elf, &l, err);
	for (i = 0; !rc && i < get_le16(elf->data + l->phnum); i++) {
		rc = read_program(elf, l, i, &p, err);
		if (!rc && p.type == PT_LOAD)
			rc = add_segment(elf, &p, err);
		else if (!rc && p.type == PT_NOTE)
			rc = read_notes(elf, &p, &entry_seen, err);
	}
	if (rc)
		return rc;
	if (elf->segment_count == 0)
		return build_fail(err, EINVAL, "ELF: nothing to load");
	last = &elf->segments[elf->segment_count - 1];
	elf->start = elf->segments[0].gpa;
	elf->end = last->gpa + last->memsz;
	rc = check_overlap(elf, err);
	if (!rc && !entry_seen)
		rc = build_fail(err, EINVAL, "ELF: no PVH entry note (kernel without CONFIG_PVH?)");
	return rc ? rc : check_entry(elf, err);
}

int elf_check_memory(const struct elf_image *elf, const struct elf_ram *ram, unsigned int count,
		     struct build_error *err)
{
	const struct elf_segment *s;
	unsigned int i, r;

	for (i = 0; i < elf->segment_count; i++) {
		s = &elf->segments[i];
		for (r = 0; r < count; r++)
			if (s->gpa >= ram[r].start &&
			    range_inside(s->gpa - ram[r].start, s->memsz, ram[r].size))
				break;
		if (r == count)
			return build_fail(err, ENOMEM,
					  "ELF: segment %u (0x%" PRIx64 "-0x%" PRIx64
					  ") is outside the guest's memory",
					  s->program, s->gpa, s->gpa + s->memsz);
	}
	return 0;
}

/* A target range must not reach a source that is still to be read: with the targets ascending,
 * each source has to lie at or above the end of what was written before, and a segment that
 * moves within itself has to move down, by a step at least. */
static int check_source(const struct elf_image *elf, u64 source, struct build_error *err)
{
	const struct elf_segment *s = elf->segments;
	unsigned int i, later;

	for (i = 0; i < elf->segment_count; i++) {
		u64 end = s[i].gpa + s[i].memsz;

		for (later = i; later < elf->segment_count; later++) {
			u64 from = source + s[later].offset;

			if (s[later].filesz == 0 || from >= end ||
			    from + s[later].filesz <= s[i].gpa)
				continue;
			if (later == i && from >= s[i].gpa + MOVE_STEP)
				continue;
			return build_fail(err, ENOMEM,
					  "ELF: too little memory to unpack and load the kernel");
		}
	}
	return 0;
}

static int store_segment(const struct elf_segment *s, const u8 *data, const struct elf_sink *sink,
			 bool overlaps)
{
	u64 done, step = overlaps ? MOVE_STEP : s->filesz;
	int rc = 0;

	for (done = 0; !rc && done < s->filesz; done += step)
		rc = sink->store(sink->ctx, s->gpa + done, data + s->offset + done,
				 min_u64(step, s->filesz - done));
	if (!rc && s->memsz > s->filesz)
		rc = sink->zero(sink->ctx, s->gpa + s->filesz, s->memsz - s->filesz);
	return rc;
}

/* Whether a segment's bytes in the file share memory with the place they go to. */
static bool moves_within(const struct elf_segment *s, u64 source)
{
	return source != ELF_NOT_IN_GUEST && source + s->offset < s->gpa + s->filesz &&
	       s->gpa < source + s->offset + s->filesz;
}

int elf_load(const struct elf_image *elf, const struct elf_sink *sink, u64 source_gpa,
	     struct build_error *err)
{
	unsigned int i;
	int rc = 0;

	if (source_gpa != ELF_NOT_IN_GUEST)
		rc = check_source(elf, source_gpa, err);
	if (rc)
		return rc;
	for (i = 0; !rc && i < elf->segment_count; i++)
		rc = store_segment(&elf->segments[i], elf->data, sink,
				   moves_within(&elf->segments[i], source_gpa));
	if (rc)
		return build_fail(err, -rc,
				  "ELF: cannot write segment %u to guest memory (error %d)",
				  elf->segments[i - 1].program, -rc);
	return 0;
}
