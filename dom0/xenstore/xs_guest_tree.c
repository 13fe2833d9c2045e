/* SPDX-License-Identifier: BSD-2-Clause */
/* The nodes a guest finds when it starts, except those of its devices. */
#include <dom0/xenstore/xs_guest_tree.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define XS_UUID_LENGTH    36u
#define XS_GUEST_PATH_MAX 128u

/* Writes below one directory; the first error stays and makes the rest void. */
struct xs_writer {
	struct xenstore *xs;
	xs_tx_id tx;
	domid_t domid;
	int rc;
	char base[64];
};

static void xs_writer_path(const struct xs_writer *w, const char *name, char *path)
{
	(void)snprintf(path, XS_GUEST_PATH_MAX, "%s%s%s", w->base, name[0] != '\0' ? "/" : "",
		       name);
}

static void xs_writer_perms(struct xs_writer *w, const char *name, struct xs_perm owner,
			    struct xs_perm other)
{
	const struct xs_perm perms[2] = {owner, other};
	char path[XS_GUEST_PATH_MAX];

	xs_writer_path(w, name, path);
	if (w->rc == 0)
		w->rc = xs_local_set_perms(w->xs, w->tx, path, perms,
					   owner.domid == other.domid ? 1 : 2);
}

/* A node with its value, and the permissions of the directory above. */
static void printf_like(3, 4)
	xs_writer_put(struct xs_writer *w, const char *name, const char *format, ...)
{
	char path[XS_GUEST_PATH_MAX], value[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	xs_writer_path(w, name, path);
	if (w->rc == 0 && (len < 0 || (size_t)len >= sizeof(value)))
		w->rc = -E2BIG;
	if (w->rc == 0)
		w->rc = xs_local_write(w->xs, w->tx, path, value, (size_t)len);
}

/* A node the guest owns and may write, with all it makes below. */
static void xs_writer_own(struct xs_writer *w, const char *name)
{
	const struct xs_perm own = {'n', w->domid};

	xs_writer_put(w, name, "%s", "");
	xs_writer_perms(w, name, own, own);
}

static void xs_write_base(struct xs_writer *w, const struct xs_guest *g)
{
	static const char *const directories[] = {"cpu",   "memory",  "device",        "control",
						  "store", "console", "device/suspend"};
	static const char *const owned[] = {
		"data",
		"drivers",
		"feature",
		"attr",
		"error",
		"device/suspend/event-channel",
		"control/shutdown",
		"control/sysrq",
		"control/feature-poweroff",
		"control/feature-reboot",
		"control/feature-suspend",
	};

	xs_writer_put(w, "", "%s", "");
	xs_writer_perms(w, "", (struct xs_perm){'n', 0}, (struct xs_perm){'r', g->domid});
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		xs_writer_put(w, directories[i], "%s", "");
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		xs_writer_own(w, owned[i]);
	xs_writer_put(w, "name", "%s", g->name);
	xs_writer_put(w, "domid", "%u", (unsigned int)g->domid);
	xs_writer_put(w, "vm", "/vm/%s", g->uuid);
	xs_writer_put(w, "control/platform-feature-multiprocessor-suspend", "1");
	xs_writer_put(w, "control/platform-feature-xs_reset_watches", "1");
}

static void xs_write_resources(struct xs_writer *w, const struct xs_guest *g)
{
	for (u32 i = 0; i < g->vcpus && w->rc == 0; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "cpu/%" PRIu32 "/availability", i);
		xs_writer_put(w, name, "%s", i < g->vcpus_online ? "online" : "offline");
	}
	xs_writer_put(w, "memory/static-max", "%" PRIu64, g->memory_max_kib);
	xs_writer_put(w, "memory/target", "%" PRIu64, g->memory_target_kib);
	xs_writer_put(w, "store/port", "%" PRIu32, g->store_port);
	xs_writer_put(w, "store/ring-ref", "%" PRIu64, g->store_ring_gfn);
	xs_writer_put(w, "console/port", "%" PRIu32, g->console_port);
	xs_writer_put(w, "console/ring-ref", "%" PRIu64, g->console_ring_gfn);
	xs_writer_put(w, "console/type", "xenconsoled");
	xs_writer_put(w, "console/limit", "%" PRIu32, g->console_limit_bytes);
	xs_writer_put(w, "console/tty", "%s", g->console_tty);
}

/* The guest may read its /vm directory, like its own. */
static void xs_write_vm(struct xs_writer *w, const struct xs_guest *g)
{
	(void)snprintf(w->base, sizeof(w->base), "/vm/%s", g->uuid);
	xs_writer_put(w, "", "%s", "");
	xs_writer_perms(w, "", (struct xs_perm){'n', 0}, (struct xs_perm){'r', g->domid});
	xs_writer_put(w, "uuid", "%s", g->uuid);
	xs_writer_put(w, "name", "%s", g->name);
}

static bool xs_guest_valid(const struct xs_guest *g)
{
	if (g->domid == 0 || g->domid >= DOMID_FIRST_RESERVED || g->vcpus == 0 ||
	    g->vcpus_online == 0 || strlen(g->uuid) != XS_UUID_LENGTH)
		return false;
	return strspn(g->uuid, "0123456789abcdefABCDEF-") == XS_UUID_LENGTH;
}

static int xs_guest_absent(struct xenstore *xs, xs_tx_id tx, const char *path)
{
	struct xs_perm perm;
	int rc = xs_local_get_perms(xs, tx, path, &perm, 1);

	if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : -EEXIST;
}

static int xs_guest_tree_fill(struct xenstore *xs, xs_tx_id tx, const struct xs_guest *g)
{
	struct xs_writer w = {.xs = xs, .tx = tx, .domid = g->domid};

	(void)snprintf(w.base, sizeof(w.base), "/vm/%s", g->uuid);
	w.rc = xs_guest_absent(xs, tx, w.base);
	(void)snprintf(w.base, sizeof(w.base), "/local/domain/%u", (unsigned int)g->domid);
	if (w.rc == 0)
		w.rc = xs_guest_absent(xs, tx, w.base);
	xs_write_base(&w, g);
	xs_write_resources(&w, g);
	xs_write_vm(&w, g);
	return w.rc;
}

int xs_guest_tree_write(struct xenstore *xs, const struct xs_guest *guest)
{
	xs_tx_id tx;
	int rc, end;

	if (!xs_guest_valid(guest))
		return -EINVAL;
	rc = xs_local_tx_start(xs, &tx);
	if (rc != 0)
		return rc;
	rc = xs_guest_tree_fill(xs, tx, guest);
	end = xs_local_tx_end(xs, tx, rc == 0);
	return rc != 0 ? rc : end;
}

static int xs_guest_tree_clear(struct xenstore *xs, xs_tx_id tx, domid_t domid)
{
	char path[64], vm[64];
	int rc;

	(void)snprintf(path, sizeof(path), "/local/domain/%u/vm", (unsigned int)domid);
	rc = xs_local_read(xs, tx, path, vm, sizeof(vm));
	/* The node is the control domain's, yet remove nothing but what it ought to name. */
	if (rc == (int)(sizeof("/vm/") - 1 + XS_UUID_LENGTH) && strncmp(vm, "/vm/", 4) == 0)
		rc = xs_local_rm(xs, tx, vm);
	if (rc < 0 && rc != -ENOENT && rc != -E2BIG)
		return rc;
	(void)snprintf(path, sizeof(path), "/local/domain/%u", (unsigned int)domid);
	rc = xs_local_rm(xs, tx, path);
	return rc == -ENOENT ? 0 : rc;
}

int xs_guest_tree_remove(struct xenstore *xs, domid_t domid)
{
	xs_tx_id tx;
	int rc, end;

	if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	rc = xs_local_tx_start(xs, &tx);
	if (rc != 0)
		return rc;
	rc = xs_guest_tree_clear(xs, tx, domid);
	end = xs_local_tx_end(xs, tx, rc == 0);
	return rc != 0 ? rc : end;
}
