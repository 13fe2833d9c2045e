/* SPDX-License-Identifier: BSD-2-Clause */
/* Namespaces: each is a disk. They come, go and change their size while the controller runs. */
#include <drivers/nvme/nvme_private.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHIFT_MIN 9u  /* blocks of 512 bytes */
#define SHIFT_MAX 12u /* and of 4096 */
#define HINT_MAX  65536u

/* What Identify Namespace says, checked. */
struct facts {
	u64 sectors;
	u32 block, physical, granularity; /* bytes */
	bool read_only;
	u8 identity[24];
};

/* A hint in blocks less 1 becomes bytes, if it makes sense as such. */
static u32 hint(u16 blocks_less_1, u32 block)
{
	u64 bytes = (blocks_less_1 + 1ull) * block;

	return bytes <= HINT_MAX && (bytes & (bytes - 1)) == 0 ? (u32)bytes : block;
}

/* NULL, or what is wrong with it. */
static const char *read_facts(const struct nvme_identify_namespace *id, struct facts *f)
{
	u64 size = id->size;
	u8 format = NVME_FORMAT_INDEX(id->format), features = id->features;
	u8 shift = id->formats[format].block_shift;

	if (!size)
		return "is not there";
	if (format > id->format_count)
		return "has an unknown format";
	if (shift < SHIFT_MIN || shift > SHIFT_MAX)
		return "has blocks of neither 512 nor 4096 bytes";
	if (id->formats[format].metadata_bytes)
		return "is formatted with metadata";
	if (size > (1ull << 63) >> shift)
		return "claims to be larger than possible";
	f->block = 1u << shift;
	f->sectors = size << (shift - SHIFT_MIN);
	f->physical = f->granularity = f->block;
	if (features & NVME_NSFEAT_OPTPERF) {
		f->physical = hint(id->npwg, f->block);
		f->granularity = hint(id->npdg, f->block);
	}
	f->read_only = id->attributes & NVME_NSATTR_PROTECTED;
	memcpy(f->identity, id->identity, sizeof(f->identity));
	return NULL;
}

static struct nvme_namespace *find(struct nvme *n, u32 nsid)
{
	for (unsigned int i = 0; i < NVME_NAMESPACES; i++)
		if (n->namespaces[i] && n->namespaces[i]->nsid == nsid)
			return n->namespaces[i];
	return NULL;
}

static void leave(struct nvme_namespace *ns)
{
	if (ns->leaving)
		return;
	ns->leaving = true;
	ns->n->has_leaving = true;
	nvme_io_end_all(ns->n, ns, BLOCK_GONE);
	ns->n->d->ops->need_service(ns->n->d);
}

static void drop(struct nvme_namespace *ns)
{
	struct nvme *n = ns->n;

	if (ns->added)
		n->d->ops->block_remove(n->d, &ns->block);
	n->namespaces[ns->index] = NULL;
	n->d->ops->free(n->d, ns);
}

void nvme_namespaces_reap(struct nvme *n)
{
	bool some = false;

	n->has_leaving = false;
	for (unsigned int i = 0; i < NVME_NAMESPACES; i++) {
		struct nvme_namespace *ns = n->namespaces[i];

		if (!ns || !ns->leaving)
			continue;
		if (nvme_io_has(n, ns)) {
			n->has_leaving = true;
			continue;
		}
		drop(ns);
		some = true;
	}
	if (some) {
		/* What is there instead, with another format. */
		n->rescan = true;
		n->d->ops->need_service(n->d);
	}
}

void nvme_namespaces_end(struct nvme *n)
{
	for (unsigned int i = 0; i < NVME_NAMESPACES; i++)
		if (n->namespaces[i])
			drop(n->namespaces[i]);
}

static void describe(struct nvme_namespace *ns, const struct facts *f)
{
	struct nvme *n = ns->n;
	struct block_device *b = &ns->block;

	*b = (struct block_device){
		.ops = &nvme_block_ops,
		.owner = ns,
		.sectors = f->sectors,
		.sector_size = f->block,
		.physical_sector_size = f->physical,
		.read_only = f->read_only,
		.write_cache = n->write_cache,
		.discard = n->discard,
		.discard_granularity = n->discard ? f->granularity : 0,
		.max_segments = n->max_bytes / PAGE_SIZE + 1,
		.max_bytes = n->max_bytes,
		.max_segment = n->max_bytes,
		.page_mask = PAGE_MASK,
		.address_limit = ~0ull,
		.queue_depth = n->slot_count,
	};
	memcpy(b->serial, n->serial, sizeof(n->serial));
	memcpy(b->model, n->model, sizeof(n->model));
	ns->shift = (unsigned int)__builtin_ctz(f->block) - SHIFT_MIN;
	memcpy(ns->identity, f->identity, sizeof(ns->identity));
}

static void appear(struct nvme *n, u32 nsid, const struct facts *f)
{
	struct nvme_namespace *ns;
	u32 index = 0;

	while (index < NVME_NAMESPACES && n->namespaces[index])
		index++;
	if (index == NVME_NAMESPACES) {
		n->d->ops->log(n->d, "namespace %u: over %u are not used", nsid, NVME_NAMESPACES);
		return;
	}
	ns = n->d->ops->alloc(n->d, sizeof(*ns));
	if (!ns) {
		n->d->ops->log(n->d, "namespace %u: no memory", nsid);
		return;
	}
	ns->n = n;
	ns->nsid = nsid;
	ns->index = index;
	n->namespaces[index] = ns;
	describe(ns, f);
	snprintf(ns->name, sizeof(ns->name), "n%u", nsid);
	ns->added = n->d->ops->block_add(n->d, &ns->block, ns->name) == 0;
	if (!ns->added) {
		n->d->ops->log(n->d, "namespace %u: not taken", nsid);
		drop(ns);
	}
}

/* One that is known; f is NULL if it is not usable any more. */
static void change(struct nvme_namespace *ns, const struct facts *f)
{
	if (ns->leaving)
		return;
	if (!f || f->block != ns->block.sector_size || f->read_only != ns->block.read_only ||
	    memcmp(f->identity, ns->identity, sizeof(ns->identity)) != 0) {
		leave(ns);
		return;
	}
	if (f->sectors == ns->block.sectors)
		return;
	ns->block.sectors = f->sectors;
	if (ns->n->d->ops->block_add(ns->n->d, &ns->block, ns->name) != 0)
		leave(ns);
}

/* Negative: the controller did not answer. */
static int look_at(struct nvme *n, u32 nsid)
{
	struct nvme_namespace *ns;
	struct facts f;
	const char *why = "does not identify itself";
	int rc = nvme_identify(n, NVME_IDENTIFY_NAMESPACE, nsid);

	if (rc < 0)
		return rc;
	if (!rc)
		why = read_facts(n->page, &f);
	ns = find(n, nsid);
	if (why)
		n->d->ops->log(n->d, "namespace %u %s", nsid, why);
	if (ns)
		change(ns, why ? NULL : &f);
	else if (!why)
		appear(n, nsid, &f);
	return 0;
}

/* The numbers of those that there are, at most NVME_NAMESPACES. Negative: no answer. */
static int list(struct nvme *n, u32 numbers[NVME_NAMESPACES])
{
	const u32 *active = n->page;
	int count = 0, rc = nvme_identify(n, NVME_IDENTIFY_ACTIVE, 0);

	if (rc < 0)
		return rc;
	for (u32 i = 0; i < NVME_ACTIVE_COUNT && count < (int)NVME_NAMESPACES; i++) {
		/* Controllers of version 1.0 have no list; all up to the limit may be there. */
		u32 nsid = rc == 0 ? active[i] : i < n->namespace_limit ? i + 1 : 0;

		/* Ascending, or this would not end at what is there. */
		if (!nsid || nsid == NVME_ALL_ONES || (count && nsid <= numbers[count - 1]))
			break;
		numbers[count++] = nsid;
	}
	return count;
}

int nvme_namespaces_scan(struct nvme *n)
{
	u32 numbers[NVME_NAMESPACES];
	int count, rc = 0;

	n->rescan = false;
	count = list(n, numbers);
	if (count < 0)
		return count;
	for (unsigned int i = 0; i < NVME_NAMESPACES; i++) {
		struct nvme_namespace *ns = n->namespaces[i];
		bool found = false;

		for (int k = 0; ns && k < count; k++)
			found |= numbers[k] == ns->nsid;
		if (ns && !found)
			leave(ns);
	}
	for (int k = 0; k < count && rc >= 0; k++)
		rc = look_at(n, numbers[k]);
	return rc;
}
