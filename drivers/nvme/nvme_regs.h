/* SPDX-License-Identifier: BSD-2-Clause */
/* What the NVM Express Base Specification 1.4 lays out: registers, queue entries, structures that
 * Identify returns. Little-endian, as this machine is. */
#ifndef DRIVERS_NVME_NVME_REGS_H
#define DRIVERS_NVME_NVME_REGS_H

#include <core/types.h>

/* "Controller Registers", in window 0. */
#define NVME_CAP   0x00u /* 64 bits */
#define NVME_CC    0x14u
#define NVME_CSTS  0x1Cu
#define NVME_AQA   0x24u
#define NVME_ASQ   0x28u /* 64 bits */
#define NVME_ACQ   0x30u /* 64 bits */
#define NVME_BELLS 0x1000u

#define NVME_CAP_MQES(cap)   ((u32)(cap)&0xFFFFu)         /* entries of a queue, less 1 */
#define NVME_CAP_TO(cap)     ((u32)((cap) >> 24) & 0xFFu) /* 500 ms */
#define NVME_CAP_DSTRD(cap)  ((u32)((cap) >> 32) & 0xFu)  /* doorbells 4 << this apart */
#define NVME_CAP_CSS_NVM     (1ull << 37)
#define NVME_CAP_MPSMIN(cap) ((u32)((cap) >> 48) & 0xFu) /* pages of 4096 << this */

#define NVME_CC_ENABLE      1u
#define NVME_CC_SHN_NORMAL  (1u << 14)
#define NVME_CC_ENTRY_SIZES (6u << 16 | 4u << 20) /* 64 bytes a command, 16 a completion */

#define NVME_CSTS_READY    1u
#define NVME_CSTS_FATAL    2u
#define NVME_CSTS_SHUTDOWN 0xCu
#define NVME_CSTS_SHUT     0x8u
#define NVME_ALL_ONES      0xFFFFFFFFu

/* "Admin Command Set" */
#define NVME_ADMIN_CREATE_SQ    0x01u
#define NVME_ADMIN_GET_LOG      0x02u
#define NVME_ADMIN_CREATE_CQ    0x05u
#define NVME_ADMIN_IDENTIFY     0x06u
#define NVME_ADMIN_SET_FEATURES 0x09u
#define NVME_ADMIN_ASYNC_EVENT  0x0Cu

#define NVME_IDENTIFY_NAMESPACE  0u
#define NVME_IDENTIFY_CONTROLLER 1u
#define NVME_IDENTIFY_ACTIVE     2u /* 1024 numbers of namespaces, ascending, 0 ends them */
#define NVME_IDENTIFY_BYTES      4096u
#define NVME_ACTIVE_COUNT        1024u

#define NVME_FEATURE_QUEUES 0x07u
#define NVME_FEATURE_EVENTS 0x0Bu

#define NVME_QUEUE_CONTIGUOUS 1u
#define NVME_QUEUE_INTERRUPT  2u

/* Asynchronous Event Request, completion dword 0. */
#define NVME_EVENT_TYPE(v)     ((v)&7u)
#define NVME_EVENT_INFO(v)     ((v) >> 8 & 0xFFu)
#define NVME_EVENT_LOG(v)      ((v) >> 16 & 0xFFu)
#define NVME_EVENT_HEALTH      1u
#define NVME_EVENT_NOTICE      2u
#define NVME_EVENT_ATTRIBUTES  0u /* of a namespace changed */
#define NVME_OAES_ATTRIBUTES   (1u << 8)
#define NVME_EVENTS_HEALTH     0x1Fu /* the critical warnings, as Set Features has them */
#define NVME_LOG_BYTES         512u
#define NVME_LOG_CHANGED       4u
#define NVME_LOG_CHANGED_BYTES 4096u

/* "NVM Command Set" */
#define NVME_FLUSH   0x00u
#define NVME_WRITE   0x01u
#define NVME_READ    0x02u
#define NVME_DATASET 0x09u

#define NVME_DATASET_DEALLOCATE 4u

/* "Status Field": type and code, and the bit that forbids to try again. */
#define NVME_STATUS_CODE(s)         ((s)&0x7FFu)
#define NVME_STATUS_DNR             (1u << 14)
#define NVME_STATUS_OPCODE          0x001u
#define NVME_STATUS_FIELD           0x002u
#define NVME_STATUS_NAMESPACE       0x00Bu
#define NVME_STATUS_WRITE_PROTECTED 0x020u
#define NVME_STATUS_LBA_RANGE       0x080u
#define NVME_STATUS_CAPACITY        0x081u
#define NVME_STATUS_READ_ONLY       0x182u

struct nvme_command {
	u8 opcode, flags;
	u16 id;
	u32 nsid;
	u32 dword2, dword3;
	u64 metadata;
	u64 prp1, prp2;
	u32 dword10, dword11, dword12, dword13, dword14, dword15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "NVMe");
_Static_assert(offsetof(struct nvme_command, prp1) == 24, "NVMe");
_Static_assert(offsetof(struct nvme_command, dword10) == 40, "NVMe");

struct nvme_completion {
	u32 result;
	u32 reserved;
	u16 sq_head, sq_id;
	u32 id_status; /* 15:0 the command, 16 phase, 31:17 status */
};
_Static_assert(sizeof(struct nvme_completion) == 16, "NVMe");
_Static_assert(offsetof(struct nvme_completion, id_status) == 12, "NVMe");

#define NVME_PHASE (1u << 16)

/* "Dataset Management command" */
struct nvme_range {
	u32 attributes;
	u32 blocks;
	u64 start;
};
_Static_assert(sizeof(struct nvme_range) == 16, "NVMe");

/* "Identify Controller data structure", what is used of it. */
struct nvme_identify_controller {
	u16 pci_vendor, pci_subsystem_vendor;
	char serial[20], model[40], firmware[8];
	u8 unused72[5];
	u8 mdts; /* a command moves at most 4096 << this, 0: any number, of bytes */
	u8 unused78[10];
	u32 rtd3e; /* us that a shutdown takes */
	u32 oaes;
	u8 unused96[416];
	u8 sqes, cqes; /* 3:0 least, 7:4 greatest: log2 of bytes */
	u16 max_commands;
	u32 namespace_count;
	u16 oncs;
	u8 unused522[3];
	u8 vwc; /* bit 0: there is a volatile write cache */
	u8 unused526[3570];
};
_Static_assert(sizeof(struct nvme_identify_controller) == 4096, "NVMe");
_Static_assert(offsetof(struct nvme_identify_controller, mdts) == 77, "NVMe");
_Static_assert(offsetof(struct nvme_identify_controller, oaes) == 92, "NVMe");
_Static_assert(offsetof(struct nvme_identify_controller, sqes) == 512, "NVMe");
_Static_assert(offsetof(struct nvme_identify_controller, oncs) == 520, "NVMe");
_Static_assert(offsetof(struct nvme_identify_controller, vwc) == 525, "NVMe");

#define NVME_ONCS_DATASET (1u << 2)
#define NVME_VWC_PRESENT  1u

/* "Identify Namespace data structure" */
struct nvme_identify_namespace {
	u64 size, capacity, used; /* blocks */
	u8 features, format_count, format, metadata, dpc, protection;
	u8 unused30[34];
	u16 npwg, npwa, npdg, npda, nows; /* blocks, less 1, if NVME_NSFEAT_OPTPERF */
	u8 unused74[25];
	u8 attributes; /* bit 0: write-protected */
	u8 unused100[4];
	u8 identity[24]; /* NGUID and EUI64: another number here is another disk */
	struct {
		u16 metadata_bytes;
		u8 block_shift;
		u8 performance;
	} formats[16];
	u8 unused192[3904];
};
_Static_assert(sizeof(struct nvme_identify_namespace) == 4096, "NVMe");
_Static_assert(offsetof(struct nvme_identify_namespace, format) == 26, "NVMe");
_Static_assert(offsetof(struct nvme_identify_namespace, npwg) == 64, "NVMe");
_Static_assert(offsetof(struct nvme_identify_namespace, attributes) == 99, "NVMe");
_Static_assert(offsetof(struct nvme_identify_namespace, identity) == 104, "NVMe");
_Static_assert(offsetof(struct nvme_identify_namespace, formats) == 128, "NVMe");

#define NVME_NSFEAT_OPTPERF      (1u << 4)
#define NVME_FORMAT_INDEX(flbas) ((flbas)&0xFu)
#define NVME_NSATTR_PROTECTED    1u

#endif
