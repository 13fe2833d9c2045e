/* SPDX-License-Identifier: BSD-2-Clause */
/* The instruction decoder: lengths as objdump gives them, operands, and emulated accesses compared
 * with what this machine's own processor does with the same bytes. */
// links: core/insn.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include <core/insn.h>
#include <xen/errno.h>

/* One whole instruction each; the text is objdump's. */
static const struct {
	unsigned int mode;
	const char *hex;
} good[] = {
	{64, "0fa2"},                           /* cpuid */
	{64, "0f32"},                           /* rdmsr */
	{64, "0f30"},                           /* wrmsr */
	{64, "0f01d9"},                         /* vmmcall */
	{64, "0f01c1"},                         /* vmcall */
	{64, "f4"},                             /* hlt */
	{64, "ec"},                             /* in (%dx),%al */
	{64, "ed"},                             /* in (%dx),%eax */
	{64, "66ed"},                           /* in (%dx),%ax */
	{64, "e460"},                           /* in $0x60,%al */
	{64, "e560"},                           /* in $0x60,%eax */
	{64, "e6e9"},                           /* out %al,$0xe9 */
	{64, "e770"},                           /* out %eax,$0x70 */
	{64, "ee"},                             /* out %al,(%dx) */
	{64, "ef"},                             /* out %eax,(%dx) */
	{64, "66ef"},                           /* out %ax,(%dx) */
	{64, "f36c"},                           /* rep insb (%dx),%es:(%rdi) */
	{64, "f26e"},                           /* repnz outsb %ds:(%rsi),(%dx) */
	{64, "f3666f"},                         /* rep outsw %ds:(%rsi),(%dx) */
	{64, "676c"},                           /* insb (%dx),%es:(%edi) */
	{64, "0f20c0"},                         /* mov %cr0,%rax */
	{64, "440f20c0"},                       /* mov %cr8,%rax */
	{64, "0f2200"},                         /* mov %rax,%cr0 */
	{64, "410f22e3"},                       /* mov %r11,%cr4 */
	{64, "0f205c"},                         /* mov %cr3,%rsp */
	{64, "0f21c7"},                         /* mov %db0,%rdi */
	{64, "0f23ff"},                         /* mov %rdi,%db7 */
	{64, "0f01d1"},                         /* xsetbv */
	{64, "0f01d0"},                         /* xgetbv */
	{64, "0f08"},                           /* invd */
	{64, "0f09"},                           /* wbinvd */
	{64, "f390"},                           /* pause */
	{64, "0f31"},                           /* rdtsc */
	{64, "0f01f9"},                         /* rdtscp */
	{64, "0f013f"},                         /* invlpg (%rdi) */
	{64, "0f0138"},                         /* invlpg (%rax) */
	{64, "670f013c2544332211"},             /* invlpg 0x11223344(,%eiz,1) */
	{64, "0f01f0"},                         /* lmsw %ax */
	{64, "480f013424"},                     /* rex.W lmsw (%rsp) */
	{64, "0f01e0"},                         /* smsw %eax */
	{64, "660f01e1"},                       /* smsw %cx */
	{64, "0f06"},                           /* clts */
	{64, "0f01c8"},                         /* monitor %rax,%ecx,%edx */
	{64, "0f01c9"},                         /* mwait %eax,%ecx */
	{64, "0f01d8"},                         /* vmrun */
	{64, "0f01da"},                         /* vmload */
	{64, "0f01db"},                         /* vmsave */
	{64, "0f01dc"},                         /* stgi */
	{64, "0f01dd"},                         /* clgi */
	{64, "0f01de"},                         /* skinit */
	{64, "0f01df"},                         /* invlpga */
	{64, "f1"},                             /* int1 */
	{64, "cd80"},                           /* int $0x80 */
	{64, "cc"},                             /* int3 */
	{64, "48cf"},                           /* iretq */
	{64, "cf"},                             /* iret */
	{64, "66cf"},                           /* iretw */
	{64, "9c"},                             /* pushf */
	{64, "669d"},                           /* popfw */
	{64, "9d"},                             /* popf */
	{64, "0f05"},                           /* syscall */
	{64, "480f07"},                         /* sysretq */
	{64, "0f34"},                           /* sysenter */
	{64, "480f35"},                         /* sysexitq */
	{64, "0faa"},                           /* rsm */
	{64, "0f33"},                           /* rdpmc */
	{64, "0f01ee"},                         /* rdpkru */
	{64, "0f01ef"},                         /* wrpkru */
	{64, "f30fc7f8"},                       /* rdpid %rax */
	{64, "660f388200"},                     /* invpcid (%rax),%rax */
	{64, "0faee8"},                         /* lfence */
	{64, "f30faec0"},                       /* rdfsbase %eax */
	{64, "480f00d8"},                       /* rex.W ltr %ax */
	{64, "0f00d0"},                         /* lldt %ax */
	{64, "0f011500000000"},                 /* lgdt 0x0(%rip) */
	{64, "2e3e26660fa2"},                   /* cs ds es data16 cpuid */
	{64, "f0f2f30f01d9"},                   /* lock repnz vmgexit */
	{64, "480fa2"},                         /* rex.W cpuid */
	{64, "66480f32"},                       /* data16 rex.W rdmsr */
	{64, "676767670f30"},                   /* addr32 addr32 addr32 addr32 wrmsr */
	{64, "2e2e2e2e2e2e2e2e2e2e2e2e2e0fa2"}, /* cs cs cs cs cs cs cs cs cs cs cs cs cs cpuid */
	{64, "890d10000000"},                   /* mov %ecx,0x10(%rip) */
	{64, "8b0425b000e0fe"},                 /* mov 0xfffffffffee000b0,%eax */
	{64, "a18877665544332211"},             /* movabs 0x1122334455667788,%eax */
	{64, "67a144332211"},                   /* addr32 mov 0x11223344,%eax */
	{64, "48a38877665544332211"},           /* movabs %rax,0x1122334455667788 */
	{64, "66a18877665544332211"},           /* movabs 0x1122334455667788,%ax */
	{64, "c704258003e0fe78563412"},         /* movl $0x12345678,0xfffffffffee00380 */
	{64, "66c7003412"},                     /* movw $0x1234,(%rax) */
	{64, "48c74008f0ffffff"},               /* movq $0xfffffffffffffff0,0x8(%rax) */
	{64, "c64424017f"},                     /* movb $0x7f,0x1(%rsp) */
	{64, "8b841880000000"},                 /* mov 0x80(%rax,%rbx,1),%eax */
	{64, "438b4cb500"},                     /* mov 0x0(%r13,%r14,4),%ecx */
	{64, "478a2401"},                       /* mov (%r9,%r8,1),%r12b */
	{64, "0fb600"},                         /* movzbl (%rax),%eax */
	{64, "480fbf4310"},                     /* movswq 0x10(%rbx),%rax */
	{64, "4c6301"},                         /* movslq (%rcx),%r8 */
	{64, "870f"},                           /* xchg %ecx,(%rdi) */
	{64, "48873dfcffffff"},                 /* xchg %rdi,-0x4(%rip) */
	{64, "f00fb10e"},                       /* lock cmpxchg %ecx,(%rsi) */
	{64, "818020010000ff000000"},           /* addl $0xff,0x120(%rax) */
	{64, "8348f001"},                       /* orl $0x1,-0x10(%rax) */
	{64, "f7050400000001000000"},           /* testl $0x1,0x4(%rip) */
	{64, "f60080"},                         /* testb $0x80,(%rax) */
	{64, "f710"},                           /* notl (%rax) */
	{64, "ff00"},                           /* incl (%rax) */
	{64, "48b88877665544332211"},           /* movabs $0x1122334455667788,%rax */
	{64, "66b83412"},                       /* mov $0x1234,%ax */
	{64, "c8100002"},                       /* enter $0x10,$0x2 */
	{64, "c20800"},                         /* ret $0x8 */
	{64, "6aff"},                           /* push $0xffffffffffffffff */
	{64, "6878563412"},                     /* push $0x12345678 */
	{64, "69c010000000"},                   /* imul $0x10,%eax,%eax */
	{64, "e800000000"},                     /* call 0x5 */
	{64, "0f8400000000"},                   /* je 0x6 */
	{64, "ebfe"},                           /* jmp 0x0 */
	{64, "0fba2005"},                       /* btl $0x5,(%rax) */
	{64, "0fa4c104"},                       /* shld $0x4,%eax,%ecx */
	{64, "0fc70e"},                         /* cmpxchg8b (%rsi) */
	{64, "660f3a0fc108"},                   /* palignr $0x8,%xmm1,%xmm0 */
	{64, "0f0fc1bf"},                       /* pavgusb %mm1,%mm0 */
	{64, "d90424"},                         /* flds (%rsp) */
	{64, "f30f1efa"},                       /* endbr64 */
	{64, "0f1f840000000000"},               /* nopl 0x0(%rax,%rax,1) */
	{32, "0fa2"},                           /* cpuid */
	{32, "0f32"},                           /* rdmsr */
	{32, "0f01c1"},                         /* vmcall */
	{32, "60"},                             /* pusha */
	{32, "66ed"},                           /* in (%dx),%ax */
	{32, "666f"},                           /* outsw %ds:(%esi),(%dx) */
	{32, "f36d"},                           /* rep insl (%dx),%es:(%edi) */
	{32, "670f017f10"},                     /* invlpg 0x10(%bx) */
	{32, "0f013c8d44332211"},               /* invlpg 0x11223344(,%ecx,4) */
	{32, "0f22d8"},                         /* mov %eax,%cr3 */
	{32, "0f20e2"},                         /* mov %cr4,%edx */
	{32, "cd03"},                           /* int $0x3 */
	{32, "ce"},                             /* into */
	{32, "cf"},                             /* iret */
	{32, "9a443322118877"},                 /* lcall $0x7788,$0x11223344 */
	{32, "ea443322110800"},                 /* ljmp $0x8,$0x11223344 */
	{32, "669a22118877"},                   /* lcallw $0x7788,$0x1122 */
	{32, "a1b000e0fe"},                     /* mov 0xfee000b0,%eax */
	{32, "66a3b000e0fe"},                   /* mov %ax,0xfee000b0 */
	{32, "67a13412"},                       /* addr16 mov 0x1234,%eax */
	{32, "8b0db000e0fe"},                   /* mov 0xfee000b0,%ecx */
	{32, "678b0e3412"},                     /* mov 0x1234,%ecx */
	{32, "67668b42f0"},                     /* mov -0x10(%bp,%si),%ax */
	{32, "67c787341278563412"},             /* movl $0x12345678,0x1234(%bx) */
	{32, "66c705b000e0fe3412"},             /* movw $0x1234,0xfee000b0 */
	{32, "40"},                             /* inc %eax */
	{32, "4b"},                             /* dec %ebx */
	{32, "06"},                             /* push %es */
	{32, "0fa1"},                           /* pop %fs */
	{32, "c400"},                           /* les (%eax),%eax */
	{32, "c510"},                           /* lds (%eax),%edx */
	{32, "6210"},                           /* bound %edx,(%eax) */
	{32, "6300"},                           /* arpl %ax,(%eax) */
	{32, "82007f"},                         /* addb $0x7f,(%eax) */
	{32, "27"},                             /* daa */
	{32, "d40a"},                           /* aam $0xa */
	{32, "8f00"},                           /* pop (%eax) */
	{32, "26668b044500000000"},             /* mov %es:0x0(,%eax,2),%ax */
	{32, "f644240480"},                     /* testb $0x80,0x4(%esp) */
	{32, "f7810001000000ffff00"},           /* testl $0xffff00,0x100(%ecx) */
	{32, "66f7033412"},                     /* testw $0x1234,(%ebx) */
	{32, "b844332211"},                     /* mov $0x11223344,%eax */
	{32, "6844332211"},                     /* push $0x11223344 */
	{32, "0f00c8"},                         /* str %eax */
	{32, "0fb513"},                         /* lgs (%ebx),%edx */
	{16, "0fa2"},                           /* cpuid */
	{16, "0f01c1"},                         /* vmcall */
	{16, "0f01d9"},                         /* vmmcall */
	{16, "660f32"},                         /* data32 rdmsr */
	{16, "ec"},                             /* in (%dx),%al */
	{16, "66ed"},                           /* in (%dx),%eax */
	{16, "6766f36d"},                       /* rep insl (%dx),%es:(%edi) */
	{16, "0f20c0"},                         /* mov %cr0,%eax */
	{16, "660f22c0"},                       /* data32 mov %eax,%cr0 */
	{16, "0f01163412"},                     /* lgdtw 0x1234 */
	{16, "0f01f0"},                         /* lmsw %ax */
	{16, "0f01363412"},                     /* lmsw 0x1234 */
	{16, "0f06"},                           /* clts */
	{16, "cd10"},                           /* int $0x10 */
	{16, "cf"},                             /* iret */
	{16, "66cf"},                           /* iretl */
	{16, "9c"},                             /* pushf */
	{16, "fa"},                             /* cli */
	{16, "f4"},                             /* hlt */
	{16, "ea000000f0"},                     /* ljmp $0xf000,$0x0 */
	{16, "66ea443322110800"},               /* ljmpl $0x8,$0x11223344 */
	{16, "9a22110800"},                     /* lcall $0x8,$0x1122 */
	{16, "a13412"},                         /* mov 0x1234,%ax */
	{16, "67a144332211"},                   /* addr32 mov 0x11223344,%ax */
	{16, "668b07"},                         /* mov (%bx),%eax */
	{16, "67668b048510000000"},             /* mov 0x10(,%eax,4),%eax */
	{16, "8b46fe"},                         /* mov -0x2(%bp),%ax */
	{16, "8b800080"},                       /* mov -0x8000(%bx,%si),%ax */
	{16, "c70634127856"},                   /* movw $0x5678,0x1234 */
	{16, "66c706341278563412"},             /* movl $0x12345678,0x1234 */
	{16, "678b00"},                         /* mov (%eax),%ax */
	{16, "678b0544332211"},                 /* addr32 mov 0x11223344,%ax */
	{16, "b83412"},                         /* mov $0x1234,%ax */
	{16, "66b844332211"},                   /* mov $0x11223344,%eax */
	{16, "e83412"},                         /* call 0x1237 */
	{16, "0f843412"},                       /* je 0x1238 */
	{16, "660f8444332211"},                 /* je 0x1122334b */
	{16, "c4063412"},                       /* les 0x1234,%ax */
	{16, "f606341280"},                     /* testb $0x80,0x1234 */
	{16, "f70634127856"},                   /* testw $0x5678,0x1234 */
	{64, "40660fa2"},                       /* a REX that counts for nothing, cpuid */
};

/* Not known, or not there in that mode. */
static const struct {
	unsigned int mode;
	const char *hex;
} wrong[] = {
	{64, "06"},         {64, "0e"},     {64, "27"},       {64, "3f"},       {64, "60"},
	{64, "6200"},       {64, "8200"},   {64, "9a"},       {64, "c4e17877"}, {64, "c5f877"},
	{64, "ce"},         {64, "d40a"},   {64, "d6"},       {64, "ea"},       {64, "62f17c48"},
	{64, "0f04"},       {64, "0f24c0"}, {64, "0f36"},     {64, "0f39"},     {64, "0fa6c0"},
	{64, "8fe97812c0"}, {32, "c5f877"}, {32, "c4e17877"}, {32, "62f17c48"}, {16, "c5f877"},
	{32, "0f0a"},       {16, "0f7a"},
};

static size_t from_hex(const char *hex, u8 *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned int v = 0;

		for (size_t k = 0; k < 2; k++) {
			char c = hex[2 * i + k];

			v = v * 16 + (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		out[i] = (u8)v;
	}
	return n;
}

static struct insn decode(unsigned int mode, const char *hex)
{
	u8 b[16];
	size_t n = from_hex(hex, b);
	struct insn in;

	assert_int_equal(insn_decode(&in, b, n, mode), 0);
	assert_int_equal(in.length, n);
	return in;
}

static void lengths(void **state)
{
	unsigned int length;
	struct insn in;
	u8 b[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		memset(b, 0x90, sizeof(b));
		size_t n = from_hex(good[i].hex, b);

		assert_int_equal(insn_length(b, 15, good[i].mode, &length), 0);
		assert_int_equal(length, n);
		assert_int_equal(insn_decode(&in, b, n, good[i].mode), 0);
		assert_int_equal(in.length, n);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(insn_length(b, k, good[i].mode, &length), -XEN_E2BIG);
	}
}

static void unknown(void **state)
{
	unsigned int length;
	u8 b[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		memset(b, 0, sizeof(b));
		from_hex(wrong[i].hex, b);
		assert_int_equal(insn_length(b, 15, wrong[i].mode, &length), -XEN_EINVAL);
	}
	memset(b, 0x66, sizeof(b));
	assert_int_equal(insn_length(b, 14, 64, &length), -XEN_E2BIG);
	assert_int_equal(insn_length(b, 15, 64, &length), -XEN_EINVAL);
	assert_int_equal(insn_length(b, 32, 64, &length), -XEN_EINVAL);
	b[14] = 0x0F; /* the 16th byte would end it */
	b[15] = 0xA2;
	assert_int_equal(insn_length(b, 32, 64, &length), -XEN_EINVAL);
	memset(b, 0x66, sizeof(b));
	b[11] = 0xC7; /* its immediate ends in byte 16 */
	assert_int_equal(insn_length(b, 32, 64, &length), -XEN_EINVAL);
}

static void fields(void **state)
{
	struct insn in;

	(void)state;
	in = decode(64, "440f20c0"); /* mov %cr8,%rax */
	assert_int_equal(in.map, INSN_MAP_0F);
	assert_int_equal(in.opcode, 0x20);
	assert_int_equal(in.reg, 8);
	assert_int_equal(in.rm, GPR_RAX);
	assert_false(in.has_mem);
	in = decode(64, "0f205c"); /* the mod field is ignored: no memory, no SIB */
	assert_int_equal(in.mod, 3);
	assert_int_equal(in.rm, GPR_RSP);
	in = decode(64, "f3666f"); /* rep outsw */
	assert_int_equal(in.rep, 0xF3);
	assert_int_equal(in.op_size, 2);
	assert_int_equal(in.addr_size, 8);
	in = decode(16, "676667656c"); /* prefixes twice count once */
	assert_int_equal(in.op_size, 4);
	assert_int_equal(in.addr_size, 4);
	assert_int_equal(in.segment, SEG_GS);
	in = decode(64, "66490fb6c0");
	assert_int_equal(in.op_size, 8);
	assert_int_equal(in.rm, GPR_R8);
	in = decode(64, "4066890f"); /* REX before a prefix is void */
	assert_int_equal(in.rex, 0);
	in = decode(64, "6526890f"); /* ES does not undo GS in 64-bit mode */
	assert_int_equal(in.segment, SEG_GS);
	in = decode(32, "6526890f");
	assert_int_equal(in.segment, SEG_ES);
	in = decode(64, "83c8ff");
	assert_true(in.imm == ~0ull);
	in = decode(64, "cd80");
	assert_int_equal(in.imm & 0xFF, 0x80);
	in = decode(64, "c8100002");
	assert_int_equal(in.imm, 0x10);
	in = decode(32, "ea443322110800");
	assert_int_equal(in.imm, 0x11223344);
	in = decode(64, "48b88877665544332211");
	assert_true(in.imm == 0x1122334455667788ull);
	in = decode(64, "f00fb10e");
	assert_true(in.lock);
}

static void linear_addresses(void **state)
{
	/* Register n holds (n + 1) << 32 | (n + 1) << 4, segment n the base 0x1000000 * n. */
	static const struct {
		unsigned int mode;
		const char *hex;
		u64 linear;
		u8 segment;
	} t[] = {
		{64, "8b07", 0x800000080, SEG_DS},
		{64, "8b442410", 0x500000060, SEG_SS},
		{64, "8b4500", 0x600000060, SEG_SS},
		{64, "418b442410", 0xD000000E0, SEG_DS},            /* 0x10(%r12) */
		{64, "418b4500", 0xE000000E0, SEG_DS},              /* 0(%r13) */
		{64, "8b04b3", 0x2000000200, SEG_DS},               /* (%rbx,%rsi,4) */
		{64, "428b04a3", 0x3800000380, SEG_DS},             /* (%rbx,%r12,4) */
		{64, "8b04cd00100000", 0x1000001100, SEG_DS},       /* 0x1000(,%rcx,8) */
		{64, "8b0425b000e0fe", 0xFFFFFFFFFEE000B0, SEG_DS}, /* absolute, sign-extended */
		{64, "8b0510000000", 0x123456789ABC + 6 + 16, SEG_DS},
		{64, "c7051000000001000000", 0x123456789ABC + 10 + 16, SEG_DS},
		{64, "678b0510000000", 0x56789ABC + 7 + 16, SEG_DS}, /* eip-relative */
		{64, "678b07", 0x80, SEG_DS},
		{64, "648b07", 0x804000080, SEG_FS},
		{64, "678b40f0", 0, SEG_DS},
		{64, "65678b40e0", 0x104FFFFF0, SEG_GS}, /* cut to 32 bits, then the base */
		{64, "368b07", 0x800000080, SEG_DS},     /* counts for nothing */
		{64, "a18877665544332211", 0x1122334455667788, SEG_DS},
		{32, "8b07", 0x3000080, SEG_DS},
		{32, "8b4500", 0x2000060, SEG_SS},
		{32, "8b05b000e0fe", 0x01E000B0, SEG_DS}, /* wraps at 32 bits */
		{32, "2ea1b000e0fe", 0xFFE000B0, SEG_CS},
		{32, "678b42f0", 0x20000C0, SEG_SS}, /* -0x10(%bp,%si) */
		{32, "678b00", 0x30000B0, SEG_DS},   /* (%bx,%si) */
		{32, "678b01", 0x30000C0, SEG_DS},   /* (%bx,%di) */
		{32, "678b05", 0x3000080, SEG_DS},   /* (%di) */
		{32, "678b063412", 0x3001234, SEG_DS},
		{16, "8b46fe", 0x200005E, SEG_SS},
		{16, "8b8000ff", 0x300FFB0, SEG_DS},
		{16, "8b8060ff", 0x3000010, SEG_DS}, /* wraps at 16 bits */
		{16, "678b0410", 0x3000040, SEG_DS}, /* (%eax,%edx) */
		{16, "a13412", 0x3001234, SEG_DS},
	};
	struct plinth_segment seg[SEG_COUNT];
	u64 gpr[GPR_COUNT];

	(void)state;
	for (unsigned int i = 0; i < GPR_COUNT; i++)
		gpr[i] = (u64)(i + 1) << 32 | (i + 1) << 4;
	for (unsigned int i = 0; i < SEG_COUNT; i++)
		seg[i].base = 0x1000000u * i;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct insn in = decode(t[i].mode, t[i].hex);

		assert_true(in.has_mem);
		assert_int_equal(in.segment, t[i].segment);
		assert_int_equal(insn_linear(&in, gpr, seg, 0x123456789ABCull).v, t[i].linear);
	}
}

static void plans(void **state)
{
	static const struct {
		unsigned int mode;
		const char *hex;
		struct insn_mmio want;
	} t[] = {
		{64, "890d10000000", {INSN_OP_mov, 4, GPR_RCX, 4, .writes = true}},
		{64, "8b0425b000e0fe", {INSN_OP_mov, 4, GPR_RAX, 4, .reads = true, .to_reg = true}},
		{64, "44893f", {INSN_OP_mov, 4, GPR_R15, 4, .writes = true}},
		{64, "8827", {INSN_OP_mov, 1, GPR_RAX, 1, .reg_high = true, .writes = true}},
		{64, "408827", {INSN_OP_mov, 1, GPR_RSP, 1, .writes = true}},
		{64,
		 "480fbf4310",
		 {INSN_OP_mov, 2, GPR_RAX, 8, .reads = true, .to_reg = true, .sign_extend = true}},
		{64,
		 "4c6301",
		 {INSN_OP_mov, 4, GPR_R8, 8, .reads = true, .to_reg = true, .sign_extend = true}},
		{64, "0fb600", {INSN_OP_mov, 1, GPR_RAX, 4, .reads = true, .to_reg = true}},
		{64,
		 "c704258003e0fe78563412",
		 {INSN_OP_mov, 4, 0, 4, .writes = true, .use_imm = true, .imm = 0x12345678}},
		{64,
		 "870f",
		 {INSN_OP_xchg, 4, GPR_RCX, 4, .reads = true, .writes = true, .to_reg = true}},
		{64,
		 "f70501000000ff000000",
		 {INSN_OP_test, 4, 0, 4, .reads = true, .use_imm = true, .imm = 0xFF}},
		{64,
		 "f0834f10fe",
		 {INSN_OP_or, 4, 1, 4, .reads = true, .writes = true, .use_imm = true,
		  .imm = ~1ull}},
		{32, "a1b000e0fe", {INSN_OP_mov, 4, GPR_RAX, 4, .reads = true, .to_reg = true}},
		{32, "66a3b000e0fe", {INSN_OP_mov, 2, GPR_RAX, 2, .writes = true}},
		{64, "3b05b000e0fe", {INSN_OP_cmp, 4, GPR_RAX, 4, .reads = true, .to_reg = true}},
	};
	/* No memory, not emulated, or LOCK where it is not allowed. */
	static const struct {
		unsigned int mode;
		const char *hex;
	} refused[] = {
		{64, "89c8"},         {64, "f04889c8"}, {64, "f0890f"}, {64, "f08b0f"},
		{64, "f0030f"},       {64, "f0390f"},   {64, "f0850f"}, {64, "f00fb60f"},
		{64, "c70f00000000"}, {64, "f727"},     {64, "ff27"},   {64, "ff17"},
		{64, "fe17"},         {64, "a5"},       {64, "66630f"}, {32, "630f"},
		{64, "0fb10f"},       {64, "8d07"},     {64, "8f07"},   {64, "0f017f10"},
		{64, "0f3800c1"},     {64, "d907"},     {32, "620f"},   {64, "0fb80f"},
	};
	struct insn_mmio p;
	struct insn in;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		const struct insn_mmio *w = &t[i].want;

		in = decode(t[i].mode, t[i].hex);
		assert_int_equal(insn_mmio_plan(&in, &p), 0);
		assert_int_equal(p.op, w->op);
		assert_int_equal(p.width, w->width);
		assert_int_equal(p.reg_width, w->reg_width);
		assert_int_equal(p.reg_high, w->reg_high);
		assert_int_equal(p.reads, w->reads);
		assert_int_equal(p.writes, w->writes);
		assert_int_equal(p.to_reg, w->to_reg);
		assert_int_equal(p.sign_extend, w->sign_extend);
		assert_int_equal(p.use_imm, w->use_imm);
		assert_true(p.imm == w->imm);
		if (!w->use_imm)
			assert_int_equal(p.reg, w->reg);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		in = decode(refused[i].mode, refused[i].hex);
		assert_int_equal(insn_mmio_plan(&in, &p), -XEN_EINVAL);
	}
}

#define ARITHMETIC 0x8D5ull
#define AF         0x10ull

/* Runs code (one instruction with its memory operand at (%rdi), then RET) on this processor. */
static void run_here(const void *code, u64 gpr[4], void *mem, u64 *rflags)
{
	register u64 flags __asm__("r9") = *rflags;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "push %[flags]\n\tpopfq\n\t"
			 "call *%[code]\n\t"
			 "pushfq\n\tpop %[flags]\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "+a"(gpr[0]), "+c"(gpr[1]), "+d"(gpr[2]),
			   "+b"(gpr[3]), [flags] "+r"(flags)
			 : [code] "S"(code), "D"(mem)
			 : "memory", "cc");
	*rflags = flags;
}

static u64 rnd(void)
{
	static const u64 edge[] = {0,
				   1,
				   0x7F,
				   0x80,
				   0xFF,
				   0x7FFF,
				   0x8000,
				   0x7FFFFFFF,
				   0x80000000,
				   ~0ull,
				   0x8000000000000000,
				   0x7FFFFFFFFFFFFFFF};
	static u64 seed = 0x2545F4914F6CDD1Dull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 60 < 6 ? edge[(seed >> 20) % ARRAY_SIZE(edge)] : seed;
}

static void compare_with_processor(u8 *page, const u8 *code, size_t n)
{
	struct insn in;
	struct insn_mmio p;

	memcpy(page, code, n);
	page[n] = 0xC3;
	assert_int_equal(insn_decode(&in, code, n, 64), 0);
	assert_int_equal(in.length, n);
	assert_int_equal(insn_mmio_plan(&in, &p), 0);
	for (unsigned int round = 0; round < 40; round++) {
		u64 gpr[GPR_COUNT] = {rnd(), rnd(), rnd(), rnd()}, here[4];
		u64 mem = rnd(), mem_here = mem, value;
		u64 flags = 0x202 | (rnd() & ARITHMETIC), flags_here = flags;
		u64 known = ARITHMETIC;

		if (p.op == INSN_OP_and || p.op == INSN_OP_or || p.op == INSN_OP_xor ||
		    p.op == INSN_OP_test)
			known &= ~AF; /* undefined */
		memcpy(here, gpr, sizeof(here));
		run_here(page, here, &mem_here, &flags_here);
		value = insn_mmio_execute(&p, p.reads ? mem : ~mem, gpr, &flags);
		if (p.writes)
			memcpy(&mem, &value, p.width);
		assert_true(mem == mem_here);
		assert_memory_equal(gpr, here, sizeof(here));
		assert_int_equal(flags & known, flags_here & known);
	}
}

/* Every emulated form, width and register against the processor. */
static void executes_like_the_processor(void **state)
{
	static const struct {
		u8 escape, opcode, group; /* group: ModRM.reg, or 8: any register */
		u8 imm;                   /* bytes; 4: by operand size */
	} form[] = {
		{0, 0x88, 8, 0},    {0, 0x89, 8, 0},    {0, 0x8A, 8, 0},    {0, 0x8B, 8, 0},
		{0, 0xC6, 0, 1},    {0, 0xC7, 0, 4},    {0, 0x86, 8, 0},    {0, 0x87, 8, 0},
		{0x0F, 0xB6, 8, 0}, {0x0F, 0xB7, 8, 0}, {0x0F, 0xBE, 8, 0}, {0x0F, 0xBF, 8, 0},
		{0, 0x63, 8, 0},    {0, 0x84, 8, 0},    {0, 0x85, 8, 0},    {0, 0xF6, 0, 1},
		{0, 0xF7, 0, 4},    {0, 0xF6, 1, 1},    {0, 0xF6, 2, 0},    {0, 0xF7, 2, 0},
		{0, 0xF6, 3, 0},    {0, 0xF7, 3, 0},    {0, 0xFE, 0, 0},    {0, 0xFF, 0, 0},
		{0, 0xFE, 1, 0},    {0, 0xFF, 1, 0},
	};
	static const u8 prefix[] = {0, 0x66, 0x40, 0x48};
	u8 *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int count = 0;

	(void)state;
	if (page == MAP_FAILED)
		skip();
	for (size_t f = 0; f < ARRAY_SIZE(form) + 56; f++) {
		for (size_t x = 0; x < ARRAY_SIZE(prefix); x++) {
			u8 escape = 0, op, group = 8, imm = 0;

			if (f < ARRAY_SIZE(form)) {
				escape = form[f].escape;
				op = form[f].opcode;
				group = form[f].group;
				imm = form[f].imm;
			} else if (f < ARRAY_SIZE(form) + 32) { /* ADD .. CMP with a register */
				op = (u8)(((f - ARRAY_SIZE(form)) / 4) << 3 |
					  ((f - ARRAY_SIZE(form)) & 3));
			} else { /* with an immediate: 80, 81, 83 */
				op = (u8)("\x80\x81\x83"[(f - ARRAY_SIZE(form) - 32) / 8]);
				group = (f - ARRAY_SIZE(form) - 32) & 7;
				imm = op == 0x81 ? 4 : 1;
			}
			if (op == 0x63 && prefix[x] == 0x66)
				continue;
			bool byte_reg = escape == 0 && !(op & 1);
			u8 regs = byte_reg && prefix[x] != 0x40 && prefix[x] != 0x48 ? 8 : 4;

			for (u8 reg = 0; reg < (group == 8 ? regs : 1); reg++) {
				u8 code[15];
				size_t n = 0, size = imm == 4 && prefix[x] == 0x66 ? 2 : imm;

				if (prefix[x])
					code[n++] = prefix[x];
				if (escape)
					code[n++] = escape;
				code[n++] = op;
				code[n++] = (u8)((group == 8 ? reg : group) << 3 | 7);
				for (size_t i = 0; i < size; i++)
					code[n++] = (u8)rnd();
				compare_with_processor(page, code, n);
				count++;
			}
		}
	}
	assert_true(count > 700);
	munmap(page, PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths), cmocka_unit_test(unknown),
		cmocka_unit_test(fields),  cmocka_unit_test(linear_addresses),
		cmocka_unit_test(plans),   cmocka_unit_test(executes_like_the_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
