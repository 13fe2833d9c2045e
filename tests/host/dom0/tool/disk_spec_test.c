/* SPDX-License-Identifier: BSD-2-Clause */
/* Disk specifications: what xl takes means the same here, and what is wrong is said. */
// links: dom0/tool/disk_spec.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <dom0/tool/disk_spec.h>

static struct disk_spec spec;
static char why[BLOCK_WHY_MAX];

static void good(void **state)
{
	static const struct {
		const char *text;
		enum block_kind kind;
		const char *target, *vdev;
		bool write, cdrom;
	} rows[] = {
		{"phy:nvme0n1,xvda,w", BLOCK_PHY, "nvme0n1", "xvda", true, false},
		{"phy:/dev/nvme0n1p2,xvdb,r", BLOCK_PHY, "/dev/nvme0n1p2", "xvdb", false, false},
		{"phy:LABEL=data,xvda,w", BLOCK_PHY, "LABEL=data", "xvda", true, false},
		{"file:/data/images/web.img,xvda,w", BLOCK_FILE, "/data/images/web.img", "xvda",
		 true, false},
		{"file:web.img,xvda,ro", BLOCK_FILE, "web.img", "xvda", false, false},
		{"/dev/nvme0n1,raw,xvda,rw", BLOCK_PHY, "/dev/nvme0n1", "xvda", true, false},
		{"/data/web.img,raw,xvda", BLOCK_FILE, "/data/web.img", "xvda", true, false},
		{"/data/web.img,,xvda", BLOCK_FILE, "/data/web.img", "xvda", true, false},
		{"format=raw, vdev=xvda, access=rw, target=/data/a,b.img", BLOCK_FILE,
		 "/data/a,b.img", "xvda", true, false},
		{"nvme0n1,raw,xvda,w,backendtype=phy", BLOCK_PHY, "nvme0n1", "xvda", true, false},
		{"raw:/data/web.img,xvda,w", BLOCK_FILE, "/data/web.img", "xvda", true, false},
		{"/data/cd.iso,raw,xvdc,devtype=cdrom", BLOCK_FILE, "/data/cd.iso", "xvdc", false,
		 true},
		{"file:/data/cd.iso,hdc:cdrom,r", BLOCK_FILE, "/data/cd.iso", "hdc", false, true},
		{"cow:/data/base.img,xvda,w", BLOCK_COW, "/data/base.img", "xvda", true, false},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(disk_spec_parse(&spec, rows[i].text, why), 0);
		assert_int_equal(spec.kind, rows[i].kind);
		assert_string_equal(spec.target, rows[i].target);
		assert_string_equal(spec.vdev, rows[i].vdev);
		assert_int_equal(spec.write, rows[i].write);
		assert_int_equal(spec.cdrom, rows[i].cdrom);
		assert_null(spec.overlay);
		assert_true(spec.discard);
		assert_false(spec.persistent);
		disk_spec_free(&spec);
	}
}

static void plinths_own(void **state)
{
	struct disk_spec copy;

	(void)state;
	assert_int_equal(disk_spec_parse(&spec,
					 "cow:base.img,xvda,w,overlay=/data/o.cow,no-discard,"
					 "persistent,direct-io-safe,bandwidth=10M/100/2M,ops=500",
					 why),
			 0);
	assert_int_equal(spec.kind, BLOCK_COW);
	assert_string_equal(spec.overlay, "/data/o.cow");
	assert_false(spec.discard);
	assert_true(spec.persistent);
	assert_int_equal(spec.limit.bandwidth.size, 10 << 20);
	assert_int_equal(spec.limit.bandwidth.refill_time, 100);
	assert_int_equal(spec.limit.bandwidth.one_time_burst, 2 << 20);
	assert_int_equal(spec.limit.ops.size, 500);
	assert_int_equal(spec.limit.ops.refill_time, 1000);
	assert_int_equal(spec.limit.ops.one_time_burst, 0);
	assert_int_equal(disk_spec_copy(&copy, &spec), 0);
	disk_spec_free(&spec);
	assert_string_equal(copy.target, "base.img");
	assert_string_equal(copy.overlay, "/data/o.cow");
	assert_int_equal(copy.limit.ops.size, 500);
	disk_spec_free(&copy);
}

static void wrong(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "no target"},
		{"phy:nvme0n1", "no virtual device"},
		{"phy:nvme0n1,xvd,w", "'xvd' is no virtual device"},
		{"phy:nvme0n1,xvdA,w", "'xvdA' is no virtual device"},
		{"phy:nvme0n1,averyveryverylongname,w", "is no virtual device"},
		{"phy:nvme0n1,xvda,x", "access 'x' is not"},
		{"phy:nvme0n1,xvda,w,more", "'more' is one parameter too many"},
		{"phy:nvme0n1,xvda,w,colour=red", "'colour=red' is unknown"},
		{"/data/a.qcow2,qcow2,xvda,w", "format 'qcow2' is not supported"},
		{"/data/a.img,raw,hdc:floppy,w", "'floppy' is no device type"},
		{"/data/a.img,raw,xvda,w,devtype=tape", "'tape' is no device type"},
		{"/data/a.img,raw,xvda,w,devtype=cdrom", "a cdrom cannot be written"},
		{"devtype=cdrom,vdev=xvdc", "an empty drive is not supported"},
		{"/data/a.img,raw,xvda,w,overlay=/data/o", "overlay goes with cow: alone"},
		{"/data/a.img,raw,xvda,w,backendtype=nbd", "backendtype 'nbd' is not"},
		{"/data/a.img,raw,xvda,w,bandwidth=fast", "'fast' is no bandwidth"},
		{"/data/a.img,raw,xvda,w,ops=1/0", "'1/0' is no rate"},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(disk_spec_parse(&spec, rows[i].text, why), -EINVAL);
		assert_non_null(strstr(why, rows[i].why));
		assert_null(spec.target);
	}
}

static void virtual_devices(void **state)
{
	static const struct {
		const char *text;
		u32 number; /* 0: refused */
	} rows[] = {
		{"xvda", 51712},
		{"xvda1", 51713},
		{"xvdb", 51728},
		{"xvdp15", 202 << 8 | 15 << 4 | 15},
		{"xvdq", 1u << 28 | 16 << 8},
		{"xvda16", 1u << 28 | 16},
		{"xvdaa", 1u << 28 | 26 << 8},
		{"d0", 51712},
		{"d3p2", 202 << 8 | 3 << 4 | 2},
		{"d300", 1u << 28 | 300 << 8},
		{"sda", 2048},
		{"sdp", 8 << 8 | 15 << 4},
		{"hda", 768},
		{"hdb", 768 + 64},
		{"hdc", 22 << 8},
		{"hdd3", 22 << 8 | 64 | 3},
		{"51712", 51712},
		{"0xca00", 51712},
		{"sdq", 0},
		{"hde", 0},
		{"xvda256", 0},
		{"xvd1", 0},
		{"d", 0},
		{"d1p", 0},
		{"d1048576", 0},
		{"xvdzzzzzzzzzzzzz", 0},
		{"0", 0},
		{"99999999999", 0},
		{"0xfffffffffffff", 0},
		{"xvda ", 0},
		{"", 0},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 number = 0;
		bool known = disk_vdev_number(rows[i].text, &number);

		assert_int_equal(known, rows[i].number != 0);
		if (known)
			assert_int_equal(number, rows[i].number);
	}
}

static void sizes(void **state)
{
	u64 n;

	(void)state;
	assert_true(disk_size_parse(&n, "3G"));
	assert_int_equal(n, 3ull << 30);
	assert_true(disk_size_parse(&n, "4096"));
	assert_int_equal(n, 4096);
	assert_false(disk_size_parse(&n, "3GB"));
	assert_false(disk_size_parse(&n, ""));
	assert_false(disk_size_parse(&n, "-1"));
	assert_false(disk_size_parse(&n, "99999999999999999999"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),  cmocka_unit_test(plinths_own),
		cmocka_unit_test(wrong), cmocka_unit_test(virtual_devices),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
