/* SPDX-License-Identifier: BSD-2-Clause */
/* One disk of a guest, as xl-disk-configuration(5) writes it, with Plinth's own parameters. */
#ifndef DOM0_TOOL_DISK_SPEC_H
#define DOM0_TOOL_DISK_SPEC_H

#include <core/types.h>
#include <dom0/block/block.h>
#include <dom0/block/limiter.h>

#define DISK_VDEV_MAX 16u

struct disk_spec {
	enum block_kind kind;
	char *target;  /* never NULL, but for an empty drive */
	char *overlay; /* or NULL */
	char vdev[DISK_VDEV_MAX];
	u32 vdev_number; /* as xenstore has it: xvda is 51712 */
	bool write;      /* xl's default */
	bool cdrom;
	bool discard;    /* let the guest discard; xl's default */
	bool persistent; /* offer persistent grants: the guest then copies */
	struct rate_limit limit;
};

/* Reads "phy:nvme0n1p2,xvda,w" and the like. 0; -EINVAL: why says what is wrong, without a full
 * stop; -ENOMEM. On success the caller ends with disk_spec_free(). */
int disk_spec_parse(struct disk_spec *spec, const char *text, char why[BLOCK_WHY_MAX]) must_use;
/* -ENOMEM. */
int disk_spec_copy(struct disk_spec *to, const struct disk_spec *from) must_use;
void disk_spec_free(struct disk_spec *spec);
/* "SIZE[/REFILL_MS[/BURST]]", SIZE and BURST with K, M, G behind if they are bytes. false: it is
 * not. */
bool disk_rate_parse(struct token_bucket *rate, const char *text) must_use;
/* Bytes, with K, M, G, T behind. false: it is no such number. */
bool disk_size_parse(u64 *bytes, const char *text) must_use;
/* The number of "xvda", "xvdb1", "d3p2", "sda", "hdb", or of decimal or 0x digits. false: no such.
 */
bool disk_vdev_number(const char *vdev, u32 *number) must_use;

#endif
