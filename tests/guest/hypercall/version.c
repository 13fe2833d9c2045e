/* SPDX-License-Identifier: BSD-2-Clause */
/* xen_version, vm_assist and console_io. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "xen_version, vm_assist, console_io";

static char buf[1100];

static void check_version(void)
{
	struct cpuid r = cpuid(0x40000001, 0);
	struct xen_feature_info f = {0, 0};

	CHECK_EQ(xen_version(XENVER_version, NULL), r.eax, "version agrees with CPUID");
	memset(buf, 0x7F, sizeof(buf));
	CHECK_EQ(xen_version(XENVER_extraversion, buf), 0, "extraversion");
	CHECK(strlen(buf) < 16 && buf[16] == 0x7F, "extraversion is 16 bytes");
	memset(buf, 0x7F, sizeof(buf));
	CHECK_EQ(xen_version(XENVER_compile_info, buf), 0, "compile_info");
	CHECK(strlen(buf) < 64 && strlen(buf + 64) < 16 && strlen(buf + 80) < 32 &&
		      strlen(buf + 112) < 32 && buf[144] == 0x7F,
	      "compile_info is four strings");
	memset(buf, 0x7F, sizeof(buf));
	CHECK(xen_version(XENVER_capabilities, buf) >= 0, "capabilities");
	CHECK(strlen(buf) < 1024 && buf[1024] == 0x7F, "capabilities are 1024 bytes");
	memset(buf, 0x7F, sizeof(buf));
	CHECK(xen_version(XENVER_changeset, buf) >= 0, "changeset");
	CHECK(strlen(buf) < 64 && buf[64] == 0x7F, "changeset is 64 bytes");
	CHECK_EQ(xen_version(XENVER_platform_parameters, buf), 0, "platform parameters");
	CHECK_EQ(*(u64 *)(void *)buf, 0, "platform parameters are 0");
	CHECK_EQ(xen_version(XENVER_pagesize, NULL), 4096, "page size");
	CHECK_EQ(xen_version(XENVER_guest_handle, buf), 0, "UUID");
	CHECK_EQ(xen_version(XENVER_build_id, buf), -XEN_ENOSYS, "build id");
	CHECK_EQ(xen_version(XENVER_get_features, &f), 0, "features");
	CHECK_EQ(f.submap, 0x00010305, "feature map");
	for (u32 i = 1; i < 4; i++) {
		f.submap_idx = i;
		CHECK_EQ(xen_version(XENVER_get_features, &f), -XEN_EINVAL, "other feature maps");
	}
	f.submap_idx = ~0u;
	CHECK_EQ(xen_version(XENVER_get_features, &f), -XEN_EINVAL, "wild feature map");
}

static void check_assist(void)
{
	CHECK_EQ(vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0,
		 "runstate flag");
	for (u32 i = 0; i < 64; i++)
		if (i != VMASST_TYPE_runstate_update_flag)
			CHECK_EQ(vm_assist(VMASST_CMD_enable, i), -XEN_EINVAL, "other assists");
	CHECK(vm_assist(7, VMASST_TYPE_runstate_update_flag) < 0, "unknown vm_assist command");
	CHECK_EQ(vm_assist(VMASST_CMD_enable, ~0u), -XEN_EINVAL, "wild assist");
}

static void check_console(void)
{
	static const char text[] = "by console_io\n";
	static char huge[20000];

	CHECK_EQ(console_io(CONSOLEIO_write, sizeof(text) - 1, text), 0, "console_io write");
	CHECK_EQ(console_io(CONSOLEIO_write, 0, text), 0, "console_io of nothing");
	CHECK_EQ(console_io(CONSOLEIO_write, 0, (void *)0x123456789000), 0, "nothing from nowhere");
	CHECK(console_io(CONSOLEIO_read, 10, buf) < 0, "console_io read");
	CHECK(console_io(2, 10, buf) < 0, "console_io 2");
	memset(huge, 'h', sizeof(huge));
	for (u32 i = 99; i < sizeof(huge); i += 100)
		huge[i] = '\n';
	CHECK(console_io(CONSOLEIO_write, 300, huge) >= 0, "long text");
	/* Whatever the answer is, it comes soon, and the log survives. */
	(void)console_io(CONSOLEIO_write, 0x7FFFFFFF, huge);
	(void)console_io(CONSOLEIO_write, ~0ull, huge);
}

void test_main(void)
{
	check_version();
	check_assist();
	check_console();
}
