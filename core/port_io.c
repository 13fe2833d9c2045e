/* SPDX-License-Identifier: BSD-2-Clause */
/* Port accesses of guests: nothing is there but the debug port. */
#include <core/run.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/insn.h>
#include <xen/errno.h>

#define DEBUG_PORT   0xE9u
#define STRING_PIECE 256u /* bytes; the instruction is restarted for the rest */

/* All ones as on a bus without a device, but for the PIT and its gate: with all ones Linux's
 * calibration loop would spin 100,000 reads (guest-abi 1.8). */
static u32 port_read(u16 port, unsigned int width)
{
	bool pit = (port >= 0x40 && port <= 0x43) || port == 0x61;

	return pit ? 0 : (u32)low_mask(width * 8);
}

/* How much of a piece that was: width; 0: nothing was done, to be tried again; or all of it, if a
 * line may have gone out to a slow UART. */
static unsigned int port_write(struct vcpu *v, u16 port, u32 value, unsigned int width)
{
	unsigned int took = width;
	char text[4];

	if (port != DEBUG_PORT)
		return width;
	for (unsigned int i = 0; i < width; i++) {
		text[i] = (char)(value >> (i * 8));
		if (text[i] == '\n')
			took = STRING_PIECE;
	}
	for (size_t done = 0; done < width;) {
		size_t n = domain_debug_text(v->domain, text + done, width - done);

		if (!n && !done)
			return 0;
		done += n;
	}
	return took;
}

static void finish(struct vcpu *v, const struct hvm_exit *exit)
{
	if (exit->u.io.next_rip) {
		v->regs.rip = exit->u.io.next_rip;
		vcpu_completed(v);
	} else if (vcpu_skip(v, exit)) {
		return;
	}
}

static void plain(struct vcpu *v, const struct hvm_exit *exit)
{
	u64 *rax = &v->regs.gpr[GPR_RAX];
	unsigned int width = exit->u.io.width;

	if (!exit->u.io.in) {
		if (!port_write(v, exit->u.io.port, (u32)*rax, width))
			return;
	} else {
		u32 value = port_read(exit->u.io.port, width);

		/* 32-bit results clear the upper half, smaller ones leave the rest alone. */
		*rax = width == 4 ? value : ((*rax & ~low_mask(width * 8)) | value);
	}
	finish(v, exit);
}

/* The segment of OUTS' source is in its prefixes; INS always uses ES. The width of addresses is
 * there too, for a CPU that does not report it (QEMU's TCG). */
static int string_operand(struct vcpu *v, const struct hvm_exit *exit, u64 *base,
			  unsigned int *address_bytes)
{
	u8 bytes[INSN_MAX_LENGTH], segment = exit->u.io.in ? SEG_ES : SEG_DS;
	struct insn insn;
	size_t got;

	*address_bytes = exit->u.io.address_bytes;
	if (!exit->u.io.in || !*address_bytes) {
		int err = guest_fetch(v, bytes, sizeof(bytes), &got);

		if (err)
			return err;
		if (insn_decode(&insn, bytes, got, hvm->code_bits(v))) {
			vcpu_raise(v, X86_UD); /* changed under us */
			return -XEN_EINVAL;
		}
		if (!*address_bytes)
			*address_bytes = insn.addr_size;
		if (!exit->u.io.in && insn.segment <= SEG_GS)
			segment = insn.segment;
	}
	*base = segment_base(v, segment);
	return 0;
}

/* As port_write(); also 0 if an exception was raised. */
static unsigned int string_step(struct vcpu *v, const struct hvm_exit *exit, gva_t at)
{
	unsigned int width = exit->u.io.width;
	bool in = exit->u.io.in;
	u32 value = port_read(exit->u.io.port, width);
	gpa_t unused;

	if (!access_walk(v, at, width, in, &unused))
		return 0;
	if (in ? copy_to_guest(v, at, &value, width) : copy_from_guest(v, &value, at, width)) {
		vcpu_raise_error(v, X86_GP, 0); /* no memory: not a place for strings */
		return 0;
	}
	return in ? width : port_write(v, exit->u.io.port, value, width);
}

static void string(struct vcpu *v, const struct hvm_exit *exit)
{
	unsigned int bytes;
	u64 mask, base, count;
	u64 linear_mask = low_mask(hvm->code_bits(v) == 64 ? 64 : 32);
	u64 *pointer = &v->regs.gpr[exit->u.io.in ? GPR_RDI : GPR_RSI];
	u64 *counter = &v->regs.gpr[GPR_RCX];
	u64 step = v->regs.rflags & RFLAGS_DF ? 0 - (u64)exit->u.io.width : exit->u.io.width;

	if (string_operand(v, exit, &base, &bytes))
		return;
	mask = low_mask(bytes * 8);
	count = exit->u.io.rep ? *counter & mask : 1;
	for (unsigned int done = 0; count && done < STRING_PIECE; count--) {
		u64 at = (base + (*pointer & mask)) & linear_mask;
		unsigned int took = string_step(v, exit, gva(at));

		if (!took)
			return;
		done += took;
		string_advance(pointer, step, bytes);
		if (exit->u.io.rep)
			string_advance(counter, ~0ull, bytes);
	}
	if (!count || !exit->u.io.rep)
		finish(v, exit);
}

void port_io_exit(struct vcpu *v, const struct hvm_exit *exit)
{
	if (exit->u.io.string)
		string(v, exit);
	else
		plain(v, exit);
}
