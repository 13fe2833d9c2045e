/* SPDX-License-Identifier: BSD-2-Clause */
// links: drivers/usb/usb_desc.c drivers/usb/scsi.c
/* What devices say of themselves, cut, wrong and hostile. */
#include <drivers/usb/scsi.h>
#include <drivers/usb/usb_desc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const u8 config[] = {
	9, 2, 69,   0, 1, 3, 0, 0x80, 50,                            /* */
	9, 4, 0,    0, 2, 8, 6, 0x50, 0,                             /* Bulk-Only */
	7, 5, 0x81, 2, 0, 4, 0, 6,    0x30, 15, 0, 0,    0,          /* */
	7, 5, 0x02, 2, 0, 4, 0, 6,    0x30, 99, 0, 0,    0,          /* a burst that cannot be */
	9, 4, 0,    1, 1, 8, 6, 0x62, 0,                             /* */
	7, 5, 0x84, 2, 0, 2, 0, 2,    0x24, 7,  5, 0x80, 2, 0, 2, 0, /* and endpoint 0 */
};

static void test_interfaces(void **s)
{
	struct usb_interface_desc f;

	(void)s;
	assert_int_equal(usb_config_bytes(config, sizeof(config)), sizeof(config));
	assert_true(usb_parse_interface(config, sizeof(config), 0, &f));
	assert_int_equal(f.configuration, 3);
	assert_int_equal(f.protocol, 0x50);
	assert_int_equal(f.endpoint_count, 2);
	assert_int_equal(f.endpoint[0].address, 0x81);
	assert_int_equal(f.endpoint[0].max_packet, 1024);
	assert_int_equal(f.endpoint[0].burst, 15);
	assert_int_equal(f.endpoint[1].burst, 0);
	assert_true(usb_parse_interface(config, sizeof(config), 1, &f));
	assert_int_equal(f.alternate, 1);
	assert_int_equal(f.endpoint_count, 1);
	assert_false(usb_parse_interface(config, sizeof(config), 2, &f));
}

/* Each length, in memory of just that size, so that a byte too far is seen. */
static void test_cut(void **s)
{
	struct usb_interface_desc f;

	(void)s;
	for (size_t n = 0; n <= sizeof(config); n++) {
		u8 *p = malloc(n ? n : 1);

		memcpy(p, config, n);
		assert_int_equal(usb_parse_interface(p, n, 0, &f), n >= 18);
		assert_int_equal(usb_parse_interface(p, n, 1, &f), n >= 53);
		free(p);
	}
}

static void test_lies(void **s)
{
	struct usb_interface_desc f;
	u8 *p = malloc(sizeof(config));

	(void)s;
	memcpy(p, config, sizeof(config));
	p[9] = 0; /* a length that does not go on */
	assert_false(usb_parse_interface(p, sizeof(config), 0, &f));
	p[9] = 1;
	assert_false(usb_parse_interface(p, sizeof(config), 0, &f));
	p[9] = 255;
	assert_false(usb_parse_interface(p, sizeof(config), 0, &f));
	p[9] = 9;
	p[0] = 255;
	assert_false(usb_parse_interface(p, sizeof(config), 0, &f));
	p[0] = 9;
	p[2] = 3;
	p[3] = 0;
	assert_int_equal(usb_config_bytes(p, sizeof(config)), 0);
	free(p);
	/* More endpoints than there is room for. */
	p = calloc(1, 18 + 7 * 40);
	memcpy(p, config, 18);
	for (unsigned int i = 0; i < 40; i++)
		memcpy(p + 18 + 7 * i, config + 18, 7);
	assert_true(usb_parse_interface(p, 18 + 7 * 40, 0, &f));
	assert_int_equal(f.endpoint_count, USB_INTERFACE_ENDPOINTS);
	free(p);
}

static void test_random(void **s)
{
	u32 seed = 1;

	(void)s;
	for (int i = 0; i < 20000; i++) {
		u8 b[64], *p;
		struct usb_interface_desc f;
		struct usb_device_desc d;
		char text[8];
		struct scsi_mode mode;
		struct scsi_sense sense;
		size_t n = seed % sizeof(b);

		for (unsigned int k = 0; k < sizeof(b); k++) {
			seed = seed * 1664525 + 1013904223;
			b[k] = (u8)(seed >> 24) & (i & 1 ? 0xFF : 0x0F);
		}
		p = malloc(n ? n : 1);
		memcpy(p, b, n);
		(void)!usb_parse_interface(p, n, (unsigned int)i % 4, &f);
		(void)!usb_parse_device(p, n, &d);
		usb_parse_string(p, n, text, sizeof(text));
		assert_true(strlen(text) < sizeof(text));
		scsi_parse_mode(p, n, &mode);
		(void)!scsi_parse_sense(p, n, &sense);
		free(p);
	}
}

static void test_string(void **s)
{
	static const u8 text[] = {12, 3, ' ', 0, 'A', 0, 0x34, 0x12, 'B', 0, ' ', 0};
	char out[8];

	(void)s;
	usb_parse_string(text, sizeof(text), out, sizeof(out));
	assert_string_equal(out, "A?B");
	usb_parse_string(text, 7, out, 3);
	assert_string_equal(out, "A");
	usb_parse_string(text, 1, out, sizeof(out));
	assert_string_equal(out, "");
}

static void test_capacity(void **s)
{
	static const u8 short_one[8] = {0, 0, 0x0F, 0xFF, 0, 0, 2, 0};
	static const u8 large[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 2, 0};
	u8 b[32] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 3};
	struct scsi_capacity c;

	(void)s;
	assert_true(scsi_parse_capacity10(short_one, 8, &c));
	assert_int_equal(c.blocks, 4096);
	assert_true(scsi_parse_capacity10(large, 8, &c));
	assert_int_equal(c.blocks, 0);
	assert_false(scsi_parse_capacity10(large, 7, &c));
	assert_true(scsi_parse_capacity16(b, 32, &c));
	assert_true(c.blocks == (1ull << 32) + 1);
	assert_int_equal(c.physical_bytes, 4096);
	b[10] = 3; /* not a power of two */
	assert_false(scsi_parse_capacity16(b, 32, &c));
	b[10] = 2;
	b[0] = 0x7F; /* too large to be reckoned with */
	assert_false(scsi_parse_capacity16(b, 32, &c));
}

static void test_commands(void **s)
{
	struct scsi_cdb c = scsi_read_write(true, 0xFFFFFFF0, 16);

	(void)s;
	assert_int_equal(c.bytes, 10);
	assert_memory_equal(c.b, "\x2A\0\xFF\xFF\xFF\xF0\0\0\x10\0", 10);
	c = scsi_read_write(false, 0xFFFFFFF0, 17);
	assert_int_equal(c.bytes, 16);
	assert_memory_equal(c.b, "\x88\0\0\0\0\0\xFF\xFF\xFF\xF0\0\0\0\x11\0\0", 16);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lies),       cmocka_unit_test(test_random),
		cmocka_unit_test(test_string),     cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
