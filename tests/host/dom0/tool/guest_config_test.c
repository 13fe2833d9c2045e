/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a guest: defaults and meaning as in xl.cfg(5), and one clear line for each mistake.
 */
// links: dom0/tool/guest_config.c dom0/tool/disk_spec.c dom0/tool/cfg.c dom0/tool/cpu_list.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <dom0/tool/guest_config.h>

static struct guest_config config;
static struct cfg_error err;

static bool exists(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "vmlinuz") == 0 || strcmp(name, "initrd") == 0;
}

static int read_text(const char *text)
{
	struct cfg_file file;
	int rc;

	memset(&err, 0, sizeof(err));
	rc = cfg_parse(&file, "g.cfg", text, strlen(text), &err);
	if (rc)
		return rc;
	rc = guest_config_read(&config, &file, exists, NULL, &err);
	cfg_free(&file);
	return rc;
}

#define BASE "name='g'\ntype='pvh'\nkernel='vmlinuz'\n"

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(read_text(BASE), 0);
	assert_string_equal(config.name, "g");
	assert_string_equal(config.kernel, "vmlinuz");
	assert_null(config.ramdisk);
	assert_string_equal(config.cmdline, "");
	assert_int_equal(config.memory, 32);
	assert_int_equal(config.maxmem, 32);
	assert_int_equal(config.vcpus, 1);
	assert_int_equal(config.on_poweroff, GUEST_DESTROY);
	assert_int_equal(config.on_reboot, GUEST_RESTART);
	assert_int_equal(config.on_crash, GUEST_DESTROY);
	assert_false(config.has_uuid);
	assert_int_equal(config.console, GUEST_CONSOLE_RING);
	guest_config_free(&config);
}

static void all_keys(void **state)
{
	static const u8 uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
				    0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};

	(void)state;
	assert_int_equal(read_text(BASE
				   "ramdisk='initrd'\ncmdline='console=hvc0'\nroot='/dev/xvda'\n"
				   "extra='quiet'\nmemory=128\nmaxmem=256\nvcpus=4\n"
				   "on_poweroff='preserve'\non_reboot='destroy'\n"
				   "on_crash='restart'\nplinth_console='log'\n"
				   "uuid='01234567-89ab-CDEF-0123-456789abcdef'\n"),
			 0);
	assert_string_equal(config.ramdisk, "initrd");
	assert_string_equal(config.cmdline, "console=hvc0");
	assert_int_equal(config.memory, 128);
	assert_int_equal(config.maxmem, 256);
	assert_int_equal(config.vcpus, 4);
	assert_int_equal(config.on_poweroff, GUEST_PRESERVE);
	assert_int_equal(config.on_reboot, GUEST_DESTROY);
	assert_int_equal(config.on_crash, GUEST_RESTART);
	assert_int_equal(config.console, GUEST_CONSOLE_LOG);
	assert_true(config.has_uuid);
	assert_memory_equal(config.uuid, uuid, 16);
	guest_config_free(&config);
}

static void check_cmdline(const char *settings, const char *want)
{
	char text[400];

	snprintf(text, sizeof(text), BASE "%s", settings);
	assert_int_equal(read_text(text), 0);
	assert_string_equal(config.cmdline, want);
	guest_config_free(&config);
}

static void command_line(void **state)
{
	(void)state;
	check_cmdline("root='/dev/xvda1'", "root=/dev/xvda1");
	check_cmdline("extra='quiet'", "quiet");
	check_cmdline("extra='quiet'\nroot='/dev/xvda1 ro'", "root=/dev/xvda1 ro quiet");
	check_cmdline("cmdline='x'\nextra='quiet'\nroot='/dev/xvda1'", "x");
	check_cmdline("cmdline=''\nextra='quiet'", "");
}

static void memory_defaults(void **state)
{
	(void)state;
	assert_int_equal(read_text(BASE "maxmem=64"), 0);
	assert_int_equal(config.memory, 64);
	guest_config_free(&config);
	assert_int_equal(read_text(BASE "memory='64'"), 0);
	assert_int_equal(config.maxmem, 64);
	guest_config_free(&config);
	assert_int_equal(read_text("name='x'\nname='y'\n" BASE), 0);
	assert_string_equal(config.name, "g");
	guest_config_free(&config);
}

static void scheduling(void **state)
{
	(void)state;
	assert_int_equal(read_text(BASE), 0);
	assert_int_equal(config.maxvcpus, 1);
	assert_int_equal(config.cpu_weight, 256);
	assert_int_equal(config.cap, 0);
	assert_int_equal(config.cpus_line, 0);
	assert_true(cpu_list_has(&config.cpus[63], 255));
	guest_config_free(&config);
	assert_int_equal(read_text(BASE "maxvcpus=8"), 0);
	assert_true(config.vcpus == 1 && config.maxvcpus == 8);
	guest_config_free(&config);
	assert_int_equal(read_text(BASE "vcpus=2;maxvcpus=4;cpu_weight=512;cap=400\ncpus='0-3,^2'"),
			 0);
	assert_true(config.vcpus == 2 && config.maxvcpus == 4);
	assert_true(config.cpu_weight == 512 && config.cap == 400 && config.cpus_line == 5);
	assert_true(config.cpus[0].bits[0] == 0xB && config.cpus[63].bits[0] == 0xB);
	guest_config_free(&config);
	assert_int_equal(read_text(BASE "vcpus=4\ncpus=['0', 1,'2-3']"), 0);
	assert_true(config.cpus[0].bits[0] == 1 && config.cpus[1].bits[0] == 2);
	assert_true(config.cpus[2].bits[0] == 0xC && config.cpus[3].bits[3] == ~0ull);
	guest_config_free(&config);
}

static void complaints(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{BASE "vcpu=2", "g.cfg:4: key 'vcpu': is unknown"},
		{BASE "vcpus=0", "g.cfg:4: key 'vcpus': 0 is not between 1 and 64"},
		{BASE "vcpus=65", "g.cfg:4: key 'vcpus': 65 is not between 1 and 64"},
		{BASE "vcpus='many'", "g.cfg:4: key 'vcpus': must be a number"},
		{BASE "vcpus=[1]", "g.cfg:4: key 'vcpus': must be a number"},
		{BASE "maxvcpus=0", "g.cfg:4: key 'maxvcpus': 0 is not between 1 and 64"},
		{BASE "maxvcpus=2\nvcpus=3", "g.cfg:4: key 'maxvcpus': 2 is less than vcpus, 3"},
		{BASE "cpu_weight=0", "g.cfg:4: key 'cpu_weight': 0 is not between 1 and 65535"},
		{BASE "cpu_weight=65536",
		 "g.cfg:4: key 'cpu_weight': 65536 is not between 1 and 65535"},
		{BASE "cap='much'", "g.cfg:4: key 'cap': must be a number"},
		{BASE "cap=6401", "g.cfg:4: key 'cap': 6401 is not between 0 and 6400"},
		{BASE "cap=201\nvcpus=2", "g.cfg:4: key 'cap': 201 is more than 2 vCPUs can use"},
		{BASE "cpus='0-'", "g.cfg:4: key 'cpus': '0-' is no list of CPUs"},
		{BASE "cpus=''", "g.cfg:4: key 'cpus': '' is no list of CPUs"},
		{BASE "cpus='0,^0'", "g.cfg:4: key 'cpus': '0,^0' has no CPU"},
		{BASE "cpus=['1',\n'256']", "g.cfg:4: key 'cpus': '256' has a CPU above 255"},
		{BASE "cpus=['1',['2']]",
		 "g.cfg:4: key 'cpus': must be a string or a list of strings"},
		{BASE "memory=0", "g.cfg:4: key 'memory': 0 is not between 1 and 1048576"},
		{BASE "memory=0x100000000",
		 "g.cfg:4: key 'memory': 4294967296 is not between 1 and 1048576"},
		{BASE "memory=64\nmaxmem=32",
		 "g.cfg:5: key 'maxmem': 32 MiB is less than memory, 64 MiB"},
		{BASE "ramdisk='nothere'", "g.cfg:4: key 'ramdisk': there is no file 'nothere'"},
		{BASE "ramdisk=''", "g.cfg:4: key 'ramdisk': must name a file"},
		{BASE "kernel='no'", "g.cfg:4: key 'kernel': there is no file 'no'"},
		{BASE "type='pv'", "g.cfg:4: key 'type': is 'pv', only \"pvh\" is supported"},
		{BASE "name='a/b'",
		 "g.cfg:4: key 'name': only letters, digits and _ - . + are allowed"},
		{BASE "name=''", "g.cfg:4: key 'name': must have 1 to 63 characters"},
		{BASE "name=17", "g.cfg:4: key 'name': must not be a number"},
		{BASE "name=['x']", "g.cfg:4: key 'name': must be a string, not a list"},
		{BASE "on_crash='coredump-restart'",
		 "g.cfg:4: key 'on_crash': 'coredump-restart' is not supported"},
		{BASE "on_reboot='rename-restart'",
		 "g.cfg:4: key 'on_reboot': 'rename-restart' is not supported"},
		{BASE "on_poweroff='explode'",
		 "g.cfg:4: key 'on_poweroff': is 'explode', not destroy, restart or preserve"},
		{BASE "uuid='0123'", "g.cfg:4: key 'uuid': '0123' is no UUID"},
		{BASE "uuid='01234567-89ab-cdef-0123-456789abcdeg'",
		 "g.cfg:4: key 'uuid': '01234567-89ab-cdef-0123-456789abcdeg' is no UUID"},
		{BASE "uuid='01234567-89ab-cdef-0123-456789abcdef0'",
		 "g.cfg:4: key 'uuid': '01234567-89ab-cdef-0123-456789abcdef0' is no UUID"},
		{BASE "plinth_console='file'",
		 "g.cfg:4: key 'plinth_console': is 'file', not \"log\" or \"ring\""},
		{BASE "extra='unclosed", "g.cfg:4: key 'extra': the file ends inside a string"},
		{"type='pvh'\nkernel='vmlinuz'", "g.cfg:1: key 'name': is missing"},
		{"name='x'\nkernel='vmlinuz'", "g.cfg:1: key 'type': is missing, must be \"pvh\""},
		{"name='x'\ntype='pvh'", "g.cfg:1: key 'kernel': is missing"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(read_text(rows[i].text), -EINVAL);
		assert_string_equal(err.text, rows[i].message);
	}
}

static void long_texts(void **state)
{
	static char text[8000], xs[2049];

	(void)state;
	memset(xs, 'x', sizeof(xs) - 1);
	snprintf(text, sizeof(text), BASE "cmdline='%s'", xs);
	assert_int_equal(read_text(text), -EINVAL);
	assert_string_equal(err.text, "g.cfg:4: key 'cmdline': is longer than 2047 characters");
	snprintf(text, sizeof(text), BASE "root='%s'\nextra='quiet'", xs + 8);
	assert_int_equal(read_text(text), -EINVAL);
	assert_string_equal(
		err.text,
		"g.cfg:5: key 'extra': the command line of 2051 characters is longer than 2047");
	snprintf(text, sizeof(text), BASE "cmdline='%s'", xs + 1);
	assert_int_equal(read_text(text), 0);
	guest_config_free(&config);
	snprintf(text, sizeof(text), BASE "name='%.64s'", xs);
	assert_int_equal(read_text(text), -EINVAL);
	snprintf(text, sizeof(text), BASE "name='%.63s'", xs);
	assert_int_equal(read_text(text), 0);
	guest_config_free(&config);
}

static void disks(void **state)
{
	(void)state;
	assert_int_equal(read_text(BASE "disk=['phy:nvme0n1,xvda,w',\n'file:initrd,xvdb,r']\n"), 0);
	assert_int_equal(config.disk_count, 2);
	assert_string_equal(config.disks[0].target, "nvme0n1");
	assert_int_equal(config.disks[1].vdev_number, 51728);
	assert_int_equal(config.disk_line, 4);
	guest_config_free(&config);
	assert_int_equal(read_text(BASE "disk=[]\n"), 0);
	assert_int_equal(config.disk_count, 0);
	guest_config_free(&config);
}

static void bad_disks(void **state)
{
	static const char *const rows[][2] = {
		{"disk='phy:nvme0n1,xvda,w'\n", "g.cfg:4: key 'disk': must be a list of strings"},
		{"disk=['phy:a,xvda,w','phy:b,xvda,r']\n",
		 "g.cfg:4: key 'disk': 'phy:b,xvda,r': there is a disk xvda already"},
		{"disk=['phy:a,xvda,q']\n",
		 "g.cfg:4: key 'disk': 'phy:a,xvda,q': access 'q' is not r, ro, w or rw"},
		{"disk=['file:none.img,xvda,w']\n",
		 "g.cfg:4: key 'disk': 'file:none.img,xvda,w': there is no file 'none.img'"},
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s%s", BASE, rows[i][0]);
		assert_int_equal(read_text(text), -EINVAL);
		assert_string_equal(err.text, rows[i][1]);
		assert_null(config.disks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),     cmocka_unit_test(all_keys),
		cmocka_unit_test(command_line), cmocka_unit_test(memory_defaults),
		cmocka_unit_test(complaints),   cmocka_unit_test(long_texts),
		cmocka_unit_test(scheduling),   cmocka_unit_test(disks),
		cmocka_unit_test(bad_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
