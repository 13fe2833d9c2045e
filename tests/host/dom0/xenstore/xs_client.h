/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's end of the xenstore ring, for tests. */
#ifndef TESTS_HOST_DOM0_XENSTORE_XS_CLIENT_H
#define TESTS_HOST_DOM0_XENSTORE_XS_CLIENT_H

#include <dom0/xenstore/xenstore.h>
#include <dom0/xenstore/xs_wire.h>

struct client_message {
	struct xs_header header;
	char body[XS_PAYLOAD_MAX + 1]; /* a NUL follows */
};

struct client {
	struct xenstore *xs;
	domid_t domid;
	unsigned int notified;
	u32 last_id;
	size_t partial_len;
	char partial[XS_MESSAGE_MAX];
	struct client_message *events; /* not yet taken */
	size_t event_count;
	struct client_message reply; /* the last one */
	struct xenstore_domain_interface page;
};

/* Creates a server whose stopped callback stores the reason here. */
extern const char *client_stop_reason;
struct xenstore *client_server(void);

struct client *client_open(struct xenstore *xs, domid_t domid);
void client_free(struct client *c);

/* Ring bytes; return how many fitted, or were there. */
size_t client_push(struct client *c, const void *bytes, size_t len);
bool client_pull_message(struct client *c, struct client_message *m);

/* Sends without waiting for anything; false if the ring has no room for all of it. */
bool client_send(struct client *c, u32 type, u32 tx, const void *body, size_t len);
/* Sends and returns the reply; events met on the way are kept. Ids are checked. */
const struct client_message *client_call(struct client *c, u32 type, u32 tx, const void *body,
					 size_t len);

/* Assertions. A body given as a string is sent with its NUL; join has '|' in place of NULs. */
void client_ok(struct client *c, u32 type, u32 tx, const char *join);
void client_error(struct client *c, u32 type, u32 tx, const char *join, const char *name);
/* The reply's body, with '|' for each NUL. */
void client_answer(struct client *c, u32 type, u32 tx, const char *join, const char *answer);
void client_write(struct client *c, u32 tx, const char *path, const char *value);
void client_reads(struct client *c, u32 tx, const char *path, const char *value);
u32 client_begin(struct client *c);
/* "OK" or an error's name. */
void client_end(struct client *c, u32 tx, bool commit, const char *result);
/* The next event is this one / there is none. */
void client_event(struct client *c, const char *path, const char *token);
void client_no_event(struct client *c);

/* Assertions on the local client's view. */
void local_reads(struct xenstore *xs, const char *path, const char *value);
void local_missing(struct xenstore *xs, const char *path);
void local_write(struct xenstore *xs, const char *path, const char *value);
void local_perms(struct xenstore *xs, const char *path, const char *perms);
/* Names joined with '|'. */
void local_lists(struct xenstore *xs, xs_tx_id tx, const char *path, const char *names);

#endif
