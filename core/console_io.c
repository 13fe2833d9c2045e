/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall 18: text for the log, and for the control domain what was typed. */
#include <core/hypercall.h>

#include <arch/x86_64/platform/log.h>
#include <arch/x86_64/platform/serial.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <xen/errno.h>

#define PIECE     1024u      /* bytes before the hypercall restarts */
#define COUNT_MAX (1u << 26) /* what hypercall_again() can note */

static s64 console_write(struct vcpu *v, u32 count, u64 buf)
{
	u64 start = hypercall_start(v->regs.gpr[GPR_RDI]), n;
	char text[PIECE];

	if (count >= COUNT_MAX)
		return -XEN_E2BIG;
	if (start >= count)
		return 0;
	n = min_u64(count - start, PIECE);
	if (copy_from_guest(v, text, gva(buf + start), n))
		return -XEN_EFAULT;
	if (v->domain->control)
		log_write_raw(text, n);
	else
		n = domain_debug_text(v->domain, text, n);
	return start + n < count ? hypercall_again(v, start + n) : 0;
}

/* How many bytes were read, 0 if nothing was typed. */
static s64 console_read(struct vcpu *v, u32 count, u64 buf)
{
	char text[256];
	size_t n;

	if (!v->domain->control)
		return -XEN_EPERM;
	n = serial_read(text, min_u64(count, sizeof(text)));
	return copy_to_guest(v, gva(buf), text, n) ? -XEN_EFAULT : (s64)n;
}

s64 do_console_io(struct vcpu *v)
{
	u64 cmd = v->regs.gpr[GPR_RDI], buf = v->regs.gpr[GPR_RDX];
	u32 count = (u32)v->regs.gpr[GPR_RSI];

	if (hypercall_cmd(cmd) == CONSOLEIO_write)
		return console_write(v, count, buf);
	return (u32)cmd == CONSOLEIO_read ? console_read(v, count, buf) : -XEN_ENOSYS;
}
