/* SPDX-License-Identifier: BSD-2-Clause */
/* libext2fs's io_manager over a block device. All of it runs in fibers, one at a time for each file
 * system. */
#include <dom0/fs/io_block.h>

#include <stdlib.h>
#include <string.h>

#define FIRST_UNIT 1024u /* before the superblock has said what a block is */

static struct io_block *registered;

errcode_t io_block_error(enum block_status status)
{
	switch (status) {
	case BLOCK_OK:
		return 0;
	case BLOCK_NO_SPACE:
		return EXT2_ET_BLOCK_ALLOC_FAIL;
	case BLOCK_INVALID:
		return EXT2_ET_INVALID_ARGUMENT;
	default:
		return EXT2_ET_SHORT_READ;
	}
}

/* --- the cache --- */

static u64 sector_of(const struct io_block *io, u64 unit)
{
	return unit * (io->unit_bytes / BLOCK_SECTOR);
}

static struct io_entry *lookup(struct io_block *io, u64 unit)
{
	for (struct io_entry **l = &io->entries; *l; l = &(*l)->next) {
		struct io_entry *e = *l;

		if (e->unit != unit)
			continue;
		*l = e->next;
		e->next = io->entries;
		io->entries = e;
		return e;
	}
	return NULL;
}

static void drop(struct io_block *io, struct io_entry **link)
{
	struct io_entry *e = *link;

	*link = e->next;
	io->count--;
	if (e->dirty)
		io->dirty--;
	free(e->data);
	free(e);
}

static void drop_all(struct io_block *io)
{
	while (io->entries)
		drop(io, &io->entries);
}

static errcode_t write_entry(struct io_block *io, struct io_entry *e)
{
	enum block_status s =
		block_io(io->use, BLOCK_WRITE, sector_of(io, e->unit), e->data, io->unit_bytes);

	io->written = true;
	if (s != BLOCK_OK) {
		io->failed = true;
		return s == BLOCK_NO_SPACE ? EXT2_ET_BLOCK_ALLOC_FAIL : EXT2_ET_SHORT_WRITE;
	}
	e->dirty = false;
	e->rank = IO_USUAL;
	io->dirty--;
	return 0;
}

/* Makes room for one more: the least recently used that is not dirty, or, if changes need not be
 * held, the last after it was written. */
static errcode_t make_room(struct io_block *io)
{
	struct io_entry **victim = NULL, **last = NULL;

	if (io->count < IO_CACHE_BYTES / io->unit_bytes)
		return 0;
	for (struct io_entry **l = &io->entries; *l; l = &(*l)->next) {
		last = l;
		if (!(*l)->dirty)
			victim = l;
	}
	if (!victim && last && !io->hold) {
		errcode_t err = write_entry(io, *last);

		if (err)
			return err;
		victim = last;
	}
	if (victim)
		drop(io, victim);
	return 0; /* all is held: the cache grows until the next commit */
}

static errcode_t get(struct io_block *io, u64 unit, bool read, struct io_entry **out)
{
	struct io_entry *e = lookup(io, unit);
	errcode_t err;

	*out = e;
	if (e)
		return 0;
	err = make_room(io);
	if (err)
		return err;
	e = calloc(1, sizeof(*e));
	if (e)
		e->data = malloc(io->unit_bytes);
	if (!e || !e->data) {
		free(e);
		return EXT2_ET_NO_MEMORY;
	}
	if (read)
		err = io_block_error(block_io(io->use, BLOCK_READ, sector_of(io, unit), e->data,
					      io->unit_bytes));
	if (err) {
		free(e->data);
		free(e);
		return err;
	}
	e->unit = unit;
	e->rank = IO_USUAL;
	e->next = io->entries;
	io->entries = e;
	io->count++;
	*out = e;
	return 0;
}

static errcode_t read_bytes(struct io_block *io, u64 at, void *data, u64 bytes)
{
	u8 *p = data;

	while (bytes) {
		u32 within = (u32)(at % io->unit_bytes);
		u32 n = (u32)min_u64(bytes, io->unit_bytes - within);
		struct io_entry *e;
		errcode_t err = get(io, at / io->unit_bytes, true, &e);

		if (err)
			return err;
		memcpy(p, e->data + within, n);
		p += n;
		at += n;
		bytes -= n;
	}
	return 0;
}

static errcode_t write_bytes(struct io_block *io, u64 at, const void *data, u64 bytes)
{
	const u8 *p = data;

	while (bytes) {
		u32 within = (u32)(at % io->unit_bytes);
		u32 n = (u32)min_u64(bytes, io->unit_bytes - within);
		struct io_entry *e;
		errcode_t err = get(io, at / io->unit_bytes, n != io->unit_bytes, &e);

		if (err)
			return err;
		memcpy(e->data + within, p, n);
		if (!e->dirty) {
			e->dirty = true;
			io->dirty++;
		}
		p += n;
		at += n;
		bytes -= n;
	}
	return 0;
}

errcode_t io_block_write_back(struct io_block *io, enum io_rank most)
{
	for (struct io_entry *e = io->entries; e; e = e->next) {
		errcode_t err;

		if (!e->dirty || e->rank > most)
			continue;
		err = write_entry(io, e);
		if (err)
			return err;
	}
	return 0;
}

errcode_t io_block_flush(struct io_block *io)
{
	enum block_status s;

	if (!block_device_of(io->use)->write_cache) {
		io->written = false;
		return 0;
	}
	s = block_io(io->use, BLOCK_FLUSH, 0, NULL, 0);
	if (s != BLOCK_OK) {
		io->failed = true;
		return EXT2_ET_SHORT_WRITE;
	}
	io->written = false;
	return 0;
}

void io_block_rank(struct io_block *io, u64 unit, enum io_rank rank)
{
	struct io_entry *e = lookup(io, unit);

	if (e && e->dirty)
		e->rank = (u8)rank;
}

void io_block_forget(struct io_block *io, u64 first, u64 count)
{
	struct io_entry **l = &io->entries;

	while (*l)
		if ((*l)->unit - first < count)
			drop(io, l);
		else
			l = &(*l)->next;
}

void io_block_register(struct io_block *io)
{
	io->unit_bytes = (u32)max_u64(FIRST_UNIT, block_device_of(io->use)->sector_size);
	io->next = registered;
	registered = io;
}

void io_block_unregister(struct io_block *io)
{
	drop_all(io);
	for (struct io_block **l = &registered; *l; l = &(*l)->next)
		if (*l == io) {
			*l = io->next;
			return;
		}
}

/* --- what libext2fs calls --- */

static struct io_block *block_of(io_channel channel)
{
	return channel->private_data;
}

static errcode_t channel_open(const char *name, int flags, io_channel *out)
{
	struct io_block *io = registered;
	io_channel c;

	(void)flags;
	while (io && strcmp(io->name, name) != 0)
		io = io->next;
	if (!io)
		return EXT2_ET_BAD_DEVICE_NAME;
	c = calloc(1, sizeof(*c));
	if (!c)
		return EXT2_ET_NO_MEMORY;
	c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	c->manager = io_block_manager;
	c->block_size = (int)FIRST_UNIT;
	c->refcount = 1;
	c->private_data = io;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return EXT2_ET_NO_MEMORY;
	}
	*out = c;
	return 0;
}

static errcode_t channel_close(io_channel c)
{
	errcode_t err = 0;

	if (--c->refcount > 0)
		return 0;
	if (!block_of(c)->hold)
		err = io_block_write_back(block_of(c), IO_LATE);
	free(c->name);
	free(c);
	return err;
}

static errcode_t channel_set_blksize(io_channel c, int bytes)
{
	struct io_block *io = block_of(c);
	u32 unit = (u32)max_u64((u64)bytes, block_device_of(io->use)->sector_size);
	errcode_t err = 0;

	if (unit != io->unit_bytes) {
		err = io_block_write_back(io, IO_LATE);
		if (!err) {
			drop_all(io);
			io->unit_bytes = unit;
		}
	}
	if (!err)
		c->block_size = bytes;
	return err;
}

/* A negative count is one of bytes. */
static u64 bytes_of(io_channel c, int count)
{
	return count < 0 ? (u64) - (s64)count : (u64)count * (u64)c->block_size;
}

static bool inside(io_channel c, unsigned long long block, u64 bytes)
{
	u64 size = block_device_of(block_of(c)->use)->sectors * BLOCK_SECTOR;

	return block <= size / (unsigned int)c->block_size &&
	       bytes <= size - block * (unsigned int)c->block_size;
}

static errcode_t channel_read64(io_channel c, unsigned long long block, int count, void *data)
{
	u64 bytes = bytes_of(c, count), at = block * (unsigned int)c->block_size;

	if (!inside(c, block, bytes))
		return EXT2_ET_SHORT_READ;
	return read_bytes(block_of(c), at, data, bytes);
}

static errcode_t channel_write64(io_channel c, unsigned long long block, int count,
				 const void *data)
{
	u64 bytes = bytes_of(c, count), at = block * (unsigned int)c->block_size;

	if (!inside(c, block, bytes))
		return EXT2_ET_SHORT_WRITE;
	return write_bytes(block_of(c), at, data, bytes);
}

static errcode_t channel_read(io_channel c, unsigned long block, int count, void *data)
{
	return channel_read64(c, block, count, data);
}

static errcode_t channel_write(io_channel c, unsigned long block, int count, const void *data)
{
	return channel_write64(c, block, count, data);
}

static errcode_t channel_write_byte(io_channel c, unsigned long offset, int count, const void *data)
{
	if (count < 0 || !inside(c, 0, (u64)offset + (u64)count))
		return EXT2_ET_SHORT_WRITE;
	return write_bytes(block_of(c), (u64)offset, data, (u64)count);
}

static errcode_t channel_flush(io_channel c)
{
	struct io_block *io = block_of(c);
	errcode_t err;

	if (io->hold)
		return 0; /* the owner commits */
	err = io_block_write_back(io, IO_LATE);
	return err ? err : io_block_flush(io);
}

static errcode_t channel_set_option(io_channel c, const char *option, const char *value)
{
	(void)c;
	(void)option;
	(void)value;
	return EXT2_ET_INVALID_ARGUMENT;
}

static struct struct_io_manager manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "block device",
	.open = channel_open,
	.close = channel_close,
	.set_blksize = channel_set_blksize,
	.read_blk = channel_read,
	.write_blk = channel_write,
	.flush = channel_flush,
	.write_byte = channel_write_byte,
	.set_option = channel_set_option,
	.read_blk64 = channel_read64,
	.write_blk64 = channel_write64,
};

io_manager io_block_manager = &manager;
