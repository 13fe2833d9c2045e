/* SPDX-License-Identifier: BSD-2-Clause */
/* A pair of queues: where commands go in and completions come out. NVM Express Base Specification
 * 1.4, "Memory Structures". */
#include <drivers/nvme/nvme_private.h>

#include <errno.h>
#include <string.h>

int nvme_queue_alloc(struct nvme *n, struct nvme_queue *q, u16 entries)
{
	const struct device_ops *ops = n->d->ops;

	q->entries = entries;
	q->sq = ops->dma_alloc(n->d, entries * sizeof(*q->sq), PAGE_SIZE, &q->sq_bus);
	q->cq = ops->dma_alloc(n->d, entries * sizeof(*q->cq), PAGE_SIZE, &q->cq_bus);
	return q->sq && q->cq ? 0 : -ENOMEM;
}

void nvme_queue_free(struct nvme *n, struct nvme_queue *q)
{
	if (q->sq)
		n->d->ops->dma_free(n->d, q->sq, q->entries * sizeof(*q->sq));
	if (q->cq)
		n->d->ops->dma_free(n->d, q->cq, q->entries * sizeof(*q->cq));
	q->sq = NULL;
	q->cq = NULL;
}

void nvme_queue_reset(struct nvme *n, struct nvme_queue *q, unsigned int id)
{
	u32 stride = 4u << NVME_CAP_DSTRD(n->cap);

	q->sq_bell = NVME_BELLS + 2u * id * stride;
	q->cq_bell = q->sq_bell + stride;
	q->tail = q->rung = q->head = 0;
	q->phase = NVME_PHASE;
	memset(q->sq, 0, q->entries * sizeof(*q->sq));
	memset(q->cq, 0, q->entries * sizeof(*q->cq));
}

struct nvme_command *nvme_queue_next(struct nvme_queue *q)
{
	struct nvme_command *c = &q->sq[q->tail];

	if (++q->tail == q->entries)
		q->tail = 0;
	return c;
}

void nvme_queue_ring(struct nvme *n, struct nvme_queue *q)
{
	if (q->rung == q->tail)
		return;
	q->rung = q->tail;
	/* The commands are in memory before the controller is told. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	device_write32(n->d, 0, q->sq_bell, q->tail);
}

bool nvme_queue_take(struct nvme_queue *q, struct nvme_completion *c)
{
	const struct nvme_completion *at = &q->cq[q->head];

	/* The phase is in what the controller writes last. */
	c->id_status = __atomic_load_n(&at->id_status, __ATOMIC_ACQUIRE);
	if ((c->id_status & NVME_PHASE) != q->phase)
		return false;
	c->result = READ_ONCE(at->result);
	if (++q->head == q->entries) {
		q->head = 0;
		q->phase ^= NVME_PHASE;
	}
	return true;
}

void nvme_queue_taken(struct nvme *n, struct nvme_queue *q)
{
	device_write32(n->d, 0, q->cq_bell, q->head);
}
