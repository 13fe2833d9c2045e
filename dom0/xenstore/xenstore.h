/* SPDX-License-Identifier: BSD-2-Clause */
/* The xenstore server as the rest of the control domain sees it: guests, local client, watches. */
#ifndef DOM0_XENSTORE_XENSTORE_H
#define DOM0_XENSTORE_XENSTORE_H

#include <core/types.h>
#include <dom0/hyper/rings.h>
#include <xen/hypercall.h>

/*
 * One server. Single-threaded: no lock, nothing blocks, and no call may be made from inside a
 * notify or stopped callback. Errors are negative <errno.h> values.
 */
struct xenstore;

/* One permission: 'n' none, 'r' read, 'w' write, 'b' both, for a domain. Entry 0 of a list names
 * the owner (who may do everything) and its letter holds for every domain that is not listed. */
struct xs_perm {
	char letter;
	domid_t domid;
};

struct xenstore_config {
	u64 hash_seed; /* any value the guests cannot guess */
	void *ctx;
	/* Optional. The guest broke the ring protocol and is no longer served; reason is a constant
	 * sentence for the log. The domain stays introduced until it is released. */
	void (*stopped)(void *ctx, domid_t domid, const char *reason);
};

typedef void (*xs_notify_fn)(void *ctx, domid_t domid);

/* Returns NULL when out of memory. The tree then holds the root alone, owned by domain 0. */
struct xenstore *xenstore_create(const struct xenstore_config *config) must_use;
/* Ends the server and frees everything; the guests' pages are not touched. */
void xenstore_destroy(struct xenstore *xs);

/*
 * Starts to serve a guest. The page stays the caller's and must remain mapped until
 * xs_domain_release. Ring positions are taken from the page, so a server that is started anew may
 * go on where another stopped. notify is to send the event of the guest's store channel.
 * -EEXIST: is introduced already. -EINVAL: domain 0 (it uses the local calls) or no such id.
 */
int xs_domain_introduce(struct xenstore *xs, domid_t domid, struct xenstore_domain_interface *page,
			xs_notify_fn notify, void *ctx) must_use;
/* The domain is dead: forgets its page, watches and transactions, deletes the nodes it owns with
 * everything below, and makes permissions granted to this id void, so the id can be used again.
 * Also right for a domain that was never introduced. */
void xs_domain_release(struct xenstore *xs, domid_t domid);
bool xs_domain_introduced(const struct xenstore *xs, domid_t domid);
/* The reason why the domain is not served, or NULL. */
const char *xs_domain_stopped(const struct xenstore *xs, domid_t domid);
/* Call when the guest's store channel fired. Handles a bounded number of requests.
 * 1: call again soon, there may be more. 0: wait for the next event. -ENOENT: not introduced.
 * -EIO: stopped. */
int xs_domain_service(struct xenstore *xs, domid_t domid) must_use;

/*
 * The local client: domain 0, privileged, no quotas. Paths are absolute or relative to
 * /local/domain/0. tx is XS_NO_TX or an open transaction.
 */
typedef u32 xs_tx_id;
#define XS_NO_TX 0u

/* Copies the value and a terminating NUL. Returns the length without the NUL; -E2BIG if size is
 * too small for both. */
int xs_local_read(struct xenstore *xs, xs_tx_id tx, const char *path, char *buf,
		  size_t size) must_use;
/* Reads an unsigned decimal number; -EINVAL if the value is none. */
int xs_local_read_u64(struct xenstore *xs, xs_tx_id tx, const char *path, u64 *value) must_use;
/* Creates missing parents; new nodes take over the permissions of the parent. */
int xs_local_write(struct xenstore *xs, xs_tx_id tx, const char *path, const void *value,
		   size_t len) must_use;
/* Writes a formatted value of at most 1023 bytes (-E2BIG beyond). */
int xs_local_writef(struct xenstore *xs, xs_tx_id tx, const char *path, const char *format,
		    ...) must_use printf_like(4, 5);
/* No error if it is there already. */
int xs_local_mkdir(struct xenstore *xs, xs_tx_id tx, const char *path) must_use;
/* Removes the node and all below. No error if only the node itself is missing. */
int xs_local_rm(struct xenstore *xs, xs_tx_id tx, const char *path) must_use;
int xs_local_set_perms(struct xenstore *xs, xs_tx_id tx, const char *path,
		       const struct xs_perm *perms, size_t count) must_use;
/* Returns how many entries there are, of which at most max were stored. */
int xs_local_get_perms(struct xenstore *xs, xs_tx_id tx, const char *path, struct xs_perm *perms,
		       size_t max) must_use;
/* *names: count strings one after another, each with its NUL; the caller frees it (NULL if none).*/
int xs_local_directory(struct xenstore *xs, xs_tx_id tx, const char *path, char **names,
		       size_t *count) must_use;

/* A transaction sees every node as it was when first looked at; changes show outside only after a
 * commit, which fails with -EAGAIN if anything looked at has changed since. A transaction that is
 * begun and ended without returning to the event loop never conflicts. */
int xs_local_tx_start(struct xenstore *xs, xs_tx_id *tx) must_use;
/* The id is void afterwards, whatever the result. -ENOENT: no such transaction. */
int xs_local_tx_end(struct xenstore *xs, xs_tx_id tx, bool commit) must_use;

/*
 * Calls fn once soon, then for each change of the node or below, from xs_local_dispatch only. path
 * has the form (relative or absolute) the watch was set with. When more changes happen than the
 * queue holds, they melt into one call with the watched path itself: look at everything then.
 * path may also be "@introduceDomain" or "@releaseDomain". The callback may use every call of this
 * header. -EEXIST: same path and token again.
 */
typedef void (*xs_local_watch_fn)(void *ctx, const char *path, const char *token);
int xs_local_watch(struct xenstore *xs, const char *path, const char *token, xs_local_watch_fn fn,
		   void *ctx) must_use;
/* No call of fn follows. -ENOENT: there is no such watch. */
int xs_local_unwatch(struct xenstore *xs, const char *path, const char *token) must_use;
bool xs_local_pending(const struct xenstore *xs);
/* Delivers a bounded number of local watch events; true if there are more. */
bool xs_local_dispatch(struct xenstore *xs);

#endif
