/* SPDX-License-Identifier: BSD-2-Clause */
/* The control domain's ELF image: a sound one, and every way in which one can be damaged. The file
 * and the memory lie in allocations of their exact size, so that a wild access is seen. */
// links: core/control_image.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <core/control_image.h>
#include <xen/start_info.h>

#define ROOM  0x8000u
#define ENTRY 0x1234u

/* Two loaded segments (the second with a tail of zeroes), one of notes, one of another kind. */
struct file {
	Elf64_Ehdr h;
	Elf64_Phdr p[4];
	struct {
		Elf64_Nhdr h;
		char name[8];
		u32 desc[3];
	} other;
	struct {
		Elf64_Nhdr h;
		char name[4];
		u64 desc;
	} entry;
	u8 text[0x100], data[0x40];
};

static struct file good(void)
{
	struct file f = {.h = {.e_ident = {0x7F, 'E', 'L', 'F', 2, 1, 1},
			       .e_type = ET_EXEC,
			       .e_machine = EM_X86_64,
			       .e_version = 1,
			       .e_phoff = offsetof(struct file, p),
			       .e_ehsize = sizeof(Elf64_Ehdr),
			       .e_phentsize = sizeof(Elf64_Phdr),
			       .e_phnum = 4}};

	f.p[0] = (Elf64_Phdr){.p_type = PT_LOAD,
			      .p_offset = offsetof(struct file, text),
			      .p_paddr = 0x1200,
			      .p_vaddr = 0xFFFF800000001200,
			      .p_filesz = sizeof(f.text),
			      .p_memsz = sizeof(f.text)};
	f.p[1] = (Elf64_Phdr){.p_type = PT_NOTE,
			      .p_offset = offsetof(struct file, other),
			      .p_paddr = ~0ull, /* of no meaning in one that is not loaded */
			      .p_filesz = sizeof(f.other) + sizeof(f.entry)};
	f.p[2] = (Elf64_Phdr){.p_type = PT_LOAD,
			      .p_offset = offsetof(struct file, data),
			      .p_paddr = 0x4000,
			      .p_filesz = sizeof(f.data),
			      .p_memsz = ROOM - 0x4000};
	f.p[3] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_offset = ~0ull, .p_filesz = ~0ull};
	f.other.h = (Elf64_Nhdr){.n_namesz = 6, .n_descsz = 9, .n_type = 18};
	memcpy(f.other.name, "Other", 6);
	f.entry.h = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 8, .n_type = XEN_ELFNOTE_PHYS32_ENTRY};
	memcpy(f.entry.name, "Xen", 4);
	f.entry.desc = ENTRY;
	memset(f.text, 0x90, sizeof(f.text));
	memset(f.data, 0xDD, sizeof(f.data));
	return f;
}

/* Checks the first `size` bytes, loads what passes. Returns what is wrong. */
static const char *try(const struct file *f, size_t size, u64 room, struct control_image *image)
{
	u8 *data = malloc(size ? size : 1), *memory;
	const char *why;

	memcpy(data, f, size);
	why = control_image_check(image, data, size, room);
	if (!why) {
		assert_true(image->memory <= room && image->entry < image->memory);
		memory = calloc(1, room);
		control_image_load(image, memory);
		free(memory);
	}
	free(data);
	return why;
}

static const char *check(const struct file *f)
{
	struct control_image image;

	return try(f, sizeof(*f), ROOM, &image);
}

static void sound(void **state)
{
	struct file f = good();
	struct control_image image;
	u8 *memory = calloc(1, ROOM);

	(void)state;
	assert_null(control_image_check(&image, &f, sizeof(f), ROOM));
	assert_int_equal(image.entry, ENTRY);
	assert_int_equal(image.memory, ROOM);
	control_image_load(&image, memory);
	for (u32 i = 0; i < ROOM; i++)
		assert_int_equal(memory[i], i >= 0x1200 && i < 0x1300   ? 0x90
					    : i >= 0x4000 && i < 0x4040 ? 0xDD
									: 0);
	free(memory);

	f.entry.h.n_descsz = 4; /* the other size of the note; what follows is not its business */
	f.entry.desc = 0xFFFFFFFF00001234;
	assert_null(control_image_check(&image, &f, sizeof(f), ROOM));
	assert_int_equal(image.entry, ENTRY);
}

static void headers(void **state)
{
	struct file f;

	(void)state;
#define BAD(change, text)                                 \
	do {                                              \
		f = good();                               \
		change;                                   \
		assert_non_null(check(&f));               \
		assert_non_null(strstr(check(&f), text)); \
	} while (0)
	BAD(f.h.e_ident[0] = 0, "not an ELF64");
	BAD(f.h.e_ident[3] = 'f', "not an ELF64");
	BAD(f.h.e_ident[EI_CLASS] = ELFCLASS32, "not an ELF64");
	BAD(f.h.e_ident[EI_DATA] = ELFDATA2MSB, "not an ELF64");
	BAD(f.h.e_machine = EM_386, "x86-64");
	BAD(f.h.e_phnum = 0, "program headers");
	BAD(f.h.e_phnum = 33, "program headers");
	BAD(f.h.e_phnum = 0xFFFF, "program headers");
	BAD(f.h.e_phentsize = 32, "program headers");
	BAD(f.h.e_phoff = sizeof(f), "program headers");
	BAD(f.h.e_phoff = sizeof(f) - 4 * sizeof(Elf64_Phdr) + 1, "program headers");
	BAD(f.h.e_phoff = ~0ull, "program headers");
	BAD(f.h.e_phoff = ~0ull - 8, "program headers");
	BAD(f.h.e_phoff = 1ull << 63, "program headers");
}

static void segments(void **state)
{
	struct file f;

	(void)state;
	BAD(f.p[0].p_offset = sizeof(f) - 1, "truncated");
	BAD(f.p[0].p_offset = ~0ull, "truncated");
	BAD(f.p[0].p_offset = 0 - (u64)sizeof(f.text), "truncated");
	BAD(f.p[2].p_filesz++, "truncated");
	BAD(f.p[2].p_filesz = ~0ull, "truncated");
	BAD(f.p[1].p_filesz = sizeof(f), "truncated"); /* the notes */
	BAD(f.p[1].p_offset = ~0ull - 3, "truncated");
	BAD(f.p[0].p_memsz--, "memory");
	BAD(f.p[0].p_memsz = 0, "memory");
	BAD(f.p[2].p_memsz++, "memory");
	BAD(f.p[2].p_memsz = ~0ull, "memory");
	BAD(f.p[2].p_paddr++, "memory");
	BAD(f.p[2].p_paddr = ROOM, "memory");
	BAD(f.p[0].p_paddr = ~0ull, "memory");
	BAD(f.p[0].p_paddr = 0 - (u64)sizeof(f.text), "memory");
	BAD(f.p[0].p_paddr = 1ull << 32, "memory");

	/* Two that overlap, or are empty, do no harm. */
	f = good();
	f.p[2].p_paddr = 0x1210;
	assert_null(check(&f));
	f.p[2].p_filesz = f.p[2].p_memsz = 0;
	assert_null(check(&f));
}

static void notes(void **state)
{
	struct file f;

	(void)state;
	BAD(f.p[1].p_type = PT_NULL, "PHYS32_ENTRY");
	BAD(f.p[1].p_filesz = 0, "PHYS32_ENTRY");
	BAD(f.p[1].p_filesz -= 1, "PHYS32_ENTRY");
	BAD(f.p[1].p_filesz = sizeof(f.other) + 11, "PHYS32_ENTRY");
	BAD(f.entry.h.n_type = 1, "PHYS32_ENTRY");
	BAD(f.entry.name[0] = 'x', "PHYS32_ENTRY");
	BAD(f.entry.h.n_namesz = 3, "PHYS32_ENTRY");
	BAD(f.entry.h.n_namesz = ~0u, "PHYS32_ENTRY");
	BAD(f.entry.h.n_descsz = 2, "PHYS32_ENTRY");
	BAD(f.entry.h.n_descsz = 16, "PHYS32_ENTRY");
	BAD(f.other.h.n_descsz = ~0u, "PHYS32_ENTRY");
	BAD(f.other.h.n_namesz = ~0u - 2, "PHYS32_ENTRY");
	BAD(f.other.h.n_namesz = 0x80000000u, "PHYS32_ENTRY");
	BAD(f.entry.desc = ROOM, "PHYS32_ENTRY"); /* beyond what is loaded */
	BAD(f.entry.desc = ~0ull, "PHYS32_ENTRY");
	BAD(f.p[0].p_type = f.p[2].p_type = PT_NULL, "PHYS32_ENTRY"); /* nothing is loaded */

	/* A segment of notes that are broken does not hide the one behind it. */
	f = good();
	f.p[3] = f.p[1];
	f.p[1].p_filesz = 13;
	assert_null(check(&f));
}

static void truncated(void **state)
{
	struct file f = good();
	struct control_image image;

	(void)state;
	for (size_t size = 0; size < sizeof(f); size++)
		assert_non_null(try(&f, size, ROOM, &image));
	for (u64 room = 0; room < ROOM; room += 0x10)
		assert_non_null(try(&f, sizeof(f), room, &image));
}

static void every_byte(void **state)
{
	static const u8 values[] = {0, 1, 3, 4, 8, 0x7F, 0x80, 0xFE, 0xFF};
	struct control_image image;
	unsigned int passed = 0;

	(void)state;
	for (size_t at = 0; at < offsetof(struct file, text); at++)
		for (size_t i = 0; i < sizeof(values) + 8; i++) {
			struct file f = good();
			u8 *byte = (u8 *)&f + at;

			*byte = i < sizeof(values) ? values[i]
						   : *byte ^ (u8)(1u << (i - sizeof(values)));
			passed += !try(&f, sizeof(f), ROOM, &image);
		}
	assert_true(passed > 0);
}

static void at_random(void **state)
{
	u64 seed = 88172645463325252ull;
	struct control_image image;

	(void)state;
	for (unsigned int round = 0; round < 100000; round++) {
		struct file f = good();

		for (unsigned int n = 0; n < 1 + round % 4; n++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			((u8 *)&f)[(seed >> 20) % offsetof(struct file, text)] = (u8)(seed >> 8);
		}
		(void)!try(&f, sizeof(f), ROOM, &image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),     cmocka_unit_test(headers),
		cmocka_unit_test(segments),  cmocka_unit_test(notes),
		cmocka_unit_test(truncated), cmocka_unit_test(every_byte),
		cmocka_unit_test(at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
