/* SPDX-License-Identifier: BSD-2-Clause */
/* xenstore as a guest uses it: own tree, writing, watches, transactions, permissions. */
#include <tests/guest/store/xs.h>

const char test_title[] = "xenstore";

static void expect_read(const char *path, const char *want)
{
	if (xs_request(XS_READ, 0, path, NULL, false) != XS_READ)
		test_fail("read of %s: %s", path, xs_body);
	if (want && (strlen(xs_body) != strlen(want) || memcmp(xs_body, want, strlen(want))))
		test_fail("%s is %s", path, xs_body);
}
static void expect_write(const char *path, const char *value)
{
	if (xs_request(XS_WRITE, 0, path, value, false) != XS_WRITE)
		test_fail("write of %s: %s", path, xs_body);
}
static void refused(u32 type, const char *path, const char *value, const char *error)
{
	u32 t = xs_request(type, 0, path, value, type != XS_WRITE);

	if (!xs_error_is(t, error))
		test_fail("request %u of %s: type %u, %s instead of %s", type, path, t, xs_body,
			  error);
}
static u32 number(const char *s)
{
	u32 n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (u32)(*s++ - '0');
	return n;
}

/* A commit may be refused for what others do, the end of another guest among it: as any client
 * must, tries again. */
static void commit_inside(void)
{
	u32 type, tx, tries = 0;

	do {
		CHECK_EQ(xs_request(XS_TRANSACTION_START, 0, "", NULL, false), XS_TRANSACTION_START,
			 "start");
		tx = number(xs_body);
		CHECK(tx, "transaction id");
		CHECK_EQ(xs_request(XS_WRITE, tx, "data/tx", "inside", false), XS_WRITE,
			 "write inside");
		refused(XS_READ, "data/tx", NULL, "ENOENT");
		type = xs_request(XS_TRANSACTION_END, tx, "T", NULL, false);
	} while (xs_error_is(type, "EAGAIN") && ++tries < 100);
	CHECK_EQ(type, XS_TRANSACTION_END, "commit");
}

static void check_transactions(void)
{
	u32 tx;

	commit_inside();
	expect_read("data/tx", "inside");
	CHECK_EQ(xs_request(XS_TRANSACTION_START, 0, "", NULL, false), XS_TRANSACTION_START,
		 "start");
	tx = number(xs_body);
	CHECK_EQ(xs_request(XS_WRITE, tx, "data/tx", "dropped", false), XS_WRITE, "write inside");
	CHECK_EQ(xs_request(XS_TRANSACTION_END, tx, "F", NULL, false), XS_TRANSACTION_END, "abort");
	expect_read("data/tx", "inside");
	/* A conflict. */
	CHECK_EQ(xs_request(XS_TRANSACTION_START, 0, "", NULL, false), XS_TRANSACTION_START,
		 "start");
	tx = number(xs_body);
	CHECK_EQ(xs_request(XS_READ, tx, "data/tx", NULL, false), XS_READ, "read inside");
	CHECK_EQ(xs_request(XS_WRITE, tx, "data/tx", "mine", false), XS_WRITE, "write inside");
	expect_write("data/tx", "other");
	CHECK(xs_error_is(xs_request(XS_TRANSACTION_END, tx, "T", NULL, false), "EAGAIN"),
	      "conflict");
	expect_read("data/tx", "other");
	CHECK_EQ(xs_request(XS_READ, 999999, "data/tx", NULL, false), XS_ERROR,
		 "unknown transaction");
}

void test_main(void)
{
	u32 seen;

	xs_init();
	expect_read("name", "store_basic");
	expect_read("domid", NULL);
	CHECK_EQ(number(xs_body), cpuid(0x40000004, 0).ecx, "domid");
	expect_read("memory/target", NULL);
	CHECK(number(xs_body) >= 31 * 1024 && number(xs_body) <= 33 * 1024, "memory/target");
	expect_read("memory/static-max", NULL);
	expect_read("cpu/0/availability", "online");
	expect_read("control/shutdown", "");
	CHECK_EQ(xs_request(XS_DIRECTORY, 0, "device", NULL, false), XS_DIRECTORY, "directory");
	CHECK_EQ(xs_request(XS_GET_DOMAIN_PATH, 0, "0", NULL, false), XS_GET_DOMAIN_PATH,
		 "path of 0");
	CHECK(!memcmp(xs_body, "/local/domain/0", 16), "path of domain 0");
	expect_write("data/a/b/c", "value");
	expect_read("data/a/b/c", "value");
	expect_read("data/a/b", "");
	CHECK_EQ(xs_request(XS_MKDIR, 0, "data/dir", NULL, false), XS_MKDIR, "mkdir");
	expect_read("data/dir", "");
	CHECK_EQ(xs_request(XS_RM, 0, "data/a", NULL, false), XS_RM, "rm");
	refused(XS_READ, "data/a/b/c", NULL, "ENOENT");
	CHECK_EQ(xs_request(XS_RM, 0, "data/missing", NULL, false), XS_RM,
		 "rm of nothing in a directory");
	refused(XS_RM, "data/no/such", NULL, "ENOENT");
	refused(XS_READ, "data/bad path", NULL, "EINVAL");
	refused(XS_READ, "data//x", NULL, "EINVAL");
	refused(XS_READ, "data/x/", NULL, "EINVAL");
	refused(XS_WRITE, "name", "other", "EACCES");
	refused(XS_WRITE, "/local/domain/0/x", "1", "EACCES");
	refused(XS_RM, "/local/domain", NULL, "EACCES");
	refused(XS_INTRODUCE, "5", "1", "EACCES");
	/* Watches: at once, then for what is below, in the form in which they were set. */
	CHECK_EQ(xs_request(XS_WATCH, 0, "data/w", "token", true), XS_WATCH, "watch");
	if (!xs_watches)
		(void)xs_answer(true, NULL);
	CHECK(!memcmp(xs_watch_body, "data/w\0token", 13), "first event, relative path");
	seen = xs_watches;
	expect_write("data/w/x", "1");
	if (xs_watches == seen)
		(void)xs_answer(true, NULL);
	CHECK(!memcmp(xs_watch_body, "data/w/x\0token", 15), "event below the watch");
	CHECK_EQ(xs_request(XS_UNWATCH, 0, "data/w", "token", true), XS_UNWATCH, "unwatch");
	seen = xs_watches;
	expect_write("data/w/x", "2");
	CHECK_EQ(xs_watches, seen, "no event after unwatch");
	refused(XS_WATCH, "@introduceDomain", "t", "EACCES");
	check_transactions();
}
