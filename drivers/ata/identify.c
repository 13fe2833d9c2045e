/* SPDX-License-Identifier: BSD-2-Clause */
/* What a disk says of itself: ACS-3, "IDENTIFY DEVICE". The device is not trusted. */
#include <drivers/ata/command.h>

#include <string.h>

#define WORD_GENERAL        0
#define WORD_SERIAL         10
#define WORD_MODEL          27
#define WORD_CAPABILITIES   49
#define WORD_VALIDITY       53
#define WORD_SECTORS        60
#define WORD_MULTIWORD_DMA  63
#define WORD_QUEUE_DEPTH    75
#define WORD_SATA           76
#define WORD_SUPPORTED      82
#define WORD_ENABLED        85
#define WORD_ULTRA_DMA      88
#define WORD_SECTORS_48     100
#define WORD_SECTOR_SIZES   106
#define WORD_LOGICAL_SIZE   117
#define WORD_TRIM           169
#define WORD_EXTRA          69
#define WORD_SECTORS_EXTRA  230
#define WORD_INTEGRITY      255
#define INTEGRITY_SIGNATURE 0xA5u
#define SECTOR_SIZE_MAX     65536u
#define SECTORS_MAX         (1ull << 48)
#define SECTORS_28_MAX      0x0FFFFFFFull
#define PHYSICAL_SHIFT_MAX  7u
#define QUEUE_DEPTH_MAX     32u

/* Two characters in each word, the first in the high byte; padded with blanks. */
static void text(char *out, const u16 *words, unsigned int count)
{
	unsigned int end = 0;

	for (unsigned int i = 0; i < count * 2; i++) {
		u8 c = (u8)(words[i / 2] >> (i % 2 ? 0 : 8));

		out[i] = (char)(c >= 0x20 && c < 0x7F ? c : ' ');
		if (out[i] != ' ')
			end = i + 1;
	}
	out[end] = '\0';
	for (end = 0; out[end] == ' ';)
		end++;
	memmove(out, out + end, strlen(out + end) + 1);
}

static u64 number(const u16 *words, unsigned int count)
{
	u64 v = 0;

	for (unsigned int i = count; i-- > 0;)
		v = v << 16 | words[i];
	return v;
}

static bool bit(const u16 *w, unsigned int word, unsigned int n)
{
	return w[word] >> n & 1;
}

/* Some words say by two bits that they are there at all. */
static bool there(u16 word)
{
	return (word & 0xC000) == 0x4000;
}

static bool intact(const u16 *w)
{
	u8 sum = 0;

	if ((w[WORD_INTEGRITY] & 0xFF) != INTEGRITY_SIGNATURE)
		return true; /* it has no sum */
	for (unsigned int i = 0; i < ATA_IDENTIFY_WORDS; i++)
		sum = (u8)(sum + (w[i] & 0xFF) + (w[i] >> 8));
	return sum == 0;
}

/* false: sizes that nobody can use. */
static bool sector_sizes(const u16 *w, struct ata_identity *id)
{
	u16 word = w[WORD_SECTOR_SIZES];
	u64 logical = BLOCK_SECTOR;

	id->sector_size = id->physical_sector_size = BLOCK_SECTOR;
	if (!there(word))
		return true;
	if (word >> 12 & 1)
		logical = number(w + WORD_LOGICAL_SIZE, 2) * 2;
	if (logical < BLOCK_SECTOR || logical > SECTOR_SIZE_MAX || (logical & (logical - 1)))
		return false;
	id->sector_size = id->physical_sector_size = (u32)logical;
	if (word >> 13 & 1)
		id->physical_sector_size <<= min_u64(word & 0xF, PHYSICAL_SHIFT_MAX);
	return true;
}

static void capacity(const u16 *w, struct ata_identity *id)
{
	u64 n = 0;

	if (id->lba48)
		n = bit(w, WORD_EXTRA, 3) ? number(w + WORD_SECTORS_EXTRA, 4)
					  : number(w + WORD_SECTORS_48, 4);
	if (!n || n > SECTORS_MAX)
		n = min_u64(number(w + WORD_SECTORS, 2), SECTORS_28_MAX);
	id->sectors = n << ata_sector_shift(id);
}

static void abilities(const u16 *w, struct ata_identity *id)
{
	bool told = there(w[WORD_SUPPORTED + 1]);

	id->removable = bit(w, WORD_GENERAL, 7);
	id->lba48 = told && bit(w, WORD_SUPPORTED + 1, 10);
	id->dma = bit(w, WORD_CAPABILITIES, 8);
	id->dma_selected = (w[WORD_MULTIWORD_DMA] & 0x0700) ||
			   (bit(w, WORD_VALIDITY, 2) && (w[WORD_ULTRA_DMA] & 0x7F00));
	id->flush = told && bit(w, WORD_SUPPORTED + 1, 12);
	id->flush_ext = id->lba48 && bit(w, WORD_SUPPORTED + 1, 13);
	id->write_cache = told && bit(w, WORD_SUPPORTED, 5) && bit(w, WORD_ENABLED, 5);
	id->trim = id->lba48 && bit(w, WORD_TRIM, 0);
	/* Words of parallel disks read as 0 or all ones. */
	id->ncq = id->lba48 && w[WORD_SATA] != 0xFFFF && bit(w, WORD_SATA, 8);
	id->queue_depth = id->ncq ? (w[WORD_QUEUE_DEPTH] % QUEUE_DEPTH_MAX) + 1u : 1u;
}

const char *ata_identify_parse(const u16 words[ATA_IDENTIFY_WORDS], struct ata_identity *id)
{
	*id = (struct ata_identity){0};
	if (!intact(words))
		return "what it says of itself does not add up";
	if (bit(words, WORD_GENERAL, 15))
		return "it is no disk";
	if (!bit(words, WORD_CAPABILITIES, 9))
		return "it has no linear addresses";
	abilities(words, id);
	if (!sector_sizes(words, id))
		return "it has sectors of an impossible size";
	capacity(words, id);
	if (!id->sectors)
		return "it has no sectors";
	text(id->serial, words + WORD_SERIAL, 10);
	text(id->model, words + WORD_MODEL, 20);
	return NULL;
}

bool ata_same_disk(const struct ata_identity *a, const struct ata_identity *b)
{
	return a->sectors == b->sectors && a->sector_size == b->sector_size &&
	       strcmp(a->serial, b->serial) == 0 && strcmp(a->model, b->model) == 0;
}

void ata_describe(const struct ata_identity *id, struct block_device *b)
{
	b->sectors = id->sectors;
	b->sector_size = id->sector_size;
	b->physical_sector_size = id->physical_sector_size;
	b->removable = id->removable;
	/* A cache that cannot be flushed is none that anybody can do something about. */
	b->write_cache = id->write_cache && (id->flush || id->flush_ext);
	b->discard = id->trim;
	b->discard_granularity = id->trim ? id->sector_size : 0;
	memcpy(b->serial, id->serial, sizeof(id->serial));
	memcpy(b->model, id->model, sizeof(id->model));
}
