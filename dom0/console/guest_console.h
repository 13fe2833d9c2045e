/* SPDX-License-Identifier: BSD-2-Clause */
/* Back end of guests' consoles. What a guest prints is kept in a ring that outlives it. */
#ifndef DOM0_CONSOLE_GUEST_CONSOLE_H
#define DOM0_CONSOLE_GUEST_CONSOLE_H

#include <core/types.h>
#include <dom0/hyper/rings.h>
#include <xen/hypercall.h>

#define GUEST_CONSOLE_RING_SIZE 65536u
#define GUEST_CONSOLE_LINE      256u
#define GUEST_CONSOLE_INPUT     256u

struct guest_console {
	char *ring;         /* GUEST_CONSOLE_RING_SIZE bytes */
	u64 written, shown; /* stream positions; shown: how far an attached terminal came */
	struct xencons_interface *page; /* NULL: not connected */
	bool broken;                    /* the guest wrote indices that cannot be */
	bool attached;                  /* typed characters go here, output to the terminal */
	const char *log_name;           /* not NULL: each line goes to the log as "NAME| text" */
	char line[GUEST_CONSOLE_LINE];
	size_t line_length;
	char input[GUEST_CONSOLE_INPUT]; /* typed, not yet taken by the guest */
	size_t input_length;
	void (*notify)(void *ctx);
	void *ctx;
};

/* Allocates the ring; false when out of memory. */
must_use bool guest_console_init(struct guest_console *c);
/* A guest is (again) behind it: page is mapped and zeroed. */
void guest_console_connect(struct guest_console *c, struct xencons_interface *page,
			   void (*notify)(void *ctx), void *ctx);
/* Takes what is left in the page, then lets it go. */
void guest_console_disconnect(struct guest_console *c);
/* The guest's event: takes its output, gives it input. */
void guest_console_service(struct guest_console *c);
/* Shows what was not shown yet, and everything from now on. */
void guest_console_attach(struct guest_console *c);
void guest_console_detach(struct guest_console *c);
/* Typed characters; what does not fit is dropped (and heard: BEL). */
void guest_console_input(struct guest_console *c, const char *text, size_t n);

#endif
