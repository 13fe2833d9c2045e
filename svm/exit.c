/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit codes and their facts, decoded. */
#include <svm/exit.h>

#include <svm/svm.h>

#define CODE_NPF 0x400u

/* By exit code, which is also the number of the intercept. #UD finds VMCALL. #DB and #AC: one whose
 * delivery raises the next would hold the CPU in microcode for ever. #MC is the host's. What is not
 * listed is not asked for and unknown. */
static const struct exit_rule {
	u8 kind, reason;
} rules[] = {
	[0x18] = {KIND_cr8, EXIT_handled},
	[0x20 ... 0x3F] = {KIND_dr, EXIT_handled},
	[0x41] = {KIND_db, EXIT_handled},
	[0x46] = {KIND_ud, EXIT_handled},
	[0x51] = {KIND_ac, EXIT_handled},
	[0x52] = {KIND_mc, EXIT_interrupt},
	[0x60] = {KIND_plain, EXIT_interrupt},  /* INTR */
	[0x61] = {KIND_plain, EXIT_interrupt},  /* NMI */
	[0x62] = {KIND_plain, EXIT_interrupt},  /* SMI: taken when GIF is set again */
	[0x63] = {KIND_plain, EXIT_interrupt},  /* INIT */
	[0x64] = {KIND_plain, EXIT_irq_window}, /* VINTR */
	[0x6F] = {KIND_gp, EXIT_handled},       /* RDPMC: a CPU without counters */
	[0x72] = {KIND_plain, EXIT_cpuid},
	[0x74] = {KIND_iret, EXIT_handled},
	[0x76] = {KIND_plain, EXIT_cache}, /* INVD: would lose others' data */
	[0x77] = {KIND_plain, EXIT_pause},
	[0x78] = {KIND_plain, EXIT_hlt},
	[0x7A] = {KIND_plain, EXIT_undefined}, /* INVLPGA */
	[0x7B] = {KIND_io, EXIT_io},
	[0x7C] = {KIND_msr, EXIT_msr},
	[0x7E] = {KIND_mf, EXIT_handled}, /* FERR_FREEZE: nobody listens to FERR# */
	[0x7F] = {KIND_plain, EXIT_shutdown},
	[0x80] = {KIND_plain, EXIT_undefined}, /* VMRUN */
	[0x81] = {KIND_plain, EXIT_hypercall},
	[0x82 ... 0x86] = {KIND_plain, EXIT_undefined}, /* VMLOAD VMSAVE STGI CLGI SKINIT */
	[0x89] = {KIND_plain, EXIT_cache},              /* WBINVD */
	[0x8A] = {KIND_plain, EXIT_undefined},          /* MONITOR */
	[0x8B] = {KIND_plain, EXIT_undefined},          /* MWAIT */
	[0x8C] = {KIND_plain, EXIT_undefined},          /* MWAIT, armed */
	[0x8D] = {KIND_plain, EXIT_xsetbv},
	[0x8E] = {KIND_plain, EXIT_undefined}, /* RDPRU */
};

void svm_intercept_all(struct vmcb *b)
{
	for (u32 code = 0; code < ARRAY_SIZE(rules); code++)
		if (rules[code].kind != KIND_unknown)
			svm_intercept(b, code, true);
}

static void decode_io(const struct vmcb *b, struct hvm_exit *exit)
{
	u32 info = (u32)b->exit_info1;

	exit->u.io.port = (u16)(info >> IO_PORT_SHIFT);
	exit->u.io.width = (info >> IO_WIDTH_SHIFT) & 7u;
	exit->u.io.in = info & IO_IN;
	exit->u.io.string = info & IO_STRING;
	exit->u.io.rep = info & IO_REP;
	/* One hot, in the order 16, 32, 64: twice that is the number of bytes. */
	exit->u.io.address_bytes = (u8)(((info >> IO_ADDRESS_SHIFT) & 7u) << 1);
	exit->u.io.next_rip = b->exit_info2;
}

static void decode_npf(const struct vmcb *b, struct hvm_exit *exit)
{
	u64 error = b->exit_info1;

	exit->u.npf.gpa = gpa(b->exit_info2);
	exit->u.npf.access = error & NPF_WRITE ? EPT_W : error & NPF_FETCH ? EPT_X : EPT_R;
	exit->u.npf.table_walk = (error & NPF_TABLE) != 0;
}

static enum svm_exit_kind decode_raw(const struct vmcb *b, struct hvm_exit *exit,
				     enum exit_reason reason)
{
	exit->reason = reason;
	exit->u.raw.code = b->exit_code;
	exit->u.raw.info1 = b->exit_info1;
	exit->u.raw.info2 = b->exit_info2;
	return KIND_unknown;
}

unsigned int svm_insn_length(u64 code, u64 info1, u64 bytes)
{
	static const struct {
		u32 bytes;
		u8 length;
	} shortest[] = {
		[0x72] = {0xA20F, 2},   /* CPUID */
		[0x77] = {0x90F3, 2},   /* PAUSE */
		[0x78] = {0xF4, 1},     /* HLT */
		[0x7C] = {0x320F, 2},   /* RDMSR */
		[0x7D] = {0x300F, 2},   /* WRMSR: EXITINFO1 is 1 */
		[0x81] = {0xD9010F, 3}, /* VMMCALL */
	};
	u64 i = code == 0x7C && (info1 & 1u) ? 0x7D : code;

	if (i >= ARRAY_SIZE(shortest) || !shortest[i].length)
		return 0;
	return (bytes & low_mask(shortest[i].length * 8u)) == shortest[i].bytes ? shortest[i].length
										: 0;
}

enum svm_exit_kind svm_exit_decode(const struct vmcb *b, u32 ecx, struct hvm_exit *exit)
{
	/* Codes that do not fit 32 bits are negative: VMEXIT_INVALID and VMEXIT_BUSY, which some
	 * emulators store zero-extended. */
	u32 code = (u32)b->exit_code;
	u64 length = b->next_rip - b->rip;

	/* next_rip is 0 where the CPU has none to tell; REX or not, 15 bytes is the most. */
	exit->insn_length = length <= 15 ? (u8)length : 0;
	if (code == CODE_NPF) {
		exit->reason = EXIT_npf;
		exit->insn_length = 0;
		decode_npf(b, exit);
		return KIND_npf;
	}
	if (unlikely(code >= ARRAY_SIZE(rules)))
		return decode_raw(b, exit, (s32)code < 0 ? EXIT_invalid : EXIT_unknown);
	exit->reason = rules[code].reason;
	switch (rules[code].kind) {
	case KIND_unknown:
		return decode_raw(b, exit, EXIT_unknown);
	case KIND_io:
		decode_io(b, exit);
		break;
	case KIND_msr:
		exit->u.msr.index = ecx;
		exit->u.msr.write = b->exit_info1 & 1u;
		break;
	default:
		break;
	}
	return rules[code].kind;
}
